"""`picture`: draw a run for people, as a timeline, a sequence diagram and text."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

import click

from netsim.job import Job
from netsim.mutants.plant import Mutant, planted
from netsim.mutants.table import MUTANTS, found_at
from netsim.options import FAULTS, MESSAGES_MAX, MINUTES, draw
from netsim.picture.files import Picture, drawn, outcome
from netsim.picture.record import Record
from netsim.report import summary
from netsim.run import run


def _mutant(_: click.Context, __: click.Parameter, name: str | None) -> Mutant | None:
    if name is None:
        return None
    found = next((each for each in MUTANTS if name in (each.name, each.property_id)), None)
    if found is None:
        names = ", ".join(dict.fromkeys(each.name for each in MUTANTS))
        raise click.BadParameter(f"{name!r} is none of {names}")
    return found


def check_part(begin: float | None, end: float | None) -> None:
    """Refuse a part of a run that ends before it begins."""
    if begin is not None and end is not None and begin >= end:
        raise click.UsageError("--from lies before --to")


@click.command(epilog="""\b
Exit codes: 0 drawn, and every property holds; 1 drawn, and one does not; 2 wrong arguments.

\b
Examples:
  netsim picture --seed 7
  netsim picture --bug second-vote --out drawn
""")  # fmt: skip
@click.option("--seed", type=int, help="Which run; with --bug, by default the seed that finds it.")
@click.option("--nodes", type=click.IntRange(1, 9), metavar="N", help="Voters at genesis.")
@click.option("--minutes", type=float, default=MINUTES, help="Simulated minutes at most.")
@click.option("--messages", type=int, default=MESSAGES_MAX, help="Messages at most.")
@click.option("--without", multiple=True, type=click.Choice(FAULTS), help="Leave out a fault.")
@click.option("--bug", callback=_mutant, metavar="NAME", help="Plant a known bug first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("pictures"),
    show_default=True,
    help="Where the pictures go.",
)
@click.option("--from", "begin", type=float, metavar="T", help="Draw from this second on.")
@click.option("--to", "end", type=float, metavar="T", help="Draw up to this second.")
def picture(
    seed: int | None,
    nodes: int | None,
    minutes: float,
    messages: int,
    without: tuple[str, ...],
    bug: Mutant | None,
    out: Path,
    begin: float | None,
    end: float | None,
) -> None:
    """Draw one run: a timeline, a sequence diagram and text.

    The timeline opens in a browser.
    --from and --to say what the sequence diagram and the text show; the timeline holds the whole
    run. By default the diagram shows what led to the property that does not hold, or the run's end.
    """
    if seed is None:
        if bug is None:
            raise click.UsageError("name a --seed")
        seed = found_at(bug)
        if seed is None:
            raise click.UsageError(f"no seed of the budget finds {bug.name}: name a --seed")
    check_part(begin, end)
    if bug is not None and nodes is None:
        nodes = bug.nodes
    options = draw(seed, nodes=nodes, minutes=minutes, messages_max=messages, without=without)
    record = Record()
    watched = None if bug is None else frozenset((bug.property_id,))
    with nullcontext() if bug is None else planted(bug):
        verdict = run(options, watched=watched, record=record)
    title = f"Run of seed {seed}" + (f" with {bug.name} planted" if bug is not None else "")
    job = Job(seed, nodes, minutes, messages, without)
    again = shlex.join(["netsim", "picture", *job.arguments()])
    if bug is not None:
        again = f"netsim picture --seed {seed} --bug {bug.name}"
    facts = [*options.lines(), "", *summary(verdict), f"{'again':18} {again}"]
    came = outcome(verdict.violation, verdict.simulated_seconds)
    for path in drawn(Picture(record, title, facts, came), out, begin, end):
        click.echo(path)
    click.echo(came)
    raise SystemExit(0 if verdict.violation is None else 1)
