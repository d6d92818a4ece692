"""A store to throw away: a folder of the system's own, gone when the block ends.

What is kept gathers in memory and is written when there is enough of it, so that memory stays
bounded however long a history is replayed. Nothing of it need survive anything.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from govchaind.base.keyvalue import KeyValueReader, Overlay, WriteBatch
from govchaind.runtime.lmdb_storage import LmdbSnapshot, LmdbStorage

GATHERED_CHANGES = 4000  # a scan looks at all of them: a tenth of a millisecond
GATHERED_BYTES = 8 * 1024 * 1024


class ScratchStore:
    """What one ledger keeps while it is tried; `flush` now and then, between two blocks."""

    def __init__(self, path: Path) -> None:
        self._storage = LmdbStorage(path)
        self._gathered = WriteBatch()
        self._snapshot: LmdbSnapshot | None = None

    def reader(self) -> KeyValueReader:
        """Return a view of everything kept so far; good until the next `flush`."""
        if self._snapshot is None:
            self._snapshot = self._storage.snapshot()
        return Overlay(self._snapshot, [self._gathered])

    def keep(self, batch: WriteBatch) -> None:
        """Make a batch part of what is read."""
        self._gathered.changes.update(batch.changes)
        self._gathered.bytes += batch.bytes

    async def flush(self, *, least_changes: int = GATHERED_CHANGES) -> None:
        """Write what has gathered, if it is enough. Raises StorageFailed, StorageFull."""
        gathered = self._gathered
        if len(gathered) < least_changes and gathered.bytes < GATHERED_BYTES:
            return
        self._close_snapshot()
        self._gathered = WriteBatch()
        await self._storage.write(gathered)

    def close(self) -> None:
        self._close_snapshot()
        self._storage.close()

    def _close_snapshot(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None


@contextmanager
def scratch_stores(count: int) -> Iterator[list[ScratchStore]]:
    """Make so many stores; remove them afterwards, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="govchaind-try-") as folder:
        stores = [ScratchStore(Path(folder) / str(number)) for number in range(count)]
        try:
            yield stores
        finally:
            for store in stores:
                store.close()
