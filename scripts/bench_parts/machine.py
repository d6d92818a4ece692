"""The machine under the measurement: what it is, and what its cores and disk can do at best."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nacl.bindings
import psutil

from govchaind.base.crypto import Domain, SigningKey, signing_bytes, verify

MESSAGE_BYTES = 250  # of a usual single-operation body
VERIFY_ROUNDS, VERIFY_CALLS = 9, 300
SYNC_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware and software, for the report's head."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    file_system: str
    load_average: float

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def describe(folder: Path) -> Machine:
    """Describe this machine, and the file system under `folder`."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        file_system=_file_system(folder),
        load_average=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    best, kind = "", "?"
    for part in psutil.disk_partitions(all=True):
        if str(folder.resolve()).startswith(part.mountpoint) and len(part.mountpoint) > len(best):
            best, kind = part.mountpoint, part.fstype
    return kind


@dataclass(frozen=True, slots=True)
class SignatureBound:
    """How many transactions a second this machine could at best verify on three nodes."""

    verify_microseconds: float  # ours, strict, with its checks
    pynacl_microseconds: float  # crypto_sign_open alone, the same message
    cores: int

    @property
    def transactions_a_second(self) -> float:
        return self.cores / (3 * self.verify_microseconds * 1e-6)


def signature_bound() -> SignatureBound:
    """Time one verification on one core: medians of rounds, both ways in turns.

    In processor time, so that other work on the machine does not flatter the ratio to the bound.
    """
    key = SigningKey(bytes(range(32)))
    message = bytes(MESSAGE_BYTES)
    signature = key.sign(Domain.TRANSACTION_BODY, message)
    joined = signature + signing_bytes(Domain.TRANSACTION_BODY, message)
    ours: list[float] = []
    pynacl: list[float] = []
    for _ in range(VERIFY_ROUNDS):
        started = time.thread_time()
        for _ in range(VERIFY_CALLS):
            verify(Domain.TRANSACTION_BODY, key.public, message, signature)
        middle = time.thread_time()
        for _ in range(VERIFY_CALLS):
            nacl.bindings.crypto_sign_open(joined, key.public)
        ours.append((middle - started) / VERIFY_CALLS)
        pynacl.append((time.thread_time() - middle) / VERIFY_CALLS)
    return SignatureBound(
        round(statistics.median(ours) * 1e6, 1),
        round(statistics.median(pynacl) * 1e6, 1),
        os.cpu_count() or 1,
    )


def sync_milliseconds(folder: Path) -> float:
    """Return the median time of a 4 KiB write with fdatasync in `folder`."""
    path = folder / "sync-probe"
    times: list[float] = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(SYNC_ROUNDS):
            started = time.perf_counter()
            os.pwrite(descriptor, os.urandom(4096), 0)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return round(statistics.median(times) * 1000, 3)
