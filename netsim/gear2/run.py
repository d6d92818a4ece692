"""One run of gear 2: options in, a verdict out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from netsim.gear2.bounds import small_bounds
from netsim.gear2.door import forget_handlers
from netsim.gear2.options import Options, draw
from netsim.gear2.scheduler import play
from netsim.gear2.sodium import sodium
from netsim.gear2.world import World
from netsim.picture.record import Record

__all__ = ["Verdict", "draw", "run"]

FAR_SECONDS = 900.0  # behind the end of the longest run: who is still there then is asleep


@dataclass(slots=True)
class Verdict:
    """What came of a run."""

    options: Options
    digest: str
    violation: tuple[str, str, str, float] | None = None  # property, node, text, simulated time
    tail: list[str] = field(default_factory=list)
    marks: frozenset[str] = frozenset()
    unmet: list[str] = field(default_factory=list)  # of a world's expectations: gear 2 has none yet
    messages: int = 0
    wire_bytes: int = 0
    events: int = 0
    steps: int = 0  # of Trio tasks
    simulated_seconds: float = 0.0
    real_seconds: float = 0.0
    heights: int = 0
    lives: int = 0
    operations: int = 0
    answered: int = 0
    receipts: int = 0
    flips_refused: int = 0


def run(
    options: Options,
    write: Callable[[str], None] | None = None,
    watched: frozenset[str] | None = None,
    record: Record | None = None,
) -> Verdict:
    """Run one seed to its end, or to the first property that does not hold.

    Args:
        write: takes every line of the trace.
        watched: leaves out all other properties, for planted bugs.
        record: is filled for a picture; it changes nothing.
    """
    began = time.perf_counter()
    worlds: list[World] = []

    async def main() -> None:
        world = World(options, write, watched, record)
        worlds.append(world)
        await world.run()
        forget_handlers()

    with sodium(real=options.real_signatures), small_bounds(options):
        played = play(f"{options.seed}/gear2", main, seconds_max=options.seconds + FAR_SECONDS)
    (world,) = worlds
    violation = world.judge.violation
    if violation is None and played.end != "done":
        violation = ("L-e", "-", f"{played.end} after {played.steps} steps", played.seconds)
        world.trace.line(played.seconds, "-", f"VIOLATION L-e: {played.end}")
    remembered = sum(machine.remembered() for machine in world.machines.values())
    if violation is None and remembered and (watched is None or "N-4" in watched):
        text = f"{remembered} processes that have ended are still in memory"
        violation = ("N-4", "-", text, played.seconds)
        if record is not None:
            record.line(played.seconds, "-", f"VIOLATION N-4: {text}")
    operations = world.history.operations
    return Verdict(
        options=options,
        digest=world.trace.digest,
        violation=violation,
        tail=list(world.trace.tail) if violation is not None else [],
        marks=frozenset(world.marks.reached),
        messages=world.wiretap.messages,
        wire_bytes=world.wiretap.bytes,
        events=world.trace.count,
        steps=played.steps,
        simulated_seconds=played.seconds,
        real_seconds=time.perf_counter() - began,
        heights=max(machine.disk.applied for machine in world.machines.values()),
        lives=sum(machine.lives for machine in world.machines.values()),
        operations=len(operations),
        answered=sum(1 for operation in operations if operation.ended is not None),
        receipts=world.proofs.receipts,
        flips_refused=world.proofs.refused,
    )
