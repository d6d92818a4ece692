"""What is gathered for one height until it has its certificate."""

from __future__ import annotations

from govchaind.base.types import NodeId, Seconds, Signature


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
