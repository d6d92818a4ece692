"""How the replica's own facts lie in storage, and the view through which pure code reads them.

Rows (tables of `base/keyspace.py`; values are deterministic CBOR unless said otherwise):

    META store    16 bytes: the store's id, made with the store
    META format   integer: version of this layout
    META genesis  the genesis's bytes, verbatim
    META hard     [term, vote or null]
    META applied  integer: the height up to which blocks are applied; changes with the state
    META floor    integer: up to where an earlier store has signed; absent where there was none
    META first    where the store begins, if old blocks were removed: see `marker.py`
    LOG index     [term, block bytes]
    MEMBERSHIP index   membership bytes, in force from that index on (0: genesis's)
                       of a recovery: [membership bytes, record bytes]
    CERTIFICATE height certificate bytes
    ATTESTATION height [statement, signature]: own, until the height is certified

`View` shows what is durable with the unwritten batches on top, so that pure code never sees a
difference between written and about to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from govchaind.base.encoding import encode, read
from govchaind.base.errors import Invalid, InvalidSetting, InvariantBroken, StorageCorrupt
from govchaind.base.keyspace import Table, height_key, named_key
from govchaind.base.keyvalue import KeyValueReader, Overlay, WriteBatch, prefix_end
from govchaind.base.limits import BLOCK_BYTES_MAX, MEMBERSHIP_BYTES_MAX, RECOVERY_BYTES_MAX
from govchaind.base.types import Hash, Height, NodeId, StoreId
from govchaind.ledger.apply import Ledger
from govchaind.ledger.beginning import beginning, check_held
from govchaind.ledger.block import Block, read_block
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.ledger.membership import Membership, read_membership
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.transaction import Transaction
from govchaind.raft.messages import Configuration, Entry, HardState
from govchaind.replica.events import Guard
from govchaind.replica.marker import stored_marker

FORMAT = 1  # of a store that begins with block 1, as release 0.1.0 has it
BEGINS_LATER = 2  # old blocks were removed, or the node joined by snapshot: 0.1.0 cannot read that
ROW_BYTES_MAX = BLOCK_BYTES_MAX + 64 * 1024

_PAIR = b"\x82"  # an array of two; a membership is one of three

STORE = named_key(Table.META, b"store")
FORMAT_KEY = named_key(Table.META, b"format")
GENESIS = named_key(Table.META, b"genesis")
HARD_STATE = named_key(Table.META, b"hard")
APPLIED = named_key(Table.META, b"applied")
AFTER = named_key(Table.META, b"after")  # the store that the guard file named when this was made
FLOOR = named_key(Table.META, b"floor")  # what an earlier store has signed, where there was one


class View:
    """A reader of durable rows with the batch in flight and the batch being gathered on top."""

    __slots__ = ("base", "in_flight", "pending")

    def __init__(self, base: KeyValueReader) -> None:
        self.base = base
        self.in_flight: WriteBatch | None = None
        self.pending = WriteBatch()

    def get(self, key: bytes) -> bytes | None:
        changes = self.pending.changes
        if key in changes:
            return changes[key]
        if self.in_flight is not None:
            changes = self.in_flight.changes
            if key in changes:
                return changes[key]
        return self.base.get(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        batches = [self.pending] if self.in_flight is None else [self.in_flight, self.pending]
        return Overlay(self.base, batches).scan(start, end, reverse=reverse)


def put_store_id(batch: WriteBatch, store: StoreId, guard: Guard | None) -> None:
    """Have a store go by this id from now on, after the one that the guard file remembers."""
    batch.put(STORE, store)
    if guard is not None and guard.store != store:
        batch.put(AFTER, guard.store)


def store_batch(genesis: Genesis, store: StoreId, guard: Guard | None = None) -> WriteBatch:
    """Return the first write of a new store: its id, its format, and the state of height 0."""
    batch = WriteBatch()
    put_store_id(batch, store, guard)
    batch.put(FORMAT_KEY, encode(FORMAT))
    batch.put(GENESIS, genesis.bytes)
    batch.put(HARD_STATE, encode([0, None]))
    batch.put(APPLIED, encode(0))
    batch.put(height_key(Table.MEMBERSHIP, 0), genesis.membership().encode())
    Ledger.write_genesis(genesis, batch)
    return batch


def stored_store_id(reader: KeyValueReader) -> StoreId | None:
    """Return the store's id, or None for a store in which nothing was ever written."""
    return reader.get(STORE)


def stored_genesis(reader: KeyValueReader) -> Genesis:
    """Return the genesis that the store was made with."""
    data = reader.get(GENESIS)
    if data is None:
        raise StorageCorrupt("the store has an id but no genesis")
    return read_genesis(data)


def check_store(reader: KeyValueReader, genesis: Genesis) -> None:
    """Raise unless the store is of this format and of this chain."""
    data = reader.get(FORMAT_KEY)
    version = None if data is None else read(data, int, bytes_max=16)
    if version not in (FORMAT, BEGINS_LATER):
        raise InvalidSetting(
            f"the store has format {version}; this release reads {FORMAT} and {BEGINS_LATER}",
            code="store-format",
            remedy="Start it with the release that made it, or with an empty store.",
        )
    if reader.get(GENESIS) != genesis.bytes:
        raise InvalidSetting(
            "the store belongs to another chain than the genesis file",
            code="store-chain",
            remedy="Point data_directory at this chain's store, or restore its genesis file.",
        )


def hard_state(reader: KeyValueReader) -> HardState:
    """Return the term and vote last made durable."""
    data = reader.get(HARD_STATE)
    if data is None:
        raise StorageCorrupt("the store has no term and vote")
    term, vote = read(data, tuple[int, NodeId | None], bytes_max=128)
    return HardState(term, vote)


def applied_height(reader: KeyValueReader) -> Height:
    """Return the height up to which blocks are applied."""
    data = reader.get(APPLIED)
    if data is None:
        raise StorageCorrupt("the store has no applied height")
    return read(data, int, bytes_max=16)


def signing_floor(reader: KeyValueReader) -> Height:
    """Return up to where earlier stores under this node's key have signed, as far as was known."""
    data = reader.get(FLOOR)
    return 0 if data is None else read(data, int, bytes_max=16)


def last_index(reader: KeyValueReader) -> Height:
    """Return the index of the newest log row, 0 if there is none."""
    end = prefix_end(Table.LOG.value)
    for key, _ in reader.scan(Table.LOG.value, end, reverse=True):
        return int.from_bytes(key[1:9], "big")
    return 0


def last_term(reader: KeyValueReader) -> int:
    """Return the term of the newest log row, 0 if there is none."""
    data = reader.get(height_key(Table.LOG, last_index(reader)))
    return 0 if data is None else read(data, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)[0]


def behind_guard(reader: KeyValueReader, guard: Guard) -> str | None:
    """Say in what the store is older than the guard file remembers, or None.

    Such a store was set back to an older copy: it may contradict what this node has already said,
    so it must come back as a new store. One of another id is older too, unless it was made after
    the one that the file names, and has said nothing before the file could name it.
    """
    if stored_store_id(reader) != guard.store:
        if reader.get(AFTER) == guard.store:
            return None
        return f"not the store {guard.store.hex()[:16]} that the guard file remembers"
    hard = hard_state(reader)
    # A node that has followed certified blocks, or joined by snapshot, starts in the term of its
    # newest block (`parts.py`), and its guard file may say so before its store does.
    term = max(hard.term, last_term(reader))
    if term < guard.term:
        return f"term {term} where the guard file remembers {guard.term}"
    vote = hard.vote if hard.term == term else None
    if term == guard.term and guard.vote is not None and vote != guard.vote:
        return f"another vote in term {term} than the guard file remembers"
    # Up to its floor a store has signed nothing: there the file speaks of the store before it, and
    # one that is started again while it catches up is not set back.
    if applied_height(reader) < guard.signed_height and signing_floor(reader) < guard.signed_height:
        return f"height {applied_height(reader)} where it has signed {guard.signed_height}"
    return None


def configuration_of(membership: Membership) -> Configuration:
    """Return Raft's part of a membership: names and store ids."""
    return Configuration(
        tuple((member.name, member.store) for member in membership.voters()),
        tuple((member.name, member.store) for member in membership.learners()),
        membership.ordered_at,
    )


def block_of(entry: Entry) -> Block:
    """Return the block that a log entry carries: the replica proposes nothing else."""
    block = entry.payload
    if not isinstance(block, Block):
        raise InvariantBroken(f"log entry {entry.index} carries no block")
    return block


def log_row(entry: Entry) -> bytes:
    """Return the LOG row of an entry."""
    return encode([entry.term, block_of(entry).raw])


def log_block(reader: KeyValueReader, index: Height) -> bytes:
    """Return the bytes of a block in the log. Raises Gone, StorageCorrupt."""
    data = reader.get(height_key(Table.LOG, index))
    if data is None:
        check_held(reader, index)
        raise StorageCorrupt(f"the log has no entry {index}")
    return read(data, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)[1]


def membership_row(membership: Membership, recovery: Recovery | None) -> bytes:
    """Return the MEMBERSHIP row of a block that brings a membership in force."""
    if recovery is None:
        return membership.encode()
    return encode([membership.encode(), recovery.encode()])


def membership_in(row: bytes) -> tuple[bytes, bytes | None]:
    """Return membership bytes and, of a recovery, the record's, as a MEMBERSHIP row has them."""
    if row[:1] != _PAIR:
        return row, None
    return read(row, tuple[bytes, bytes], bytes_max=MEMBERSHIP_BYTES_MAX + RECOVERY_BYTES_MAX)


class StoredLog:
    """Raft's LogReader over the view; blocks are decoded when asked for."""

    def __init__(self, view: View, known: Callable[[Hash], Transaction | None]) -> None:
        self._view = view
        self._known = known
        self.joined_at = beginning(view)  # 0: not by snapshot
        self.marker = stored_marker(view)  # as the view has it; `Pruner` moves it on

    def last_index(self) -> int:
        return last_index(self._view)

    def beginning(self) -> int:
        return self.joined_at if self.marker is None else self.marker.first

    def first_index(self) -> int:
        """Return the lowest index from which no entry is missing."""
        return max(1, self.beginning())

    def _row(self, index: int) -> tuple[int, bytes]:
        data = self._view.get(height_key(Table.LOG, index))
        if data is None:
            check_held(self._view, index)
            raise StorageCorrupt(f"the log has no entry {index}")
        term, raw = read(data, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
        return term, raw

    def block(self, index: int) -> Block:
        return self._read(index, self._row(index)[1])

    def _read(self, index: int, raw: bytes) -> Block:
        try:
            return read_block(raw, self._known)
        except Invalid as error:  # it was judged before it was written: no peer is to blame
            raise StorageCorrupt(f"log entry {index} is not readable: {error.message}") from error

    def entry(self, index: int) -> Entry:
        term, raw = self._row(index)
        block = self._read(index, raw)
        configuration = None if block.membership is None else configuration_of(block.membership)
        return Entry(index, term, block, configuration)

    def term(self, index: int) -> int:
        marker = self.marker
        if marker is not None and index == marker.first - 1:
            return marker.term
        return self._row(index)[0] if index else 0

    def memberships(self) -> list[tuple[int, Membership, Recovery | None]]:
        start = Table.MEMBERSHIP.value
        found: list[tuple[int, Membership, Recovery | None]] = []
        for key, row in self._view.scan(start, prefix_end(start)):
            value, record = membership_in(row)
            recovery = None if record is None else read_recovery(record)
            found.append((int.from_bytes(key[1:9], "big"), read_membership(value), recovery))
        return found

    def configurations(self) -> list[tuple[int, Configuration]]:
        return [(index, configuration_of(value)) for index, value, _ in self.memberships()]
