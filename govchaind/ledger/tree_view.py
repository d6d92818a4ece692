"""The state's tree as it was at one checkpoint of the window: the newest, undone.

The walk goes down both trees at once, *then* (the checkpoint's) and *now* (the newest, which is
what the nodes in the store are). A pointer of then is the oldest undone one after the checkpoint,
else now's. Where then has a bucket, its entries are now's under that path, undone.

Every path that leaves here has been verified against the checkpoint's root: a store that is
wrong in a way that its checksums do not show gives StorageCorrupt, never a false proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from govchaind.base.crypto import HASH_BYTES
from govchaind.base.errors import InvalidProof, StorageCorrupt, invariant
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.limits import STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import ZERO_HASH, Hash, Height
from govchaind.ledger.tree_proof import (
    DEPTH_MAX,
    ENTRY_BYTES,
    TreePath,
    bucket_hash,
    check_tree_path,
    nibble,
)
from govchaind.ledger.tree_record import (
    COUNT_BYTES,
    DEPTH_KEYS,
    GROUP_BYTES,
    SIXTEENTHS,
    CheckpointRecord,
    Inner,
    Undo,
    child_path,
    empty_inner,
    merge_undos,
    path_of,
    path_span,
    read_checkpoint,
    undo_key,
    unpack_inner,
)


class TreeView:
    """One checkpoint's tree, read through a reader that does not change meanwhile."""

    def __init__(
        self,
        reader: KeyValueReader,
        window: Sequence[Height],
        height: Height,
        checkpoint: CheckpointRecord,
    ) -> None:
        self._reader = reader
        self._later = [kept for kept in window if kept > height]  # oldest first
        self._checkpoint = checkpoint
        newest = read_checkpoint(reader, window[-1])
        if newest is None:
            raise StorageCorrupt(f"checkpoint {window[-1]} is missing from the store")
        self._newest = newest
        self._records = 0  # met by `check`

    def prove(self, key_hash: Hash) -> TreePath:
        """Return the verified path of a key hash, present or absent."""
        invariant(len(key_hash) == HASH_BYTES, "a key hash has 32 bytes")
        undos = self._undos(key_hash[0] >> 4)
        levels: list[bytes] = []
        depth, then = 0, self._checkpoint.entries
        now_depth, now = 0, self._newest.entries  # where now's walk has come to
        while then > STATE_BUCKET_ENTRIES_MAX and depth < DEPTH_MAX:
            walking = now_depth == depth and now > STATE_BUCKET_ENTRIES_MAX
            node, counts = self._node(depth, path_of(key_hash, depth), undos, stored=walking)
            child = nibble(key_hash, depth)
            if walking:
                now_depth, now = depth + 1, counts[child]
            levels.append(_siblings(node, child))
            then = node.counts[child]
            depth += 1
        bucket = self._checkpoint.top
        if depth:
            held = self._entries(now_depth, path_of(key_hash, now_depth), now)
            bucket = _undo_entries(held, depth, path_of(key_hash, depth), undos)
        levels.reverse()
        proof = TreePath(bucket, tuple(levels))
        try:
            check_tree_path(self._checkpoint.root, key_hash, proof.value_hash(key_hash), proof)
        except InvalidProof as error:
            raise StorageCorrupt(f"the stored state tree does not hold: {error}") from None
        return proof

    def leaves(self) -> Iterator[bytes]:
        """Yield each entry of the newest checkpoint, ascending."""
        for bucket in self._buckets(0, b"", self._newest.entries):
            for at in range(0, len(bucket), ENTRY_BYTES):
                yield bucket[at : at + ENTRY_BYTES]

    def check(self) -> None:
        """Recompute every hash and the shape of the whole tree; raises StorageCorrupt."""
        pointer = (self._checkpoint.root, self._checkpoint.entries)
        undos = [merge_undos(self._undos(sixteenth)) for sixteenth in range(SIXTEENTHS)]
        self._check(0, b"", pointer, (0, b"", self._newest.entries), undos)
        if not self._later:
            table = Table.TREE_NODE.value
            stored = sum(1 for _ in self._reader.scan(table, prefix_end(table)))
            top = self._reader.get(DEPTH_KEYS[0]) or b""
            if top != self._checkpoint.top:
                raise StorageCorrupt("the state tree's top is not that of its newest checkpoint")
            if stored != self._records:
                raise StorageCorrupt(
                    f"{stored} records of the state tree are stored, {self._records} belong to it"
                )

    def _check(
        self,
        depth: int,
        path: bytes,
        pointer: tuple[Hash, int],
        now: tuple[int, bytes, int],
        undos: Sequence[Undo],
    ) -> None:
        hashed, count = pointer
        if depth:
            undos = undos if depth > 1 else [undos[path[0] >> 4]]
        if count <= STATE_BUCKET_ENTRIES_MAX:
            bucket = self._checkpoint.top
            if depth:
                bucket = _undo_entries(self._entries(*now), depth, path, undos)
            keys = [bucket[at : at + HASH_BYTES] for at in range(0, len(bucket), ENTRY_BYTES)]
            misplaced = any(path_of(key, depth) != path for key in keys)
            ascending = all(low < high for low, high in pairwise(keys))
            good = len(keys) == count and not misplaced and ascending
            if not good or bucket_hash(bucket) != hashed:
                raise StorageCorrupt(f"the state tree's bucket at path {path.hex()} is wrong")
            self._records += bool(count)
            return
        walking = now[0] == depth and now[2] > STATE_BUCKET_ENTRIES_MAX
        node, counts = self._node(depth, path, undos, stored=walking)
        if node.rehash(15) != hashed or sum(node.counts) != count:
            raise StorageCorrupt(f"the state tree's record at path {path.hex()} is wrong")
        self._records += 1
        for child in range(16):
            below = child_path(path, depth, child)
            nearer = (depth + 1, below, counts[child]) if walking else now
            self._check(depth + 1, below, node.pointer(child), nearer, undos)

    def _undos(self, sixteenth: int) -> list[Undo]:
        """Return what was changed in one sixteenth after the checkpoint, oldest first."""
        stored = (self._reader.get(undo_key(height, sixteenth)) for height in self._later)
        return [Undo(data) for data in stored if data is not None]

    def _node(
        self, depth: int, path: bytes, undos: Sequence[Undo], *, stored: bool
    ) -> tuple[Inner, list[int]]:
        """Return then's inner record, and now's counts if now has one there (`stored`)."""
        if depth == 0:
            counts = unpack_inner(self._newest.top, DEPTH_KEYS[0]).counts if stored else [0] * 16
            return unpack_inner(self._checkpoint.top, DEPTH_KEYS[0]), counts
        node = self._inner(depth, path) if stored else empty_inner()
        counts = node.counts.copy()
        _undo_pointers(node, depth, path, undos)
        return node, counts

    def _inner(self, depth: int, path: bytes) -> Inner:
        key = DEPTH_KEYS[depth] + path
        return unpack_inner(self._reader.get(key), key)

    def _entries(self, depth: int, path: bytes, count: int) -> dict[Hash, Hash]:
        """Return all of now's entries under a path."""
        return {
            bucket[at : at + HASH_BYTES]: bucket[at + HASH_BYTES : at + ENTRY_BYTES]
            for bucket in self._buckets(depth, path, count)
            for at in range(0, len(bucket), ENTRY_BYTES)
        }

    def _buckets(self, depth: int, path: bytes, count: int) -> Iterator[bytes]:
        if count > STATE_BUCKET_ENTRIES_MAX:
            node = self._inner(depth, path)
            for child in range(16):
                below = child_path(path, depth, child)
                yield from self._buckets(depth + 1, below, node.counts[child])
        elif count:
            data = self._reader.get(DEPTH_KEYS[depth] + path)
            if data is None or len(data) != count * ENTRY_BYTES:
                raise StorageCorrupt(f"the state tree's bucket at path {path.hex()} is missing")
            yield data


def _undo_pointers(node: Inner, depth: int, path: bytes, undos: Sequence[Undo]) -> None:
    """Set the children of `node` to what they were; the oldest undo of each holds."""
    low, end = path_span(path, depth)
    head = depth // 2 + 1  # bytes of a child's path
    done = 0
    for undo in undos:
        for item in undo.items(depth + 1, low, end):
            last = item[head - 1]
            child = last & 15 if depth & 1 else last >> 4
            if done >> child & 1:
                continue
            done |= 1 << child
            at = child * HASH_BYTES
            node.children[at : at + HASH_BYTES] = item[head : head + HASH_BYTES]
            node.counts[child] = int.from_bytes(item[-COUNT_BYTES:], "big")
    if done:
        node.rehash(15)


def _undo_entries(held: dict[Hash, Hash], depth: int, path: bytes, undos: Sequence[Undo]) -> bytes:
    """Return a bucket as it was: now's entries under its path, undone, ascending."""
    held = {key: value for key, value in held.items() if path_of(key, depth) == path}
    low, end = path_span(path, depth)
    done: set[Hash] = set()
    for undo in undos:
        for item in undo.items(0, low, end):
            key, value = item[:HASH_BYTES], item[HASH_BYTES:]
            if key in done:
                continue
            done.add(key)
            if value == ZERO_HASH:
                held.pop(key, None)
            else:
                held[key] = value
    return b"".join([key + held[key] for key in sorted(held)])


def _siblings(node: Inner, child: int) -> bytes:
    """Return the six hashes beside a child: its group's three others, the three other groups."""
    group, place = divmod(child, 4)
    four = bytes(node.children[group * GROUP_BYTES : (group + 1) * GROUP_BYTES])
    groups = bytes(node.groups)
    return _without(four, place) + _without(groups, group)


def _without(four: bytes, place: int) -> bytes:
    return four[: place * HASH_BYTES] + four[(place + 1) * HASH_BYTES :]
