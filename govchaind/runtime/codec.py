"""Bytes of what nodes say to each other: the protocol's table, strict in both directions.

    frame   = 4 bytes of length, big-endian, then that many bytes: CBOR [number, field …]
    entry   = [term, block bytes]       its index follows from the message's previous index

Blocks, transactions and certificates travel verbatim, as byte strings in their one form; nothing
is encoded again to be sent. `split` judges the frame, `read` makes a message of it and asks
`known` for transactions that this node has already read. Signatures are the gate's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding, PeerError
from govchaind.base.limits import APPEND_BYTES_MAX, FRAME_BYTES_MAX
from govchaind.base.types import Hash, NodeId, PublicKey, Signature, StoreId
from govchaind.ledger.block import read_block
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.shapes import (
    Bytes32,
    Count,
    Name,
    RefusalCode,
    Signature64,
    Store,
    TreeDepth,
    TreePath,
    shaped,
)
from govchaind.ledger.transaction import Transaction, read_transaction
from govchaind.raft.messages import (
    NO_ANSWER,
    AppendEntries,
    AppendReply,
    Entry,
    Heartbeat,
    HeartbeatReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    TimeoutNow,
    Vote,
)
from govchaind.replica.messages import (
    Announce,
    Attest,
    Awaited,
    Certificates,
    CertifiedBlocks,
    Gossip,
    Head,
    Objection,
    PeerMessage,
    PrunedBelow,
    Subscribe,
    Want,
    WantCertificates,
)
from govchaind.replica.snapshot_messages import (
    SnapshotChunk,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.store import block_of, configuration_of

PROTOCOL_VERSION = 1
LENGTH_BYTES = 4
HELLO_BYTES_MAX = 1024

HELLO, REFUSED, PING = 0, 1, 2
WANT_SNAPSHOT = 41

Known: TypeAlias = Callable[[Hash], Transaction | None]
_Raw = bytes
_Hashes = list[Bytes32]


@dataclass(frozen=True, slots=True)
class Hello:
    """The first thing each side says: who it is, proved over the channel's two TLS keys."""

    protocol: int
    chain_id: Hash
    node: NodeId
    store: StoreId
    software: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a Hello was not accepted; the link ends after it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Nothing to say, still here."""


def hello_message(
    chain_id: Hash, node: NodeId, store: StoreId, own_key: PublicKey, peer_key: PublicKey
) -> bytes:
    """Return what a Hello signs: it holds on this channel only, in this direction only."""
    return encode([chain_id, node, store, own_key, peer_key])


# --- the table -----------------------------------------------------------------------------------


def _write_append(message: AppendEntries) -> list[Any]:
    entries = [[entry.term, block_of(entry).raw] for entry in message.entries]
    return [message.term, message.previous_index, message.previous_term, message.commit, entries]


def _read_append(fields: Any, known: Known) -> AppendEntries:
    term, previous_index, previous_term, commit, rows = fields
    entries: list[Entry] = []
    size = 0
    for offset, (entry_term, raw) in enumerate(rows, start=1):
        size += len(raw)
        if size > APPEND_BYTES_MAX and entries:
            raise InvalidEncoding("an append with more bytes than one may have", code="too-large")
        block = read_block(raw, known)
        if block.height != previous_index + offset:
            raise InvalidEncoding("an append whose blocks are not of consecutive heights")
        configuration = None if block.membership is None else configuration_of(block.membership)
        entries.append(Entry(block.height, entry_term, block, configuration))
    return AppendEntries(term, previous_index, previous_term, entries, commit)


def _read_transaction(raw: bytes, known: Known) -> Transaction:
    found = known(digest(Domain.TRANSACTION, raw))
    return read_transaction(raw) if found is None else found


def _read_certified(rows: Any, known: Known) -> CertifiedBlocks:
    return CertifiedBlocks(
        [(read_block(raw, known), read_certificate(certificate)) for raw, certificate in rows]
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of message: its number, its class, the shape of its fields, and both ways."""

    number: int
    kind: type[Any]
    shape: Any
    write: Callable[[Any], list[Any]]
    read: Callable[[Any, Known], Any]


def _plain(number: int, kind: type[Any], shape: Any) -> _Row:
    """Return the row of a class whose fields are its wire fields, in order."""
    names = tuple(kind.__dataclass_fields__)

    def write(message: Any) -> list[Any]:
        return [getattr(message, name) for name in names]

    def read(fields: Any, _: Known) -> Any:
        return kind(*fields)

    return _Row(number, kind, shape, write, read)


_Blocks = list[tuple[_Raw, _Raw]]

_ROWS = (
    _plain(HELLO, Hello, tuple[Count, Bytes32, Name, Store, str, Signature64]),
    _plain(REFUSED, Refusal, tuple[str, str]),
    _plain(PING, Ping, tuple[()]),
    # Raft
    _plain(10, RequestVote, tuple[Count, Count, Count, bool, bool]),
    _plain(11, Vote, tuple[Count, bool, bool, Store]),
    _Row(
        12,
        AppendEntries,
        tuple[Count, Count, Count, Count, list[tuple[Count, _Raw]]],
        _write_append,
        _read_append,
    ),
    _plain(13, AppendReply, tuple[Count, Store, bool, Count, Count, Count]),
    _plain(14, Heartbeat, tuple[Count, Count, Count]),
    _plain(15, HeartbeatReply, tuple[Count, Store, Count]),
    _plain(16, TimeoutNow, tuple[Count]),
    _plain(17, ReadIndex, tuple[Count, Count]),
    _plain(18, ReadIndexReply, tuple[Count, Count, Count]),
    # the ledger
    _Row(
        30,
        Gossip,
        tuple[list[_Raw]],
        lambda message: [[item.raw for item in message.transactions]],
        lambda fields, known: Gossip([_read_transaction(raw, known) for raw in fields[0]]),
    ),
    _plain(31, Announce, tuple[_Hashes]),
    _plain(32, Want, tuple[_Hashes]),
    _plain(33, Attest, tuple[Count, bytes, Signature64]),
    _plain(34, WantCertificates, tuple[Count, Count]),
    _Row(
        35,
        Certificates,
        tuple[list[_Raw]],
        lambda message: [[item.encode() for item in message.certificates]],
        lambda fields, _: Certificates([read_certificate(raw) for raw in fields[0]]),
    ),
    _plain(36, Head, tuple[Count]),
    _plain(37, Subscribe, tuple[Count]),
    _Row(
        38,
        CertifiedBlocks,
        tuple[_Blocks],
        lambda message: [[[block.raw, proof.encode()] for block, proof in message.blocks]],
        lambda fields, known: _read_certified(fields[0], known),
    ),
    _plain(39, Objection, tuple[Count, Count, str]),
    _plain(40, Awaited, tuple[()]),
    # blocks that were removed, and snapshots
    _plain(49, PrunedBelow, tuple[Count]),
    _plain(WANT_SNAPSHOT, WantSnapshot, tuple[Count, Count, Count]),
    _plain(42, SnapshotOffer, tuple[Count, list[_Raw], _Raw, _Hashes]),
    _plain(43, WantChunk, tuple[Count, TreeDepth, TreePath]),
    _plain(44, SnapshotChunk, tuple[Count, TreeDepth, TreePath, bool, _Raw]),
    _plain(45, SnapshotRefusal, tuple[Count, RefusalCode]),
)
_BY_NUMBER: dict[int, _Row] = {row.number: row for row in _ROWS}
_BY_KIND: dict[type[Any], _Row] = {row.kind: row for row in _ROWS}
NUMBERS = frozenset(_BY_NUMBER)  # one byte each: `speech.py` looks at the second

Anything: TypeAlias = PeerMessage | SnapshotMessage | Hello | Refusal | Ping


def frame_of(message: Anything) -> bytes:
    """Return the whole frame, length first."""
    row = _BY_KIND[type(message)]
    body = encode([row.number, *row.write(message)])
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def frame_length(head: bytes, *, bytes_max: int = FRAME_BYTES_MAX) -> int:
    """Return how many bytes follow. Raises PeerError before anything is allocated for them."""
    length = int.from_bytes(head, "big")
    if not 0 < length <= bytes_max:
        raise PeerError(f"a frame of {length} bytes, where 1 to {bytes_max} are allowed")
    return length


@dataclass(frozen=True, slots=True)
class Split:
    """A frame whose shape is right; what it carries is not yet read."""

    row: _Row
    fields: Any

    @property
    def number(self) -> int:
        return self.row.number

    def heard(self) -> Heartbeat | None:
        """Return what an append says before its blocks are judged: its leader lives."""
        if self.row.kind is not AppendEntries:
            return None
        return Heartbeat(term=self.fields[0], commit=0, round=NO_ANSWER)


def split(body: bytes) -> Split:
    """Judge a frame's body: strict CBOR, a known number, that number's shape.

    Raises InvalidEncoding.
    """
    value = decode(body, bytes_max=FRAME_BYTES_MAX)
    if type(value) is not list or not value or type(value[0]) is not int:
        raise InvalidEncoding("a message is an array that begins with its number")
    row = _BY_NUMBER.get(value[0])
    if row is None:
        raise InvalidEncoding(f"a message of unknown number {value[0]}", code="unknown-message")
    if row.kind is Hello and len(value) > 1 and value[1] != PROTOCOL_VERSION:
        raise InvalidEncoding(  # before its shape, which is that protocol's affair
            f"the peer speaks protocol {value[1]!s:.20}, this node {PROTOCOL_VERSION}",
            code="other-protocol",
            remedy="Run compatible versions of govchaind on both nodes.",
        )
    return Split(row, shaped(value[1:], row.shape))


def read(frame: Split, known: Known) -> Anything:
    """Return the message of a split frame; `known` gives transactions already read, by identity.

    Raises InvalidEncoding or InvalidBlock.
    """
    message: Anything = frame.row.read(frame.fields, known)
    return message


def transactions_of(message: Anything) -> list[Transaction]:
    """Return every transaction that a message carries."""
    if isinstance(message, Gossip):
        return message.transactions
    if isinstance(message, AppendEntries):
        return [item for entry in message.entries for item in block_of(entry).transactions]
    if isinstance(message, CertifiedBlocks):
        return [item for block, _ in message.blocks for item in block.transactions]
    return []
