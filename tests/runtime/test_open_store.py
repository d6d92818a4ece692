"""Under which store a node takes part: what the guard file remembers is never said by another."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from govchaind.base.encoding import encode
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import StoreId
from govchaind.node import open_store
from govchaind.replica.events import Guard
from govchaind.replica.store import HARD_STATE, hard_state
from govchaind.runtime.guard import guard_bytes, unborn
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.telemetry import Telemetry
from tests.ledger.chain import Chain

FIRST: StoreId = b"f" * 16


class Machine:
    """One node's store and guard file, and what it tells when it starts."""

    def __init__(self, path: Path) -> None:
        self.path = path / "store"
        self.guard: bytes | None = guard_bytes(unborn(FIRST))
        self.told: list[str] = []
        self._genesis = Chain().genesis
        self._made = 0

    def _entropy(self, size: int) -> bytes:
        self._made += 1
        return bytes((self._made,)) * size

    @asynccontextmanager
    async def started(self) -> AsyncIterator[tuple[StoreId, LmdbStorage]]:
        """Open the store as a node does; the guard file is written when it has said something."""
        self.told.clear()
        storage = LmdbStorage(self.path, map_bytes_max=1 << 26)
        telemetry = Telemetry(version="test", sink=lambda _, name, __: self.told.append(name))
        environment: Any = SimpleNamespace(
            storage=storage, guard_read=lambda: self.guard, entropy=self._entropy
        )
        identity: Any = SimpleNamespace(first_store=FIRST)
        try:
            store, _ = await open_store(self._genesis, identity, environment, telemetry)
            yield store, storage
        finally:
            storage.close()

    async def speaks(self, term: int, vote: str | None) -> StoreId:
        """Live once: vote in a term, durably, and keep the guard file."""
        async with self.started() as (store, storage):
            batch = WriteBatch()
            batch.put(HARD_STATE, encode([term, vote]))
            await storage.write(batch)
            self.guard = guard_bytes(Guard(store, term, vote, 0, 0))
            return store

    @property
    def set_back(self) -> bool:
        return "store.set_back" in self.told


async def test_the_same_copy_put_back_twice_is_found_out_twice(tmp_path: Path) -> None:
    """The second time the guard file names the store that the first one became."""
    machine = Machine(tmp_path)
    assert await machine.speaks(1, None) == FIRST
    shutil.copytree(machine.path, tmp_path / "copy")
    await machine.speaks(7, "node-z")
    for _ in range(2):
        shutil.rmtree(machine.path)
        shutil.copytree(tmp_path / "copy", machine.path)
        store = await machine.speaks(1, None)
        assert machine.set_back
        assert store != FIRST
    await machine.speaks(2, "node-b")
    assert not machine.set_back


async def test_a_lost_store_that_is_found_again_is_not_the_one_remembered(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    await machine.speaks(7, "node-z")
    machine.path.rename(tmp_path / "lost")
    assert await machine.speaks(0, None) != FIRST
    assert not machine.set_back
    shutil.rmtree(machine.path)
    (tmp_path / "lost").rename(machine.path)
    assert await machine.speaks(7, "node-b") != FIRST
    assert machine.set_back


async def test_one_that_dies_before_its_guard_file_knows_it_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    await machine.speaks(7, "node-z")
    machine.path.rename(tmp_path / "lost")
    async with machine.started() as (made, _):
        pass
    async with machine.started() as (again, storage):
        snapshot = storage.snapshot()
        assert (again, hard_state(snapshot).term) == (made, 0)
        snapshot.close()
    assert not machine.set_back
