"""Production's side of the small seams: threads, wall clock, entropy, signals, the guard file.

Left out: storage (`lmdb_storage.py`), network (`tcp.py`). A crash inside LMDB's pages kills the
process without a word of its own; `CrashRecord` has Python's fault handler write one, which the
next start finds.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TextIO, TypeVar

import trio

from govchaind.base.errors import GovchaindError, StorageCorrupt, StorageFailed, StorageFull
from govchaind.runtime.store_files import FULL_ERRNOS
from govchaind.runtime.worker import Worker

T = TypeVar("T")

SWITCH_SECONDS = 0.0005
COLLECT_AFTER_OBJECTS = 50_000  # about 10 MB of cyclic garbage at most, between two looks
COLLECT_OLDER_AFTER = 20  # times that, for the two older generations


class WorkerThreads:
    """The Threads seam on threads that are kept, each made when first needed."""

    def __init__(self, name: str, workers: int) -> None:
        self._free = [Worker(f"{name}-{number}") for number in range(workers, 0, -1)]
        self._all = list(self._free)
        self._limiter = trio.CapacityLimiter(workers)

    async def run(self, function: Callable[[], T]) -> T:
        """Run `function` on a worker thread; a cancelled caller still waits for its end."""
        async with self._limiter:
            worker = self._free.pop()
            try:
                return await worker.run(function)
            finally:
                self._free.append(worker)

    def close(self) -> None:
        """End the threads, each after what it is doing."""
        for worker in self._all:
            worker.close()


class InlineThreads:
    """The Threads seam without threads: simulations, and programs of one task."""

    async def run(self, function: Callable[[], T]) -> T:
        """Run `function` here."""
        await trio.lowlevel.checkpoint()
        return function()


def favour_worker_threads() -> None:
    """Let threads hand over the interpreter after half a millisecond instead of five.

    Call once a process, at its start. Each signature check gives up the interpreter lock and must
    have it back: beside a busy loop two threads were measured at 500 checks a second with
    Python's default and at 10,000 with this.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def calm_collector() -> None:
    """Let Python look for cyclic garbage seldom, and never among what was loaded at the start.

    Call once a process, when everything is imported. Transactions are containers that live for
    seconds and hold no cycles: at Python's defaults the search through them was measured to cost
    as much as decoding them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, COLLECT_OLDER_AFTER, COLLECT_OLDER_AFTER)


def software_version() -> str:
    """Return this package's version."""
    try:
        return version("govchaind")
    except PackageNotFoundError:
        return "0+unknown"


def wall_milliseconds() -> int:
    """Return milliseconds since 1970-01-01T00:00:00Z by this machine's clock."""
    return time.time_ns() // 1_000_000


def entropy(count: int) -> bytes:
    """Return `count` secret random bytes."""
    return os.urandom(count)


async def watch_signals(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Set `stop` at the first SIGTERM or SIGINT; the second ends the process at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            if stop.is_set():
                sys.exit(130)
            stop.set()


def first_known(group: BaseExceptionGroup[BaseException]) -> GovchaindError | None:
    """Return the error of ours that ended a nursery, so that one line can say it."""
    for error in group.exceptions:
        if isinstance(error, GovchaindError):
            return error
        if isinstance(error, BaseExceptionGroup):
            found = first_known(error)
            if found is not None:
                return found
    return None


class GuardFile:
    """The guard file: read whole, replaced whole and durably."""

    def __init__(self, path: Path, make_room: Callable[[Path], bool] = lambda _: False) -> None:
        """`make_room` is asked once where a full disk has none; True: it is worth another try."""
        self._path = path
        self._make_room = make_room

    def read(self) -> bytes | None:
        """Return the file's bytes, or None when there is none. Raises StorageFailed."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(f"the guard file cannot be read: {error.strerror}") from error

    async def write(self, data: bytes) -> None:
        """Replace the file durably. Raises StorageFull (the old one stands) or StorageFailed."""
        try:
            try:
                await trio.to_thread.run_sync(replace_file, self._path, data)
            except OSError as error:
                if error.errno not in FULL_ERRNOS or not self._make_room(self._path):
                    raise
                await trio.to_thread.run_sync(replace_file, self._path, data)
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                raise StorageFull(f"no room for the guard file: {error.strerror}") from error
            raise StorageFailed(f"the guard file cannot be written: {error.strerror}") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync it, put it in place, sync the folder. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class CrashRecord:
    """A file beside the store in which the process's death by a fault is written down."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def check(self) -> None:
        """Raise StorageCorrupt if the last process died inside the storage's pages."""
        try:
            record = self._path.read_text(errors="replace")
        except FileNotFoundError:
            return
        if "Fatal Python error" in record and "lmdb_storage.py" in record:
            raise StorageCorrupt(
                "the process died reading the store's pages; its last words are in "
                f"{self._path.name} beside the store"
            )

    def open(self) -> None:
        """Have faults written down from now on; process-wide, so for the daemon only."""
        self._file = self._path.open("w")
        faulthandler.enable(self._file, all_threads=False)

    def close(self) -> None:
        """End it; a record that stayed empty is removed."""
        if self._file is None:
            return
        faulthandler.disable()
        self._file.close()
        self._file = None
        if self._path.stat().st_size == 0:
            self._path.unlink()
