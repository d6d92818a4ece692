"""Whatever institutions do to delivery keys, deliveries and erasures, in whatever order.

Offices that may and offices that may not act on what is there, as netsim's clerks do, with time
between them that lets deadlines pass. The ledger is compared with netsim's model of it, which was
written from the documentation; a refused transaction leaves nothing; an erasure is on the list of
open ones exactly as long as somebody has not answered.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.keyspace import Table
from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state import State, check_state
from govchaind.ledger.state_keys import DELIVERY, ERASURE, erasure_key
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.working_state import WorkingState
from netsim.delivery_errands import DeliveryErrands
from netsim.errands import Errand, Errands
from netsim.model.ledger import Model
from tests.ledger.chain import INSTITUTIONS, Chain

TICK = 100
PAUSES = (TICK, TICK, 1000, 3000, 61_000, 3_600_000)
LIVE_IDS = Table.STATE.value + b"\x09"
KINDS = range(50, 59)


class Play:
    """A chain, the model of it, and what came of each operation of `kinds`."""

    kinds: Sequence[int] = KINDS

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.chain = Chain()
        self.model = Model(self.chain.genesis)
        self.errands = Errands(self.random, self.model)
        self.deliveries = DeliveryErrands(self.random, self.model)
        self.seen: Counter[tuple[int, int]] = Counter()

    def step(self) -> None:
        """Have a motion carried that requests need, or one errand done."""
        pick, now = self.random, self.chain.ledger.time + TICK
        motion = self.errands.ground(now)
        if motion is not None:
            turn = pick.randrange(4)
            for name in INSTITUTIONS[:3]:
                vote = (int(Kind.VOTE), [turn, int(motion[0]), motion[1]])
                self._do(Errand((name, "head"), [vote]), TICK)
            return
        given = self.deliveries.errands(now) if pick.random() < 0.75 else []
        for errand in given or [self.errands.errand(now)]:
            self._do(errand, pick.choice(PAUSES))

    def _do(self, errand: Errand, after: int) -> None:
        name, office = errand.author
        raw = self.chain.raw(
            *[(int(kind), arguments) for kind, arguments in errand.operations],
            institution=name,
            office_name=office,
            signers=[f"{name} one", f"{name} two"] if office == "pair" else [f"{name} head"],
            valid_until=self.chain.ledger.time + 24 * 3_600_000,
        )
        before = self._rows()
        block = self.chain.block(raw, after=after)
        applied, result = self.chain.take(block), self.model.apply(block)
        [outcome] = applied.outcomes
        assert (outcome.code, outcome.operation) == result.outcomes[0][2:]
        for place, value in result.changes.items():
            assert self._value(place) == value, place
        if outcome.code:
            assert self._rows() == before, "a refused transaction left a trace"
        for kind, _ in errand.operations:
            if kind in self.kinds:
                self.seen[int(kind), outcome.code] += 1

    def _rows(self) -> dict[bytes, bytes]:
        """Return all rows of the state but the memory of used ids."""
        return {
            row: value
            for row, value in self.chain.store.values.items()
            if row[:1] == Table.STATE.value and not row.startswith(LIVE_IDS)
        }

    def _value(self, place: bytes) -> Any:
        return WorkingState(self.chain.ledger._state, self.chain.store, {}).decoded(place)

    def check(self) -> None:
        """Compare the list of open erasures with the deliveries, and the tree with the rows."""
        awaited = set()
        for key, _, _ in State().scan(self.chain.store, DELIVERY, limit=10_000):
            value = self._value(key)
            erasure = value[ledger.ERASURE]
            if erasure and any(each[ledger.ANSWER] is None for each in erasure[2]):
                requester, reference = key[1:-5].decode().split("\0")
                number = int.from_bytes(key[-4:], "big")
                awaited.add(erasure_key(erasure[0], requester, reference, number))
        listed = {key for key, _, _ in State().scan(self.chain.store, ERASURE, limit=10_000)}
        assert listed == awaited
        check_state(self.chain.store, StateTree())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1 << 32))
def test_ledger_and_model_agree_and_refusals_leave_nothing(seed: int) -> None:
    play = Play(seed)
    for _ in range(120):
        play.step()
    play.check()


def test_such_plays_bring_about_every_outcome_of_deliveries() -> None:
    seen: Counter[tuple[int, int]] = Counter()
    for seed in range(4):
        play = Play(seed)
        for _ in range(250):
            play.step()
        seen += play.seen
    assert {kind for kind, code in seen if code == 0} == set(KINDS)
    met = {code for _, code in seen}
    unmet = {code for code in Code if 350 <= code < 380} - met
    assert unmet <= {Code.NO_DELIVERY_KEY}  # these clerks publish both sides' keys first
