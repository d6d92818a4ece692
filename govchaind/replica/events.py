"""The replica's contract: an Event goes in, Work comes out.

The caller (`runtime/drive.py`, or netsim's event heap) keeps three rules:
1. Work's `messages` and `notices` may leave at once: whatever depended on a write was held back
   in the replica until `Written` said that the write is durable.
2. One write is in flight at a time. `Work.write` is made durable as one unit, with one sync; then
   `Written(ticket)` goes in. The replica merges what it wants written meanwhile.
3. After a failed write nothing more leaves this node (a full disk excepted: nothing was written
   and the same batch is tried again; `Room(False)` says so, `Room(True)` ends it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import BlockTime, Hash, Height, NodeId, PublicKey, Signature, StoreId
from govchaind.ledger.contradiction import Contradiction
from govchaind.ledger.transaction import Transaction
from govchaind.replica.messages import PeerMessage

# --- events ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Received:
    """A message of an authenticated peer, judged by the gate."""

    peer: NodeId
    message: PeerMessage


@dataclass(slots=True)
class LinkUp:
    """A link to `peer` is up (both sides have proved themselves)."""

    peer: NodeId
    store: StoreId


@dataclass(slots=True)
class LinkDown:
    """The last link to `peer` has broken."""

    peer: NodeId


@dataclass(slots=True)
class Offered:
    """Verified transactions from a client of this node; answered by one OfferAnswered."""

    token: int
    transactions: list[Transaction]


@dataclass(slots=True)
class ReadAsked:
    """A client wants a linearizable read; answered by one ReadReady."""

    request: int


@dataclass(slots=True)
class CertificateAwaited:
    """A client of this node waits for a certificate: it is written at once, for a while."""


@dataclass(slots=True)
class Accused:
    """A client of this node has brought evidence, which was verified at the door."""

    key: PublicKey
    found: Contradiction


@dataclass(slots=True)
class TransferAsked:
    """An operator, or shutdown, wants another leader; `target` None: the best follower."""

    target: NodeId | None = None


@dataclass(slots=True)
class Written:
    """The write of this ticket is durable."""

    ticket: int


@dataclass(slots=True)
class Signed:
    """The holder of this node's key answers a `SignatureWanted`; None: it refuses to sign this."""

    height: Height
    statement: bytes
    signature: Signature | None


@dataclass(slots=True)
class Room:
    """The disk is full (False), or has room again (True)."""

    available: bool


@dataclass(slots=True)
class Hold:
    """A snapshot is being fetched (True): take no blocks meanwhile, unless this node votes."""

    held: bool


@dataclass(slots=True)
class Prune:
    """Blocks below `before` may be removed, those that must stay excepted. An archive was made of
    those up to `archived` (0: none), which is at `archived_at`, as the operator says."""

    before: Height
    archived: Height = 0
    archived_at: str | None = None


Event: TypeAlias = (
    Received
    | LinkUp
    | LinkDown
    | Offered
    | ReadAsked
    | CertificateAwaited
    | Accused
    | TransferAsked
    | Written
    | Signed
    | Room
    | Hold
    | Prune
)

# --- notices: what drive posts on the notice board ------------------------------------------------


@dataclass(slots=True)
class OfferAnswered:
    """For each offered transaction in order: an outcome code (0: in the pool, or already known),
    or a door code (ledger/outcomes.py) that says why this node did not take it."""

    token: int
    codes: list[int]


@dataclass(slots=True)
class Decided:
    """A block is committed: a majority has it durably, so its outcomes, (id, code, operation),
    stand for ever. Here they are known, but not yet durable: nothing of it can be read."""

    height: Height
    outcomes: list[tuple[Hash, int, int | None]]
    waited_seconds: float | None  # from the first of its transactions' offer here, if any was


@dataclass(slots=True)
class Committed:
    """A block is committed, applied and durable here. `outcomes`: (id, code, operation)."""

    height: Height
    time: BlockTime
    block_hash: Hash
    outcomes: list[tuple[Hash, int, int | None]]


@dataclass(slots=True)
class Certified:
    """Every height up to this one has a certificate here."""

    height: Height
    waited_seconds: float | None  # from the height's apply here


@dataclass(slots=True)
class Expired:
    """These left the pool because their time has passed; they can never be included."""

    ids: list[Hash]


@dataclass(slots=True)
class ReadReady:
    """State at `height` or later is linearizable for the request; None: refused, ask again."""

    request: int
    height: Height | None


@dataclass(slots=True)
class Happened:
    """One thing worth knowing: an event name for the log and the metrics, with plain values."""

    name: str
    values: dict[str, str | int | float | bool | None]


@dataclass(slots=True)
class SignatureWanted:
    """This node's results of a height are durable; the holder of that key may sign them."""

    height: Height
    statement: bytes
    key: PublicKey


@dataclass(slots=True)
class MembersChanged:
    """The wanted members or the membership in force changed: the mesh must look again."""

    height: Height


Notice: TypeAlias = (
    OfferAnswered
    | Decided
    | Committed
    | Certified
    | Expired
    | ReadReady
    | Happened
    | SignatureWanted
    | MembersChanged
)


@dataclass(slots=True)
class Work:
    """What one step asks of its caller."""

    messages: list[tuple[NodeId, PeerMessage]] = field(default_factory=list)
    write: WriteBatch | None = None
    ticket: int = 0
    notices: list[Notice] = field(default_factory=list)
    broken_links: list[tuple[NodeId, str]] = field(default_factory=list)  # peers that misbehaved


@dataclass(frozen=True, slots=True)
class Status:
    """What a node says of itself; cheap to make, made after each step on request."""

    node: NodeId
    store: StoreId  # under which it runs; the ledger may want another
    role: str  # leader, follower, candidate, pre-candidate, learner, observer
    term: int
    leader: NodeId | None
    height: Height  # applied
    commit: Height  # known committed
    last_height: Height  # of the log
    certified: Height
    block_time: BlockTime
    block_hash: Hash
    state_root: Hash | None  # of the newest checkpoint
    checkpoint: Height
    pool_transactions: int
    pool_bytes: int
    in_configuration: bool  # member under this store id
    room: bool
    write_pending_seconds: float
    seen: Height = 0  # the highest that a linked node has said is certified
    first: Height = 1  # from which on every block is here
    lacking: Height = 0  # needed next, and removed at every linked peer; 0: none
    begins: Height = 0  # the lowest height whose block is here, after a snapshot; else 0


@dataclass(slots=True)
class Guard:
    """What the guard file beside the key remembers of what this node said, over store lives."""

    store: StoreId
    term: int
    vote: NodeId | None
    signed_height: Height
    last_index: Height
