"""What waits for the loop: a consensus lane whose writers wait, a transaction lane that says no.

    put           links, consensus messages: waits for room, so TCP pushes back on that peer
    offer         clients and gossip: False at once when the count or the bytes are at their bound
    put_own       the node's own events (a write is done, a link is up or down, room): never
                  refused and first in line; their number is bounded by what causes them
    take          drive: everything that may be taken in one turn, or nothing at the deadline

One turn takes a bounded batch: own events first, then consensus, then transactions. The
transaction lane has a share of its own in each turn, so neither lane starves the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from govchaind.base.limits import (
    INBOX_CONSENSUS_MAX,
    INBOX_TRANSACTION_BYTES_MAX,
    INBOX_TRANSACTIONS_MAX,
)
from govchaind.base.types import NodeId, Seconds
from govchaind.replica.events import Event, Offered, Received
from govchaind.replica.messages import Gossip
from govchaind.replica.snapshot_messages import SnapshotMessage

CONSENSUS_PER_TURN = 128
TRANSACTIONS_PER_TURN = 500  # transactions, not events: about one block


class Inbox:
    """Bounded lanes with one reader."""

    def __init__(
        self,
        *,
        consensus_max: int = INBOX_CONSENSUS_MAX,
        transactions_max: int = INBOX_TRANSACTIONS_MAX,
        transaction_bytes_max: int = INBOX_TRANSACTION_BYTES_MAX,
    ) -> None:
        self.refused = 0  # transactions that found no room
        self.aside: Callable[[NodeId, SnapshotMessage], None] | None = None  # who takes snapshots'
        self._consensus_max = consensus_max
        self._transactions_max = transactions_max
        self._transaction_bytes_max = transaction_bytes_max
        self._own: deque[Event] = deque()
        self._consensus: deque[Event] = deque()
        self._transactions: deque[tuple[Event, int, int]] = deque()  # event, count, bytes
        self._count = 0
        self._bytes = 0
        self._room = trio.lowlevel.ParkingLot()
        self._arrived = trio.Event()
        self._nudged = False

    @property
    def transactions(self) -> int:
        """How many transactions wait."""
        return self._count

    @property
    def consensus(self) -> int:
        """How many consensus events wait."""
        return len(self._consensus)

    async def put(self, event: Event) -> None:
        """Add a consensus event, waiting for room; each writer's own order is kept."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while len(self._consensus) >= self._consensus_max:
            await self._room.park()
        self._consensus.append(event)
        self._arrived.set()

    def put_aside(self, peer: NodeId, message: SnapshotMessage) -> None:
        """Hand over what goes beside the replica, if anybody takes it; never waits."""
        if self.aside is not None:
            self.aside(peer, message)

    def put_own(self, event: Event) -> None:
        """Add an event of the node's own."""
        self._own.append(event)
        self._arrived.set()

    def nudge(self) -> None:
        """Have the next `take`, or the one that waits, return what there is, be it nothing."""
        self._nudged = True
        self._arrived.set()

    def offer(self, event: Offered | Received) -> bool:
        """Add transactions (of a client, or a peer's Gossip) if there is room; never waits."""
        count, size = _measure(event)
        if (
            self._count + count > self._transactions_max
            or self._bytes + size > self._transaction_bytes_max
        ):
            self.refused += count
            return False
        self._transactions.append((event, count, size))
        self._count += count
        self._bytes += size
        self._arrived.set()
        return True

    async def take(self, deadline: Seconds) -> list[Event]:
        """Return this turn's events; empty when `deadline` (Trio's clock) comes first."""
        if not self._waiting() and not self._nudged:
            self._arrived = trio.Event()
            with trio.move_on_at(deadline):
                await self._arrived.wait()
        else:
            await trio.lowlevel.checkpoint()
        self._nudged = False
        events = list(self._own)
        self._own.clear()
        consensus = min(len(self._consensus), CONSENSUS_PER_TURN)
        events.extend(self._consensus.popleft() for _ in range(consensus))
        if consensus:
            self._room.unpark(count=consensus)
        taken = 0
        while self._transactions and taken < TRANSACTIONS_PER_TURN:
            event, count, size = self._transactions.popleft()
            self._count -= count
            self._bytes -= size
            taken += count
            events.append(event)
        return events

    def _waiting(self) -> bool:
        return bool(self._own or self._consensus or self._transactions)


def _measure(event: Offered | Received) -> tuple[int, int]:
    if isinstance(event, Received):
        transactions = event.message.transactions if isinstance(event.message, Gossip) else []
    else:
        transactions = event.transactions
    return max(1, len(transactions)), sum(item.size for item in transactions)
