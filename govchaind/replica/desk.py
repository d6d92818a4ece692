"""What is to be written: gathered, handed out one write at a time, and what waits for each.

Rules it keeps: one write is in flight; what gathers meanwhile is the next one; the view shows both
on top of what is durable; the guard's facts move only with durable writes. Certificates alone wait
a moment for what else is to be written, unless somebody waits for them: a lone transaction would
cost each node a third write.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from govchaind.base.encoding import encode
from govchaind.base.errors import InvariantBroken, invariant
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height, Seconds
from govchaind.ledger.membership import Membership
from govchaind.ledger.recovery import Recovery
from govchaind.raft.messages import Ready
from govchaind.replica.events import Guard, Happened, MembersChanged, Work
from govchaind.replica.execution import Pending
from govchaind.replica.memberships import Memberships
from govchaind.replica.patience import Patience
from govchaind.replica.store import HARD_STATE, View, block_of, log_row, membership_row


class Desk:
    """The write side of a replica."""

    def __init__(
        self, *, view: View, memberships: Memberships, log_last: Height, guard: Guard
    ) -> None:
        self.view = view
        self.pending = Pending()
        view.pending = self.pending.batch
        self.guard = guard
        self.log_last = log_last  # of the log's rows, unwritten ones included
        self._memberships = memberships
        self._in_flight: tuple[int, Pending, Seconds] | None = None
        self._ticket = 0
        self._patience = Patience()  # with certificates that nothing else goes with

    def gather(self, ready: Ready) -> None:
        """Put what Raft wants durable into the next write."""
        pending = self.pending
        batch = pending.batch
        if ready.truncate_from is not None:
            for index in range(ready.truncate_from, self.log_last + 1):
                batch.delete(height_key(Table.LOG, index))
            for index in self._memberships.truncate(ready.truncate_from):
                batch.delete(height_key(Table.MEMBERSHIP, index))
                pending.notices.append(MembersChanged(index))
            values = {"first": ready.truncate_from, "last": self.log_last}
            pending.notices.append(Happened("raft.log_truncated", {**values}))
            self.log_last = ready.truncate_from - 1
        for entry in ready.entries:
            batch.put(height_key(Table.LOG, entry.index), log_row(entry))
            block = block_of(entry)
            if block.membership is not None:
                self.bring_in_force(entry.index, block.membership, block.recovery)
        if ready.entries:
            self.log_last = ready.entries[-1].index
        if ready.hard_state is not None:
            hard = ready.hard_state
            batch.put(HARD_STATE, encode([hard.term, hard.vote]))
            pending.hard_state = hard
        pending.raft_ticket = ready.ticket

    def bring_in_force(
        self, index: Height, membership: Membership, recovery: Recovery | None
    ) -> None:
        if index <= self._memberships.latest_index:
            return
        self._memberships.append(index, membership, recovery)
        row = membership_row(membership, recovery)
        self.pending.batch.put(height_key(Table.MEMBERSHIP, index), row)
        self.pending.notices.append(MembersChanged(index))
        voters = " ".join(member.name for member in membership.voters())
        learners = " ".join(member.name for member in membership.learners())
        self.pending.notices.append(
            Happened(
                "membership.changed", {"height": index, "voters": voters, "learners": learners}
            )
        )

    def begin(self, work: Work, now: Seconds) -> None:
        """Hand out the next write if none is in flight and there is one."""
        pending = self.pending
        if self._in_flight is not None:
            return
        if not pending.batch.changes:
            invariant(not pending.raft_ticket, "Raft waits for a write that is empty")
            if pending.notices:
                work.notices.extend(pending.notices)
                pending.notices.clear()
            return
        if self._may_wait(pending, now):
            return
        self._patience.over()
        self._ticket += 1
        self._in_flight = (self._ticket, pending, now)
        self.view.in_flight = pending.batch
        self.pending = Pending()
        self.view.pending = self.pending.batch
        work.write, work.ticket = pending.batch, self._ticket

    def certificate_awaited(self, now: Seconds) -> None:
        """Somebody waits for a certificate."""
        self._patience.awaited(now)

    def _may_wait(self, pending: Pending, now: Seconds) -> bool:
        """Say whether what is to be written may go with what comes next: certificates alone."""
        if pending.raft_ticket or pending.attested or not pending.certified:
            return False
        return self._patience.holds(now)

    @property
    def deadline(self) -> Seconds:
        """Return when what may wait no longer may."""
        return math.inf if self._in_flight is not None else self._patience.deadline

    def complete(self, ticket: int) -> Pending:
        """The write of this ticket is durable; return what waited for it."""
        if self._in_flight is None or self._in_flight[0] != ticket:
            raise InvariantBroken("a write completes that is not in flight")
        done = self._in_flight[1]
        self._in_flight = None
        self.view.in_flight = None
        if done.hard_state is not None:
            self.guard = replace(self.guard, term=done.hard_state.term, vote=done.hard_state.vote)
        return done

    def waiting_seconds(self, now: Seconds) -> Seconds:
        """Return how long the write in flight has been under way."""
        return 0.0 if self._in_flight is None else now - self._in_flight[2]


class NothingReadable(KeyValueReader):
    """Stands in the view between steps: what reads then is a mistake of ours."""

    def get(self, key: bytes) -> bytes | None:
        raise InvariantBroken("storage is read outside a step")

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        raise InvariantBroken("storage is scanned outside a step")


UNREADABLE = NothingReadable()
