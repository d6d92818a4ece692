"""`netsim gear2`: whole nodes, byte for byte; one seed, or many on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.output import note
from netsim.cli.main import HOLDS, VIOLATED
from netsim.cli.sweep import Seeds, code_of, tell, watched
from netsim.gear2.options import FAULTS, SECONDS

if TYPE_CHECKING:
    from netsim.gear2.job import Job
    from netsim.gear2.run import Verdict
    from netsim.sweep import Sweep


@click.command(epilog="""\b
Examples:
  netsim gear2 --seed 7                     one seed: options, summary, digest
  netsim gear2 --seeds 0:3000               many, on all cores: rate, marks, failures
  netsim gear2 --seeds 0:24 --twice         each in two processes, digests compared
  netsim gear2 --seed 7 --without rot       a run made smaller by hand
  netsim gear2 --seed 7 --shrink            a failing run made smaller by itself
  netsim gear2 --seed 7 --picture drawn     the run, to look at in a browser
""")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="Which run: its options and a summary.")
@click.option("--seeds", type=Seeds(), metavar="N|FIRST:END", help="How many, or which.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    metavar="N",
    help="Processes of a sweep.  [default: all cores]",
)
@click.option("--nodes", type=click.IntRange(1, 7), metavar="N",
              help="Voters at genesis, 1 to 7.  [default: drawn by the seed]")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=SECONDS,
              show_default=True, metavar="SECONDS",
              help="Simulated seconds in which anything goes wrong.")  # fmt: skip
@click.option("--without", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
              help=f"Leave out one kind of fault; repeatable: {' '.join(FAULTS)}.")  # fmt: skip
@click.option("--with", "also", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
              help="Have one kind of fault, whatever the seed draws; repeatable.")  # fmt: skip
@click.option("--plant", default="", metavar="NAME",
              help="Run with a planted bug: see `netsim mutants --list`.")  # fmt: skip
@click.option("--trace", is_flag=True, help="Print every event of one seed, one line each.")
@click.option("--shrink", is_flag=True, help="Make one failing seed smaller; print its command.")
@click.option("--runs", type=click.IntRange(1), default=60, show_default=True, metavar="N",
              help="How many runs --shrink may take.")  # fmt: skip
@click.option("--picture", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Draw one seed into this folder, as `netsim picture` does.")  # fmt: skip
@click.option("--from", "begin", type=float, metavar="T", help="Draw from this second on.")
@click.option("--to", "end", type=float, metavar="T", help="Draw up to this second.")
@click.option("--dask", metavar="ADDRESS", help="Sweep on the Dask cluster of this scheduler.")
@click.option("--twice", is_flag=True, help="Run each seed in two processes; compare digests.")
@click.option(
    "--stop-at", type=click.IntRange(0), default=0, metavar="N", help="Stop after so many failures."
)
@click.option("--no-marks", is_flag=True, help="A missed mark is no failure.")
@click.option("--json", "as_json", is_flag=True, help="Print what a sweep finds as one JSON value.")
def gear2(
    seed: int | None,
    seeds: range | None,
    jobs: int,
    nodes: int | None,
    seconds: float,
    without: tuple[str, ...],
    also: tuple[str, ...],
    plant: str,
    trace: bool,
    shrink: bool,
    runs: int,
    picture: Path | None,
    begin: float | None,
    end: float | None,
    dask: str | None,
    twice: bool,
    stop_at: int,
    no_marks: bool,
    as_json: bool,
) -> int:
    """Run whole nodes, byte for byte.

    The nodes are those of production, on simulated network, disks, clocks and entropy, in one run
    of Trio.
    """
    from netsim.gear2.job import Job, of_seed
    from netsim.gear2.report import report

    if (seed is None) == (seeds is None):
        raise click.UsageError("name a --seed, or --seeds")
    if picture is None and (begin, end) != (None, None):
        raise click.UsageError("--from and --to are for --picture DIR")
    asked = Job(seed or 0, nodes, seconds, without, plant, also)
    if seeds is not None:
        if trace or shrink or picture:
            raise click.UsageError("--trace, --shrink and --picture are for one --seed")
        if dask and twice:
            raise click.UsageError("--twice compares processes of this machine: leave out --dask")
        every = [of_seed(asked, each) for each in seeds]
        return _sweep(every, jobs, dask, twice, stop_at, no_marks=no_marks, as_json=as_json)
    if shrink:
        if picture:
            raise click.UsageError("--picture draws the run that --shrink prints: run that one")
        return _shrink(asked, runs)
    if picture is not None:
        return _draw(asked, picture, begin, end, trace=trace)
    verdict = report(asked, trace=trace)
    return HOLDS if verdict.violation is None else VIOLATED


def _draw(job: Job, out: Path, begin: float | None, end: float | None, *, trace: bool) -> int:
    """Run one seed and draw it; print the files."""
    from netsim.cli.picture import check_part
    from netsim.gear2.report import report, summary
    from netsim.picture.files import Picture, drawn, outcome
    from netsim.picture.record import Record

    check_part(begin, end)
    record = Record()
    verdict = report(job, trace=trace, record=record)
    title = f"Run of seed {job.seed}, whole nodes"
    title += f", with {job.plant} planted" if job.plant else ""
    facts = [*job.options().lines(), "", *summary(job, verdict)]
    came = outcome(verdict.violation, verdict.simulated_seconds)
    for path in drawn(Picture(record, title, facts, came), out, begin, end):
        click.echo(path)
    return HOLDS if verdict.violation is None else VIOLATED


def _shrink(job: Job, runs: int) -> int:
    """Print the command of the smallest run in which the same property does not hold."""
    from netsim.gear2.job import play
    from netsim.gear2.report import TAIL_LINES, summary
    from netsim.gear2.shrinking import Shrinker

    verdict = play(job)
    if verdict.violation is None:
        raise InvalidSetting(
            f"every property holds in this run: {job.command()}",
            code="nothing-to-shrink",
            remedy="Name a run that fails; `netsim gear2 --seeds` looks for one.",
        )
    note(f"{verdict.violation[0]} does not hold; kinds: {' '.join(job.options().faults) or 'none'}")
    found = Shrinker(job, verdict, runs, note).shrink()
    click.echo("the last events:")
    click.echo("\n".join(found.verdict.tail[-TAIL_LINES:]))
    click.echo(f"after {found.runs} runs")
    click.echo("\n".join(summary(found.job, found.verdict)))
    return HOLDS


def _sweep(
    every: list[Job],
    jobs: int,
    dask: str | None,
    twice: bool,
    stop_at: int,
    *,
    no_marks: bool,
    as_json: bool,
) -> int:
    """Run many seeds, here or on a cluster, and tell what came of it."""
    from netsim.gear2.job import of_seed, play_chunk, verdicts
    from netsim.gear2.marks import MARKS
    from netsim.sweep import gather

    def swept(source: Iterator[Verdict]) -> Sweep[Verdict]:
        return watched(
            len(every),
            lambda tick: gather(
                source, len(every), say=note, stop_at=stop_at, tick=tick, marks=MARKS
            ),
        )

    if dask is None:
        result = swept(verdicts(every, jobs, twice=twice))
    else:
        from netsim.dask_cluster import Cluster

        cluster = Cluster(dask)
        note(f"a cluster of {cluster.threads} threads at {dask}")
        try:
            result = swept(cluster.verdicts(every, play_chunk))
        finally:
            cluster.close()
    tell(result, len(every), lambda each: of_seed(every[0], each).command(), as_json=as_json)
    return code_of(result, wants_marks=not no_marks)
