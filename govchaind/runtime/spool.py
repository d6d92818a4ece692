"""Sealed files that a node holds for others, whole or in part, in a folder beside its store.

    REQUESTER.REFERENCE.NUMBER.DIGEST.LENGTH.part    arriving
    REQUESTER.REFERENCE.NUMBER.DIGEST.LENGTH.held    whole, its SHA-256 checked

Rules it keeps:
- Names of files are made of checked names and hex; nothing from outside is ever part of a path.
- The whole length is reserved before the first byte: all files together never pass `quota_bytes`,
  and the disk keeps `reserve_bytes` free, which the ledger needs more than any delivery.
- A file grows at its end only; an offset that is not its length is a Conflict that names the right
  one, so whoever was interrupted goes on, and two who bring the same file do not mix.
- Only a file with the recorded SHA-256 becomes a held one; any other is removed.
- A part that does not grow for PART_IDLE_SECONDS_MAX, and a file that is held longer than
  `hold_seconds`, goes; so does each that its owner no longer wants (`sweep`).
- Disk work runs on worker threads, a chunk at a time. A full disk refuses deliveries, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import trio

from govchaind.base.errors import Busy, Conflict, InvalidProof, InvalidSetting, NotFound
from govchaind.base.limits import CARRY_CHUNK_BYTES_MAX, CARRY_WAITING_MAX
from govchaind.base.types import Hash
from govchaind.runtime.environment import Threads
from govchaind.runtime.store_files import FULL_ERRNOS

T = TypeVar("T")

PART_IDLE_SECONDS_MAX = 24 * 3600
_NAME = re.compile(
    r"([a-z0-9][a-z0-9-]{0,31})\.([a-z0-9][a-z0-9-]{0,31})\.([0-9]{1,10})"
    r"\.([0-9a-f]{64})\.([0-9]{1,18})\.(part|held)"
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Which sealed file: a delivery's name on the ledger, and the file's digest."""

    requester: str
    reference: str
    number: int
    digest: Hash

    @property
    def delivery(self) -> tuple[str, str, int]:
        return self.requester, self.reference, self.number


@dataclass(slots=True)
class Held:
    """One file of the folder."""

    length: int  # when it is whole
    have: int
    whole: bool
    touched_ms: int  # when it last grew
    lock: trio.Lock = field(default_factory=trio.Lock)


class Spool:
    """The folder. Only this process writes in it."""

    def __init__(
        self,
        folder: Path,
        *,
        quota_bytes: int,
        hold_seconds: float,
        reserve_bytes: int,
        threads: Threads,
        wall_milliseconds: Callable[[], int],
        removed: Callable[[Parcel, str], None] = lambda parcel, reason: None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Take over what lies in `folder`. `removed` is told of each file that goes unasked.

        Raises InvalidSetting: the folder cannot be used.
        """
        self._folder = folder
        self._quota_bytes = quota_bytes
        self._hold_ms = int(hold_seconds * 1000)
        self._reserve_bytes = reserve_bytes
        self._threads = threads
        self._wall = wall_milliseconds
        self._removed = removed
        self._free_bytes = free_bytes
        self._held: dict[Parcel, Held] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                self._find(path)
        except OSError as error:
            raise InvalidSetting(
                f"the folder of deliveries cannot be used: {error.strerror}",
                remedy="Correct delivery.directory, or its permissions.",
            ) from None

    def _find(self, path: Path) -> None:
        found = _NAME.fullmatch(path.name)
        if found is None:
            return  # not ours
        requester, reference, number, digest, length, state = found.groups()
        parcel = Parcel(requester, reference, int(number), bytes.fromhex(digest))
        have = path.stat().st_size
        changed = path.stat().st_mtime_ns // 1_000_000
        if have > int(length) or (state == "held" and have != int(length)):
            path.unlink()
            return
        self._held[parcel] = Held(int(length), have, state == "held", changed)

    # --- reading --------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many files there are, whole and in part."""
        return len(self._held)

    def set_bounds(self, quota_bytes: int, reserve_bytes: int, hold_seconds: float) -> None:
        """Change the bounds; they are judged by when the next file comes, or the next sweep."""
        self._quota_bytes = quota_bytes
        self._reserve_bytes = reserve_bytes
        self._hold_ms = int(hold_seconds * 1000)

    @property
    def reserved_bytes(self) -> int:
        """Bytes that all files take or will take."""
        return sum(held.length for held in self._held.values())

    def find(self, parcel: Parcel) -> Held | None:
        """Return what there is of a file."""
        return self._held.get(parcel)

    def whole(self) -> list[Parcel]:
        """Return the files that are held whole, the oldest first."""
        whole = [(held.touched_ms, parcel) for parcel, held in self._held.items() if held.whole]
        return [parcel for _, parcel in sorted(whole, key=lambda each: each[0])]

    async def read(self, parcel: Parcel, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of a whole file. Raises NotFound."""
        held = self._held.get(parcel)
        if held is None or not held.whole:
            raise NotFound(
                "this node does not hold the sealed file",
                code="not-held",
                remedy="Ask the node to which it was delivered, or wait until it has come.",
            )
        path = self._path(parcel, held)
        length = max(0, min(length, CARRY_CHUNK_BYTES_MAX, held.length - offset))

        def work() -> bytes:
            with path.open("rb") as file:
                return os.pread(file.fileno(), length, offset)

        return await self._disk(work)

    # --- writing --------------------------------------------------------------------------------

    def begin(self, parcel: Parcel, length: int) -> int:
        """Reserve room for a file; return how many bytes of it are here.

        Raises Busy (no room), Conflict (begun with another length).
        """
        held = self._held.get(parcel)
        if held is not None:
            if held.length != length:
                raise Conflict("the sealed file was begun with another length", code="other-length")
            return held.have
        if len(self._held) >= CARRY_WAITING_MAX or self.reserved_bytes + length > self._quota_bytes:
            raise Busy(
                "this node holds as many sealed files as it may",
                code="delivery-quota",
                remedy="Bring it to another node, or later; files go once they are received.",
                retry_after_seconds=60,
            )
        self._held[parcel] = Held(length, 0, False, self._wall())
        try:
            self._check_disk(length)
        except Busy:
            del self._held[parcel]
            raise
        return 0

    async def append(self, parcel: Parcel, offset: int, data: bytes) -> int:
        """Add bytes at the end of a file that was begun; return how many are here.

        Nothing, added to a file that has its length, checks it again: a disk has failed before.

        Raises:
            NotFound: not begun. Conflict: `offset` is not where it ends, or it would be too long.
            Busy: no room on the disk. InvalidProof: whole, and not the file that was recorded.
        """
        held = self._held.get(parcel)
        if held is None:
            raise NotFound("the sealed file was not begun here", code="not-held")
        async with held.lock:
            if held.whole:
                return held.have
            if offset != held.have:
                raise Conflict(
                    f"the sealed file is here up to byte {held.have}",
                    code="other-offset",
                    remedy=f"Go on at offset {held.have}.",
                )
            if held.have + len(data) > held.length:
                raise Conflict("the sealed file would be too long", code="other-length")
            await self._write(parcel, held, data)
            if held.have == held.length:
                await self._finish(parcel, held)
            return held.have

    async def _write(self, parcel: Parcel, held: Held, data: bytes) -> None:
        self._check_disk(len(data))
        path, at = self._path(parcel, held), held.have

        def work() -> None:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                view, place = memoryview(data), at
                while view:
                    done = os.pwrite(descriptor, view, place)
                    view, place = view[done:], place + done
            except OSError:
                os.ftruncate(descriptor, at)
                raise
            finally:
                os.close(descriptor)

        await self._disk(work)
        held.have += len(data)
        held.touched_ms = self._wall()

    async def _finish(self, parcel: Parcel, held: Held) -> None:
        part = self._path(parcel, held)
        whole = self._folder / self._name(parcel, held.length, "held")

        def work() -> bool:
            with part.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").digest()
                os.fsync(file.fileno())
            if found != parcel.digest:
                return False
            part.replace(whole)
            return True

        if not await self._disk(work):
            await self.remove(parcel)
            raise InvalidProof(
                "the bytes that came are not the sealed file that the ledger records",
                code="not-the-recorded-file",
                remedy="Nothing of them was kept; bring the recorded file from its beginning.",
            )
        held.whole = True

    async def remove(self, parcel: Parcel) -> None:
        """Remove a file, if it is here."""
        held = self._held.pop(parcel, None)
        if held is None:
            return
        path = self._path(parcel, held)
        await self._disk(lambda: path.unlink(missing_ok=True))

    async def _disk(self, work: Callable[[], T]) -> T:
        """Do disk work on a thread. Raises NotFound (the file is gone), Busy (the disk fails)."""
        try:
            return await self._threads.run(work)
        except FileNotFoundError:
            raise NotFound("the sealed file has just gone", code="not-held") from None
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                raise _disk_full() from error
            raise Busy(
                f"the disk of deliveries failed: {error.strerror}", code="delivery-disk"
            ) from error

    async def sweep(self, wanted: Callable[[Parcel], bool]) -> None:
        """Remove what is over its time, and what is no longer wanted."""
        now = self._wall()
        for parcel, held in list(self._held.items()):
            if held.lock.locked():
                continue
            patience = self._hold_ms if held.whole else PART_IDLE_SECONDS_MAX * 1000
            if not wanted(parcel):
                reason = "not wanted any longer"
            elif now - held.touched_ms > patience:
                reason = "held for too long" if held.whole else "came no further"
            else:
                continue
            await self.remove(parcel)
            self._removed(parcel, reason)

    # --- paths ----------------------------------------------------------------------------------

    def _check_disk(self, more: int) -> None:
        coming = sum(held.length - held.have for held in self._held.values())
        if self._free_bytes(self._folder) - max(more, coming) < self._reserve_bytes:
            raise _disk_full()

    def _path(self, parcel: Parcel, held: Held) -> Path:
        return self._folder / self._name(parcel, held.length, "held" if held.whole else "part")

    @staticmethod
    def _name(parcel: Parcel, length: int, state: str) -> str:
        name = (
            f"{parcel.requester}.{parcel.reference}.{parcel.number}."
            f"{parcel.digest.hex()}.{length}.{state}"
        )
        if _NAME.fullmatch(name) is None:
            raise NotFound("there is no delivery of this name")
        return name


def _disk_full() -> Busy:
    return Busy(
        "this node has no room on its disk for deliveries",
        code="delivery-disk-full",
        remedy="Bring it to another node, or later; the operator has to make room.",
        retry_after_seconds=60,
    )
