"""`netsim gear2`: whole nodes, byte for byte."""

from __future__ import annotations

import click

from netsim.cli.sweep import Seeds


@click.command(epilog="""\b
Examples:
  netsim gear2 --seed 7            one seed: options, summary, digest
  netsim gear2 --seeds 0:200       many, a line each
""")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="Which run: its options and a summary.")
@click.option(
    "--seeds", type=Seeds(), metavar="N|FIRST:END", help="How many, or which; a line each."
)
@click.option("--trace", is_flag=True, help="Print every event, one line each.")
def gear2(seed: int | None, seeds: range | None, trace: bool) -> int:
    """Run whole nodes, byte for byte.

    The nodes are those of production, on simulated network, disks, clocks and entropy, in one run
    of Trio.
    """
    from netsim.gear2.report import report_seeds

    if seed is not None and seeds is None:
        seeds = range(seed, seed + 1)
    elif seed is not None or seeds is None:
        raise click.UsageError("name a --seed, or --seeds")
    return report_seeds(seeds, trace=trace)
