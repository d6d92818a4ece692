"""`netsim run`: one run, told whole."""

from __future__ import annotations

import click

from govchaind.cli.output import print_json
from netsim.cli.main import HOLDS, MISSED, VIOLATED
from netsim.cli.options import job_of, job_options
from netsim.expectations import unmet
from netsim.job import Job, planting
from netsim.report import command, last_events, summary, verdict_json
from netsim.run import Verdict
from netsim.run import run as play


@click.command(epilog="""\b
Examples:
  netsim run --seed 7 --nodes 5 --minutes 10    one run: options, summary, digest
  netsim run --seed 7 --trace                   every event, one line each
  netsim run --seed 7 --without crash           the same run without one kind of fault
  netsim run two-continents                     a world that comes with netsim
  netsim run my-world.toml --seed 3 --json      a world of yours, for a script
""")  # fmt: skip
@job_options
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Which run.  [default: the world's first]"
)
@click.option("--trace", is_flag=True, help="Print every event.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def run(
    world: str | None,
    nodes: int | None,
    minutes: float | None,
    messages: int | None,
    without: tuple[str, ...],
    plant: str,
    property_id: str,
    seed: int | None,
    trace: bool,
    as_json: bool,
) -> int:
    """Run one seed, or one world with a seed.

    WORLD is a world file, or the name of one that comes with netsim.
    """
    job = job_of(world, seed, nodes, minutes, messages, without, plant, property_id)
    return told(job, trace=trace, as_json=as_json)


def told(job: Job, *, trace: bool, as_json: bool) -> int:
    """Run a job and print what came of it; return the exit code."""
    plan, expect = job.plan(), job.expect()
    if not as_json:
        lines = plan.options.lines() + plan.sites.lines()
        click.echo("\n".join(lines) + "\n")
    with planting(job.plant):
        verdict = play(
            plan.options, click.echo if trace and not as_json else None, job.watched(), plan
        )
    if verdict.violation is None:
        verdict.unmet = unmet(expect, verdict)
    again = command(job)
    if as_json:
        print_json({**verdict_json(verdict), "again": again})
    else:
        _print(verdict, again, trace=trace)
    if verdict.violation is not None:
        return VIOLATED
    return MISSED if verdict.unmet else HOLDS


def _print(verdict: Verdict, again: str, *, trace: bool) -> None:
    if verdict.violation is not None and not trace:
        click.echo("the last events:")
        click.echo("\n".join(last_events(verdict)) + "\n")
    click.echo("\n".join(summary(verdict)))
    for text in verdict.unmet:
        click.echo(f"NOT AS EXPECTED    {text}")
    click.echo(f"again              {again}")
    if verdict.violation is not None:
        click.echo(f"make it smaller    {again.replace('netsim run', 'netsim shrink', 1)}")
        click.echo(f"see it             {again.replace('netsim run', 'netsim picture', 1)}")
