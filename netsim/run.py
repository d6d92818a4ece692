"""One run: a seed in, a verdict out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from netsim.liveness import Liveness
from netsim.options import SAFETY_SHARE, Options
from netsim.properties.base import Violation
from netsim.replay import check_replay
from netsim.world import World


@dataclass(slots=True)
class Verdict:
    """What came of a run."""

    options: Options
    digest: str
    violation: tuple[str, str, str, float] | None = None  # property, node, text, simulated time
    tail: list[str] = field(default_factory=list)
    marks: frozenset[str] = frozenset()
    messages: int = 0
    events: int = 0
    simulated_seconds: float = 0.0
    real_seconds: float = 0.0
    heights: int = 0
    terms: int = 0
    operations: int = 0
    answered: int = 0
    searches: dict[str, int] = field(default_factory=dict)


def run(options: Options, write: Callable[[str], None] | None = None) -> Verdict:
    """Run one seed to its end, or to the first property that does not hold."""
    began = time.perf_counter()
    world = World(options, write)
    collecting = gc.isenabled()
    gc.disable()
    found: Violation | None = None
    searches: list[tuple[bytes, str]] = []
    try:
        searches = _play(world)
    except Violation as violation:
        found = violation
        world.trace.line(world.heap.now, violation.node, f"VIOLATION {violation}")
    finally:
        if collecting:
            gc.enable()
    operations = world.workload.history.operations
    verdict = Verdict(
        options=options,
        digest=world.trace.digest,
        marks=frozenset(world.marks.reached),
        messages=world.network.messages,
        events=world.trace.count,
        simulated_seconds=world.heap.now,
        real_seconds=time.perf_counter() - began,
        heights=len(world.ghost.committed),
        terms=world.ghost.highest_term,
        operations=len(operations),
        answered=sum(1 for operation in operations if operation.ended is not None),
    )
    for _, answer in searches:
        verdict.searches[answer] = verdict.searches.get(answer, 0) + 1
    if found is not None:
        verdict.violation = (found.property_id, found.node, found.text, world.heap.now)
        verdict.tail = list(world.trace.tail)
    return verdict


def _play(world: World) -> list[tuple[bytes, str]]:
    options = world.options
    world.start()
    messages = int(options.messages_max * SAFETY_SHARE)
    world.run_until(options.minutes * 60 * SAFETY_SHARE, lambda: False, messages)
    Liveness(world).run()
    history = world.workload.history
    history.check_acknowledged(len(world.ghost.committed))
    world.checks.end()
    searches = history.check_search()
    check_replay(world)
    world.trace.line(world.heap.now, "-", f"end {len(world.ghost.committed)} heights")
    return searches
