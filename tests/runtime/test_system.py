"""The small seams: threads, the guard file, the record of a crash, the guard's bytes."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import trio

from govchaind.base.errors import InvalidSetting, StorageCorrupt, StorageFailed, StorageFull
from govchaind.replica.events import Guard
from govchaind.runtime.guard import guard_bytes, read_guard
from govchaind.runtime.system import (
    CrashRecord,
    GuardFile,
    InlineThreads,
    WorkerThreads,
    entropy,
    replace_file,
    wall_milliseconds,
)

GUARD = Guard(store=b"\x03" * 16, term=9, vote="ada", signed_height=41, last_index=43)


async def test_work_runs_beside_the_loop_or_inline() -> None:
    here = threading.get_ident()
    assert await InlineThreads().run(threading.get_ident) == here
    threads = WorkerThreads("of-a-test", 1)
    assert await threads.run(threading.get_ident) != here
    threads.close()


async def test_as_many_run_at_once_as_there_are_threads() -> None:
    threads, together = WorkerThreads("of-a-test", 2), threading.Barrier(2)
    names: list[str] = []

    def meet() -> None:
        together.wait(timeout=10)
        names.append(threading.current_thread().name)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(threads.run, meet)
    threads.close()
    assert sorted(set(names)) == ["of-a-test-1", "of-a-test-2"]
    assert len(names) == 4
    assert not [thread for thread in threading.enumerate() if thread.name in names]


def test_time_and_entropy_have_their_units() -> None:
    assert wall_milliseconds() > 1_700_000_000_000
    assert len(entropy(16)) == 16
    assert entropy(16) != entropy(16)


@pytest.mark.parametrize("guard", [GUARD, Guard(bytes(16), 0, None, 0, 0)])
def test_a_guard_comes_back(guard: Guard) -> None:
    assert read_guard(guard_bytes(guard)) == guard


def test_a_damaged_guard_is_refused() -> None:
    data = guard_bytes(GUARD)
    for damaged in (b"", data[:-1], data + b"\x00", b"\x86\x02" + data[2:], b"junk"):
        with pytest.raises(InvalidSetting) as caught:
            read_guard(damaged)
        assert caught.value.code == "bad-guard"


async def test_the_guard_file_is_replaced_whole(tmp_path: Path) -> None:
    guard = GuardFile(tmp_path / "guard")
    assert guard.read() is None
    await guard.write(b"one")
    await guard.write(b"two")
    assert guard.read() == b"two"
    assert os.listdir(tmp_path) == ["guard"]
    assert (tmp_path / "guard").stat().st_mode & 0o777 == 0o600


async def test_a_guard_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    guard = GuardFile(tmp_path / "nowhere" / "guard")
    with pytest.raises(StorageFailed, match="guard"):
        await guard.write(b"one")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(StorageFailed, match="guard"):
        GuardFile(folder).read()


def test_without_room_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "guard"
    replace_file(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            replace_file(path, bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["guard"]


async def test_no_room_for_the_guard_is_full_not_failed(tmp_path: Path) -> None:
    guard = GuardFile(tmp_path / "guard")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(StorageFull, match="guard"):
            await guard.write(bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def run_program(text: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=60,
    ).returncode


@pytest.mark.process
def test_a_crash_in_the_stores_pages_is_found_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "crash"
    program = f"""
        import ctypes
        from pathlib import Path
        from govchaind.runtime import lmdb_storage
        from govchaind.runtime.system import CrashRecord
        CrashRecord(Path({str(path)!r})).open()
        class Room:
            def keep(self, used_bytes):
                pass
        class Pages:
            def commit(self):
                ctypes.string_at(8)
        lmdb_storage._commit(Pages(), Room(), None, 0)
    """
    assert run_program(program) < 0
    with pytest.raises(StorageCorrupt, match="died reading"):
        CrashRecord(path).check()


@pytest.mark.process
def test_a_crash_elsewhere_does_not_blame_the_store(tmp_path: Path) -> None:
    path = tmp_path / "crash"
    program = f"""
        import ctypes
        from pathlib import Path
        from govchaind.runtime.system import CrashRecord
        CrashRecord(Path({str(path)!r})).open()
        ctypes.string_at(8)
    """
    assert run_program(program) < 0
    CrashRecord(path).check()


@pytest.mark.process
def test_a_clean_end_leaves_no_record(tmp_path: Path) -> None:
    path = tmp_path / "crash"
    program = f"""
        from pathlib import Path
        from govchaind.runtime.system import CrashRecord
        record = CrashRecord(Path({str(path)!r}))
        record.check()
        record.open()
        record.close()
    """
    assert run_program(program) == 0
    assert not path.exists()
