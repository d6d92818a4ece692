"""A filled store takes the old one's place whole or not at all, and nothing said is forgotten."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import StorageCorrupt, StorageFailed
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import PublicKey
from govchaind.replica.events import Guard
from govchaind.replica.evidence import evidence_row
from govchaind.replica.store import (
    AFTER,
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
from govchaind.runtime.store_exchange import put_in_place, second_directory

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


async def written(path: Path, rows: dict[bytes, bytes]) -> None:
    """Put further rows into a store."""
    batch = WriteBatch()
    for key, value in rows.items():
        batch.put(key, value)
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


@pytest.mark.parametrize("at", ["read_whole", "_past", "lock_store", "sync_folder"])
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


GUARD = Guard(ID, 7, "node-b", 5, 9)


@pytest.mark.parametrize(
    "remembered",
    [
        Guard(ID, 8, None, 5, 9),  # a later term
        Guard(ID, 7, "node-c", 5, 9),  # another vote
        Guard(ID, 7, "node-b", 6, 9),  # it has signed more
        Guard(b"j" * 16, 7, "node-b", 5, 9),  # another store
    ],
)
async def test_a_store_that_was_set_back_is_not_made_whole_by_a_snapshot(
    remembered: Guard, tmp_path: Path
) -> None:
    """What it had acknowledged above the snapshot would be forgotten, and nobody would know."""
    store, second = tmp_path / "store", tmp_path / "second"
    for guard in (remembered, GUARD):
        await filled(store, applied=5, past=True)
        await filled(second, applied=100, whole=100)
        done = await put_in_place(store, second, map_bytes_max=MAP_BYTES, guard=guard)
        assert done is not None
        assert ("set back" in done.reason) is (guard is remembered)
        assert facts(store)[4] == (5 if guard is remembered else 100)
        assert not second.exists()


async def test_a_damaged_second_store_is_dropped_and_the_own_one_stays(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    await filled(second, applied=100, whole=100)
    data = (second / "data.mdb").read_bytes()
    (second / "data.mdb").write_bytes(data[:4096])
    done = await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert done is not None
    assert done.reason.startswith("it cannot be used: ")
    assert facts(store) == (ID, 7, "node-b", 0, 5)
    assert not second.exists()


async def test_one_of_another_chain_is_dropped(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    await filled(second, applied=100, whole=100)
    await written(second, {GENESIS: b"another"})
    done = await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    assert done is not None
    assert "another chain" in done.reason
    assert facts(store)[4] == 5


async def test_kept_evidence_goes_along(tmp_path: Path) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    row = {evidence_row(PublicKey(bytes(32)), 3): b"two statements", AFTER: b"a" * 16}
    await written(store, row)
    await filled(second, applied=100, whole=100)
    await put_in_place(store, second, map_bytes_max=MAP_BYTES)
    storage = LmdbStorage(store, map_bytes_max=MAP_BYTES)
    snapshot = storage.snapshot()
    assert {key: snapshot.get(key) for key in row} == row
    snapshot.close()
    storage.close()


async def test_stores_that_cannot_change_places_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, second = tmp_path / "store", tmp_path / "second"
    await filled(store, applied=5, past=True)
    await filled(second, applied=100, whole=100)

    def refused(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(StorageFailed, match="another disk"):
        await put_in_place(store, second, map_bytes_max=MAP_BYTES)


def test_the_second_store_lies_on_the_disk_of_the_first() -> None:
    assert second_directory(Path("elsewhere/store")).parent == Path("elsewhere/store")
