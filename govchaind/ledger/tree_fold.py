"""One fold: sorted changes go down the state's tree once, and each touched record is written once.

A bucket that outgrows its bound is split at once, and an inner record whose entries fit a bucket
becomes one at once; so the tree stays a function of its entries, whatever the order of changes.
This is the hottest pure code of a node: it slices bytes and builds no objects for entries.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping

from govchaind.base.crypto import HASH_BYTES
from govchaind.base.errors import StorageCorrupt, invariant
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import ZERO_HASH, Hash, Height
from govchaind.ledger.tree_build import build_records
from govchaind.ledger.tree_proof import BUCKET_BYTES_MAX, BUCKET_PREFIX, ENTRY_BYTES
from govchaind.ledger.tree_record import (
    COUNT_BYTES,
    DEPTH_KEYS,
    HIGH_HALF,
    SIXTEENTHS,
    CheckpointRecord,
    Inner,
    child_path,
    pack_undo,
    undo_key,
    unpack_inner,
)

MERGE_ONE_BY_ONE_MAX = 6  # more changes to one bucket are merged through a dict
_sha256 = hashlib.sha256


def _place(entries: bytes, key: Hash) -> int:
    """Return where in ascending entries a new key belongs."""
    low, high = 0, len(entries) // ENTRY_BYTES
    while low < high:
        middle = (low + high) // 2
        at = middle * ENTRY_BYTES
        if entries[at : at + HASH_BYTES] < key:
            low = middle + 1
        else:
            high = middle
    return low * ENTRY_BYTES


class Pending:
    """A reader that sees the batch being made; `Overlay` without its loop, for the hot path."""

    __slots__ = ("_changes", "_get", "scan")

    def __init__(self, reader: KeyValueReader, batch: WriteBatch) -> None:
        self._changes = batch.changes
        self._get = reader.get
        self.scan = reader.scan

    def get(self, key: bytes) -> bytes | None:
        if key in self._changes:
            return self._changes[key]
        return self._get(key)


class Fold:
    """One fold under way: sorted changes, the batch, and the undo that it gathers."""

    def __init__(
        self,
        reader: Pending,
        batch: WriteBatch,
        cache: OrderedDict[bytes, Inner],
        changes: Mapping[Hash, Hash | None],
    ) -> None:
        self._get = reader.get
        self._put = batch.put
        self._delete = batch.delete
        self._cache = cache
        self._keys = sorted(changes)
        self._values = [changes[key] for key in self._keys]
        self._undo_entries: list[bytes] = []
        self._undo_pointers: list[list[bytes]] = []  # by depth - 1, each ascending by path
        lengths = {len(value) for value in self._values if value is not None}
        lengths.update(map(len, self._keys))
        invariant(lengths <= {HASH_BYTES}, "the state tree holds hashes of 32 bytes")

    def run(self, before: CheckpointRecord) -> tuple[Hash, int]:
        """Fold all changes; return the new root and the number of entries."""
        count = len(self._keys)
        if not count:
            return before.root, before.entries
        if before.entries > STATE_BUCKET_ENTRIES_MAX:
            return self._inner(0, b"", 0, count, before.root, total=before.entries)
        return self._bucket(0, b"", 0, count, before.root, count=before.entries)

    def write_undo(self, height: Height) -> int:
        """Put the undo in its sixteenths; return the bits of those that there are."""
        written = 0
        mine: dict[int, list[tuple[int, list[bytes]]]] = {}
        for depth, items in enumerate((self._undo_entries, *self._undo_pointers)):
            start = 0
            while start < len(items):
                sixteenth = items[start][0] >> 4
                last = sixteenth == SIXTEENTHS - 1
                end = (
                    len(items) if last else bisect_left(items, HIGH_HALF[sixteenth + 1 << 4], start)
                )
                mine.setdefault(sixteenth, []).append((depth, items[start:end]))
                start = end
        for sixteenth in sorted(mine):
            self._put(undo_key(height, sixteenth), pack_undo(mine[sixteenth]))
            written |= 1 << sixteenth
        return written

    def _inner(
        self, depth: int, path: bytes, low: int, high: int, old: Hash, *, total: int
    ) -> tuple[Hash, int]:
        """Fold changes low … high into the inner record at `path`; return its hash and count."""
        key = DEPTH_KEYS[depth] + path
        node = self._cache.get(key)
        if node is None:
            node = self._cache[key] = unpack_inner(self._get(key), key)
        else:
            self._cache.move_to_end(key)  # the oldest are evicted first
        keys, children, counts = self._keys, node.children, node.counts
        hashes_before, counts_before = bytes(children), counts.copy()
        half, odd = depth >> 1, depth & 1
        touched: list[tuple[int, bytes]] = []
        groups = 0
        while low < high:
            first = keys[low]
            byte = first[half]
            end = low + 1
            if odd:
                child, below = byte & 15, first[: half + 1]
                while end < high and keys[end][half] == byte:
                    end += 1
            else:
                child, below = byte >> 4, path + HIGH_HALF[byte]
                while end < high and keys[end][half] >> 4 == child:
                    end += 1
            at = child * HASH_BYTES
            was = hashes_before[at : at + HASH_BYTES]
            count = held = counts[child]
            if count > STATE_BUCKET_ENTRIES_MAX:
                new, count = self._inner(depth + 1, below, low, end, was, total=count)
            else:
                new, count = self._bucket(depth + 1, below, low, end, was, count=count)
            if new != was:
                touched.append((child, below))
                children[at : at + HASH_BYTES] = new
                counts[child] = count
                total += count - held
                groups |= 1 << (child >> 2)
            low = end
        if not groups:
            return old, total
        if total <= STATE_BUCKET_ENTRIES_MAX:
            touched = [(child, child_path(path, depth, child)) for child in range(16)]
        pointers = self._pointers(depth)
        for child, below in touched if depth else ():  # a checkpoint keeps its topmost record
            at = child * HASH_BYTES
            was = hashes_before[at : at + HASH_BYTES]
            pointers.append(below + was + counts_before[child].to_bytes(COUNT_BYTES, "big"))
        if total <= STATE_BUCKET_ENTRIES_MAX:
            return self._collapse(depth, path, counts), total
        self._put(key, node.pack())
        return node.rehash(groups), total

    def _pointers(self, depth: int) -> list[bytes]:
        """Return where undone pointers from a record at `depth` gather."""
        while len(self._undo_pointers) <= depth:
            self._undo_pointers.append([])
        return self._undo_pointers[depth]

    def _collapse(self, depth: int, path: bytes, counts: list[int]) -> Hash:
        """Turn an inner record whose entries fit a bucket into that bucket; return its hash."""
        parts: list[bytes] = []
        for child in range(16):
            if counts[child]:
                key = DEPTH_KEYS[depth + 1] + child_path(path, depth, child)
                parts.append(self._read_bucket(key, counts[child]))
                self._delete(key)
        key = DEPTH_KEYS[depth] + path
        del self._cache[key]
        entries = b"".join(parts)
        if not entries:
            self._delete(key)
            return ZERO_HASH
        self._put(key, entries)
        return _sha256(BUCKET_PREFIX + entries).digest()

    def _read_bucket(self, key: bytes, count: int) -> bytes:
        data = self._get(key)
        if data is None or len(data) != count * ENTRY_BYTES:
            raise StorageCorrupt(f"the state tree's bucket {key.hex()} is missing or misshapen")
        return data

    def _bucket(
        self, depth: int, path: bytes, low: int, high: int, old: Hash, *, count: int
    ) -> tuple[Hash, int]:
        """Fold changes low … high into the bucket at `path`; return its hash and count."""
        key = DEPTH_KEYS[depth] + path
        before = self._read_bucket(key, count) if count else b""
        many = high - low > MERGE_ONE_BY_ONE_MAX
        entries = self._merge_many(before, low, high) if many else self._merge(before, low, high)
        if entries == before:
            return old, count
        if not entries:
            self._delete(key)
            return ZERO_HASH, 0
        if len(entries) > BUCKET_BYTES_MAX:
            hashed = build_records(depth, path, entries, self._put, self._cache.__setitem__)
            return hashed, len(entries) // ENTRY_BYTES
        self._put(key, entries)
        return _sha256(BUCKET_PREFIX + entries).digest(), len(entries) // ENTRY_BYTES

    def _merge(self, entries: bytes, low: int, high: int) -> bytes:
        """Return a bucket's entries after a few changes, each made by slicing."""
        for index in range(low, high):
            key, value = self._keys[index], self._values[index]
            at = entries.find(key)
            while at > 0 and at % ENTRY_BYTES:  # found across entries: no entry's key
                at = entries.find(key, at + 1)
            if at < 0:
                if value is None:
                    continue
                at = _place(entries, key)
                self._undo_entries.append(key + ZERO_HASH)
                entries = entries[:at] + key + value + entries[at:]
                continue
            was = entries[at + HASH_BYTES : at + ENTRY_BYTES]
            if value is None:
                entries = entries[:at] + entries[at + ENTRY_BYTES :]
            elif value != was:
                entries = entries[: at + HASH_BYTES] + value + entries[at + ENTRY_BYTES :]
            else:
                continue
            self._undo_entries.append(key + was)
        return entries

    def _merge_many(self, entries: bytes, low: int, high: int) -> bytes:
        """Return a bucket's entries after many changes."""
        held = {
            entries[at : at + HASH_BYTES]: entries[at + HASH_BYTES : at + ENTRY_BYTES]
            for at in range(0, len(entries), ENTRY_BYTES)
        }
        for index in range(low, high):
            key, value = self._keys[index], self._values[index]
            was = held.get(key)
            if value == was:
                continue
            self._undo_entries.append(key + (was or ZERO_HASH))
            if value is None:
                del held[key]
            else:
                held[key] = value
        return b"".join([key + held[key] for key in sorted(held)])
