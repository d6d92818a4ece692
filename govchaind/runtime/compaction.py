"""The store's file is made as small as its rows, while the node does not run.

LMDB uses room again that was given up and never shrinks its file. A copy without such room is
written beside it, synced, counted, and takes its place by one rename: cut off at any instruction,
the store is the old one or the new one, and both hold the same rows.

Not for a running node: LMDB's own locks are off (`lmdb_storage.py`), so no snapshot may stand while
something is written, and a copy of a large store takes minutes.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from govchaind.base.errors import Refused, StorageFailed, StorageFull
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_files import COMPACTED_FILE, DATA_FILE, check_roots

_SLACK_BYTES = 16 * 1024 * 1024  # besides the copy: what a file system takes for itself


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a store's file, in bytes."""

    before_bytes: int
    after_bytes: int
    rows: int


def compact(directory: Path) -> Compacted:
    """Replace the store's file by a compact copy.

    Raises:
        Conflict: the node runs.
        Refused: there is no room for the copy; the message says how much is needed.
        StorageFailed: the copy could not be made, or does not hold the same rows.
    """
    storage = LmdbStorage(directory)
    try:
        rows, needed = storage.rows_and_bytes()
        free = shutil.disk_usage(directory).free
        if free < needed + _SLACK_BYTES:
            raise _no_room(needed, free)
        before = (directory / DATA_FILE).stat().st_size
        _copy(storage, directory / COMPACTED_FILE, needed)
        _check(directory, rows)
        (directory / COMPACTED_FILE).replace(directory / DATA_FILE)
        _sync_folder(directory)
        return Compacted(before, (directory / DATA_FILE).stat().st_size, rows)
    finally:
        (directory / COMPACTED_FILE).unlink(missing_ok=True)
        storage.close()


def _no_room(needed: int, free: int) -> Refused:
    return Refused(
        f"a compact copy takes {needed + _SLACK_BYTES:,} bytes beside the store, and {free:,} are "
        "free",
        code="compact-no-room",
        remedy="Make so much room, or copy the store's folder to a larger disk and compact it "
        "there; nothing was changed.",
    )


def _copy(storage: LmdbStorage, target: Path, needed: int) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        storage.copy_compact(descriptor)
        os.fsync(descriptor)
    except StorageFull as error:
        raise _no_room(needed, shutil.disk_usage(target.parent).free) from error
    except OSError as error:
        raise StorageFailed(f"the copy could not be synced: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _check(directory: Path, rows: int) -> None:
    """Raise StorageFailed unless the copy is a store with as many rows."""
    check_roots(directory / COMPACTED_FILE)
    found = LmdbStorage.count_file(directory / COMPACTED_FILE)
    if found != rows:
        raise StorageFailed(f"the copy has {found} rows where the store has {rows}")


def _sync_folder(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
