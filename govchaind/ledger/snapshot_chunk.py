"""Chunks of a snapshot: subtrees of the state's tree, each judged by the hash that is due there.

    chunk    = row ‖ row ‖ …   all entries under a path, ascending by key hash
    row      = lengths of key (1 byte), value (4) and ids (4), then key, value, ids
    parting  = 16 × 32 bytes   where those are too many: the children's hashes

`ids` are the joined transaction ids that the record of a block's live ids stands for; every other
entry has none, which the length ffffffff says. No CBOR: rows are passed on as they lie in a
server's files, and reading them is much of what a node that joins does. A chunk is believed only
if the subtree built of it has the hash due at its path, and ids only if they have the digest that
their record names: so nothing in it can be altered, left out or added, whoever sends it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from govchaind.base.crypto import HASH_BYTES, Domain, digest
from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.limits import STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import ZERO_HASH, Hash, Height
from govchaind.ledger.live_ids import live_ids_key
from govchaind.ledger.results import transaction_row
from govchaind.ledger.state import stored_row
from govchaind.ledger.state_keys import LIVE
from govchaind.ledger.tree_build import build_subtree
from govchaind.ledger.tree_proof import (
    DEPTH_MAX,
    hash_key,
    hash_value,
)
from govchaind.ledger.tree_record import CHILDREN_BYTES, Inner, child_path, path_of

Entry = tuple[bytes, bytes, bytes | None]  # key, value, ids of a record of live ids
_LENGTHS = struct.Struct(">BII")
_NO_IDS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subtree hangs, and the hash that it must have."""

    depth: int  # half-bytes from the root
    path: bytes  # packed, as `tree_record.path_of` has it
    hash: Hash


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that holds. `rows` are to be stored, for a store that begins at one height."""

    place: Place
    entries: int
    rows: WriteBatch


def is_place(depth: int, path: bytes) -> bool:
    """Say whether a path is one of so many half-bytes: right in length, the odd last one high."""
    return len(path) == (depth + 1) // 2 and not (depth & 1 and path[-1] & 15)


def pack_row(key: bytes, value: bytes, ids: bytes | None) -> bytes:
    """Return the row of an entry."""
    length = _NO_IDS if ids is None else len(ids)
    return _LENGTHS.pack(len(key), len(value), length) + key + value + (ids or b"")


def row_length(data: bytes, at: int) -> int:
    """Return how long the row is that begins at a place of a server's own file."""
    key, value, ids = _LENGTHS.unpack_from(data, at)
    length: int = _LENGTHS.size + key + value + (0 if ids == _NO_IDS else ids)
    return length


def judge_chunk(data: bytes, place: Place, height: Height) -> Chunk:
    """Return the rows of a chunk of the snapshot at `height`.

    Raises:
        InvalidEncoding: it ends within a row.
        InvalidProof: its entries are not those of the subtree that is due at the place.
    """
    batch = WriteBatch()
    changes, table, head = batch.changes, Table.STATE.value, stored_row(height, b"")
    leaves: list[bytes] = []
    live: list[Entry] = []
    at, end, width, unpack = 0, len(data), _LENGTHS.size, _LENGTHS.unpack_from
    while at + width <= end:  # the hot loop of joining
        key_length, value_length, ids_length = unpack(data, at)
        middle = at + width + key_length
        key, at = data[at + width : middle], middle + value_length
        value = data[middle:at]
        leaves.append(hash_key(key) + hash_value(value))
        changes[table + key] = head + value
        if ids_length != _NO_IDS:
            live.append((key, value, data[at : at + ids_length]))
            at += ids_length
        elif key[:1] == LIVE:
            live.append((key, value, None))
    if at != end:
        raise InvalidEncoding("a chunk ends within a row")
    _check_places(leaves, place)
    batch.bytes = len(data)
    if build_subtree(place.depth, place.path, b"".join(leaves), batch.put) != place.hash:
        raise InvalidProof("a chunk's entries do not have the hash that is certified for them")
    for record in live:
        _put_ids(batch, *record)
    return Chunk(place, len(leaves), batch)


def _check_places(leaves: Sequence[bytes], place: Place) -> None:
    """Raise InvalidProof unless all lie below the place, in order: else some would go unhashed.

    No place stands twice, for a tree that parts entries by their places would go down without end.
    """
    if any(low[:HASH_BYTES] >= high[:HASH_BYTES] for low, high in pairwise(leaves)):
        raise InvalidProof("a chunk's entries are not in the order of their places")
    for leaf in (*leaves[:1], *leaves[-1:]):  # those between lie between
        if path_of(leaf[:HASH_BYTES], place.depth) != place.path:
            raise InvalidProof("a chunk's entries belong to another place")


def _put_ids(batch: WriteBatch, key: bytes, value: bytes, ids: bytes | None) -> None:
    """Put the rows of one block's live ids. The digest is in the value, which is judged."""
    if not key.startswith(LIVE):
        raise InvalidProof("a chunk gives ids to what is no record of live ids")
    named, latest, _ = decode(value, bytes_max=len(value))
    if ids is None or len(ids) % HASH_BYTES or digest(Domain.IDS, ids) != named:
        raise InvalidProof("a chunk's ids are not those that their record names")
    made = int.from_bytes(key[len(LIVE) :], "big")
    batch.put(live_ids_key(latest, made), ids)
    for position, at in enumerate(range(0, len(ids), HASH_BYTES)):
        row = transaction_row(made, position)  # consumed ids in order: the block is not here
        batch.put(named_key(Table.TRANSACTION, ids[at : at + HASH_BYTES]), row)


def judge_parting(data: bytes, place: Place) -> list[Place]:
    """Return the places below, without empty ones. Raises InvalidProof."""
    if len(data) != CHILDREN_BYTES or place.depth >= DEPTH_MAX:
        raise InvalidProof("a parting has sixteen hashes")
    if Inner(bytearray(data), [0] * 16).rehash(15) != place.hash:
        raise InvalidProof("a parting does not have the hash that is certified for it")
    return list(_children(data, place))


def _children(data: bytes, place: Place) -> Iterator[Place]:
    for child in range(16):
        hashed = data[child * HASH_BYTES : (child + 1) * HASH_BYTES]
        if hashed != ZERO_HASH:
            yield Place(place.depth + 1, child_path(place.path, place.depth, child), hashed)


def cut(
    held: Sequence[tuple[bytes, bytes]], depth: int, path: bytes, *, bytes_max: int
) -> tuple[bool, bytes]:
    """Return what is answered for a place: (whether it is a parting, its bytes).

    Args:
        held: (leaf, row) of everything under the path, ascending by leaf.
        bytes_max: what a chunk's entries may have in all; a bucket is never parted.
    """
    size = sum(len(row) for _, row in held)
    if size <= bytes_max or len(held) <= STATE_BUCKET_ENTRIES_MAX:
        return False, b"".join([row for _, row in held])
    return True, parting_of(depth, path, [leaf for leaf, _ in held])


def subtree_hash(depth: int, path: bytes, leaves: bytes) -> Hash:
    """Return the hash of a subtree over ascending leaves, storing nothing."""
    return build_subtree(depth, path, leaves, lambda _key, _value: None)


def parting_of(depth: int, path: bytes, leaves: Sequence[bytes]) -> bytes:
    """Return the parting at a place with more leaves than a bucket holds."""
    parts: list[list[bytes]] = [[] for _ in range(16)]
    half, odd = depth >> 1, depth & 1
    for leaf in leaves:
        parts[leaf[half] & 15 if odd else leaf[half] >> 4].append(leaf)
    return b"".join(
        subtree_hash(depth + 1, child_path(path, depth, child), b"".join(part))
        for child, part in enumerate(parts)
    )
