"""A filled store takes the old one's place whole or not at all, and nothing said is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.replica.store import (
    APPLIED,
    FLOOR,
    GENESIS,
    HARD_STATE,
    STORE,
    applied_height,
    hard_state,
    signing_floor,
    stored_store_id,
)
from govchaind.runtime import store_exchange
from govchaind.runtime.joining import WHOLE
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_exchange import put_in_place

MAP_BYTES = 1 << 26
ID = b"i" * 16


async def filled(path: Path, **rows: object) -> None:
    """Make a store of rows: `applied`, `log`, `whole`, `floor`, `past`."""
    batch = WriteBatch()
    batch.put(GENESIS, b"genesis")
    batch.put(APPLIED, encode(rows.get("applied", 0)))
    if rows.get("past"):
        batch.put(STORE, ID)
        batch.put(HARD_STATE, encode([7, "node-b"]))
    if "floor" in rows:
        batch.put(FLOOR, encode(rows["floor"]))
    if "log" in rows:
        batch.put(height_key(Table.LOG, int(str(rows["log"]))), b"entry")
    if "whole" in rows:
        batch.put(WHOLE, encode(rows["whole"]))
    storage = LmdbStorage(path, map_bytes_max=MAP_BYTES)
    await storage.write(batch)
    storage.close()


def facts(path: Path) -> tuple[bytes | None, int, str | None, int, int]:
    """Return what a store says of itself: id, term, vote, floor, applied height."""
    storage = LmdbStorage(path, map_bytes_max=MAP_BYTES)
    snapshot = storage.snapshot()
    try:
        hard = hard_state(snapshot)
        floor, applied = signing_floor(snapshot), applied_height(snapshot)
        return stored_store_id(snapshot), hard.term, hard.vote, floor, applied
    finally:
        snapshot.close()
        storage.close()


async def test_term_vote_floor_and_id_go_along(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, log=9, floor=4, past=True)
    await filled(second, applied=100, whole=100)
    done = await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert done is not None
    assert (done.height, done.before, done.reason) == (100, 9, "")
    assert facts(store) == (ID, 7, "node-b", 4, 100)
    assert not second.exists()
    assert await put_in_place(store, second, map_bytes_max=MAP_BYTES) is None


@pytest.mark.parametrize("last", [100, 101])
async def test_a_log_that_reaches_as_far_is_kept(last: int, tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, log=last, past=True)
    await filled(second, applied=100, whole=100)
    done = await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert done is not None
    assert str(last) in done.reason
    assert facts(store) == (ID, 7, "node-b", 0, 5)
    assert not second.exists()


async def test_what_is_not_whole_stays_aside(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    await filled(second, applied=100)
    assert await put_in_place(store, second, map_bytes_max=MAP_BYTES) is None
    assert facts(store) == (ID, 7, "node-b", 0, 5)
    assert (second / "data.mdb").exists()


@pytest.mark.parametrize("at", ["_whole", "_past", "lock_store", "sync_folder"])
async def test_a_crash_leaves_one_store_or_the_other(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, floor=3, past=True)
    await filled(second, applied=100, whole=100)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(store_exchange, at, crash)
        with pytest.raises(KeyboardInterrupt):
            await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert facts(store)[:4] == (ID, 7, "node-b", 3)
    assert facts(store)[4] == (100 if at == "sync_folder" else 5)
    await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert facts(store) == (ID, 7, "node-b", 3, 100)
    assert not second.exists()


async def test_a_vote_cast_between_two_tries_is_not_forgotten(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    await filled(second, applied=100, whole=100)
    (second / "data.mdb").rename(tmp_path / "later")
    storage = LmdbStorage(store, map_bytes_max=MAP_BYTES)
    batch = WriteBatch()
    batch.put(HARD_STATE, encode([8, "node-c"]))
    await storage.write(batch)
    storage.close()
    second.mkdir(exist_ok=True)
    (tmp_path / "later").rename(second / "data.mdb")
    await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert facts(store)[1:3] == (8, "node-c")


async def test_an_own_store_without_a_past_is_not_replaced(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    storage = LmdbStorage(store, map_bytes_max=MAP_BYTES)
    batch = WriteBatch()
    batch.delete(HARD_STATE)
    await storage.write(batch)
    storage.close()
    await filled(second, applied=100, whole=100)
    with pytest.raises(StorageCorrupt, match="this node's past"):
        await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert (second / "data.mdb").exists()
