"""A store's room is counted by table, whole, and planned with."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.room import DAYS_A_YEAR, Room, TableRoom, room_of
from tests.exit_pack.packed import eventful, store

GB = 1_000_000_000


async def test_every_row_is_counted_in_its_table(tmp_path: Path) -> None:
    chain = store(eventful())
    batch = WriteBatch()
    for key, value in chain.store.scan(b"", b"\xff" * 64):
        batch.put(key, value)
    storage = LmdbStorage(tmp_path / "store")
    try:
        await storage.write(batch)
        found = room_of(storage, chain.genesis)
        used = storage.used_bytes()
    finally:
        storage.close()
    assert sum(table.rows for table in found.tables) == len(batch)
    assert sum(table.bytes for table in found.tables) == batch.bytes
    assert {table.table for table in found.tables} == {table.name for table in Table}
    sizes = [table.bytes for table in found.tables]
    assert sizes == sorted(sizes, reverse=True)
    [log] = [table for table in found.tables if table.table == "LOG"]
    assert log.rows == found.applied == chain.ledger.height
    assert found.transactions == sum(len(step.block.transactions) for step in chain.steps)
    assert found.file_bytes == used > batch.bytes
    assert found.days > 0


def test_room_lasts_as_long_as_the_pace_says() -> None:
    room = Room((TableRoom("LOG", 1, 1),), 2_000_000, 10, 1_000, 10.0)
    assert room.bytes_a_transaction == 2_000
    assert room.transactions_a_day == 100
    assert room.years(100 * GB, 50_000) == pytest.approx(1_000 / DAYS_A_YEAR)
    assert room.years(100 * GB, 0) is None


def test_nothing_is_planned_from_nothing() -> None:
    room = Room((), 4_096, 0, 0, 0.0)
    assert (room.bytes_a_transaction, room.transactions_a_day) == (None, 0.0)
    assert room.years(GB, 100) is None
