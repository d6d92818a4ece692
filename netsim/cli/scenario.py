"""`netsim scenario`: play a scenario file."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from govchaind.cli.output import print_json
from netsim.cli.main import HOLDS, VIOLATED
from netsim.job import planting
from netsim.kinds import SCENARIO, check_kind
from netsim.library import found
from netsim.report import last_events
from netsim.scenario import Played, play_scenario, read_text


@click.command(
    epilog="""\b
Examples:
  netsim scenario figure-8            one that comes with netsim
  netsim scenario my-case.txt --trace one of yours, every event
  netsim scenario leader-that-hears-nobody --plant no-check-quorum
"""
)
@click.argument("file")
@click.option("--trace", is_flag=True, help="Print every event, and each line as it is played.")
@click.option("--plant", default="", metavar="NAME", help="Plant a known bug.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def scenario(file: str, trace: bool, plant: str, as_json: bool) -> int:
    """Play a scenario file.

    FILE is a path, or the name of a scenario that comes with netsim. What does not hold is told
    with the file's line and column.
    """
    path = found(file)
    source = file if path != Path(file) else str(path)
    text = read_text(path)
    check_kind(text, file, SCENARIO)
    with planting(plant):
        played = play_scenario(text, source, click.echo if trace and not as_json else None)
    again = shlex.join(["netsim", "scenario", source, *(["--plant", plant] if plant else [])])
    _tell(played, source, again, as_json=as_json, trace=trace)
    return HOLDS if played.unmet is None and played.violation is None else VIOLATED


def _tell(played: Played, source: str, again: str, *, as_json: bool, trace: bool) -> None:
    world, violation = played.world, played.violation
    simulated = 0.0 if world is None else world.heap.now
    digest = "" if world is None else world.trace.digest
    failed = violation is not None or played.unmet is not None
    events = last_events(world.trace) if failed and world is not None else []
    if as_json:
        print_json({
            "file": source, "lines": played.lines, "unmet": played.unmet,
            "violation": None if violation is None else str(violation),
            "simulated_seconds": simulated, "digest": digest, "last_events": events,
            "again": again,
        })  # fmt: skip
        return
    if events and not trace:
        click.echo("the last events:")
        click.echo("\n".join(events) + "\n")
    if violation is not None:
        click.echo(f"{source}: after {played.lines} lines {violation.property_id} DOES NOT HOLD "
                   f"at {violation.node}, {simulated:.6f} s: {violation.text}")  # fmt: skip
    elif played.unmet is not None:
        click.echo(played.unmet)
    else:
        click.echo(f"{source}: all {played.lines} lines hold; {simulated:.1f} s simulated")
    click.echo(f"trace digest       {digest}")
    if failed:
        click.echo(f"again              {again}")
