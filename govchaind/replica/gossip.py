"""How a transaction reaches every validator about once, and how a lost push is repaired.

Rules it keeps:
- Who takes a transaction from a client pushes it to every validator it is linked to; an observer
  pushes to one validator only. A validator that has it from a node without a vote pushes it to
  the other validators; one that has it from a validator pushes it to nobody. Among a handful of
  validators the spanning tree is one hop.
- What has waited in the pool for `REPAIR_SECONDS` is announced by identity to the leader, which
  asks for what it lacks. So a push lost with a link, or dropped for want of room, is made good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from govchaind.base.types import Hash, NodeId, Seconds
from govchaind.ledger.transaction import Transaction
from govchaind.replica.messages import Announce, Gossip, LedgerMessage, Want

PUSH_BYTES_MAX = 512 * 1024
REPAIR_SECONDS = 1.0
ANNOUNCE_MAX = 500
WANTED_BYTES_MAX = 4 * PUSH_BYTES_MAX  # of one answer; the next announcement asks for the rest

Send = Callable[[NodeId, LedgerMessage], None]


class Gossiper:
    """Pushes gathered during a step, sent at its end in as few messages as fit."""

    def __init__(self, *, name: NodeId, send: Send) -> None:
        self._name = name
        self._send = send
        self._pushes: dict[NodeId, list[Transaction]] = {}
        self.next_repair: Seconds = 0.0
        self.copies = 0  # received again although known: how far from one copy a node

    def targets(
        self, source: NodeId | None, voters: Iterable[NodeId], links: Iterable[NodeId]
    ) -> list[NodeId]:
        """Return whom a transaction from `source` (None: a client) is pushed to."""
        linked = set(links)
        voting = [node for node in voters if node != self._name]
        if source is not None and source in voting:
            return []
        reachable = [node for node in voting if node in linked and node != source]
        if self._name not in set(voters):
            return reachable[:1]
        return reachable

    def push(self, transaction: Transaction, targets: list[NodeId]) -> None:
        for node in targets:
            self._pushes.setdefault(node, []).append(transaction)

    def flush(self) -> None:
        """Send what was gathered."""
        if not self._pushes:
            return
        for node, transactions in self._pushes.items():
            part: list[Transaction] = []
            size = 0
            for transaction in transactions:
                if part and size + transaction.size > PUSH_BYTES_MAX:
                    self._send(node, Gossip(part))
                    part, size = [], 0
                part.append(transaction)
                size += transaction.size
            self._send(node, Gossip(part))
        self._pushes.clear()

    def repair(self, now: Seconds, leader: NodeId | None, waiting: list[Hash]) -> None:
        """Announce what waits to whoever can put it into a block."""
        self.next_repair = now + REPAIR_SECONDS
        if leader is not None and leader != self._name and waiting:
            self._send(leader, Announce(waiting[:ANNOUNCE_MAX]))

    def announced(
        self, peer: NodeId, identities: list[Hash], known: Callable[[Hash], bool]
    ) -> None:
        missing = [identity for identity in identities[:ANNOUNCE_MAX] if not known(identity)]
        if missing:
            self._send(peer, Want(missing))

    def wanted(
        self, peer: NodeId, identities: list[Hash], find: Callable[[Hash], Transaction | None]
    ) -> None:
        size = 0
        for identity in dict.fromkeys(identities[:ANNOUNCE_MAX]):
            transaction = find(identity)
            if transaction is not None and size < WANTED_BYTES_MAX:
                size += transaction.size
                self.push(transaction, [peer])
