"""The reserve file: kept where there is room, given up for a write without any, and made again."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from govchaind.base.errors import StorageFull
from govchaind.base.keyvalue import WriteBatch
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.reserve_file import LOOK_SECONDS, RESERVE_FILE_BYTES_MAX, SHARE, ReserveFile
from govchaind.runtime.system import GuardFile

KIB = 1024
LOW = 256 * KIB


def batch(number: int, size: int = 100) -> WriteBatch:
    found = WriteBatch()
    found.put(b"t%d" % number, bytes(size))
    return found


SmallDisk = Callable[[int], None]


@pytest.fixture(name="clock")
def a_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("govchaind.runtime.reserve_file.time.monotonic", lambda: now[0])
    return now


def test_it_takes_its_share_and_no_more_than_its_bound(tmp_path: Path) -> None:
    for low, size in ((LOW, LOW // SHARE), (1 << 40, RESERVE_FILE_BYTES_MAX)):
        ReserveFile(tmp_path, low).keep()
        found = (tmp_path / "reserve").stat()
        assert (found.st_size, found.st_blocks * 512 >= size) == (size, True)
        (tmp_path / "reserve").unlink()


def test_none_is_kept_where_none_is_wanted_or_the_disk_is_rather_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    ReserveFile(tmp_path, LOW).keep()
    without = ReserveFile(tmp_path, 0)
    without.keep()
    assert not (tmp_path / "reserve").exists()
    disk = os.statvfs(tmp_path)
    full = type("Disk", (), {"f_bavail": 1, "f_frsize": disk.f_frsize})
    monkeypatch.setattr("govchaind.runtime.reserve_file.os.statvfs", lambda _: full)
    wanted = ReserveFile(tmp_path, LOW)
    wanted.keep()
    assert (wanted.held, (tmp_path / "reserve").exists()) == (False, False)
    monkeypatch.undo()
    monkeypatch.setattr("govchaind.runtime.reserve_file.time.monotonic", lambda: clock[0])
    wanted.keep()
    assert not wanted.held  # it does not look at each write
    clock[0] += LOOK_SECONDS
    wanted.keep()
    assert wanted.held


def test_it_is_given_up_once_and_comes_back_later(tmp_path: Path, clock: list[float]) -> None:
    reserve = ReserveFile(tmp_path, LOW)
    reserve.keep()
    assert reserve.release()
    assert not reserve.release()
    reserve.keep()
    assert not (tmp_path / "reserve").exists()
    clock[0] += LOOK_SECONDS
    reserve.keep()
    assert ReserveFile(tmp_path, LOW).held  # also for the next life


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """Let files be no longer than so many bytes, until the reserve is given up: as if that file had
    been in the way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def released(reserve: ReserveFile) -> bool:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return given_up(reserve)

    given_up = ReserveFile.release
    monkeypatch.setattr(ReserveFile, "release", released)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_write_that_finds_no_room_gets_the_reserve(
    tmp_path: Path, small_disk: SmallDisk
) -> None:
    storage = LmdbStorage(tmp_path, reserve_bytes=LOW)
    await storage.write(batch(0))
    assert (tmp_path / "reserve").exists()
    small_disk(512 * KIB)
    await storage.write(batch(1, 1024 * KIB))
    with storage.snapshot() as snapshot:
        assert snapshot.get(b"t1") == bytes(1024 * KIB)
    assert not (tmp_path / "reserve").exists()
    storage.close()


async def test_a_full_map_does_not_cost_the_reserve(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path, map_bytes_max=1024 * KIB, reserve_bytes=LOW)
    await storage.write(batch(0))
    with pytest.raises(StorageFull, match="map_bytes_max"):
        await storage.write(batch(1, 2048 * KIB))
    assert (tmp_path / "reserve").exists()
    storage.close()


async def test_a_guard_file_that_finds_no_room_gets_the_reserve_of_the_same_disk(
    tmp_path: Path, small_disk: SmallDisk
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    reserve = ReserveFile(store, LOW)
    reserve.keep()
    guard = GuardFile(tmp_path / "guard", reserve.release_for)
    small_disk(10)
    await guard.write(bytes(100))
    small_disk(10)
    with pytest.raises(StorageFull, match="guard"):  # once: there is no more
        await guard.write(bytes(200))
    assert guard.read() == bytes(100)
    assert not (store / "reserve").exists()


def test_it_is_not_given_up_for_another_disk(tmp_path: Path) -> None:
    reserve = ReserveFile(tmp_path, LOW)
    reserve.keep()
    assert not reserve.release_for(Path("/proc/guard"))
    assert reserve.held
    assert reserve.release_for(tmp_path / "guard")
