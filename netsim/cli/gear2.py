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
from netsim.cli.options import Amount, given, property_option
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
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, metavar="N",
              help="Processes of a sweep.  [default: all cores]")  # fmt: skip
@click.option("--nodes", type=click.IntRange(1, 7), metavar="N",
              help="Voters at genesis, 1 to 7.  [default: drawn by the seed]")  # fmt: skip
@click.option("--seconds", type=Amount(), metavar="SECONDS",
              help="Simulated seconds in which anything goes wrong.  "
              f"[default: {SECONDS:g}, or as the planted bug asks]")  # fmt: skip
@click.option("--without", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
              help=f"Leave out one kind of fault; repeatable: {' '.join(FAULTS)}.")  # fmt: skip
@click.option("--with", "also", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
              help="Have one kind of fault, whatever the seed draws; repeatable.")  # fmt: skip
@click.option("--plant", default="", metavar="NAME",
              help="Run with a planted bug: see `netsim mutants --gear2 --list`.")  # fmt: skip
@property_option
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
@click.option("--stop-at", type=click.IntRange(0), default=0, metavar="N",
              help="Stop a sweep after so many failures.")  # fmt: skip
@click.option("--no-marks", is_flag=True, help="A missed mark is no failure.")
@click.option("--json", "as_json", is_flag=True, help="Print what a sweep finds as one JSON value.")
def gear2(
    seed: int | None,
    seeds: range | None,
    jobs: int,
    nodes: int | None,
    seconds: float | None,
    without: tuple[str, ...],
    also: tuple[str, ...],
    plant: str,
    property_id: str,
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
    from netsim.gear2 import judge
    from netsim.gear2.job import Job, of_seed, planting
    from netsim.gear2.report import report

    planting(plant)  # a name that nobody knows is told before anything else
    if (seed is None) == (seeds is None):
        raise click.UsageError("name a --seed, or --seeds")
    _refuse(one=seed is not None, shrink=shrink, picture=picture is not None)
    for kind in set(without) & set(also):
        raise click.UsageError(f"{kind} is named by --without and by --with: leave one out")
    asked = Job(seed or 0, nodes, seconds, without, plant, also, property_id)
    if property_id not in ("", *judge.PROPERTIES) or (property_id == "I-33" and not twice):
        raise click.UsageError(
            f"`netsim gear2` does not look at {property_id} in such runs; "
            f"`netsim explain {property_id}` tells where it is looked at"
        )
    if seeds is not None:
        if dask and twice:
            raise click.UsageError("--twice compares processes of this machine: leave out --dask")
        every = [of_seed(asked, each) for each in seeds]
        return _sweep(every, jobs, dask, twice, stop_at, no_marks=no_marks, as_json=as_json)
    if shrink:
        return _shrink(asked, runs)
    if picture is not None:
        return _draw(asked, picture, begin, end, trace=trace)
    verdict = report(asked, trace=trace)
    return HOLDS if verdict.violation is None else VIOLATED


def _refuse(*, one: bool, shrink: bool, picture: bool) -> None:
    """Refuse options that would change nothing, because they are for another way of running."""
    if shrink and picture:
        raise click.UsageError("--picture draws the run that --shrink prints: run that one")
    for ignored, options, place in (
        (not one, "trace shrink picture", "one --seed"),
        (one, "jobs dask twice stop_at no_marks as_json", "--seeds"),
        (not shrink, "runs", "--shrink"),
        (shrink, "trace", "a run that is not made smaller: leave out --shrink"),
        (not picture, "begin end", "--picture DIR"),
    ):
        named = given(options.split()) if ignored else []
        if named:
            verb = "is" if len(named) == 1 else "are"
            raise click.UsageError(f"{' and '.join(named)} {verb} for {place}")


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
