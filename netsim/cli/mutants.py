"""`netsim mutants`: the track record, seed by seed."""

from __future__ import annotations

from typing import Any

import click

from govchaind.cli.output import print_json, print_table


@click.command(
    epilog="""\b
Examples:
  netsim mutants --list                        which there are
  netsim mutants                               plant each and see which property fires
  netsim mutants no-pre-vote                   one of them
  netsim mutants --search 200                  look for new seeds
  netsim mutants --gear2                       those planted in whole nodes
  netsim run --seed 0 --plant commit-alone     a run with one in place
"""
)
@click.argument("names", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Run nothing.")
@click.option(
    "--search",
    type=click.IntRange(0, 300),
    default=0,
    metavar="SEEDS",
    help="Look through so many seeds for one that finds the bug.",
)
@click.option("--gear2", "whole", is_flag=True, help="Those planted in whole nodes.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print one JSON value.")
def mutants(
    names: tuple[str, ...], only_list: bool, search: int, whole: bool, as_json: bool
) -> int:
    """Plant known bugs and see what finds them.

    A bug counts as found only if the property named for it fires, on a seed that is green without
    the bug. NAMES are bugs or properties; all if none is given.
    """  # fmt: skip
    if as_json and not only_list:
        raise click.UsageError("--json is for --list")
    if search and only_list:
        raise click.UsageError("--search runs something, --list nothing: leave one out")
    from netsim.mutants import table as first
    from netsim.mutants.track import report
    from netsim.mutants.whole import table as second

    mutants = second.WHOLE if whole else first.MUTANTS
    known = {mutant.name for mutant in mutants} | {mutant.property_id for mutant in mutants}
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no planted bug or property {name!r}")
    chosen = [m for m in mutants if not names or m.name in names or m.property_id in names]
    if not only_list:
        table: Any = second if whole else first
        budget = min(search, table.BUDGET) if search else table.BUDGET
        return report(chosen, lambda mutant: table.found_at(mutant, budget))
    if as_json:
        rows = [{"name": m.name, "property": m.property_id, "seed": m.seed, "nodes": m.nodes,
                 "text": m.text, "source": m.source} for m in chosen]  # fmt: skip
        print_json(rows)
    else:
        print_table("", ("property", "name", "seed", "what"),
                    [[m.property_id, m.name, str(m.seed), m.text] for m in chosen])  # fmt: skip
    return 0
