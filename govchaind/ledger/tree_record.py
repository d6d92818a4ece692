"""How the state's tree lies in the store.

Nodes are kept once, as of the newest checkpoint, and overwritten in place: an inner record is its
children's 16 hashes and 16 counts, a bucket is its entries. A parent's count says which of the
two a child is. Each checkpoint also leaves an *undo*: what its fold changed, as it was before:
entries, and pointers to nodes. Older checkpoints are read as the newest, undone. That is a tenth
of the bytes that copies of whole nodes would take, and nothing scattered to delete later:
measured in LMDB, a third of the time.

    TREE_NODE    depth (1 byte), path (half-bytes, packed)  → inner record or bucket
    TREE_GARBAGE checkpoint (8 bytes), first half-byte (1)  → undo of that sixteenth of the tree
    TREE_GARBAGE (no more)                                  → heights of the provable checkpoints
    CHECKPOINT   height (8 bytes)                           → [root, entries, time, sixteenths, top]

An undo is a row of sections, each: depth (1 byte), number of items (4), items of one width,
ascending. Depth 0 holds entries (a zero value hash: there was none); depth d > 1 holds pointers
to nodes at depth d: path, hash, count. Those at depth 1 belong to all sixteenths, so a checkpoint
keeps its topmost record itself.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from govchaind.base.crypto import HASH_BYTES
from govchaind.base.encoding import decode, encode, read
from govchaind.base.errors import InvalidEncoding, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import ZERO_HASH, BlockTime, Hash, Height
from govchaind.ledger.tree_proof import DEPTH_MAX, ENTRY_BYTES, NODE_PREFIX

COUNT_BYTES = 4
POINTER_BYTES = HASH_BYTES + COUNT_BYTES
CHILDREN_BYTES = 16 * HASH_BYTES
GROUP_BYTES = 4 * HASH_BYTES
INNER_BYTES = CHILDREN_BYTES + 16 * COUNT_BYTES
SIXTEENTHS = 16
WINDOW_KEY = Table.TREE_GARBAGE.value
DEPTH_KEYS = tuple(Table.TREE_NODE.value + bytes((depth,)) for depth in range(DEPTH_MAX + 1))
HIGH_HALF = tuple(bytes((byte & 0xF0,)) for byte in range(256))
_COUNTS = struct.Struct(">16I")
_SECTION = struct.Struct(">BI")
_GROUPS_OF = tuple(  # for each set of groups: where its children, and where its hash begin
    tuple((g * GROUP_BYTES, g * HASH_BYTES) for g in range(4) if groups >> g & 1)
    for groups in range(16)
)
_sha256 = hashlib.sha256


class Inner:
    """An inner record in memory: 16 child hashes, 4 group hashes, 16 counts."""

    __slots__ = ("children", "counts", "groups")

    def __init__(self, children: bytearray, counts: list[int]) -> None:
        self.children = children
        self.counts = counts
        self.groups = bytearray(GROUP_BYTES)
        self.rehash(15)

    def rehash(self, groups: int) -> Hash:
        """Recompute the groups whose bits are set; return the record's hash."""
        children, hashes = self.children, self.groups
        for low, at in _GROUPS_OF[groups]:
            four = children[low : low + GROUP_BYTES]
            hashes[at : at + HASH_BYTES] = _sha256(NODE_PREFIX + four).digest()
        return _sha256(NODE_PREFIX + hashes).digest()

    def pack(self) -> bytes:
        """Return the stored form."""
        return bytes(self.children) + _COUNTS.pack(*self.counts)

    def pointer(self, child: int) -> tuple[Hash, int]:
        """Return hash and count of one child."""
        at = child * HASH_BYTES
        return bytes(self.children[at : at + HASH_BYTES]), self.counts[child]


def empty_inner() -> Inner:
    """Return an inner record without children."""
    return Inner(bytearray(CHILDREN_BYTES), [0] * 16)


def unpack_inner(data: bytes | None, key: bytes) -> Inner:
    """Return the record that was stored under `key`; raises StorageCorrupt."""
    if data is None or len(data) != INNER_BYTES:
        raise StorageCorrupt(f"the state tree's record {key.hex()} is missing or misshapen")
    return Inner(bytearray(data[:CHILDREN_BYTES]), list(_COUNTS.unpack_from(data, CHILDREN_BYTES)))


def path_of(key_hash: Hash, depth: int) -> bytes:
    """Return the first `depth` half-bytes of a key hash, packed; an odd last one stands high."""
    half = depth >> 1
    if depth & 1:
        return key_hash[:half] + HIGH_HALF[key_hash[half]]
    return key_hash[:half]


def child_path(path: bytes, depth: int, child: int) -> bytes:
    """Return the path of one of the sixteen children of the node at `path` and `depth`."""
    if depth & 1:
        return path[:-1] + bytes((path[-1] | child,))
    return path + bytes((child << 4,))


def path_span(path: bytes, depth: int) -> tuple[bytes, bytes | None]:
    """Return the smallest string under a path, and the smallest above all (None: there is none)."""
    if depth == 0:
        return b"", None
    step = 1 if depth % 2 == 0 else 16
    above = int.from_bytes(path, "big") + step
    if above >> 8 * len(path):
        return path, None
    return path, above.to_bytes(len(path), "big")


def undo_key(height: Height, sixteenth: int) -> bytes:
    """Return where the undo of one sixteenth of a checkpoint is stored."""
    return height_key(Table.TREE_GARBAGE, height) + bytes((sixteenth,))


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint as it is stored.

    Bit n of `sixteenths`: there is an undo for first half-byte n. `top` is the node at depth 0.
    """

    root: Hash
    entries: int
    time: BlockTime
    sixteenths: int
    top: bytes

    def encode(self) -> bytes:
        return encode([self.root, self.entries, self.time, self.sixteenths, self.top])


EMPTY_CHECKPOINT = CheckpointRecord(ZERO_HASH, 0, 0, 0, b"")


def read_checkpoint(reader: KeyValueReader, height: Height) -> CheckpointRecord | None:
    """Return the stored checkpoint, if it is one; raises StorageCorrupt."""
    data = reader.get(height_key(Table.CHECKPOINT, height))
    if data is None:
        return None
    try:
        return CheckpointRecord(
            *read(data, tuple[bytes, int, int, int, bytes], bytes_max=len(data))
        )
    except InvalidEncoding as error:
        raise StorageCorrupt(f"checkpoint {height} is not readable: {error}") from None


def read_window(reader: KeyValueReader) -> list[Height]:
    """Return the heights of the provable checkpoints, ascending."""
    data = reader.get(WINDOW_KEY)
    return [] if data is None else list(decode(data, bytes_max=len(data)))


class Undo:
    """What one fold changed in one sixteenth of the tree, as it was before."""

    __slots__ = ("_data", "_sections")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sections: dict[int, tuple[int, int, int]] = {}  # depth → (start, width, items)
        at = 0
        while at < len(data):
            depth, items = _SECTION.unpack_from(data, at)
            at += _SECTION.size
            width = item_width(depth)
            self._sections[depth] = (at, width, items)
            at += width * items
        if at != len(data):
            raise StorageCorrupt("an undo of the state tree is misshapen")

    def items(self, depth: int, low: bytes = b"", end: bytes | None = None) -> Iterator[bytes]:
        """Yield the items of a section with low ≤ item < end, as strings of bytes."""
        if depth not in self._sections:
            return
        start, width, count = self._sections[depth]
        data = self._data
        first = bisect_left(
            range(count), low, key=lambda n: data[start + n * width : start + (n + 1) * width]
        )
        for at in range(start + first * width, start + count * width, width):
            item = data[at : at + width]
            if end is not None and item >= end:
                return
            yield item

    def depths(self) -> list[int]:
        """Return which sections there are."""
        return sorted(self._sections)


def item_width(depth: int) -> int:
    """Return how long an item of a section is."""
    return (depth + 1) // 2 + POINTER_BYTES if depth else ENTRY_BYTES


def pack_undo(sections: Sequence[tuple[int, Sequence[bytes]]]) -> bytes:
    """Return the stored form of (depth, ascending items) sections."""
    parts: list[bytes] = []
    for depth, items in sections:
        if items:
            parts.append(_SECTION.pack(depth, len(items)))
            parts.extend(items)
    return b"".join(parts)


def merge_undos(undos: Sequence[Undo]) -> Undo:
    """Return one undo that does what `undos` (oldest first) do together: the oldest item wins."""
    sections: dict[int, dict[bytes, bytes]] = {}
    for undo in undos:
        for depth in undo.depths():
            known = sections.setdefault(depth, {})
            head = (depth + 1) // 2 if depth else HASH_BYTES
            for item in undo.items(depth):
                known.setdefault(item[:head], item)
    return Undo(
        pack_undo([(depth, sorted(sections[depth].values())) for depth in sorted(sections)])
    )
