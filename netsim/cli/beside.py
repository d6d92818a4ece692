"""`netsim beside`: an older release's ledger on the chains of this one's runs."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.output import print_json
from netsim.beside import Compared, Older, compare
from netsim.cli.main import HOLDS, VIOLATED
from netsim.cli.sweep import Seeds
from netsim.options import draw
from netsim.run import Verdict
from netsim.run import run as play

DEFAULT_SEEDS = range(5)


@click.command(epilog="""\b
Examples:
  netsim beside tests/releases/govchaind-0.1.0-py3-none-any.whl
  netsim beside govchaind-0.1.0-py3-none-any.whl --seeds 100:120 --json
""")  # fmt: skip
@click.argument("wheel", type=click.Path(path_type=Path))
@click.option(
    "--seeds",
    type=Seeds(),
    default=DEFAULT_SEEDS,
    metavar="N|FIRST:END",
    help=f"How many, or which.  [default: {len(DEFAULT_SEEDS)}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def beside(wheel: Path, seeds: range, as_json: bool) -> int:
    """Judge chains by an older release too.

    That is property I-32. WHEEL is that release. Each seed is run as `netsim run` does, and no
    other property is looked at. Then the older release, in a process of its own, applies the same
    blocks: every outcome and root must be the same, and it must stop before a block that activates
    a version of the ledger that it does not know.
    """
    older = Older(wheel)
    rows = []
    for seed in seeds:
        verdict, compared = judged(seed, older)
        rows.append(row(seed, verdict, compared))
        if not as_json:
            click.echo(line(rows[-1]))
    failed = [each["seed"] for each in rows if each["violation"] is not None]
    if as_json:
        print_json({"seeds": rows, "failed": failed})
    return VIOLATED if failed else HOLDS


def judged(seed: int, older: Older) -> tuple[Verdict, Compared | None]:
    """Run one seed and judge its chain by both releases."""
    found: list[Compared] = []
    verdict = play(
        draw(seed), watched=frozenset(), after=lambda world: found.append(compare(world, older))
    )
    return verdict, found[0] if found else None


def row(seed: int, verdict: Verdict, compared: Compared | None) -> dict[str, object]:
    """Return what is told of a seed."""
    violation = None if verdict.violation is None else verdict.violation[2]
    return {
        "seed": seed,
        "heights": 0 if compared is None else compared.heights,
        "transactions": 0 if compared is None else compared.transactions,
        "activated": None if compared is None else compared.activated,
        "violation": violation,
    }


def line(told: dict[str, object]) -> str:
    """Return a seed's line."""
    if told["violation"] is not None:
        return f"seed {told['seed']}  I-32 does not hold: {told['violation']}"
    stopped = "no next version" if told["activated"] is None else f"stops at {told['activated']}"
    return (
        f"seed {told['seed']}  {told['heights']} heights, {told['transactions']} transactions: "
        f"equal; {stopped}"
    )
