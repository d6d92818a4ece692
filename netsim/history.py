"""What clients did and were told, and what the chain says: I-17 to I-20 from outside.

Linearizability is checked twice. In linear time from the heights that answers name, while the run
goes on (`checker/heights.py`); and at its end by search, per key, from the calls and answers alone,
which does not believe the heights (`checker/search.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.ledger.results import read_result
from govchaind.replica.events import Decided
from govchaind.replica.marker import first_height
from netsim.checker.heights import Heights
from netsim.checker.search import FOREVER, Answer, Span, search
from netsim.properties.base import Violation

SEARCH_BUDGET = 20_000


@dataclass(slots=True)
class Operation:
    """One call of a client. `ended` None: no answer; it may have happened, or happen yet."""

    client: int
    kind: str  # put, cas, read
    key: bytes
    value: int
    expected: int | None
    begun: float
    floor: int  # the greatest height that anybody had been told of when it began
    id: Hash = b""
    ended: float | None = None
    code: int | None = None
    height: int = 0
    revision: int = 0  # read: what was read; 0 is no record
    node: NodeId = ""


class History:
    """All calls, all heights, and the greatest height told."""

    def __init__(self, *, watched: bool) -> None:
        self._watched = watched
        self.operations: list[Operation] = []
        self.blocks: dict[int, Decided] = {}
        self.by_id: dict[Hash, tuple[int, int]] = {}  # id → (height, code) of its first outcome
        self._puts: dict[Hash, Operation] = {}
        self._heights = Heights()
        self._replayed = 0
        self.acknowledged: list[tuple[Hash, int, int, NodeId]] = []
        self.certified: list[tuple[int, NodeId]] = []

    @property
    def floor(self) -> int:
        """Return the greatest height that anybody was told of."""
        return self._heights.told

    def begin(self, operation: Operation) -> None:
        self.operations.append(operation)
        if operation.id:
            self._puts[operation.id] = operation

    def block(self, notice: Decided) -> None:
        """Take a height's outcomes; the first telling is remembered."""
        if notice.height in self.blocks:
            return
        self.blocks[notice.height] = notice
        while (found := self.blocks.get(self._replayed + 1)) is not None:
            self._replayed += 1
            self._replay(found)

    def fill(self, store: KeyValueReader, applied: int) -> None:
        """Take from a store what nobody came to tell: its node died between write and word."""
        while self._replayed < applied:
            height = self._replayed + 1
            rows = read_result(store, height).outcomes
            self.block(Decided(height, [(row[0], row[2], row[3]) for row in rows], None))

    def _replay(self, notice: Decided) -> None:
        for transaction, code, _ in notice.outcomes:
            if code != Code.DUPLICATE:
                self.by_id.setdefault(transaction, (notice.height, code))
            put = self._puts.get(transaction)
            if put is not None and code == Code.APPLIED:
                self._heights.write(put.key, notice.height, put.value)

    def state_at(self, key: bytes, height: int) -> tuple[int, int] | None:
        """Return (revision, value) of `key` after `height`; None if that height is not replayed."""
        return None if height > self._replayed else self._heights.state(key, height)

    def answered(self, operation: Operation, now: float) -> None:
        """Take an answer: nothing that began after an earlier one may lie before it."""
        operation.ended = now
        read = operation.kind == "read"
        counts = read or operation.code == Code.APPLIED
        late = self._heights.is_late(operation.floor, operation.height, wrote=not read)
        if counts and late and self._watched:
            raise Violation(
                "I-20",
                operation.node,
                f"{operation.kind} begun after height {operation.floor} was told is answered at "
                f"height {operation.height}",
            )
        self._heights.tell(operation.height)

    def check_read(self, operation: Operation) -> None:
        """A read must show the state of the height that it names."""
        state = self.state_at(operation.key, operation.height)
        if self._watched and state is not None and state != (operation.revision, operation.value):
            raise Violation(
                "I-20",
                operation.node,
                f"reads revision {operation.revision} of {operation.key!r} at height "
                f"{operation.height}, where it is {state[0]}",
            )

    def check_acknowledged(
        self, committed: int, stores: Sequence[tuple[NodeId, KeyValueReader, int]]
    ) -> None:
        """I-18: what was told as committed or certified is in the committed log, and each of the
        live members' stores has it where it was told to be."""
        for transaction, height, code, node in self.acknowledged:
            told = f"{transaction.hex()[:12]} at height {height}, told by {node}"
            if height > committed or self.by_id.get(transaction) != (height, code):
                raise Violation("I-18", node, f"{told}: it is at {self.by_id.get(transaction)}")
            for name, store, applied in stores:
                if applied < height:
                    continue  # it fell behind again, in the last disturbance
                if height < first_height(store):
                    continue  # it has joined by snapshot above, or removed the block
                outcomes = read_result(store, height).outcomes
                if (transaction, code) not in [(each[0], each[2]) for each in outcomes]:
                    raise Violation("I-18", name, f"{told}: here it is not in that height")
        for height, node in self.certified:
            if height > committed:
                raise Violation("I-18", node, f"told that {height} is certified, of {committed}")

    def check_search(self) -> list[tuple[bytes, str]]:
        """I-20 by search, per key: return (key, yes or unknown). Raises Violation on no."""
        verdicts = []
        hints: dict[Hash, tuple[int, int]] = {}
        for height in range(1, self._replayed + 1):
            for place, (transaction, code, _) in enumerate(self.blocks[height].outcomes):
                if code == Code.APPLIED:  # what was refused has done nothing
                    hints.setdefault(transaction, (height, place))
        for key in sorted({operation.key for operation in self.operations}):
            calls = [each for each in self.operations if each.key == key]
            verdict = linearizable(calls, hints)
            if verdict is False:
                raise Violation("I-20", "-", f"the history of {key!r} has no linearization")
            verdicts.append((key, "yes" if verdict else "unknown"))
        return verdicts


_Register = tuple[int, int]  # revision and value
_Effect = Callable[[_Register], _Register | None]


def _effect(call: Operation) -> _Effect:
    """Return what gives the state after `call`, None where it cannot be answered so.

    A search asks tens of thousands of times: what hangs on the call alone is decided here.
    """
    expected, value = call.expected, call.value
    if call.kind == "read":
        seen = (call.revision, value)
        return lambda state: state if state == seen else None
    if call.code == Code.REVISION_CONFLICT:
        return lambda state: None if expected is None or expected == state[0] else state
    if call.code in (Code.APPLIED, None):
        if expected is None:
            return lambda state: (state[0] + 1, value)
        if call.code is None:
            return lambda state: (expected + 1, value) if state[0] == expected else state
        return lambda state: (expected + 1, value) if state[0] == expected else None
    return lambda state: state  # refused for another reason: no effect


def linearizable(
    calls: list[Operation],
    hints: Mapping[Hash, tuple[int, int]],
    budget: int = SEARCH_BUDGET,
) -> bool | None:
    """Search an order that explains one key's answers; None: the budget was not enough.

    A read without an answer explains nothing and is left out. `hints` (height and place in its
    block, by id) say only what to try first: a wrong one costs time, and never changes the answer.
    """
    kept = [each for each in calls if each.kind != "read" or each.ended is not None]
    found = search([_span(each, hints) for each in kept], (0, 0), budget)
    return {Answer.YES: True, Answer.NO: False, Answer.UNKNOWN: None}[found.answer]


def _span(call: Operation, hints: Mapping[Hash, tuple[int, int]]) -> Span[_Register]:
    return Span(
        begun=call.begun,
        ended=FOREVER if call.ended is None else call.ended,
        effect=_effect(call),
        pure=call.kind == "read" or call.code not in (Code.APPLIED, None),
        rank=_likely(call, hints),
    )


def _likely(call: Operation, hints: Mapping[Hash, tuple[int, int]]) -> tuple[float, ...]:
    """Return what orders calls as the chain probably did: writes before reads of one height."""
    height, place = hints.get(call.id, (call.height, 0))
    return (height or float("inf"), call.kind == "read", place, call.begun)
