"""The store of a node that does not run, to be looked at: nothing is made, and nothing is written.

So it may lie on a disk that is mounted read-only, as one that is examined should be, and a path
where there is no store stays empty.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import lmdb

from govchaind.base.errors import Conflict, StorageFailed
from govchaind.runtime.lmdb_storage import CORRUPT_ERRORS, LmdbSnapshot, corrupt_pages, pages_bytes
from govchaind.runtime.store_files import DATA_FILE, check_roots, lock_store


class StoppedStore:
    """Holds the store's lock, so that no node starts on it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Open what is there.

        Raises:
            Conflict: `no-store`: there is none; `already-running`: another process has it open.
            StorageCorrupt, StorageFailed: it cannot be opened.
        """
        if not (path / DATA_FILE).is_file():
            raise Conflict(
                f"there is no store in {path}",
                code="no-store",
                remedy="Name the directory of a node that has run; if this one has, see whether "
                "its disk is mounted.",
            )
        self.path = path
        self._lock_file = _lock(path)
        try:
            self._environment = open_read_only(path)
        except BaseException:
            self._unlock()
            raise

    def snapshot(self) -> LmdbSnapshot:
        """Return a view of everything. Raises StorageCorrupt."""
        try:
            transaction = self._environment.begin()
        except lmdb.Error as error:
            raise corrupt_pages(error) from error
        return LmdbSnapshot(transaction, lambda: None)

    def used_bytes(self) -> int:
        """Return the bytes of pages in use or kept for reuse."""
        return pages_bytes(self._environment)

    def close(self) -> None:
        """Close it, and let a node start."""
        self._environment.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def open_read_only(path: Path) -> Any:
    """Return the environment of the store in `path`. Raises StorageCorrupt or StorageFailed."""
    data = path / DATA_FILE
    try:
        size = data.stat().st_size
        if size:
            check_roots(data)
        return lmdb.open(
            str(path),
            map_size=size,
            subdir=True,
            readonly=True,
            readahead=False,
            max_dbs=0,
            lock=False,
        )
    except CORRUPT_ERRORS as error:
        raise corrupt_pages(error) from error
    except (lmdb.Error, OSError) as error:
        raise StorageFailed(f"the store cannot be opened: {error}") from error


def _lock(path: Path) -> int | None:
    """Take the store's lock; None where nobody can write, and so no node can start."""
    try:
        return lock_store(path)
    except StorageFailed as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EROFS:
            return None
        raise
