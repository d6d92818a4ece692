"""The model's side values and the ledger's agree, on whatever anybody may send."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_state import Act, WorkingState
from netsim.model import governance, shapes, side_values
from netsim.model.ledger import Draft
from tests.ledger.chain import INSTITUTIONS, Chain
from tests.ledger.exchange import DETAILS, value
from tests.ledger.set_beside import ABOUT, READERS, SEALED, record, removed_one

OTHER = b"o" * 32
NAMES = st.sampled_from([*INSTITUTIONS, "nobody"])
OFFICES = st.tuples(NAMES, st.sampled_from(["head", "pair"])).map(list)
COMMITMENTS = st.sampled_from([DETAILS, OTHER, b"n" * 32, b"short"])


@cache
def chain() -> Chain:
    """Return a chain with a request, a side value that was removed, and one that was not."""
    made = removed_one()
    assert record(made, commitment=OTHER) == 0
    return made


class Seen:
    """A chain's state as one transaction of the model sees it."""

    def __init__(self, institution: str, office: str) -> None:
        self.institution, self.office = institution, office
        self.height, self.time = chain().ledger.height + 1, chain().ledger.time + 5
        self.changes: dict[bytes, Any] = {}

    def get(self, key: bytes) -> Any:
        return value(chain(), key)

    def put(self, key: bytes, changed: Any) -> None:
        self.changes[key] = changed


def compare(seen: Seen, table: Any, run: Any, judge: Any, model: Any, sent: list[Any]) -> int:
    """Run both; return the code on which they agree, or -1 for a shape that both refuse."""
    try:
        arguments = shaped(sent, table.shape)
    except InvalidEncoding:
        assert not judge(sent)
        return -1
    assert judge(sent)
    working = WorkingState(chain().ledger._state, chain().store, {})
    chain_id = chain().genesis.chain_id
    act = Act(seen.institution, seen.office, seen.height, seen.time, chain_id)
    code = int(run(arguments, act, working))
    assert model(cast("Draft", seen), sent) == code
    if code == 0:
        assert {key: working.decoded(key) for key in working.draft} == seen.changes
    return code


@settings(max_examples=400, deadline=None)
@given(
    OFFICES,
    COMMITMENTS,
    st.sampled_from([0, 1, 64 * 1024, 64 * 1024 + 1]),
    st.one_of(
        st.just([*READERS, ["bank", "head"]]),
        st.lists(OFFICES, max_size=4),
        st.just([["bank", "head"]] * 17),
    ),
    st.sampled_from([None, ABOUT, ["bank", "r-9"], ["court", "r-1"], ["bank"]]),
)
def test_recording(
    author: list[str], commitment: bytes, length: int, readers: list[Any], about: Any
) -> None:
    kind = int(Kind.RECORD_SIDE_VALUE)
    table, judge = OPERATIONS[kind], shapes.OPERATIONS[kind]
    sent = [commitment, SEALED, length, readers, about]
    compare(Seen(*author), table, table.apply, judge, side_values.record, sent)


@settings(max_examples=50, deadline=None)
@given(NAMES, COMMITMENTS, st.sampled_from(["personal-data", "Bad ground"]))
def test_removing(institution: str, commitment: bytes, ground: str) -> None:
    kind = int(MotionKind.REMOVE_SIDE_VALUE)
    table, judge = MOTIONS[kind], shapes.MOTIONS[kind]
    sent = [institution, commitment, ground]
    compare(Seen("court", "head"), table, table.enact, judge, side_values.remove, sent)


def test_each_end_is_reached() -> None:
    """What is drawn above comes to every code there is, or the comparison would be of nothing."""
    kind = int(Kind.RECORD_SIDE_VALUE)
    table, judge = OPERATIONS[kind], shapes.OPERATIONS[kind]
    new, whole = b"n" * 32, [*READERS, ["bank", "head"]]
    sent = [
        (["bank", "head"], [new, SEALED, 1, READERS, ABOUT]),
        (["bank", "head"], [OTHER, SEALED, 1, READERS, ABOUT]),
        (["bank", "head"], [DETAILS, SEALED, 1, READERS, ABOUT]),
        (["bank", "head"], [new, SEALED, 1, [["nobody", "head"]], None]),
        (["bank", "head"], [new, SEALED, 1, READERS[:1], ABOUT]),
        (["ministry", "head"], [new, SEALED, 1, whole, ABOUT]),
        (["bank", "head"], [new, SEALED, 1, READERS, ["bank", "r-9"]]),
        (["court", "head"], [new, SEALED, 1, [*READERS[:1], ["bank", "head"]], ABOUT]),
    ]
    codes = [
        compare(Seen(*author), table, table.apply, judge, side_values.record, arguments)
        for author, arguments in sent
    ]
    assert codes == [0, 400, 402, 403, 404, 405, 316, 0]


def test_the_model_knows_a_rule_for_every_kind_of_motion() -> None:
    """The rule of `set-rule` is the strictest of all, so one that is left out shows late."""
    assert set(governance.KINDS) == set(shapes.MOTIONS) == {int(kind) for kind in MotionKind}
