"""Puts a store filled from a snapshot in the place of the node's own, with no node running.

    1  the second store is whole: its mark says so; else nothing happens
    2  the own store is what the guard file remembers, and has no log entry above the snapshot's
       height; else the snapshot is dropped
    3  store id, term, vote, signing floor and kept evidence go into the second store, synced
    4  the second data file takes the first one's name: one rename, then the folder is synced

A crash before the rename leaves the own store, and all of this is done anew; one after it leaves
the new. Nothing that this node has acknowledged or signed is forgotten: every entry that it holds
is at or below a certified height, so it is committed or was never to be; what it has signed is
below too, and the floor of stores before it goes along. What is judged, and what goes along, is
`store_succession.py`'s; here are the files. The second store lies within the folder of the first,
which may be on a disk of its own: a rename does not cross disks. Nothing of it is needed by anybody
else, so when it is damaged, or has no room, it is dropped, and the node goes on with its own.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from govchaind.base.errors import GovchaindError, StorageFailed
from govchaind.base.types import Height
from govchaind.replica.events import Guard
from govchaind.replica.store import GENESIS
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_files import DATA_FILE, lock_store
from govchaind.runtime.store_succession import Succession, succession, whole_height
from govchaind.runtime.system import sync_folder
from govchaind.runtime.telemetry import Telemetry

SECOND_DIRECTORY = "store-joining"  # within the store's folder: filled from a snapshot


def second_directory(store: Path) -> Path:
    """Return where the second store of the store in this folder lies."""
    return store / SECOND_DIRECTORY


class StorageSettings(Protocol):
    """The section of a node's settings that is meant here."""

    @property
    def directory(self) -> str: ...

    @property
    def map_bytes_max(self) -> int: ...

    @property
    def reserve_bytes(self) -> int: ...


async def exchange(
    store: Path, settings: StorageSettings, guard: Guard | None, telemetry: Telemetry
) -> None:
    """Go on with a store that was filled from a snapshot, if one is whole, and tell of it.

    Args:
        store: the folder of the own store.
        guard: what the guard file remembers, if there is one.

    Raises StorageCorrupt, StorageFailed: the own store cannot be read or written.
    """
    done = await put_in_place(
        store,
        second_directory(store),
        map_bytes_max=settings.map_bytes_max,
        reserve_bytes=settings.reserve_bytes,
        guard=guard,
    )
    if done is None:
        return
    if done.reason:
        telemetry.event("snapshot.dropped", height=done.height, reason=done.reason)
    else:
        telemetry.event("snapshot.joined", height=done.height, before=done.before)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What has become of a whole snapshot. `reason` is empty if it is the store now."""

    height: Height
    before: Height
    reason: str


async def put_in_place(
    store: Path,
    second: Path,
    *,
    map_bytes_max: int,
    reserve_bytes: int = 0,
    guard: Guard | None = None,
) -> Exchanged | None:
    """Exchange the store if a second one is whole; return None if there is none.

    Raises StorageCorrupt, StorageFailed: the own store cannot be read or written.
    """
    if not (second / DATA_FILE).exists():
        shutil.rmtree(second, ignore_errors=True)
        return None
    try:
        whole = read_whole(second, map_bytes_max)
    except GovchaindError as error:
        return _dropped(second, Exchanged(0, 0, f"it cannot be used: {error.message}"))
    if whole is None:
        return None
    found = _past(store, whole, guard, map_bytes_max, reserve_bytes)
    if found.reason:
        return _dropped(second, Exchanged(found.height, found.before, found.reason))
    try:
        with closing(LmdbStorage(second, map_bytes_max=map_bytes_max)) as new:
            await new.write(found.carried)
    except GovchaindError as error:
        reason = f"it cannot be used: {error.message}"
        return _dropped(second, Exchanged(found.height, found.before, reason))
    lock = lock_store(store)
    try:
        (second / DATA_FILE).replace(store / DATA_FILE)
        sync_folder(store)
    except OSError as error:
        raise StorageFailed(f"the stores cannot be exchanged: {error.strerror}") from error
    finally:
        os.close(lock)
    shutil.rmtree(second, ignore_errors=True)
    return Exchanged(found.height, found.before, "")


def _dropped(second: Path, why: Exchanged) -> Exchanged:
    shutil.rmtree(second, ignore_errors=True)
    return why


def read_whole(second: Path, map_bytes_max: int) -> tuple[Height, bytes | None] | None:
    """Return the height of a whole second store and its genesis; None if it is not whole.

    Raises StorageCorrupt, StorageFailed, Conflict: it cannot be opened, or read.
    """
    with (
        closing(LmdbStorage(second, map_bytes_max=map_bytes_max)) as storage,
        closing(storage.snapshot()) as snapshot,
    ):
        height = whole_height(snapshot)
        return None if height is None else (height, snapshot.get(GENESIS))


def _past(
    store: Path,
    whole: tuple[Height, bytes | None],
    guard: Guard | None,
    map_bytes_max: int,
    reserve_bytes: int,
) -> Succession:
    """Judge by the own store whether a whole snapshot may take its place."""
    storage = LmdbStorage(store, map_bytes_max=map_bytes_max, reserve_bytes=reserve_bytes)
    with closing(storage), closing(storage.snapshot()) as snapshot:
        return succession(*whole, snapshot, guard)
