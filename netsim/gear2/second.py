"""The second store of a machine: filled from a snapshot, it takes the place of the first.

What production does with files (`runtime/store_exchange.py`) is done here with two disks. What is
judged and what goes along is the product's own (`runtime/store_succession.py`). A crash may come at
any moment of it: while the past is written, before the rename, and after it.
"""

from __future__ import annotations

import random
import weakref
from pathlib import Path

import trio

from govchaind.base.types import Height
from govchaind.replica.store import GENESIS
from govchaind.runtime.environment import SnapshotDoors
from govchaind.runtime.guard import remembered
from govchaind.runtime.store_succession import succession, whole_height
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.telemetry import Telemetry
from netsim.gear2.disk import Disk, SimStorage

RENAME_SECONDS = 0.002  # at most, between the last write and the rename, and after it


class Second:
    """One machine's second store over all its lives, beside the folder of what it serves."""

    def __init__(self, disk: Disk, scratch: Path, pick: random.Random) -> None:
        self.disk = disk
        self.there = False  # its file has been made, and has not gone
        self.ended: list[weakref.ref[SimStorage]] = []
        self._scratch = scratch
        self._pick = pick
        self._storages: list[SimStorage] = []  # opened in this life

    def doors(self) -> SnapshotDoors:
        """Return what a node joins by, and serves with."""
        return SnapshotDoors(
            begun=lambda: self.there,
            open=self.open,
            discard=self.discard,
            scratch=self._scratch,
            threads=InlineThreads(),
        )

    def open(self) -> SimStorage:
        """Open the store, which is made if there is none."""
        self.there = True
        storage = self.disk.open()
        self._storages.append(storage)
        return storage

    def discard(self) -> None:
        """Remove the store."""
        self.there = False
        self.disk.wipe(keep_guard=True)
        self.disk.rotted = False

    @property
    def snapshots(self) -> int:
        """Return how many views a process that has ended has left open."""
        return sum(storage.snapshots for storage in self._storages)

    def die(self) -> str:
        """The process is gone: say on which side of the write in flight the store is."""
        return next(filter(None, [storage.die() for storage in self._storages]), "")

    def let_go(self) -> None:
        """Forget what a process that has ended had opened."""
        self.ended += [weakref.ref(storage) for storage in self._storages]
        self._storages = []

    async def take_place(self, own: Disk, telemetry: Telemetry) -> Height | None:
        """Be the own store from now on, if this one is whole and may; say at which height.

        Raises StorageCorrupt, StorageFailed, StorageFull: one of the disks is at fault.
        """
        height = whole_height(self.disk.reader()) if self.there else None
        if height is None:
            return None
        genesis = self.disk.reader().get(GENESIS)
        found = succession(height, genesis, own.reader(), remembered(own.guard))
        if found.reason:
            self.discard()
            telemetry.event("snapshot.dropped", height=height, reason=found.reason)
            return None
        storage = self.open()
        try:
            await storage.write(found.carried)
        finally:
            storage.close()
        await self._moment()
        own.be(self.disk)
        self.discard()
        await self._moment()
        telemetry.event("snapshot.joined", height=height, before=found.before)
        return height

    async def _moment(self) -> None:
        await trio.sleep(RENAME_SECONDS * self._pick.random())
