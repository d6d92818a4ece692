"""The store's file is made as small as its rows, while the node does not run.

LMDB uses room again that was given up, never shrinks its file, and splits pages in halves as keys
come in any order. So every row is read, its checksum judged, and written in order into a new file
beside it, whose pages are full; it is synced, counted, and takes the old one's place by one rename.
Cut off at any instruction, the store is the old one or the new one, and both hold the same rows.

Not for a running node: LMDB's own locks are off (`lmdb_storage.py`), so no snapshot may stand while
something is written, and a copy of a large store takes minutes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import lmdb

from govchaind.base.errors import Refused, StorageFailed
from govchaind.runtime.lmdb_storage import STORED_KEY_BYTES_MAX, LmdbStorage
from govchaind.runtime.store_files import COMPACTED_FILE, DATA_FILE, FULL_ERRNOS, check_roots
from govchaind.runtime.stored_value import seal

_SLACK_BYTES = 16 * 1024 * 1024  # besides the copy: what a file system takes for itself
_ROWS_A_WRITE = 20_000
_KEYS_END = b"\xff" * (STORED_KEY_BYTES_MAX + 1)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a store's file, in bytes."""

    before_bytes: int
    after_bytes: int
    rows: int


def compact(directory: Path, progress: Callable[[int], None] = lambda _: None) -> Compacted:
    """Replace the store's file by one of full pages; `progress` hears of each number of rows.

    Raises:
        Conflict: the node runs.
        Refused: there is no room for the copy; the message says how much is needed.
        StorageCorrupt: a row does not hold; nothing was changed.
        StorageFailed: the copy could not be made.
    """
    storage = LmdbStorage(directory)
    copy = directory / COMPACTED_FILE
    try:
        rows, needed = storage.rows_and_bytes()
        if shutil.disk_usage(directory).free < needed + _SLACK_BYTES:
            raise _no_room(directory, needed)
        before = (directory / DATA_FILE).stat().st_size
        try:
            copied = _copy(storage, copy, needed, progress)
            _sync(copy)
        except (lmdb.Error, OSError) as error:
            if _says_full(error):
                raise _no_room(directory, needed) from error
            raise StorageFailed(f"the copy could not be made: {error}") from error
        _check(copy, copied, rows)
        copy.replace(directory / DATA_FILE)
        _sync(directory)
        return Compacted(before, (directory / DATA_FILE).stat().st_size, rows)
    finally:
        copy.unlink(missing_ok=True)
        storage.close()


def _no_room(directory: Path, needed: int) -> Refused:
    return Refused(
        f"a compact copy takes up to {needed + _SLACK_BYTES:,} bytes beside the store, and "
        f"{shutil.disk_usage(directory).free:,} are free",
        code="compact-no-room",
        remedy="Make so much room, or copy the store's folder to a larger disk and compact it "
        "there; nothing was changed.",
    )


def _says_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL_ERRNOS
    return any(os.strerror(number) in str(error) for number in FULL_ERRNOS)


def _copy(storage: LmdbStorage, copy: Path, needed: int, progress: Callable[[int], None]) -> int:
    """Write every row into a new file, in order; return how many."""
    copied = 0
    snapshot = storage.snapshot()
    try:
        with lmdb.open(
            str(copy),
            subdir=False,
            map_size=2 * needed + _SLACK_BYTES,  # address space; the file grows as it is written
            lock=False,
            sync=False,  # once, at the end
            metasync=False,
            mode=0o600,
        ) as target:
            rows = snapshot.scan(b"", _KEYS_END)
            while some := list(islice(_sealed(rows), _ROWS_A_WRITE)):
                with target.begin(write=True) as transaction, transaction.cursor() as cursor:
                    cursor.putmulti(some, append=True)
                copied += len(some)
                progress(len(some))
    finally:
        snapshot.close()
    return copied


def _sealed(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    return ((key, seal(key, value)) for key, value in rows)


def _check(copy: Path, copied: int, rows: int) -> None:
    """Raise StorageFailed unless the copy is a store's file with as many rows."""
    check_roots(copy)
    with lmdb.open(str(copy), subdir=False, readonly=True, lock=False) as environment:
        found = environment.stat()["entries"]
    if not found == copied == rows:
        raise StorageFailed(f"the copy has {found} rows where the store has {rows}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
