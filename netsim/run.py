"""One run: a seed in, a verdict out."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netsim.acts import schedule
from netsim.liveness import Liveness
from netsim.options import Options
from netsim.picture.record import Record
from netsim.plan import Occurrence, Plan
from netsim.properties.base import Stopped, Violation
from netsim.properties.ledger import EqualResults
from netsim.replay import check_replay
from netsim.trace import POINT_LINES
from netsim.world import World


@dataclass(slots=True)
class Verdict:
    """What came of a run."""

    options: Options
    digest: str
    points: list[str] = field(default_factory=list)  # digests on the way
    chain: str = ""  # digest of all that was hashed: blocks and results
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
    certified: int = 0  # the greatest height of which any disk holds a certificate
    observers_height: int | None = None  # the least height that an observer has applied
    unmet: list[str] = field(default_factory=list)  # expectations of a world file
    occurrences: tuple[Occurrence, ...] = ()  # faults that happened, if a property does not hold


def run(
    options: Options,
    write: Callable[[str], None] | None = None,
    watched: frozenset[str] | None = None,
    plan: Plan | None = None,
    record: Record | None = None,
    after: Callable[[World], None] | None = None,
) -> Verdict:
    """Run one seed to its end, or to the first property that does not hold.

    `plan` says what a world file or a case has beyond the options. `watched` leaves out all other
    properties: for planted bugs, each of which is to be found by the one that is named for it.
    `record` is filled for a picture; it changes nothing. `after` looks at the world at the end of a
    run in which all holds, and may raise a Violation of its own.
    """
    collecting = gc.isenabled()
    gc.disable()  # a world is one heap of cycles until it is over: to search it finds nothing
    try:
        began = time.perf_counter()
        return _run(World(options, write, watched, plan, record), began, after)
    finally:
        if collecting:
            gc.enable()


def _run(world: World, began: float, after: Callable[[World], None] | None) -> Verdict:
    found: Violation | None = None
    searches: list[tuple[bytes, str]] = []
    try:
        searches = _play(world)
        if after is not None:
            after(world)
    except Violation as violation:
        found = violation
        world.trace.line(world.heap.now, violation.node, f"VIOLATION {violation}")
    except Stopped:
        world.trace.line(world.heap.now, "-", "a node stopped by itself; the run ends unjudged")
    operations = world.workload.history.operations
    verdict = Verdict(
        options=world.options,
        digest=world.trace.digest,
        points=world.trace.points,
        chain=hashed(world),
        marks=frozenset(world.marks.reached),
        messages=world.network.messages,
        events=world.trace.count,
        simulated_seconds=world.heap.now,
        real_seconds=time.perf_counter() - began,
        heights=len(world.ghost.committed),
        terms=world.ghost.highest_term,
        operations=len(operations),
        answered=sum(1 for operation in operations if operation.ended is not None),
        certified=max(map(world.certified, world.nodes.values())),
        observers_height=_observers_height(world),
    )
    for _, answer in searches:
        verdict.searches[answer] = verdict.searches.get(answer, 0) + 1
    if found is not None:
        verdict.violation = (found.property_id, found.node, found.text, world.heap.now)
        verdict.tail = list(world.trace.tail)
        verdict.occurrences = tuple(world.faults.happened)
    return verdict


def _observers_height(world: World) -> int | None:
    applied = world.ghost.applied
    return min((applied(node.disk) for node in world.nodes.values() if node.observer), default=None)


def hashed(world: World) -> str:
    """Return a digest of every committed block and every result."""
    results = next(each for each in world.checks.properties if isinstance(each, EqualResults))
    made = hashlib.blake2b(digest_size=16)
    for known in world.ghost.committed:
        made.update(known.hash)
    for key in sorted(results.results):
        made.update(key + results.results[key])
    return made.hexdigest()


# Faults after which a follower's own clock decides what it takes, or that lie.
TELLS_TIME = ("clock", "malicious", "sleep")


def followers_agree(options: Options, watched: frozenset[str] | None = None) -> bool:
    """I-31: run twice, the second time with the clocks of all who follow ahead by 25 s; say whether
    all that was hashed is the same. Nobody's time passes in such runs: that a follower's clock
    refuses an offer is not hashed, but changes what comes into blocks."""
    faults = tuple(fault for fault in options.faults if fault not in TELLS_TIME)
    calm = replace(options, faults=faults, clerks=0, lifetime_extra=3_600_000, clock_skew=0.0)
    first = run(calm, watched=watched)
    return first.chain == run(replace(calm, follower_skew=25.0), watched=watched).chain


def first_difference(one: Verdict, other: Verdict) -> str:
    """Say where two runs of one seed part: between which check-points of their traces."""
    same = 0
    for left, right in zip(one.points, other.points, strict=False):
        if left != right:
            break
        same += 1
    return f"events {same * POINT_LINES} to {(same + 1) * POINT_LINES}"


def _play(world: World) -> list[tuple[bytes, str]]:
    options, plan = world.options, world.plan
    world.start()
    schedule(world)
    messages = int(options.messages_max * plan.safety_share)
    world.run_until(options.minutes * 60 * plan.safety_share, lambda: False, messages)
    liveness = Liveness(world)
    if plan.liveness:
        liveness.run()
    watches, history = world.checks.watches, world.workload.history
    if watches("I-18"):
        applied = world.ghost.applied
        stores = [(node.name, node.disk.image, applied(node.disk)) for node in liveness.converged]
        history.check_acknowledged(len(world.ghost.committed), stores)
    world.checks.end()
    searches = history.check_search() if watches("I-20") else []
    if watches("I-16"):
        check_replay(world)
    world.trace.line(world.heap.now, "-", f"end {len(world.ghost.committed)} heights")
    return searches
