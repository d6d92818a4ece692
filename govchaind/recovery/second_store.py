"""The second store of a node that was joining by snapshot when the disaster came.

A whole one takes the store's place at the next start wherever its height is above the own log's,
and heights are all that is compared then: it would bring the old chain back over a recovery that
keeps less. So it goes before a record is carried out, and is gone for good before the one write.
Until then it may hold what is thought to be lost, which whoever prepares a record must be told.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from govchaind.base.errors import StorageCorrupt, StorageFailed
from govchaind.base.types import Height
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_exchange import SECOND_DIRECTORY, StorageSettings
from govchaind.runtime.store_files import DATA_FILE
from govchaind.runtime.store_succession import whole_height
from govchaind.runtime.system import sync_folder


def second_store(data_directory: Path, settings: StorageSettings) -> Path:
    """Return where a node's second store lies, if it has one."""
    return data_directory / SECOND_DIRECTORY


def whole_second_store(second: Path, settings: StorageSettings) -> Height | None:
    """Return the height of a second store that is whole, or None if there is none.

    Its node may not run. Raises StorageFailed, Conflict: it cannot be opened.
    """
    if not (second / DATA_FILE).exists():
        return None
    try:
        storage = LmdbStorage(second, map_bytes_max=settings.map_bytes_max)
        try:
            with storage.snapshot() as snapshot:
                return whole_height(snapshot)
        finally:
            storage.close()
    except StorageCorrupt:
        return None  # it cannot take the store's place, and nothing can be read from it


def remove_second_store(second: Path) -> bool:
    """Remove a second store, whole or not, so that no power cut brings it back.

    Its node may not run. Returns whether there was one.

    Raises StorageFailed: it is still there, or may come back.
    """
    try:
        there = second.exists()
        if there:
            shutil.rmtree(second)
        sync_folder(second.parent)  # always: a try before this one may have died just here
    except OSError as error:
        raise StorageFailed(
            f"cannot remove {second}: {error.strerror}",
            remedy="Remove it by hand, then carry the record out again: nothing was changed.",
        ) from error
    return there
