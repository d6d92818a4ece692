"""Side values: who records one for whom, and that its removal breaks nothing and is for good."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.limits import SIDE_READERS_MAX, SIDE_SEALED_BYTES_MAX
from govchaind.ledger.operations import side_values as s
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state import State
from tests.ledger.exchange import DETAILS, with_request
from tests.ledger.set_beside import (
    ABOUT,
    READERS,
    REMOVE,
    SEALED,
    record,
    recorded,
    remove,
    removed_one,
    side_value,
)


def test_a_side_value_is_recorded_for_its_readers() -> None:
    chain = with_request()
    before = chain.ledger.time
    assert record(chain) == 0
    found = side_value(chain)
    assert found[:5] == ["head", SEALED, 2000, READERS, ABOUT]
    assert found[s.RECORDED] > before
    assert found[s.REMOVED] is None
    assert found[s.HEIGHT] == chain.ledger.height


def test_another_institution_cannot_take_a_commitment_away() -> None:
    chain = with_request()
    assert record(chain, institution="ministry", about=None) == 0
    assert record(chain) == 0  # the bank's own, under the same commitment
    assert side_value(chain, "ministry")[s.ABOUT] is None


@pytest.mark.parametrize(
    ("readers", "code"),
    [
        ([["registry", "head"], ["court", "head"]], Code.APPLIED),
        ([["registry", "head"], ["court", "pair"]], Code.PARTY_LEFT_OUT),  # not the supervisor
        ([["court", "head"]], Code.PARTY_LEFT_OUT),  # the provider
        ([["registry", "head"], ["court", "nobody"]], Code.BAD_READERS),
    ],
)
def test_what_is_about_a_request_is_for_both_parties_and_the_supervisor(
    readers: list[list[str]], code: int
) -> None:
    assert record(with_request(), readers=readers) == code


def test_provider_and_supervisor_record_too() -> None:
    chain = with_request()
    bank, registry, court = ["bank", "head"], ["registry", "head"], ["court", "head"]
    assert record(chain, institution="registry", readers=[bank, court]) == 0
    assert record(chain, institution="court", readers=[bank, registry]) == 0
    assert record(chain, institution="court", readers=[bank], commitment=b"o" * 32) == (
        Code.PARTY_LEFT_OUT
    )
    assert record(chain, about=["bank", "r-9"]) == Code.UNKNOWN_REQUEST


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 0},
        {"length": SIDE_SEALED_BYTES_MAX + 1},
        {"readers": []},
        {"readers": [["bank", "head"]] * (SIDE_READERS_MAX + 1)},
        {"commitment": b"short"},
        {"about": ["bank"]},
    ],
)
def test_other_shapes_are_refused(changes: dict[str, Any]) -> None:
    assert record(with_request(), **changes) == Code.MALFORMED_OPERATION


def test_a_vote_removes_it_and_leaves_ground_and_day() -> None:
    chain = recorded()
    before = side_value(chain)
    assert chain.vote(MotionKind.REMOVE_SIDE_VALUE, REMOVE, "court", "ministry") == [0, 0]
    assert side_value(chain) == before  # two of four are not more than half
    assert chain.vote(MotionKind.REMOVE_SIDE_VALUE, REMOVE, "registry") == [0]
    found = side_value(chain)
    assert found[s.REMOVED] == ["personal-data", chain.ledger.time]
    assert found[:6] == before[:6]
    assert found[s.HEIGHT] == chain.ledger.height


def test_what_was_removed_stays_removed() -> None:
    chain = removed_one()
    assert record(chain) == Code.SIDE_VALUE_REMOVED
    assert remove(chain, turn=1) == Code.SIDE_VALUE_REMOVED
    assert side_value(chain)[s.REMOVED] is not None


def test_one_office_cannot_remove_what_it_recorded() -> None:
    """Only a vote can: who typed it may want it away for other reasons."""
    chain = recorded()
    assert chain.vote(MotionKind.REMOVE_SIDE_VALUE, REMOVE, "bank") == [0]
    assert side_value(chain)[s.REMOVED] is None
    assert chain.do(71, DETAILS, institution="bank") == Code.UNKNOWN_OPERATION


def test_state_and_blocks_hold_no_byte_of_the_text() -> None:
    """All that is on the ledger has a fixed size but for the names: a text finds no room."""
    chain = removed_one()
    raw = [item.body for step in chain.steps for item in step.block.transactions]
    recording = [body for body in raw if SEALED in body]
    assert len(recording) == 1
    assert len(recording[0]) < 400
    rows = [row for _, row, _ in State().scan(chain.store, b"\x20", limit=10)]
    assert [len(row) < 300 for row in rows] == [True]
    assert int(Kind.RECORD_SIDE_VALUE) == 70
