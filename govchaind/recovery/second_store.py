"""The second store of a node that was joining by snapshot when the disaster came.

A whole one takes the store's place at the next start where its height is above the own log's, and
of what a recovery changes nothing else is compared then: it would bring the old chain back over one
that keeps less. So it goes before a record is carried out, and is gone before the one write.
Until then it may hold what is thought to be lost, which whoever prepares a record must be told.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from govchaind.base.errors import StorageCorrupt, StorageFailed
from govchaind.base.types import Height
from govchaind.runtime.store_exchange import read_whole, second_directory
from govchaind.runtime.store_files import DATA_FILE
from govchaind.runtime.system import sync_folder


def whole_second_store(store: Path, *, map_bytes_max: int) -> Height | None:
    """Return the height of a store's second one that is whole, or None if there is none.

    The node may not run. Raises StorageFailed, Conflict: it cannot be opened.
    """
    second = second_directory(store)
    if not (second / DATA_FILE).exists():
        return None
    try:
        whole = read_whole(second, map_bytes_max)
    except StorageCorrupt:
        return None  # it cannot take the store's place, and nothing can be read from it
    return None if whole is None else whole[0]


def remove_second_store(store: Path) -> bool:
    """Remove the second one of a store, whole or not, so that no power cut brings it back.

    The node may not run. Returns whether there was one.

    Raises StorageFailed: it is still there, or may come back.
    """
    second = second_directory(store)
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
