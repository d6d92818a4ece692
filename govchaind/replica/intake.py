"""How a transaction gets in: judged against committed state, pooled, and spread.

Rules it keeps: the judgement is advice (state may change before its block), but nothing enters the
pool that would be refused now, whoever sent it; what a node has already is no news. A copy of a
committed transaction is answered DUPLICATE: whoever asked looks up how the first one ended.
A clock that is far ahead (in 2099, say) calls nothing expired that the others would still take.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import CLOCK_AHEAD_MAX_MILLISECONDS, REST_BLOCK_INTERVAL_SECONDS
from govchaind.base.types import BlockTime, Hash, NodeId, Seconds
from govchaind.ledger.apply import Ledger
from govchaind.ledger.outcomes import Code
from govchaind.ledger.transaction import Transaction
from govchaind.replica.gossip import ANNOUNCE_MAX, REPAIR_SECONDS, Gossiper, Send
from govchaind.replica.pool import Pool

# A network at rest makes a block each minute, and no clock that is right is further ahead of it.
NEXT_BLOCK_MILLISECONDS = int(REST_BLOCK_INTERVAL_SECONDS * 1000) + CLOCK_AHEAD_MAX_MILLISECONDS


class Intake:
    """The pool's door, for clients and for peers."""

    def __init__(self, *, name: NodeId, send: Send, ledger: Ledger, pool: Pool) -> None:
        self._ledger = ledger
        self._pool = pool
        self._gossip = Gossiper(name=name, send=send)
        self.room = True

    def admit(
        self,
        transaction: Transaction,
        source: NodeId | None,
        *,
        reader: KeyValueReader,
        now: Seconds,
        wall: BlockTime,
        voters: Iterable[NodeId],
        links: Iterable[NodeId],
    ) -> int:
        """Take a verified transaction in and spread it; return an outcome code.

        Args:
            source: the peer it came from, None for a client of this node.
        """
        if self._pool.get(transaction.identity) is not None:
            self._gossip.copies += source is not None
            return Code.APPLIED
        if not self.room:
            return Code.STORAGE_FULL
        time = self._time(wall)
        code = self._ledger.check(transaction, reader, time, newest=True)
        if code != Code.APPLIED:
            return code
        if not self._pool.add(transaction, now):
            return Code.POOL_FULL if self._pool.is_full() else Code.INSTITUTION_SHARE_FULL
        self._gossip.push(transaction, self._gossip.targets(source, voters, links))
        return Code.APPLIED

    def _time(self, wall: BlockTime) -> BlockTime:
        """Return the time by which a transaction is judged: about that of the next block."""
        newest = self._ledger.time
        return min(max(wall, newest), newest + NEXT_BLOCK_MILLISECONDS)

    def announced(self, peer: NodeId, identities: list[Hash]) -> None:
        self._gossip.announced(peer, identities, lambda item: self._pool.get(item) is not None)

    def wanted(self, peer: NodeId, identities: list[Hash]) -> None:
        self._gossip.wanted(peer, identities, self._pool.get)

    def expire(self) -> list[Hash]:
        """Forget what can no longer be included; return the ids."""
        due = self._pool.next_expiry
        if due is None or due >= self._ledger.time:
            return []
        return [transaction.id for transaction in self._pool.expire(self._ledger.time)]

    def repair(self, now: Seconds, leader: NodeId | None) -> None:
        """Announce what has waited long: due at `next_repair`."""
        waiting = self._pool.older_than(now - REPAIR_SECONDS, ANNOUNCE_MAX)
        self._gossip.repair(now, leader, waiting)

    def repair_soon(self, now: Seconds) -> None:
        """A link came up: tell what waits at the next turn."""
        self._gossip.next_repair = now

    @property
    def next_repair(self) -> Seconds:
        return self._gossip.next_repair if self._pool.waiting else math.inf

    @property
    def copies(self) -> int:
        """Return how many transactions came again although they were known."""
        return self._gossip.copies

    def flush(self) -> None:
        self._gossip.flush()
