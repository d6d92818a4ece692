"""Zeros behind LMDB's last page: kept ahead of the writer, never in its way, given up quietly."""

from __future__ import annotations

import resource
from pathlib import Path
from random import Random

import pytest

from govchaind.base.keyvalue import WriteBatch
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_files import RoomAhead

AHEAD = 256 * 1024


def rows_of(random: Random) -> dict[bytes, bytes]:
    return {random.randbytes(20): random.randbytes(300) for _ in range(200)}


async def write(storage: LmdbStorage, rows: dict[bytes, bytes]) -> None:
    batch = WriteBatch()
    for key, value in rows.items():
        batch.put(b"x" + key, value)
    await storage.write(batch)


def read_all(storage: LmdbStorage) -> dict[bytes, bytes]:
    with storage.snapshot() as snapshot:
        return {key[1:]: value for key, value in snapshot.scan(b"x", b"y")}


async def test_room_is_kept_ahead_and_the_rows_are_the_same(tmp_path: Path) -> None:
    random, rows = Random(1), {}
    storage = LmdbStorage(tmp_path, ahead_bytes=AHEAD)
    for _ in range(20):
        more = rows_of(random)
        rows.update(more)
        await write(storage, more)
        size = (tmp_path / "data.mdb").stat().st_size
        assert size - storage.used_bytes() <= AHEAD
    assert storage.used_bytes() > 4 * AHEAD
    assert (tmp_path / "data.mdb").stat().st_size > storage.used_bytes()
    storage.close()
    again = LmdbStorage(tmp_path)
    assert read_all(again) == rows
    again.close()


async def test_no_room_is_kept_beyond_the_map(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path, map_bytes_max=1024 * 1024, ahead_bytes=8 * AHEAD)
    await write(storage, rows_of(Random(2)))
    assert (tmp_path / "data.mdb").stat().st_size == 1024 * 1024
    storage.close()


def test_where_it_cannot_be_had_the_file_is_as_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data.mdb"
    data.write_bytes(b"page" * 1024)
    room = RoomAhead(data, ahead_bytes=AHEAD, file_bytes_max=1 << 30)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (AHEAD // 2, hard))
    try:
        room.keep(4096)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert data.read_bytes() == b"page" * 1024
    room.keep(4096)  # not tried again
    assert data.stat().st_size == 4096
    room.close()


@pytest.mark.parametrize(("used", "grows"), [(0, False), (AHEAD // 2, False), (AHEAD, True)])
def test_it_grows_when_less_than_half_is_left(tmp_path: Path, used: int, grows: bool) -> None:
    data = tmp_path / "data.mdb"
    data.write_bytes(bytes(AHEAD))
    room = RoomAhead(data, ahead_bytes=AHEAD, file_bytes_max=1 << 30)
    room.keep(used)
    assert (data.stat().st_size > AHEAD) == grows
    room.close()
