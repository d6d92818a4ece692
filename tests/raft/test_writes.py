"""Tickets, the durable index, and what waits."""

from __future__ import annotations

import pytest

from govchaind.base.errors import InvariantBroken
from govchaind.raft.messages import AppendReply, RaftMessage, Vote
from govchaind.raft.writes import Writes
from tests.raft.disk import store_of

STORE = store_of("n1")


def success(index: int) -> AppendReply:
    return AppendReply(1, STORE, True, index)


def released(writes: Writes) -> list[RaftMessage]:
    return [message for _, message in writes.release()]


def test_completing_a_ticket_completes_all_before_it() -> None:
    writes = Writes(0)
    assert [writes.issue(0.0, index) for index in (3, 5, 9)] == [1, 2, 3]
    assert writes.complete(2)
    assert writes.persisted == 5
    assert not writes.complete(1)
    assert not writes.complete(2)
    assert writes.complete(3)
    assert (writes.persisted, writes.oldest_issued_at) == (9, None)


def test_an_unknown_ticket_cannot_complete() -> None:
    with pytest.raises(InvariantBroken):
        Writes(0).complete(1)


def test_a_truncation_lowers_every_outstanding_ticket() -> None:
    writes = Writes(4)
    writes.issue(0.0, 6)
    writes.issue(0.0, 8)
    writes.truncate(3)
    writes.issue(0.0, 7)
    assert writes.persisted == 2
    writes.complete(2)
    assert writes.persisted == 2
    writes.complete(3)
    assert writes.persisted == 7


def test_a_truncation_drops_answers_that_claim_more() -> None:
    writes = Writes(0)
    for index in (2, 3, 4):
        writes.hold("n2", success(index), index)
    writes.issue(0.0, 4)
    writes.truncate(3)
    writes.issue(0.0, 9)
    writes.complete(2)
    assert released(writes) == [success(2)]


def test_the_hard_state_holds_everything_back() -> None:
    writes = Writes(9)
    writes.hard_changed = True
    vote = Vote(2, True, False, STORE)
    writes.hold("n2", vote)
    assert released(writes) == []
    writes.issue(0.0, 9)
    writes.hard_changed = True  # again, before the first is durable
    writes.issue(0.0, 9)
    writes.complete(1)
    assert released(writes) == []
    writes.complete(2)
    assert released(writes) == [vote]
    assert released(writes) == []


def test_of_several_successes_only_the_highest_leaves() -> None:
    writes = Writes(0)
    for index in (1, 3, 2, 5):
        writes.hold("n2", success(index), index)
    writes.issue(0.0, 3)
    writes.issue(0.0, 5)
    writes.complete(1)
    assert released(writes) == [success(3)]
    writes.complete(2)
    assert released(writes) == [success(5)]


def test_dropped_messages_never_leave() -> None:
    writes = Writes(0)
    writes.hold("n2", success(1), 1)
    writes.issue(1.5, 1)
    assert writes.oldest_issued_at == 1.5
    writes.drop_held()
    writes.complete(1)
    assert released(writes) == []
