"""What is gathered for one height until it has its certificate."""

from __future__ import annotations

from govchaind.base.types import NodeId, Seconds, Signature
from govchaind.ledger.contradiction import Contradiction, of_two


class Gathered:
    """What is gathered for one height."""

    __slots__ = (*("applied_at", "ask_at", "others", "own", "refused", "signatures", "statement"),)

    def __init__(self, statement: bytes, applied_at: Seconds, own: Signature) -> None:
        self.statement = statement
        self.ask_at: Seconds = 0.0  # the holder of the key, at the earliest
        self.refused = False  # by the holder of the key
        self.own = own  # counted among `signatures` only once it is durable
        self.applied_at = applied_at
        self.signatures: dict[NodeId, Signature] = {}
        self.others: dict[NodeId, tuple[bytes, Signature]] = {}  # one each that says another thing

    def knows(self, peer: NodeId, statement: bytes) -> bool:
        """Say whether a peer is known to have signed this, or, if it is another thing, one such."""
        return peer in (self.signatures if statement == self.statement else self.others)

    def take(self, peer: NodeId, statement: bytes, signature: Signature) -> Contradiction | None:
        """Take what a peer has signed, verified; return what proves that it has signed two things.

        Of another thing one is enough to prove it, should the peer sign what everybody does.
        """
        if statement == self.statement:
            self.signatures[peer] = signature
        else:
            self.others[peer] = statement, signature
        if peer not in self.signatures or peer not in self.others:
            return None
        return of_two(peer, (self.statement, self.signatures[peer]), self.others[peer])
