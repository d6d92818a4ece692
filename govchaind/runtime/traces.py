"""What a node tells of the way of a transaction: spans, for those who asked to be told.

    order     from being offered here to being committed (only where a client brought it)
    store     from committed to durable here
    certify   from durable here to certified
    receipt   making a receipt for a client

Rules kept here:
- Which transactions are traced, and under which trace, their ids say (`tracing/ids.py`).
- A span holds what `tracing/span.py` names, and nothing else.
- What is open is bounded; a transaction beyond that is not traced, and counted. Spans leave on
  another thread, with a bound of their own: nothing here waits.
- A node that catches up adds nothing to traces that others ended long ago.
- Of a collector that is away the log hears seldom; how much was lost is a metric.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import trio

from govchaind.base.limits import TRACES_OPEN_MAX
from govchaind.base.types import Hash, Height, NodeId, Seconds
from govchaind.ledger.outcomes import OUTCOMES, Code
from govchaind.ledger.transaction import Transaction
from govchaind.replica.events import Certified, Committed, Decided, Expired, Notice
from govchaind.runtime.environment import TraceDoor
from govchaind.runtime.telemetry import Telemetry
from govchaind.tracing.ids import SPAN_BYTES, is_traced, threshold_of
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

LOOK_SECONDS = 5.0  # between looks at what became of spans
AWAY_SAID_SECONDS = 600.0  # at most so often the log hears that the collector is away
OPEN_SECONDS_MAX = 600.0  # a transaction that is heard of no more
END_SECONDS = 2.0  # what waits for the collector at the end is given up after this
OLD_MILLISECONDS = 60_000  # a block that was made so long ago is one to catch up with


@dataclass(frozen=True, slots=True)
class _Moment:
    """When something of a transaction began; its later times are counted from the same clock."""

    seconds: Seconds  # of the monotonic clock
    origin_ns: int  # Unix time of that clock's zero, as it was then

    def ns(self, seconds: Seconds) -> int:
        return self.origin_ns + round(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A transaction that a client brought here."""

    at: _Moment
    operations: int
    size: int


@dataclass(frozen=True, slots=True)
class _Block:
    """What is traced of a block, and since when it waits for its next step."""

    height: Height
    since: Seconds
    rows: list[tuple[Hash, int, _Moment]]  # id, code, any moment of its clock


class Traces:
    """One per node that traces. `noticed` is drive's, the rest the API's; all on the loop."""

    def __init__(
        self,
        *,
        node: NodeId,
        door: TraceDoor,
        ratio: float,
        entropy: Callable[[int], bytes],
        telemetry: Telemetry,
        open_max: int = TRACES_OPEN_MAX,
    ) -> None:
        """`ratio`: how many transactions are traced, from 0 to 1."""
        self._node = node
        self._door = door
        self._threshold = threshold_of(ratio)
        self._entropy = entropy
        self._telemetry = telemetry
        self._open_max = open_max
        self._taken: dict[Hash, _Taken] = {}  # as they came
        self._storing: deque[_Block] = deque()
        self._certifying: deque[_Block] = deque()
        self._in_blocks = 0  # transactions in these two
        self._certified: Height = 0
        self._told = (0, 0, 0)
        self._away_after: Seconds = 0.0

    def set_ratio(self, ratio: float) -> None:
        """Trace more or fewer transactions from now on."""
        self._threshold = threshold_of(ratio)

    @property
    def open(self) -> int:
        """How many transactions have a span that has not ended."""
        return len(self._taken) + self._in_blocks

    # --- the API's side -------------------------------------------------------------------------

    def taken(self, transactions: Iterable[Transaction]) -> list[Hash]:
        """Begin with what a client brings; return the ids of those with which it began."""
        at, begun = self._moment(), list[Hash]()
        for item in transactions:
            transaction = item.id
            if not is_traced(transaction, self._threshold) or transaction in self._taken:
                continue
            if self._has_room():
                self._taken[transaction] = _Taken(at, len(item.operations), len(item.raw))
                begun.append(transaction)
        return begun

    def refused(self, ids: Iterable[Hash]) -> None:
        """Forget what began and was not taken after all."""
        for transaction in ids:
            self._taken.pop(transaction, None)

    def begin(self, transaction: Hash) -> _Moment | None:
        """Return now, as the beginning of a span of a transaction; None: it is not traced."""
        return self._moment() if is_traced(transaction, self._threshold) else None

    def served(
        self, transaction: Hash, begun: _Moment, *, height: Height, certified: Height, size: int
    ) -> None:
        """Tell of a receipt, of so many bytes, made for a client since `begun`."""
        attributes: dict[str, str | int] = {HEIGHT: height, CERTIFIED: certified, SIZE: size}
        times = begun.seconds, trio.current_time()
        self._tell("receipt", transaction, begun, times, attributes)

    # --- drive's side ---------------------------------------------------------------------------

    def noticed(self, notice: Notice) -> None:
        """Follow what a node comes to."""
        if isinstance(notice, Decided):
            self._decided(notice)
        elif isinstance(notice, Committed):
            self._committed(notice)
        elif isinstance(notice, Certified):
            self._certified = max(self._certified, notice.height)
            self._certify()
        elif isinstance(notice, Expired):
            for transaction in notice.ids:
                taken = self._taken.pop(transaction, None)
                if taken is not None:
                    self._order(transaction, taken, trio.current_time(), Code.EXPIRED, None)

    def _decided(self, notice: Decided) -> None:
        rows, now = list[tuple[Hash, int, _Moment]](), self._moment()
        for transaction, code, _ in notice.outcomes:
            if not is_traced(transaction, self._threshold):
                continue
            taken = self._taken.pop(transaction, None)
            if taken is not None:
                self._order(transaction, taken, now.seconds, code, notice.height)
            if self._has_room(len(rows)):
                rows.append((transaction, code, now if taken is None else taken.at))
        if rows:
            self._in_blocks += len(rows)
            self._storing.append(_Block(notice.height, now.seconds, rows))

    def _order(
        self, transaction: Hash, taken: _Taken, until: Seconds, code: int, height: Height | None
    ) -> None:
        known = _outcome(code, height)
        attributes = {**known, OPERATIONS: taken.operations, SIZE: taken.size}
        self._tell("order", transaction, taken.at, (taken.at.seconds, until), attributes)

    def _committed(self, notice: Committed) -> None:
        old = self._door.wall_nanoseconds() // 1_000_000 - notice.time > OLD_MILLISECONDS
        now = trio.current_time()
        while self._storing and self._storing[0].height <= notice.height:
            block = self._storing.popleft()
            if old:
                self._in_blocks -= len(block.rows)
                continue
            self._tell_block("store", block, now)
            self._certifying.append(_Block(block.height, now, block.rows))
        self._certify()

    def _certify(self) -> None:
        now = trio.current_time()
        while self._certifying and self._certifying[0].height <= self._certified:
            block = self._certifying.popleft()
            self._in_blocks -= len(block.rows)
            self._tell_block("certify", block, now)

    # --- telling --------------------------------------------------------------------------------

    def _tell_block(self, name: str, block: _Block, until: Seconds) -> None:
        times = block.since, until
        for transaction, code, clock in block.rows:
            self._tell(name, transaction, clock, times, _outcome(code, block.height))

    def _tell(
        self,
        name: str,
        transaction: Hash,
        clock: _Moment,
        times: tuple[Seconds, Seconds],
        attributes: dict[str, str | int],
    ) -> None:
        span = Span(
            name=name,
            transaction=transaction,
            id=self._entropy(SPAN_BYTES),
            begin_ns=clock.ns(times[0]),
            end_ns=clock.ns(times[1]),
            attributes={NODE: self._node, **attributes},
        )
        self._door.exporter.offer(span)

    def _moment(self) -> _Moment:
        seconds = trio.current_time()
        return _Moment(seconds, self._door.wall_nanoseconds() - round(seconds * 1e9))

    def _has_room(self, more: int = 0) -> bool:
        if self.open + more < self._open_max:
            return True
        self._telemetry.metrics.traces_dropped.inc()
        return False

    # --- looking after it -----------------------------------------------------------------------

    async def run(self) -> None:
        """Count what became of spans, and forget what is heard of no more, until cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Do it now."""
        exporter, metrics = self._door.exporter, self._telemetry.metrics
        counts = exporter.sent, exporter.lost, exporter.dropped
        grown = [now - before for now, before in zip(counts, self._told, strict=True)]
        self._told = counts
        for fate, more in zip(("sent", "lost", "dropped"), grown, strict=True):
            metrics.spans.labels(fate=fate).inc(more)
        now = trio.current_time()
        if grown[1] and now >= self._away_after:
            self._away_after = now + AWAY_SAID_SECONDS
            self._telemetry.event("trace.collector_away", spans=grown[1])
        ended = now - OPEN_SECONDS_MAX
        late = [each for each, taken in self._taken.items() if taken.at.seconds < ended]
        self.refused(late)
        metrics.traces_dropped.inc(len(late))


async def end_traces(door: TraceDoor) -> None:
    """Send what waits, for a moment, even if cancelled; the rest is given up."""
    with trio.CancelScope(shield=True):
        await trio.to_thread.run_sync(partial(door.exporter.close, END_SECONDS))


def _outcome(code: int, height: Height | None) -> dict[str, str | int]:
    """Return what spans say of an outcome; `height` None: there is no block."""
    known: dict[str, str | int] = {CODE: int(code), OUTCOME: OUTCOMES[code].name}
    return known if height is None else {HEIGHT: height, **known}
