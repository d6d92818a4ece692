"""The state at one certified checkpoint, laid out in files for others to fetch.

    <directory>/<height>/xx    entries whose key's hash begins with the byte xx, in no order:
                               leaf (64 bytes), row of a chunk

Rules it keeps:
- No reader stands: the state is walked in slices, each out of a snapshot of its own that ends
  before the next await, and after each slice the walk rests a quarter of the time that it has
  taken. Values that have changed meanwhile come from the history, lapsed ids from outcomes.
- Nothing is served before the whole has the root that was certified for the height.
- The files are scratch: they are never synced, and what a life before has left is removed.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import trio

from govchaind.base.errors import InvalidProof, NotFound, Refused
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.limits import SNAPSHOT_CHUNK_BYTES_MAX, STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import Hash, Height
from govchaind.ledger.live_ids import live_ids_of
from govchaind.ledger.snapshot_chunk import cut, pack_row, row_length, subtree_hash
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import LIVE
from govchaind.ledger.tree_proof import ENTRY_BYTES, hash_key, hash_value
from govchaind.ledger.tree_record import Inner, path_of
from govchaind.runtime.environment import Storage, Threads

# Read in one go, whichever is first: about 3 ms of the loop's time. Much less at a time would be
# mostly rest, for the shortest sleep of an event loop is a millisecond.
SLICE_ROWS = 600
SLICE_BYTES = 256 * 1024
FLUSH_BYTES = 8 * 1024 * 1024  # kept in memory before files are written
LOADED_MAX = 4  # files kept in memory, sorted
PARTS = 256

Held = list[tuple[bytes, bytes]]  # (leaf, row)


class Layout:
    """The state at one height, whole and checked."""

    def __init__(self, directory: Path, height: Height, threads: Threads) -> None:
        self.height = height
        self.entries = 0
        self.bytes = 0
        self._directory = directory / str(height)
        self._threads = threads
        self._sizes = [0] * PARTS
        self._counts = [0] * PARTS
        self._hashes: list[Hash] = []  # of the subtrees two half-bytes down
        self._loaded: OrderedDict[int, Held] = OrderedDict()

    # --- laying out -------------------------------------------------------------------------------

    async def make(self, storage: Storage, root: Hash) -> None:
        """Walk the state and lay it out.

        Raises:
            Gone, NotFound: what it had at the height is not all here any more.
            InvalidProof: what is here does not have the certified root.
            StorageCorrupt: a row is not what was written. OSError: no room for the files.
        """
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700, parents=True)
        waiting: dict[int, list[bytes]] = {}
        size, after = 0, b""
        while True:
            began = trio.current_time()
            snapshot = storage.snapshot()
            try:
                last, found = _slice(snapshot, after, self.height)
            finally:
                snapshot.close()
            for part, row in found:
                waiting.setdefault(part, []).append(row)
                self._counts[part] += 1
                self._sizes[part] += len(row)
                size += len(row)
            if size > FLUSH_BYTES or not last:
                await self._threads.run(partial(self._append, waiting))
                waiting, size = {}, 0
            if not last:
                break
            after = last
            await trio.sleep((trio.current_time() - began) / 4)
        self._hashes = [await self._threads.run(partial(self._hash, p)) for p in range(PARTS)]
        self.entries, self.bytes = sum(self._counts), sum(self._sizes)
        if await self._threads.run(self._root) != root:
            raise InvalidProof(f"the state at height {self.height} does not have its root here")

    def _append(self, waiting: dict[int, list[bytes]]) -> None:
        for part, rows in waiting.items():
            with self._path(part).open("ab") as file:
                file.write(b"".join(rows))

    def remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _path(self, part: int) -> Path:
        return self._directory / f"{part:02x}"

    # --- what hangs where -------------------------------------------------------------------------

    def _hash(self, part: int) -> Hash:
        held = self._read(part) if self._counts[part] else []
        return subtree_hash(2, bytes((part,)), b"".join(leaf for leaf, _ in held))

    def _root(self) -> Hash:
        return self._above(0, b"")

    def _above(self, depth: int, path: bytes) -> Hash:
        """Return the hash of a subtree that lies over whole files."""
        parts = _parts(depth, path)
        if len(parts) == 1:
            return self._hashes[parts[0]]
        if sum(self._counts[part] for part in parts) <= STATE_BUCKET_ENTRIES_MAX:
            held = self._all(parts)
            return subtree_hash(depth, path, b"".join(leaf for leaf, _ in held))
        return Inner(bytearray(self._parting(depth, path)), [0] * 16).rehash(15)

    def _parting(self, depth: int, path: bytes) -> bytes:
        below = [bytes((child << 4,)) if depth == 0 else bytes((path[0] | child,))
                 for child in range(16)]  # fmt: skip
        return b"".join(self._above(depth + 1, each) for each in below)

    async def answer(self, depth: int, path: bytes) -> tuple[bool, bytes]:
        """Return what hangs at a place: (whether it is a parting, its bytes)."""
        return await self._threads.run(partial(self._answer, depth, path))

    def _answer(self, depth: int, path: bytes) -> tuple[bool, bytes]:
        parts = _parts(depth, path)
        if len(parts) > 1:
            size = sum(self._sizes[part] for part in parts)
            count = sum(self._counts[part] for part in parts)
            if size > SNAPSHOT_CHUNK_BYTES_MAX and count > STATE_BUCKET_ENTRIES_MAX:
                return True, self._parting(depth, path)
            held = self._all(parts)
        else:
            held = [item for item in self._load(parts[0]) if path_of(item[0][:32], depth) == path]
        return cut(held, depth, path, bytes_max=SNAPSHOT_CHUNK_BYTES_MAX)

    def _all(self, parts: range) -> Held:
        return [item for part in parts if self._counts[part] for item in self._load(part)]

    def _load(self, part: int) -> Held:
        held = self._loaded.pop(part, None)
        if held is None:
            held = self._read(part) if self._counts[part] else []
        self._loaded[part] = held
        while len(self._loaded) > LOADED_MAX:
            self._loaded.popitem(last=False)
        return held

    def _read(self, part: int) -> Held:
        return sorted(_entries(self._path(part).read_bytes()))


def _parts(depth: int, path: bytes) -> range:
    """Return which files hold what hangs at a place."""
    if depth == 0:
        return range(PARTS)
    return range(path[0], path[0] + (16 if depth == 1 else 1))


def _slice(
    reader: KeyValueReader, after: bytes, height: Height
) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the last key of the next rows (empty at the end), and the rows of files."""
    start = Table.STATE.value
    last, found, size = b"", [], 0
    state = State()
    for stored, data in islice(reader.scan(after or start, prefix_end(start)), SLICE_ROWS + 1):
        if stored == after:
            continue
        if size > SLICE_BYTES:
            break
        last, key = stored, stored[1:]
        size += len(data)
        if int.from_bytes(data[:8], "big") <= height:
            value = data[9:] if data[8:9] == b"\x01" else None
        else:
            value = state.get_at(reader, key, height)
        if value is not None:
            leaf = hash_key(key) + hash_value(value)
            found.append((leaf[0], leaf + pack_row(key, value, _ids(reader, key, value))))
    return last, found


def _ids(reader: KeyValueReader, key: bytes, value: bytes) -> bytes | None:
    if not key.startswith(LIVE):
        return None
    try:
        return live_ids_of(reader, int.from_bytes(key[1:], "big"), value)
    except Refused as error:
        raise NotFound(f"ids of a block are not here any more: {error.message}") from error


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        row = at + ENTRY_BYTES
        leaf, at = data[at:row], row + row_length(data, row)
        yield leaf, data[row:at]
