"""`netsim sweep`: many seeds, on all cores of this machine or on a Dask cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

import click

from govchaind.cli.output import note, print_json
from govchaind.cli.output import progress as bar
from netsim.cli.main import HOLDS, MISSED, VIOLATED
from netsim.cli.options import job_of, job_options
from netsim.job import Job, of_seed, play_chunk
from netsim.report import command, last_events
from netsim.run import Verdict
from netsim.sweep import Sweep, V, progress
from netsim.sweep import sweep as run_all

DEFAULT_SEEDS = 300


class Seeds(click.ParamType[range]):
    """`10000` is the seeds from 0 on, so many; `300:400` is the seeds from 300 up to 399."""

    name = "seeds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        if isinstance(value, range):
            return value
        first, colon, last = str(value).partition(":")
        try:
            found = range(int(first), int(last)) if colon else range(int(first))
        except ValueError:
            self.fail(f"{value!r} is neither a number of seeds nor FIRST:END", param, ctx)
        if found and found[0] < 0:
            self.fail(f"{value!r} holds seeds below 0", param, ctx)
        if not found:
            self.fail(f"{value!r} holds no seed", param, ctx)
        return found


@click.command(epilog="""\b
Examples:
  netsim sweep --seeds 10000                    seeds 0 to 9999, on all cores
  netsim sweep --seeds 300:400 --jobs 2         some of them, on two cores
  netsim sweep five-provinces --seeds 100       one world, a hundred times
  netsim sweep --seeds 10000 --dask tcp://scheduler.example:8786
""")  # fmt: skip
@job_options
@click.option(
    "--seeds",
    type=Seeds(),
    metavar="N|FIRST:END",
    help=f"How many, or which.  [default: {DEFAULT_SEEDS}, or the world's]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    metavar="N",
    help="Processes.  [default: all cores]",
)
@click.option("--dask", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler.")
@click.option("--twice", is_flag=True, help="Run each seed twice and compare digests.")
@click.option(
    "--clocks", is_flag=True, help="Run each seed twice more, with followers' clocks ahead."
)
@click.option(
    "--stop-at", type=click.IntRange(0), default=0, metavar="N", help="Stop after so many failures."
)
@click.option("--no-marks", is_flag=True, help="A missed mark is no failure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def sweep(
    world: str | None,
    nodes: int | None,
    minutes: float | None,
    messages: int | None,
    without: tuple[str, ...],
    plant: str,
    property_id: str,
    seeds: range | None,
    jobs: int,
    dask: str | None,
    twice: bool,
    clocks: bool,
    stop_at: int,
    no_marks: bool,
    as_json: bool,
) -> int:
    """Run many seeds on all cores or a cluster.

    Shows rate, what was reached, and the first failure of each kind with its replay command.
    """  # fmt: skip
    compared = "I-33" if twice else "I-31" if clocks else ""
    first = job_of(world, seeds[0] if seeds else (0 if world is None else None), nodes, minutes,
                   messages, without, plant, property_id, compared=compared)  # fmt: skip
    made = first.world_file()
    if seeds is None:
        count = DEFAULT_SEEDS if made is None else made.seeds.count
        seeds = range(first.seed, first.seed + count)
    if clocks and made is not None:
        raise click.UsageError("--clocks is for runs without a world file")
    asked = Job(first.seed, nodes, minutes, messages, without, twice, first.world, first.source,
                plant, clocks, property_id)  # fmt: skip
    every = [of_seed(asked, seed) for seed in seeds]
    result = _run(every, jobs, dask, stop_at)

    def again(seed: int) -> str:
        return command(of_seed(asked, seed))

    tell(result, len(every), again, as_json=as_json)
    return code_of(result, wants_marks=made is None and not no_marks)


def code_of(result: Sweep[V], *, wants_marks: bool) -> int:
    """Return the exit code of a sweep; say which marks it has missed."""
    if result.failures:
        return VIOLATED
    if result.unmet:
        return MISSED
    if result.missed and wants_marks:
        note(f"missed marks: {' '.join(result.missed)}")
        return MISSED
    return HOLDS


def watched(total: int, run: Callable[[Callable[[], None] | None], Sweep[V]]) -> Sweep[V]:
    """Sweep with a progress bar on a terminal; elsewhere `run` is given none and tells itself."""
    if not sys.stderr.isatty():
        return run(None)
    with bar("seeds", total, "seeds") as ticks:
        return run(lambda: ticks.advance(1))


def _run(every: list[Job], jobs: int, dask: str | None, stop_at: int) -> Sweep[Verdict]:
    """Run all jobs, here or on a cluster."""
    cluster = None
    if dask is not None:
        from netsim.dask_cluster import Cluster

        cluster = Cluster(dask)
        note(f"a cluster of {cluster.threads} threads at {dask}")
    source = None if cluster is None else partial(cluster.verdicts, play_chunk=play_chunk)
    try:
        return watched(
            len(every),
            lambda tick: run_all(
                every, processes=jobs, say=note, stop_at=stop_at, source=source, tick=tick
            ),
        )
    finally:
        if cluster is not None:
            cluster.close()


def tell(result: Sweep[V], total: int, again: Callable[[int], str], *, as_json: bool) -> None:
    """Print what came of a sweep; `again` gives the command that plays a seed again."""
    if as_json:
        print_json({
            **result.as_json(),
            "again": {name: again(failed[0].options.seed)
                      for name, failed in sorted(result.failures.items())},
        })  # fmt: skip
    else:
        _print(result, total, again)


def _print(result: Sweep[V], total: int, again: Callable[[int], str]) -> None:
    click.echo(progress(result, total))
    seconds, slowest = result.slowest
    click.echo(f"slowest seed {slowest}: {seconds:.2f} s; {result.heights} heights committed")
    for name, seeds in sorted(result.marks.items(), key=lambda item: len(item[1])):
        few = " ".join(map(str, seeds[:5]))
        click.echo(f"  mark {name:28} {len(seeds)} seeds: {few}{' …' if len(seeds) > 5 else ''}")
    for seed, texts in sorted(result.unmet.items()):
        click.echo(f"seed {seed} is not as expected: {'; '.join(texts)}")
    for property_id, failed in sorted(result.failures.items()):
        first = failed[0]
        few = " ".join(str(verdict.options.seed) for verdict in failed[:12])
        click.echo(f"\n{property_id} does not hold in {len(failed)} of {result.seeds} seeds: {few}")
        told = next((verdict for verdict in failed if verdict.tail), first)
        click.echo("\n".join(last_events(told, 12)))
        click.echo("again: " + again(told.options.seed))
