"""Storage in one LMDB environment: one synced transaction a write, checksums over every value.

Rules kept here:
- A batch is one LMDB transaction with one sync. Puts are made on the loop's thread, in slices;
  the commit, which waits for the disk, is one call on a worker thread. (Each call into LMDB gives
  up the interpreter lock: puts made on a worker beside a busy loop were measured to wait up to
  5 ms each to have it back.) A cancelled `write` still ends as a whole before the caller goes on.
- A stored value carries its checksum, judged at each read; a miss is judged too: see
  `stored_value.py`.
- Full (map, disk, quota, file size): nothing was written, StorageFull; a disk is full only when the
  reserve file was given up for it (`reserve_file.py`). Any other failure: StorageFailed, and every
  later one is refused: a sync that "succeeds" after it proves nothing.
- One process per store: an exclusive lock on a file beside the data, released by the kernel.
- LMDB's own locks bind a write transaction to one thread, so they are off. What they protect is
  kept by rule: one process, one writer, and no snapshot open when a write begins (LMDB reuses
  only pages that were free before the newest snapshot; an invariant checks the rule).

Left out: pages of LMDB that make LMDB itself crash are found by `system.CrashRecord` at the next
start. The map is address space, not disk: the file grows only as it is written, so it is opened at
`map_bytes_max` at once, and no remapping can pull it from under a reader.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lmdb
import trio

from govchaind.base.errors import (
    InvalidSetting,
    StorageCorrupt,
    StorageFailed,
    StorageFull,
    invariant,
)
from govchaind.base.keyvalue import WriteBatch
from govchaind.runtime.reserve_file import ReserveFile
from govchaind.runtime.store_files import (
    COMPACTED_FILE,
    DATA_FILE,
    FULL_ERRNOS,
    RoomAhead,
    check_roots,
    lacks_room,
    lock_store,
)
from govchaind.runtime.stored_value import check_absent, named, seal, sound
from govchaind.runtime.worker import Worker

READERS_MAX = 126  # read transactions at once; snapshots are short and few
PUTS_PER_SLICE = 256  # about a millisecond of the loop's time
_ROOT_PAGES = 2
IDLE_READERS_MAX = 16  # reset read transactions kept for the next snapshot
STORED_KEY_BYTES_MAX = 511  # LMDB's own bound
MAP_BYTES_DEFAULT = 64 * 1024**3

CORRUPT_ERRORS = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.CursorFullError,
    lmdb.BadTxnError,
)


@dataclass(slots=True)
class StorageCounts:
    """What the writer has done since the store was opened."""

    writes: int = 0  # each with one commit, which is one sync of the data and one of the root
    written_bytes: int = 0
    write_seconds: float = 0.0
    commit_seconds: float = 0.0
    commit_seconds_newest: float = 0.0


def corrupt_pages(error: Exception) -> StorageCorrupt:
    """Return what to raise where LMDB meets pages that it did not write so."""
    return StorageCorrupt(f"the pages of the store are damaged: {error}")


class LmdbSnapshot:
    """A consistent view; close it before the next await."""

    __slots__ = ("_closed", "_cursor", "_ended", "_transaction")

    def __init__(self, transaction: Any, ended: Callable[[], None]) -> None:
        self._transaction = transaction
        self._cursor: Any = None  # for looks at neighbours; made when first needed
        self._ended = ended
        self._closed = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value, or None. Raises StorageCorrupt."""
        try:
            stored: bytes | None = self._transaction.get(key)
            if stored is None:
                self._check_absent(key)
                return None
        except lmdb.Error as error:
            raise corrupt_pages(error) from error
        return sound(key, stored)

    def _check_absent(self, key: bytes) -> None:
        """Raise StorageCorrupt if a damaged neighbour may be `key` in disguise."""
        cursor = self._cursor
        if cursor is None:
            cursor = self._cursor = self._transaction.cursor()
        above = below = None
        if cursor.set_range(key):
            above = cursor.item()
            if cursor.prev():
                below = cursor.item()
        elif cursor.last():
            below = cursor.item()
        check_absent(key, below, above)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) with start ≤ key < end, in order. Raises StorageCorrupt."""
        try:
            with self._transaction.cursor() as cursor:
                if reverse:
                    yield from self._scan_back(cursor, start, end)
                else:
                    yield from self._scan_on(cursor, start, end)
        except lmdb.Error as error:
            raise corrupt_pages(error) from error

    @staticmethod
    def _scan_on(cursor: Any, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        if not cursor.set_range(start):
            return
        before = b""
        first = True
        for key, stored in cursor.iternext():
            value = sound(key, stored)
            if key < start or (key <= before and not first):
                raise StorageCorrupt(f"{named(key)}: out of order")
            if key >= end:
                return
            before, first = key, False
            yield key, value

    @staticmethod
    def _scan_back(cursor: Any, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        found = cursor.set_range(end)
        if found:
            sound(*cursor.item())
            found = cursor.prev()
        else:
            found = cursor.last()
        if not found:
            return
        before = end
        for key, stored in cursor.iterprev():
            value = sound(key, stored)
            if key >= before:
                raise StorageCorrupt(f"{named(key)}: out of order")
            if key < start:
                return
            before = key
            yield key, value

    def close(self) -> None:
        """End the view; a second call does nothing."""
        if not self._closed:
            self._closed = True
            if self._cursor is not None:
                self._cursor.close()
            self._transaction.abort()
            self._ended()

    def __enter__(self) -> LmdbSnapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LmdbStorage:
    """A durable sorted map in a directory.

    Raises (when opened):
        Conflict: another process, or this one, has the store open ("already-running").
        StorageCorrupt: the files are not what LMDB wrote.
        StorageFailed: the directory cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        map_bytes_max: int = MAP_BYTES_DEFAULT,
        ahead_bytes: int = 0,
        reserve_bytes: int = 0,
    ) -> None:
        """`ahead_bytes`: see `RoomAhead`; `reserve_bytes`: see `ReserveFile`."""
        if map_bytes_max < 1024 * 1024:
            raise InvalidSetting("storage.map_bytes_max must be at least 1048576 (1 MiB)")
        self.counts = StorageCounts()
        self.path = path
        self._failed: str | None = None
        self._closed = False
        self._writing = False
        self._snapshots_open = 0
        self._map_bytes_max = map_bytes_max
        self._worker = Worker("store")
        self._lock_file = lock_store(path)
        (path / COMPACTED_FILE).unlink(missing_ok=True)
        self.reserve = ReserveFile(path, reserve_bytes)
        try:
            try:
                self._environment = _open(path, map_bytes_max)
            except StorageFull:
                self.reserve.release()
                self._environment = _open(path, map_bytes_max)
            self._ahead = RoomAhead(
                path / DATA_FILE, ahead_bytes=ahead_bytes, file_bytes_max=map_bytes_max
            )
        except BaseException:
            os.close(self._lock_file)
            raise

    async def write(self, batch: WriteBatch) -> None:
        """Make the batch durable, with one sync, as one unit; cancellation waits for its end.

        Raises StorageFull (nothing was written) or StorageFailed (nothing more will be).
        """
        invariant(not self._closed, "a write to a closed store")
        invariant(not self._writing, "two writes at a time")
        invariant(self._snapshots_open == 0, "a snapshot is kept over a write")
        if self._failed is not None:
            raise StorageFailed(f"refused after an earlier failure: {self._failed}")
        self._writing = True
        try:
            with trio.CancelScope(shield=True):
                try:
                    await self._write_whole(batch)
                except StorageFull as error:
                    if not self._gives_way(error):
                        raise
                    await self._write_whole(batch)
            await trio.lowlevel.checkpoint_if_cancelled()
        except StorageFull:
            raise
        except (StorageFailed, StorageCorrupt) as error:
            self._failed = error.message
            raise
        finally:
            self._writing = False

    def _gives_way(self, error: StorageFull) -> bool:
        """Give up the reserve file if that makes room; a map that is full gets none by it."""
        return not isinstance(error.__cause__, lmdb.MapFullError) and self.reserve.release()

    async def _write_whole(self, batch: WriteBatch) -> None:
        started = time.perf_counter()
        changes = sorted(batch.changes.items())
        try:
            transaction = self._environment.begin(write=True)
            try:
                for first in range(0, len(changes), PUTS_PER_SLICE):
                    if first:
                        await trio.lowlevel.checkpoint()
                    _change(transaction, changes[first : first + PUTS_PER_SLICE])
                committing = time.perf_counter()
                size = self.used_bytes()
                commit = partial(_commit, transaction, self._ahead, self.reserve, size)
                await self._worker.run(commit)
            except BaseException:
                transaction.abort()  # after a failed commit it does nothing
                raise
        except lmdb.MapFullError as error:
            raise StorageFull(
                f"the store has reached storage.map_bytes_max ({self._map_bytes_max} bytes)"
            ) from error
        except CORRUPT_ERRORS as error:
            raise corrupt_pages(error) from error
        except (lmdb.Error, OSError) as error:
            if _says_full(error) or lacks_room(self.path, batch.bytes):
                raise StorageFull(f"no room for a write: {error}") from error
            raise StorageFailed(f"a write failed: {error}") from error
        ended = time.perf_counter()
        counts = self.counts
        counts.writes += 1
        counts.written_bytes += batch.bytes
        counts.write_seconds += ended - started
        counts.commit_seconds += ended - committing
        counts.commit_seconds_newest = ended - committing

    def snapshot(self) -> LmdbSnapshot:
        """Return a view of everything durable now. Raises StorageCorrupt."""
        invariant(not self._closed, "a snapshot of a closed store")
        try:
            transaction = self._environment.begin()
        except lmdb.Error as error:
            raise corrupt_pages(error) from error
        self._snapshots_open += 1
        return LmdbSnapshot(transaction, self._ended)

    def _ended(self) -> None:
        self._snapshots_open -= 1

    def used_bytes(self) -> int:
        """Return the bytes of pages in use or kept for reuse: the file's size, in effect."""
        return pages_bytes(self._environment)

    def free_bytes(self) -> int:
        """Return how much more can be written, by map and by disk."""
        return min(self._map_bytes_max - self.used_bytes(), shutil.disk_usage(self.path).free)

    def rows_and_bytes(self) -> tuple[int, int]:
        """Return how many rows there are, and the bytes of the pages that hold them."""
        found = self._environment.stat()
        pages = found["branch_pages"] + found["leaf_pages"] + found["overflow_pages"] + _ROOT_PAGES
        return found["entries"], pages * found["psize"]

    def close(self) -> None:
        """Close the store; nothing is saved here that a write has not saved."""
        if self._closed:
            return
        self._closed = True
        self._worker.close()
        self._environment.close()
        self._ahead.close()
        os.close(self._lock_file)


def pages_bytes(environment: Any) -> int:
    """Return the bytes of all pages up to the last one that was ever used."""
    pages: int = environment.info()["last_pgno"] + 1
    return pages * int(environment.stat()["psize"])


def _commit(transaction: Any, ahead: RoomAhead, reserve: ReserveFile, used_bytes: int) -> None:
    """Commit, on a worker. A function of this file, so that a crash record names the file."""
    ahead.keep(used_bytes)
    transaction.commit()
    ahead.synced()
    reserve.keep()


def _change(transaction: Any, changes: list[tuple[bytes, bytes | None]]) -> None:
    puts: list[tuple[bytes, bytes]] = []
    with transaction.cursor() as cursor:
        for key, value in changes:
            invariant(0 < len(key) <= STORED_KEY_BYTES_MAX, "a stored key's length")
            if value is not None:
                puts.append((key, seal(key, value)))
            elif cursor.set_key(key):
                cursor.delete()
        cursor.putmulti(puts)


def _says_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL_ERRNOS
    # the binding gives the system's error as text only
    return any(os.strerror(number) in str(error) for number in FULL_ERRNOS)


def _open(path: Path, map_bytes_max: int) -> Any:
    data = path / DATA_FILE
    try:
        size = data.stat().st_size if data.exists() else 0
        if size:
            check_roots(data)
        # after a downward change of the setting LMDB would map less than the file holds
        environment = lmdb.open(
            str(path),
            map_size=max(map_bytes_max, size),
            subdir=True,
            readahead=False,
            metasync=True,
            sync=True,
            writemap=False,
            max_readers=READERS_MAX,
            max_spare_txns=IDLE_READERS_MAX,
            max_dbs=0,
            lock=False,
            mode=0o600,
        )
    except CORRUPT_ERRORS as error:
        raise corrupt_pages(error) from error
    except (lmdb.Error, OSError) as error:
        if _says_full(error):
            raise StorageFull(f"no room to open the store: {error}") from error
        raise StorageFailed(f"the store cannot be opened: {error}") from error
    return environment
