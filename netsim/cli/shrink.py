"""`netsim shrink`: from a failing run to a small case."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.output import note
from netsim.case import write_case
from netsim.cli.options import job_of, job_options
from netsim.expectations import unmet
from netsim.job import Job, planting
from netsim.report import command
from netsim.run import Verdict, run
from netsim.shrinking import Shrinker, Shrunk


@click.command(
    epilog="""\b
Examples:
  netsim shrink --seed 7                       writes case-7.toml
  netsim shrink --seed 7 --out small.toml --runs 500
  netsim replay case-7.toml --trace            plays it, every event
"""
)
@job_options
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Which run.  [default: the world's first]"
)
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="N",
    help="How many runs it may take.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the case goes.  [default: case-SEED.toml]",
)
def shrink(
    world: str | None,
    nodes: int | None,
    minutes: float | None,
    messages: int | None,
    without: tuple[str, ...],
    plant: str,
    property_id: str,
    seed: int | None,
    runs: int,
    out: Path | None,
) -> None:
    """Make a failing run smaller; write it as a case.

    Takes away kinds of faults, nodes and clients, then faults one by one, as long as the same
    property still does not hold.
    """  # fmt: skip
    job = job_of(world, seed, nodes, minutes, messages, without, plant, property_id)
    plan = job.plan()
    with planting(plant):
        verdict = run(plan.options, None, job.watched(), plan)
        if verdict.violation is None:
            raise _nothing(job, verdict)
        note(f"{verdict.violation[0]} does not hold; {len(verdict.occurrences)} faults happened")
        found = Shrinker(plan, verdict, runs, note).shrink()
    target = out or Path(f"case-{job.seed}.toml")
    target.write_text(_text(found, job), encoding="utf-8")
    options = found.plan.options
    click.echo(
        f"{len(found.verdict.occurrences)} faults (at first {found.before}), "
        f"{options.voters} voters, {options.clients} clients, {options.clerks} clerks, "
        f"{found.verdict.events} events, after {found.runs} runs"
    )
    click.echo(f"replay             {shlex.join(['netsim', 'replay', str(target)])}")
    click.echo(f"see it             {shlex.join(['netsim', 'picture', str(target)])}")


def _nothing(job: Job, verdict: Verdict) -> InvalidSetting:
    """Return why a run cannot be made smaller."""
    missed = unmet(job.expect(), verdict)
    if missed:
        return InvalidSetting(
            f"this run only misses what its world expects ({'; '.join(missed)}), and what is made "
            f"smaller is a run in which a property does not hold: {command(job)}",
            code="nothing-to-shrink",
            remedy="Make it smaller by hand: with `--without`, `--minutes`, or fewer sites.",
        )
    return InvalidSetting(
        f"every property holds in this run: {command(job)}",
        code="nothing-to-shrink",
        remedy="Name a run that fails; `netsim sweep` looks for one.",
    )


def _text(found: Shrunk, job: Job) -> str:
    head = [
        f"Made smaller from: {command(job)}",
        f"Faults: {len(found.verdict.occurrences)} (at first {found.before}). Play it again:",
        "  netsim replay THIS-FILE [--trace]",
    ]
    told: list[str] = []
    with planting(job.plant):
        run(found.plan.options, told.append, found.watched, found.plan)
    done = [line for line in told if " * " in line]
    return write_case(
        found.plan, found.verdict, plant=job.plant, world=job.world, head=head, told=done
    )
