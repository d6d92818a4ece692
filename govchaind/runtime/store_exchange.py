"""Puts a store filled from a snapshot in the place of the node's own, with no node running.

    1  the second store is whole: its mark says so; else nothing happens
    2  the own store has no log entry above the snapshot's height; else the snapshot is dropped
    3  store id, term, vote and signing floor go into the second store, synced
    4  the second data file takes the first one's name: one rename, then the folder is synced

A crash before the rename leaves the own store, and all of this is done anew; one after it leaves
the new. Nothing that this node has acknowledged or signed is forgotten: every entry that it holds
is at or below a certified height, so it is committed or was never to be; what it has signed is
below too, and the floor of stores before it goes along. What is judged, and what goes along, is
`store_succession.py`'s; here are the files.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from govchaind.base.types import Height
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_files import DATA_FILE, lock_store
from govchaind.runtime.store_succession import Succession, succession, whole_height
from govchaind.runtime.system import sync_folder
from govchaind.runtime.telemetry import Telemetry

SECOND_DIRECTORY = "store-joining"  # from data_directory: filled from a snapshot


class StorageSettings(Protocol):
    """The section of a node's settings that is meant here."""

    @property
    def directory(self) -> str: ...

    @property
    def map_bytes_max(self) -> int: ...


async def exchange(data_directory: Path, settings: StorageSettings, telemetry: Telemetry) -> None:
    """Go on with a store that was filled from a snapshot, if one is whole, and tell of it.

    Raises StorageCorrupt, StorageFailed: one of the stores cannot be read or written.
    """
    second = data_directory / SECOND_DIRECTORY
    store = Path(settings.directory)
    done = await put_in_place(store, second, map_bytes_max=settings.map_bytes_max)
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


async def put_in_place(store: Path, second: Path, *, map_bytes_max: int) -> Exchanged | None:
    """Exchange the store if a second one is whole; return None if there is none.

    Raises StorageCorrupt, StorageFailed: one of them cannot be read or written.
    """
    if not (second / DATA_FILE).exists():
        shutil.rmtree(second, ignore_errors=True)
        return None
    new = LmdbStorage(second, map_bytes_max=map_bytes_max)
    try:
        height = _whole(new)
        if height is None:
            return None
        found = _past(store, height, map_bytes_max)
        if not found.reason:
            await new.write(found.carried)
    finally:
        new.close()
    if found.reason:
        shutil.rmtree(second, ignore_errors=True)
        return Exchanged(height, found.before, found.reason)
    lock = lock_store(store)
    try:
        (second / DATA_FILE).replace(store / DATA_FILE)
        sync_folder(store)
    finally:
        os.close(lock)
    shutil.rmtree(second, ignore_errors=True)
    return Exchanged(height, found.before, "")


def _whole(storage: LmdbStorage) -> Height | None:
    snapshot = storage.snapshot()
    try:
        return whole_height(snapshot)
    finally:
        snapshot.close()


def _past(store: Path, height: Height, map_bytes_max: int) -> Succession:
    """Judge by the own store whether a whole snapshot of this height may take its place."""
    own = LmdbStorage(store, map_bytes_max=map_bytes_max)
    try:
        snapshot = own.snapshot()
        try:
            return succession(height, snapshot)
        finally:
            snapshot.close()
    finally:
        own.close()
