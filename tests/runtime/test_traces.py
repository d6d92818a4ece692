"""A node's spans: which there are, from when to when, how many at most, and what is not in them."""

from __future__ import annotations

from itertools import count

import trio
import trio.testing

from govchaind.ledger.outcomes import Code
from govchaind.replica.events import Certified, Committed, Decided, Expired
from govchaind.runtime.environment import TraceDoor
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.traces import AWAY_SAID_SECONDS, OPEN_SECONDS_MAX, Traces
from govchaind.tracing.ids import is_traced, threshold_of
from govchaind.tracing.span import (
    CERTIFIED,
    CODE,
    HEIGHT,
    NODE,
    OPERATIONS,
    OUTCOME,
    SIZE,
    Span,
)
from tests.runtime.made import transaction

WALL_MS = 1_700_000_000_000
SECOND = 1_000_000_000


class Kept:
    """Keeps spans where production sends them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.sent = 0
        self.lost = 0
        self.dropped = 0

    def offer(self, span: Span) -> None:
        self.spans.append(span)

    def close(self, seconds: float) -> None:
        del seconds


class World:
    """Traces with a clock that goes with the test's, and all that came of them."""

    def __init__(self, *, ratio: float = 1.0, open_max: int = 100) -> None:
        numbers = count(1)
        began = trio.current_time()
        self.skew_ns = 0
        self.kept = Kept()
        self.lines: list[tuple[str, str]] = []
        self.telemetry = Telemetry(
            version="0", sink=lambda level, name, _: self.lines.append((level, name))
        )

        def wall() -> int:
            return (
                WALL_MS * 1_000_000 + round((trio.current_time() - began) * SECOND) + self.skew_ns
            )

        self.traces = Traces(
            node="ada",
            door=TraceDoor(self.kept, wall),
            ratio=ratio,
            entropy=lambda size: next(numbers).to_bytes(size, "big"),
            telemetry=self.telemetry,
            open_max=open_max,
        )

    def told(self) -> list[tuple[str, float, float]]:
        """Return the name of each span, and its seconds since the start."""
        zero = WALL_MS * 1_000_000
        return [
            (span.name, (span.begin_ns - zero) / SECOND, (span.end_ns - zero) / SECOND)
            for span in self.kept.spans
        ]

    def count(self, name: str, **labels: str) -> float:
        value = self.telemetry.metrics.registry.get_sample_value(f"govchaind_{name}_total", labels)
        return value or 0.0


def decided(height: int, *numbers: int, code: int = 0) -> Decided:
    return Decided(height, [(transaction(each).id, code, None) for each in numbers], None)


def committed(height: int, *, time: int = WALL_MS) -> Committed:
    return Committed(height, time, bytes(32), [])


async def test_a_transaction_brought_here_has_three_spans(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world, item = World(), transaction(1)
    assert world.traces.taken([item]) == [item.id]
    await trio.sleep(1)
    world.traces.noticed(decided(7, 1))
    await trio.sleep(2)
    world.traces.noticed(committed(7))
    await trio.sleep(4)
    world.traces.noticed(Certified(9, None))
    assert world.told() == [("order", 0, 1), ("store", 1, 3), ("certify", 3, 7)]
    known = {NODE: "ada", HEIGHT: 7, CODE: 0, OUTCOME: "applied"}
    order, store, certify = world.kept.spans
    assert order.attributes == {**known, OPERATIONS: 1, SIZE: len(item.raw)}
    assert (store.attributes, certify.attributes) == (known, known)
    assert {span.transaction for span in world.kept.spans} == {item.id}
    assert len({span.id for span in world.kept.spans}) == 3
    assert world.traces.open == 0


async def test_one_brought_elsewhere_has_two(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    world.traces.noticed(decided(7, 1, 2))
    world.traces.noticed(decided(8, 3, code=int(Code.EXPIRED)))
    world.traces.noticed(committed(8))
    world.traces.noticed(Certified(7, None))
    names = [(span.name, span.attributes[HEIGHT]) for span in world.kept.spans]
    assert names == [("store", 7)] * 2 + [("store", 8)] + [("certify", 7)] * 2
    assert world.traces.open == 1
    assert world.kept.spans[2].attributes[OUTCOME] == "expired"


async def test_a_certificate_that_was_there_first_makes_a_span_without_length(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.traces.noticed(Certified(7, None))
    world.traces.noticed(decided(7, 1))
    await trio.sleep(1)
    world.traces.noticed(committed(7))
    assert world.told() == [("store", 0, 1), ("certify", 1, 1)]


async def test_a_clock_that_is_set_bends_no_span(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    world.traces.taken([transaction(1)])
    world.skew_ns = -3600 * SECOND
    await trio.sleep(1)
    world.traces.noticed(decided(7, 1))
    world.traces.noticed(committed(7))
    assert world.told() == [("order", 0, 1), ("store", 1, 1)]


async def test_what_was_refused_or_has_expired_is_open_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    refused, expired = transaction(1), transaction(2)
    assert world.traces.taken([refused, expired]) == [refused.id, expired.id]
    assert world.traces.taken([refused]) == []
    world.traces.refused([refused.id])
    await trio.sleep(2)
    world.traces.noticed(Expired([refused.id, expired.id, transaction(3).id]))
    assert world.told() == [("order", 0, 2)]
    attributes = world.kept.spans[0].attributes
    assert (attributes[OUTCOME], HEIGHT in attributes) == ("expired", False)
    assert world.traces.open == 0


async def test_blocks_to_catch_up_with_make_no_spans(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.traces.noticed(decided(7, 1))
    world.traces.noticed(committed(7, time=WALL_MS - 60_001))
    world.traces.noticed(Certified(7, None))
    assert (world.kept.spans, world.traces.open) == ([], 0)


async def test_a_receipt_is_told_of(autojump_clock: trio.testing.MockClock) -> None:
    world, item = World(), transaction(1)
    begun = world.traces.begin(item.id)
    assert begun is not None
    await trio.sleep(1)
    world.traces.served(item.id, begun, height=7, certified=9, size=512)
    assert world.told() == [("receipt", 0, 1)]
    attributes = world.kept.spans[0].attributes
    assert attributes == {NODE: "ada", HEIGHT: 7, CERTIFIED: 9, SIZE: 512}


async def test_the_ids_choose_and_the_ratio_may_change(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(ratio=0.5)
    items = [transaction(each) for each in range(40)]
    chosen = [item.id for item in items if is_traced(item.id, threshold_of(0.5))]
    assert 5 < len(chosen) < 35
    assert world.traces.taken(items) == chosen
    world.traces.noticed(decided(7, *range(40)))
    assert [span.transaction for span in world.kept.spans] == chosen
    world.traces.set_ratio(0)
    assert (world.traces.taken(items), world.traces.begin(items[0].id)) == ([], None)


async def test_what_is_open_is_bounded_and_counted(autojump_clock: trio.testing.MockClock) -> None:
    world = World(open_max=3)
    assert len(world.traces.taken([transaction(each) for each in range(5)])) == 3
    assert world.count("trace_transactions_dropped") == 2
    world.traces.noticed(decided(7, *range(10)))
    assert [span.name for span in world.kept.spans] == ["order"] * 3
    assert world.traces.open == 3
    assert world.count("trace_transactions_dropped") == 9
    await trio.sleep(1)
    world.traces.noticed(committed(7))
    world.traces.noticed(Certified(7, None))
    assert (len(world.kept.spans), world.traces.open) == (9, 0)


async def test_what_is_heard_of_no_more_is_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.traces.taken([transaction(1)])
    await trio.sleep(OPEN_SECONDS_MAX + 1)
    world.traces.taken([transaction(2)])
    world.traces.look()
    assert world.traces.open == 1
    assert world.count("trace_transactions_dropped") == 1


async def test_a_collector_that_is_away_is_told_of_seldom(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.traces.run)
        for _ in range(10):
            world.kept.lost += 4
            world.kept.sent += 1
            world.kept.dropped += 2
            await trio.sleep(AWAY_SAID_SECONDS / 5)
        nursery.cancel_scope.cancel()
    assert world.lines == [("warning", "trace.collector_away")] * 2
    fates = {each: world.count("trace_spans", fate=each) for each in ("sent", "lost", "dropped")}
    assert fates == {"sent": 10, "lost": 40, "dropped": 20}
