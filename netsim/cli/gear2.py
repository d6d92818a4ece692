"""`netsim gear2`: whole nodes, byte for byte; one seed, or many on all cores."""

from __future__ import annotations

import os

import click

from govchaind.cli.output import note
from netsim.cli.main import HOLDS, VIOLATED
from netsim.cli.sweep import Seeds, code_of, tell, watched
from netsim.gear2.options import FAULTS, SECONDS


@click.command(epilog="""\b
Examples:
  netsim gear2 --seed 7                     one seed: options, summary, digest
  netsim gear2 --seeds 0:3000               many, on all cores: rate, marks, failures
  netsim gear2 --seeds 0:24 --twice         each in two processes, digests compared
  netsim gear2 --seed 7 --without rot       a run made smaller by hand
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
@click.option("--trace", is_flag=True, help="Print every event of one seed, one line each.")
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
    trace: bool,
    twice: bool,
    stop_at: int,
    no_marks: bool,
    as_json: bool,
) -> int:
    """Run whole nodes, byte for byte.

    The nodes are those of production, on simulated network, disks, clocks and entropy, in one run
    of Trio.
    """
    from netsim.gear2.job import Job, of_seed, verdicts
    from netsim.gear2.marks import MARKS
    from netsim.gear2.report import report
    from netsim.sweep import gather

    if (seed is None) == (seeds is None):
        raise click.UsageError("name a --seed, or --seeds")
    asked = Job(0, nodes, seconds, without)
    if seeds is None:
        verdict = report(of_seed(asked, seed or 0), trace=trace)
        return HOLDS if verdict.violation is None else VIOLATED
    if trace:
        raise click.UsageError("--trace is for one --seed")
    every = [of_seed(asked, each) for each in seeds]
    result = watched(
        len(every),
        lambda tick: gather(
            verdicts(every, jobs, twice=twice),
            len(every),
            say=note,
            stop_at=stop_at,
            tick=tick,
            marks=MARKS,
        ),
    )
    tell(result, len(every), lambda each: of_seed(asked, each).command(), as_json=as_json)
    return code_of(result, wants_marks=not no_marks)
