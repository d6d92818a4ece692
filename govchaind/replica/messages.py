"""What nodes say to each other beside Raft. Facts only; `runtime/codec.py` has their bytes.

Transactions, blocks and certificates arrive here decoded: the gate has read them strictly and
verified every transaction's signatures; attestations and certificates are judged in the replica.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from govchaind.base.types import Hash, Height, Signature
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.transaction import Transaction
from govchaind.raft.messages import RaftMessage


@dataclass(slots=True)
class Gossip:
    """Transactions, pushed to a validator that is not known to have them."""

    transactions: list[Transaction]


@dataclass(slots=True)
class Announce:
    """Identities of transactions that have waited in the sender's pool: repair for lost pushes."""

    identities: list[Hash]


@dataclass(slots=True)
class Want:
    """Please send these; you announced them."""

    identities: list[Hash]


@dataclass(slots=True)
class Attest:
    """The sender's signature of its results at a height."""

    height: Height
    statement: bytes
    signature: Signature


@dataclass(slots=True)
class WantCertificates:
    """Please send the certificates of so many heights from this one on, as far as you have them."""

    first: Height
    count: int


@dataclass(slots=True)
class Certificates:
    certificates: list[Certificate]


@dataclass(slots=True)
class Head:
    """The sender's newest certified height; sent when it changes to whoever does not subscribe."""

    height: Height


@dataclass(slots=True)
class Subscribe:
    """An observer asks to be sent each certified block from this height on; 0 ends it."""

    first: Height


@dataclass(slots=True)
class CertifiedBlocks:
    """Blocks of consecutive heights, each with its certificate."""

    blocks: list[tuple[Block, Certificate]]


@dataclass(slots=True)
class Awaited:
    """Somebody waits for certificates at the sender: hold no signature back for a second."""


@dataclass(slots=True)
class PrunedBelow:
    """The sender has removed the blocks below this height, of which the receiver wants some."""

    first: Height


@dataclass(slots=True)
class Objection:
    """A follower does not take the leader's block: its clock or the block is wrong."""

    term: int
    height: Height
    reason: str  # "clock-ahead" or "invalid-block"


LedgerMessage: TypeAlias = (
    Gossip
    | Announce
    | Want
    | Attest
    | WantCertificates
    | Certificates
    | Head
    | Subscribe
    | CertifiedBlocks
    | Objection
    | Awaited
    | PrunedBelow
)
PeerMessage: TypeAlias = RaftMessage | LedgerMessage
