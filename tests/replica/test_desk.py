"""The write side: one write in flight, merging, what waits for which write."""

from __future__ import annotations

import pytest

from govchaind.base.errors import InvariantBroken
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader
from govchaind.ledger.block import make_block
from govchaind.ledger.membership import membership_of
from govchaind.raft.messages import Entry, HardState, Ready
from govchaind.replica.desk import (
    UNREADABLE,
    Desk,
)
from govchaind.replica.events import Guard, Happened, MembersChanged, Work
from govchaind.replica.memberships import Memberships
from govchaind.replica.patience import AWAITED_SECONDS, PATIENCE_SECONDS
from govchaind.replica.store import View, configuration_of, hard_state
from tests.replica.cluster import EPOCH, genesis_of, member, store_id

GENESIS = genesis_of(["a"])


def entry(index: int, term: int = 1, *, learner: str | None = None) -> Entry:
    membership = None
    if learner is not None:
        membership = membership_of([*GENESIS.nodes, member(learner, "learner")], 0)
    block = make_block(
        chain_id=GENESIS.chain_id,
        height=index,
        previous=bytes(32),
        term=term,
        leader="a",
        time=EPOCH + index,
        membership_digest=GENESIS.membership().digest,
        membership=membership,
    )
    configuration = None if membership is None else configuration_of(membership)
    return Entry(index, term, block, configuration)


def ready(
    entries: list[Entry],
    ticket: int,
    *,
    truncate: int | None = None,
    hard: HardState | None = None,
) -> Ready:
    return Ready([], entries, truncate, hard, ticket, [])


class Writer:
    """A desk and its disk."""

    def __init__(self) -> None:
        self.disk = MemoryReader()
        self.memberships = Memberships([(0, GENESIS.membership(), None)])
        self.desk = Desk(
            view=View(self.disk),
            memberships=self.memberships,
            log_last=0,
            guard=Guard(store_id("a"), 0, None, 0, 0),
        )

    def certify(self, height: int) -> None:
        self.desk.pending.batch.put(height_key(Table.CERTIFICATE, height), b"certificate")
        self.desk.pending.certified = height

    def begin(self, now: float = 0.0) -> Work:
        work = Work()
        self.desk.begin(work, now)
        return work

    def log(self) -> list[int]:
        reader = self.desk.view
        return [i for i in range(1, 9) if reader.get(height_key(Table.LOG, i)) is not None]


def test_one_write_is_in_flight_and_the_rest_is_merged() -> None:
    writer = Writer()
    writer.desk.gather(ready([entry(1)], 1))
    first = writer.begin(1.0)
    assert first.ticket == 1
    assert first.write is not None
    writer.desk.gather(ready([entry(2)], 2))
    writer.desk.gather(ready([entry(3)], 3, hard=HardState(4, "b")))
    assert writer.begin(2.0).write is None
    assert writer.log() == [1, 2, 3]  # seen, though nothing is durable
    assert writer.desk.waiting_seconds(3.5) == 2.5
    assert writer.desk.complete(1).raft_ticket == 1
    assert writer.desk.guard.term == 0
    writer.disk.apply(first.write)
    second = writer.begin(4.0)
    assert second.write is not None
    done = writer.desk.complete(second.ticket)
    assert done.raft_ticket == 3
    assert (writer.desk.guard.term, writer.desk.guard.vote) == (4, "b")
    writer.disk.apply(second.write)
    assert hard_state(writer.disk) == HardState(4, "b")
    assert writer.log() == [1, 2, 3]


def test_notices_wait_for_their_write_and_leave_at_once_without_one() -> None:
    writer = Writer()
    writer.desk.pending.notices.append(Happened("x", {}))
    assert [type(item) for item in writer.begin().notices] == [Happened]
    assert writer.begin().notices == []
    writer.desk.gather(ready([entry(1)], 1))
    writer.desk.pending.notices.append(Happened("y", {}))
    work = writer.begin()
    assert work.notices == []
    assert writer.desk.complete(work.ticket).notices == [Happened("y", {})]


def test_certificates_alone_wait_for_what_is_written_next() -> None:
    writer = Writer()
    writer.certify(7)
    assert writer.begin(1.0).write is None
    assert writer.desk.deadline == 1.0 + PATIENCE_SECONDS
    writer.desk.gather(ready([entry(1)], 1))
    together = writer.begin(1.001).write
    assert together is not None
    assert len(together.changes) == 2
    assert writer.desk.deadline == float("inf")


def test_certificates_alone_wait_a_moment_only() -> None:
    writer = Writer()
    writer.certify(7)
    assert writer.begin(1.0).write is None
    work = writer.begin(writer.desk.deadline)
    assert work.write is not None
    writer.desk.complete(work.ticket)
    writer.certify(8)  # a moment of its own
    assert writer.begin(2.0).write is None
    assert writer.desk.deadline == 2.0 + PATIENCE_SECONDS


def test_a_certificate_that_is_waited_for_is_written_at_once() -> None:
    writer = Writer()
    writer.certify(7)
    assert writer.begin(1.0).write is None
    writer.desk.certificate_awaited(1.001)
    work = writer.begin(1.001)
    assert work.write is not None
    writer.desk.complete(work.ticket)
    writer.certify(8)
    assert writer.begin(1.001 + AWAITED_SECONDS).write is None


def test_a_truncation_takes_rows_and_memberships_with_it() -> None:
    writer = Writer()
    writer.desk.gather(ready([entry(1), entry(2, learner="b"), entry(3)], 1))
    assert writer.memberships.latest().member("b") is not None
    writer.desk.gather(ready([entry(2, 2)], 2, truncate=2))
    assert writer.log() == [1, 2]
    assert writer.memberships.latest() == GENESIS.membership()
    work = writer.begin()
    assert work.write is not None
    writer.disk.apply(work.write)
    done = writer.desk.complete(work.ticket)
    assert writer.log() == [1, 2]
    assert writer.disk.get(height_key(Table.MEMBERSHIP, 2)) is None
    assert [item.height for item in done.notices if isinstance(item, MembersChanged)] == [2, 2]
    writer.desk.gather(ready([entry(3, 2, learner="c")], 3))
    assert writer.memberships.latest_index == 3


def test_only_the_write_in_flight_completes() -> None:
    writer = Writer()
    with pytest.raises(InvariantBroken):
        writer.desk.complete(1)
    writer.desk.gather(ready([entry(1)], 1))
    work = writer.begin()
    with pytest.raises(InvariantBroken):
        writer.desk.complete(work.ticket + 1)
    writer.desk.complete(work.ticket)
    with pytest.raises(InvariantBroken):
        writer.desk.complete(work.ticket)


def test_nothing_is_read_between_steps() -> None:
    with pytest.raises(InvariantBroken):
        UNREADABLE.get(b"x")
    with pytest.raises(InvariantBroken):
        UNREADABLE.scan(b"a", b"b")
