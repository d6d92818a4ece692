"""Whatever clerks do about side values and evidence, in whatever order: ledger and model agree."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from netsim.errands import Errand
from netsim.side_papers import SidePapers
from tests.ledger.chain import INSTITUTIONS, key
from tests.ledger.test_delivery_properties import Play

RECORD, REPORT = int(Kind.RECORD_SIDE_VALUE), int(Kind.REPORT_DOUBLE_SIGNING)
OUTCOMES = {
    RECORD: (
        Code.APPLIED,
        Code.SIDE_VALUE_EXISTS,
        Code.SIDE_VALUE_REMOVED,
        Code.BAD_READERS,
        Code.UNKNOWN_REQUEST,
        Code.NOT_OF_THE_REQUEST,
        Code.PARTY_LEFT_OUT,
    ),
    REPORT: (
        Code.APPLIED,
        Code.UNKNOWN_NODE,
        Code.MALFORMED_OPERATION,
        Code.NOT_CONTRADICTORY,
        Code.ALREADY_REPORTED,
        Code.EVIDENCE_NOT_SIGNED,
    ),
}


class SidePlay(Play):
    """A play in which clerks also record texts, have them removed, and accuse nodes."""

    kinds = (RECORD, REPORT)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.sides = SidePapers(self.random, self.model, lambda name: key(f"attest {name}"))

    def step(self) -> None:
        """Have something done about side values or evidence, or what they need."""
        pick = self.random
        if not self.model.keys(b"\x12") or pick.random() < 0.2:
            super().step()
            return
        motion = self.sides.motion()
        if motion is None:
            self._do(self.sides.errand(), 100)
            return
        turn = pick.randrange(1_000, 1_004)
        for name in INSTITUTIONS[:3]:
            vote = (int(Kind.VOTE), [turn, int(motion[0]), motion[1]])
            self._do(Errand((name, "head"), [vote]), 100)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1 << 32))
def test_ledger_and_model_agree_on_texts_and_evidence(seed: int) -> None:
    play = SidePlay(seed)
    for _ in range(100):
        play.step()
    play.check()


def test_such_plays_bring_about_every_outcome_of_texts_and_evidence() -> None:
    seen: Counter[tuple[int, int]] = Counter()
    for seed in range(6):
        play = SidePlay(seed)
        for _ in range(250):
            play.step()
        seen += play.seen
    missing = [(kind, code.name) for kind in OUTCOMES for code in OUTCOMES[kind]
               if not seen[kind, code]]  # fmt: skip
    assert missing == []
