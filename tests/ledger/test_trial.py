"""A motion tried on real history: what differs is told, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.errors import InvalidBlock, Refused
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.results import read_result
from govchaind.ledger.trial import MotionChange, MotionStand, OutcomeChange, Trial
from tests.ledger.chain import INSTITUTIONS, Chain, genesis
from tests.ledger.decided import DAY
from tests.ledger.test_governance import rule

CREATE: tuple[Any, ...] = ("list", "A list", [], "clear", [])
SUSPEND: list[Any] = ["registry", "silence", None]
THREE = INSTITUTIONS[:3]
QUIET = ["quiet-days", 30]


class Memory:
    """A scratch store in memory."""

    def __init__(self) -> None:
        self.values = MemoryReader()

    def reader(self) -> MemoryReader:
        return self.values

    def keep(self, batch: WriteBatch) -> None:
        self.values.apply(batch)


def tried(
    chain: Chain, kind: int, arguments: list[Any], first: int = 1
) -> tuple[list[tuple[int, int, int]], list[MotionChange], Memory]:
    """Replay a chain; return (height, code that was, code that would be), motions, and the store
    of what was."""
    real = Memory()
    trial = Trial(genesis(), int(kind), arguments, first, real=real, tried=Memory())
    changes: list[OutcomeChange] = []
    for step in chain.steps:
        changes += trial.take(step.block)
    assert trial.height == len(chain.steps)
    told = [(change.height, change.was.code, change.would.code) for change in changes]
    return told, trial.motions(), real


def lived() -> Chain:
    """Return a chain on which the registry writes, and three vote for a parameter, one after it."""
    chain = Chain()
    assert chain.do(Kind.CREATE_REGISTER, *CREATE) == 0  # height 1
    assert chain.do(Kind.PUT, "list", b"1", [1], None) == 0
    assert chain.do(Kind.PUT, "list", b"1", [1], 7) == Code.REVISION_CONFLICT
    votes = chain.vote(MotionKind.SET_PARAMETER, QUIET, "registry", "bank", "court")
    assert votes == [0, 0, 0]  # 4 to 6
    return chain


def test_what_a_suspended_institution_did_would_have_been_refused() -> None:
    told, motions, _ = tried(lived(), MotionKind.SUSPEND_INSTITUTION, SUSPEND)
    suspended = Code.INSTITUTION_SUSPENDED
    assert told == [(1, 0, suspended), (2, 0, suspended), (3, Code.REVISION_CONFLICT, suspended),
                    (4, 0, suspended)]  # fmt: skip
    assert motions == []  # two of three carried it as three of four did, at the same height


def test_a_stretch_begins_where_it_is_asked_to() -> None:
    told, _, _ = tried(lived(), MotionKind.SUSPEND_INSTITUTION, SUSPEND, 3)
    assert told == [(3, Code.REVISION_CONFLICT, Code.INSTITUTION_SUSPENDED),
                    (4, 0, Code.INSTITUTION_SUSPENDED)]  # fmt: skip


def test_motions_that_would_not_have_carried_are_told() -> None:
    stricter = rule(MotionKind.SET_PARAMETER, 3, 4)
    told, motions, _ = tried(lived(), MotionKind.SET_RULE, stricter)
    digest = motion_digest(0, MotionKind.SET_PARAMETER, QUIET)
    was, would = MotionStand(3, lived().steps[5].block.time, 6), MotionStand(3, None, None)
    assert told == []
    assert motions == [MotionChange(digest, 13, QUIET, was, would)]


def test_a_motion_with_a_notice_would_have_taken_effect_later() -> None:
    chain = Chain()
    assert chain.vote(5, rule(13, 1, 2, DAY), *THREE)[2] == 0  # heights 1 to 3
    assert chain.vote(13, QUIET, *THREE)[2] == 0  # 4 to 6
    digest = motion_digest(0, 13, QUIET)
    assert chain.do(Kind.ENACT, digest) == Code.NOTICE_NOT_OVER
    chain.apply(after=DAY)
    assert chain.do(Kind.ENACT, digest) == 0  # 9
    told, [motion], _ = tried(chain, MotionKind.SET_RULE, rule(13, 1, 2, 2 * DAY), 4)
    assert told == [(9, 0, Code.NOTICE_NOT_OVER)]
    assert motion.digest == digest
    assert (motion.was or motion.would) is not None
    assert [stand and stand.enacted for stand in (motion.was, motion.would)] == [9, None]


def test_what_would_have_been_refused_itself_is_said() -> None:
    with pytest.raises(Refused, match="before block 1 the motion would have been refused: ") as no:
        tried(lived(), MotionKind.RESTORE_INSTITUTION, ["registry"])
    assert no.value.code == "not-suspended"


def test_without_a_difference_the_real_outcomes_are_those_of_the_chain() -> None:
    chain = lived()
    told, motions, real = tried(chain, MotionKind.SET_PARAMETER, ["warning-days", 30], 2)
    assert (told, motions) == ([], [])
    for step in chain.steps:
        result = read_result(real.values, step.block.height)
        assert result.outcomes_root == step.applied.outcomes_root


def test_a_version_that_is_not_known_yet_can_be_tried() -> None:
    chain = Chain()
    for node, institution in (("node-a", "bank"), ("node-b", "court")):
        assert chain.do(Kind.DECLARE_READY, node, 2, institution=institution) == 0
    chain.apply()
    assert tried(chain, MotionKind.ACTIVATE_UPGRADE, [2, 0], 3)[:2] == ([], [])


def test_blocks_that_do_not_follow_are_refused() -> None:
    chain, other = lived(), Chain()
    other.apply(after=7)
    trial = Trial(genesis(), 11, ["x"], 9, real=Memory(), tried=Memory())
    with pytest.raises(InvalidBlock):
        trial.take(chain.steps[1].block)
    assert trial.take(chain.steps[0].block) == []
    with pytest.raises(InvalidBlock):
        trial.take(chain.steps[0].block)
    other.apply()
    with pytest.raises(InvalidBlock):
        trial.take(other.steps[1].block)


def test_operations_of_any_shape_are_looked_at() -> None:
    chain = Chain()
    for kind, arguments in (
        (Kind.VOTE, [0, 3, "x"]), (Kind.VOTE, ["a", [], []]), (Kind.ENACT, ["x"]),
        (Kind.WITHDRAW, []), (Kind.ENACT, [b"short"]),
    ):  # fmt: skip
        assert chain.do(kind, *arguments) == Code.MALFORMED_OPERATION
    assert tried(chain, 13, QUIET)[:2] == ([], [])
