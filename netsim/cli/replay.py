"""`netsim replay`: play a case."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.output import print_json
from netsim.case import read_case
from netsim.cli.main import HOLDS, VIOLATED
from netsim.job import planting
from netsim.kinds import CASE, check_kind
from netsim.library import found as library_file
from netsim.report import last_events, summary, verdict_json
from netsim.run import run
from netsim.scenario import read_text


@click.command(
    epilog="""\b
Examples:
  netsim replay case-7.toml            what came of it, and whether it is still the same run
  netsim replay case-7.toml --trace    every event
"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--trace", is_flag=True, help="Print every event.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def replay(file: Path, trace: bool, as_json: bool) -> int:
    """Play a case that `netsim shrink` wrote.

    The same code gives the same digest, on any machine.
    """
    text = read_text(library_file(str(file)))
    check_kind(text, str(file), CASE)
    plan, plant, found = read_case(text, str(file))
    watched = frozenset((found.property, "N-1"))
    with planting(plant):
        verdict = run(plan.options, click.echo if trace and not as_json else None, watched, plan)
    same = verdict.digest == found.digest
    if as_json:
        print_json({**verdict_json(verdict), "same": same})
    else:
        if verdict.violation is not None and not trace:
            click.echo("the last events:")
            click.echo("\n".join(last_events(verdict)) + "\n")
        click.echo("\n".join(summary(verdict)))
        told = "the same run, to the byte" if same else "ANOTHER run: the code has changed since"
        click.echo(f"as written         {told}")
    return HOLDS if verdict.violation is None else VIOLATED
