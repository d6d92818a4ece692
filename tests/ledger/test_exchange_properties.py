"""Whatever institutions do to duties, the catalogue, requests and grants, in whatever order.

Offices that may and offices that may not act on what is there, as netsim's clerks do, with days
between them; block times fall on the last millisecond of a clock and on the first one behind it.
The ledger is compared with netsim's model of it, which was written from the documentation.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.keyspace import Table
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state import check_state
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.working_state import WorkingState
from netsim.errands import DAY, Errand, Errands
from netsim.model import clocks
from netsim.model.exchange import DUE, OFFICE, PROVIDER, UNDER
from netsim.model.ledger import Model
from tests.ledger.chain import INSTITUTIONS, Chain

TICK = 100
LIVE_IDS = Table.STATE.value + b"\x09"
PROVIDERS = {Kind.GRANT, Kind.REFUSE}
REQUESTERS = {Kind.APPEAL, Kind.WITHDRAW_REQUEST}
CATALOGUE = {Kind.PUBLISH_DATA_SET, Kind.REVISE_DATA_SET, Kind.RETIRE_DATA_SET}


class Play:
    """A chain, the model of it, and what was seen to be applied."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.chain = Chain()
        self.model = Model(self.chain.genesis)
        self.errands = Errands(self.random, self.model)
        self.applied: Counter[int] = Counter()

    def step(self) -> None:
        """Let time pass, then have one errand done, or a motion carried."""
        self._pass()
        now = self.chain.ledger.time + TICK
        motion = self.errands.ground(now)
        if motion is None:
            errand = self.errands.errand(now)
            before = dict(self.chain.store.values)
            model_before = [self._may(errand, *operation) for operation in errand.operations]
            code = self._block(errand)
            if code:
                assert self._rows(before) == self._rows(self.chain.store.values), "a trace"
                return
            assert all(model_before), f"{errand} by an office that may not"
            self.applied.update(kind for kind, _ in errand.operations)
            return
        turn = self.random.randrange(4)
        for name in INSTITUTIONS[:3]:
            vote = (int(Kind.VOTE), [turn, int(motion[0]), motion[1]])
            self._block(Errand((name, "head"), [vote]))

    def _pass(self) -> None:
        """Make an empty block after a while: often just as a clock ends, or has ended."""
        ledger, pick = self.chain.ledger, self.random
        ends = [self.model.get(each)[DUE] for each in self.model.keys(b"\x12")]
        ends = [end + late - TICK for end in ends for late in (0, 1) if end > ledger.time + TICK]
        choice = pick.random()
        if choice < 0.25 and ends:
            self._take([], max(1, pick.choice(ends) - ledger.time))
        elif choice < 0.45:
            self._take([], pick.choice((3_600_000, DAY, 3 * DAY, 12 * DAY)))

    def _block(self, errand: Errand) -> int:
        raw = self.chain.raw(
            *[(int(kind), arguments) for kind, arguments in errand.operations],
            institution=errand.author[0],
            office_name=errand.author[1],
            signers=self._signers(errand),
            valid_until=self.chain.ledger.time + 60_000,
        )
        return self._take([raw], TICK)

    def _signers(self, errand: Errand) -> list[str]:
        name, office = errand.author
        return [f"{name} one", f"{name} two"] if office == "pair" else [f"{name} head"]

    def _take(self, raws: list[bytes], after: int) -> int:
        """Apply a block to both; compare what comes of it; return the outcome's code."""
        block = self.chain.block(*raws, after=after)
        applied, result = self.chain.take(block), self.model.apply(block)
        told = [(each.code, each.operation) for each in applied.outcomes]
        assert told == [(code, place) for _, _, code, place in result.outcomes]
        state = WorkingState(self.chain.ledger._state, self.chain.store, {})
        for place in result.changes:
            assert state.decoded(place) == self.model.get(place), place
        return told[0][0] if told else 0

    def _rows(self, values: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Return all rows of the state but the memory of used ids."""
        return {
            row: value
            for row, value in values.items()
            if row[:1] == Table.STATE.value and not row.startswith(LIVE_IDS)
        }

    # --- who may -----------------------------------------------------------------------------

    def _may(self, errand: Errand, kind: int, arguments: list[Any]) -> bool:
        """Say whether the author is an office that may do this, if anybody may."""
        author = list(errand.author)
        if kind in (Kind.ASSIGN_DUTY, Kind.END_DUTY):
            return self._governs(author)
        if kind in CATALOGUE:
            return self._governs(author) or author[1] in self._duty_offices(author[0])
        if kind == Kind.REQUEST:
            return True
        own = kind in REQUESTERS or kind == Kind.USE_GRANT
        requester, reference = (author[0], arguments[0]) if own else arguments[:2]
        asked = self.model.get(b"\x12" + f"{requester}\0{reference}".encode())
        if asked is None:
            return False
        if own:
            return self._governs(author) or author[1] == asked[OFFICE]
        supervisor = self.model.get(clocks.terms_key(asked[UNDER]))[clocks.SUPERVISOR]
        if kind == Kind.RULE:
            return bool(author == supervisor)
        if kind not in PROVIDERS and author == supervisor:
            return True
        offices = self._duty_offices(asked[PROVIDER])
        return author[0] == asked[PROVIDER] and (self._governs(author) or author[1] in offices)

    def _governs(self, author: list[str]) -> bool:
        return bool(self.model.get(b"\x01" + author[0].encode())[2] == author[1])

    def _duty_offices(self, institution: str) -> set[str]:
        return {self.model.get(each)[1] for each in self.model.keys(b"\x0e" + institution.encode())}

    # --- at the end --------------------------------------------------------------------------

    def same_everywhere(self) -> None:
        """Compare every value of the state with the model's, and those that should not be there."""
        stored = {row[1:] for row in self.chain.store.values if row[:1] == Table.STATE.value}
        assert stored == set(self.model.versions)
        state = WorkingState(self.chain.ledger._state, self.chain.store, {})
        for place in stored:
            assert state.decoded(place) == self.model.get(place), place

    def totals(self) -> list[int]:
        rows = [self.model.get(each) for each in self.model.keys(b"\x14")]
        return [sum(each) for each in zip(*rows, strict=True)] or [0] * clocks.ENTRIES


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 120))
def test_ledger_and_model_agree_and_accounts_add_up(seed: int, steps: int) -> None:
    play = Play(seed)
    for _ in range(steps):
        play.step()
        for place in play.model.keys(b"\x13"):
            grant = play.model.get(place)
            assert grant[10] is None or grant[11] <= grant[10]
    play.same_everywhere()
    check_state(play.chain.store, StateTree())
    done, sums = play.applied, play.totals()
    silences = sums[clocks.IN_TIME] + sums[clocks.LATE] - done[Kind.GRANT] - done[Kind.REFUSE]
    assert 0 <= silences <= done[Kind.APPEAL]  # a silence that is appealed against counts as late
    assert sums[clocks.GRANTED] == done[Kind.GRANT] == len(play.model.keys(b"\x13"))
    assert sums[clocks.REFUSED] == done[Kind.REFUSE]
    assert sums[clocks.ASKED] == done[Kind.REQUEST] == len(play.model.keys(b"\x12"))
    assert sums[clocks.UPHELD] + sums[clocks.OVERTURNED] == done[Kind.RULE]
    sums_of_institutions = [play.model.get(each) for each in play.model.keys(b"\x10")]
    for side in (0, 1):
        rows = [row[side] for row in sums_of_institutions if row[side]]
        assert [sum(each) for each in zip(*rows, strict=True)] == (sums if rows else [])
    uses = sum(play.model.get(each)[11] for each in play.model.keys(b"\x13"))
    assert sums[clocks.USED] == done[Kind.USE_GRANT] == uses
