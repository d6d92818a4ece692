"""`picture`: draw a run for people, as a timeline, a sequence diagram and text."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import click

from netsim.case import is_case, read_case
from netsim.cli.main import HOLDS, VIOLATED
from netsim.cli.options import COMPARED, job_of, job_options
from netsim.job import Job, mutant, planting
from netsim.kinds import CASE, WORLD, check_kind
from netsim.library import found
from netsim.mutants.table import found_at
from netsim.picture.files import Picture, drawn, outcome
from netsim.picture.record import Record
from netsim.plan import Plan
from netsim.report import summary
from netsim.run import run
from netsim.scenario import read_text


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A run to be drawn: what plays it, what is looked at, its name, and what asks for it again."""

    plan: Plan
    plant: str
    watched: frozenset[str] | None
    title: str
    again: list[str]


def _of_case(text: str, path: Path) -> _Drawing:
    plan, plant, case = read_case(text, str(path))
    title = f"Run of seed {plan.options.seed}, made smaller"
    return _Drawing(plan, plant, frozenset((case.property, "N-1")), title, [str(path)])


def _of_job(job: Job) -> _Drawing:
    title = f"Run of seed {job.seed}" + (f" of {job.source}" if job.source else "")
    return _Drawing(job.plan(), job.plant, job.watched(), title, job.arguments())


def _of_bug(job: Job) -> _Drawing:
    """Return the run that is known to find a planted bug, with its property alone looked at."""
    bug = mutant(job.plant)
    seed = found_at(bug)
    if seed is None:
        raise click.UsageError(f"no seed of the budget finds {bug.name}: name a --seed")
    if job.nodes is None:
        job = replace(job, nodes=bug.nodes)
    seen = "" if bug.property_id in COMPARED else bug.property_id
    return _of_job(replace(job, seed=seed, property=job.property or seen))


def check_part(begin: float | None, end: float | None) -> None:
    """Refuse a part of a run that ends before it begins."""
    if begin is not None and end is not None and begin >= end:
        raise click.UsageError("--from lies before --to")


@click.command(epilog="""\b
Exit codes: 0 drawn, and every property holds; 1 drawn, and one does not; 2 wrong arguments.

\b
Examples:
  netsim picture --seed 7
  netsim picture two-continents --seed 3          a world that comes with netsim, or a file of yours
  netsim picture case-7.toml                      a case that `netsim shrink` wrote
  netsim picture --plant second-vote --out drawn  the run that finds a planted bug
""")  # fmt: skip
@job_options
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Which run.  [default: the world's first, or one that finds the planted bug]",
)
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
    world: str | None,
    nodes: int | None,
    minutes: float | None,
    messages: int | None,
    without: tuple[str, ...],
    plant: str,
    property_id: str,
    seed: int | None,
    out: Path,
    begin: float | None,
    end: float | None,
) -> int:
    """Draw one run: a timeline, a sequence diagram and text.

    WORLD is a world file, the name of one that comes with netsim, or a case.

    The timeline opens in a browser.
    --from and --to say what the sequence diagram and the text show; the timeline holds the whole
    run. By default the diagram shows what led to the property that does not hold, or the run's end.
    """  # fmt: skip
    check_part(begin, end)
    text = "" if world is None else read_text(found(world))
    if world is not None:
        check_kind(text, world, WORLD, CASE)
    changed = any((nodes, minutes, messages, without, plant, property_id, seed is not None))
    if world is not None and is_case(text):
        if changed:
            raise click.UsageError(f"{world} is a case: it says itself what is played")
        drawing = _of_case(text, Path(world))
    elif world is None and seed is None and plant:
        drawing = _of_bug(job_of(None, 0, nodes, minutes, messages, without, plant, property_id))
    else:
        drawing = _of_job(
            job_of(world, seed, nodes, minutes, messages, without, plant, property_id)
        )
    record = Record()
    plan = drawing.plan
    with planting(drawing.plant):
        verdict = run(plan.options, None, drawing.watched, plan, record)
    title = drawing.title + (f", with {drawing.plant} planted" if drawing.plant else "")
    again = shlex.join(["netsim", "picture", *drawing.again])
    facts = [*plan.options.lines(), *plan.sites.lines(), "", *summary(verdict)]
    facts.append(f"{'again':18} {again}")
    came = outcome(verdict.violation, verdict.simulated_seconds)
    for path in drawn(Picture(record, title, facts, came), out, begin, end):
        click.echo(path)
    click.echo(came)
    return HOLDS if verdict.violation is None else VIOLATED
