"""Side values that a node holds: sealed texts in a folder beside its store, a file for each.

    INSTITUTION.COMMITMENT.DIGEST    the sealed file whose SHA-256 the ledger records

Rules it keeps:
- Nothing is taken that the ledger does not record, nothing kept that has another SHA-256; names of
  files are made of checked names and hex.
- What a vote has removed is refused from the block of the vote on, for every taking and giving is
  judged by the newest state; the file goes with the next look at it (`run`). A folder that comes
  from a backup, and a node that slept through the vote, are looked through in the same way.
- Bounded: SIDE_FILES_MAX files, `bytes_max` together, and the disk keeps `reserve_bytes` free.
- No byte of a file is ever in the store, so removal breaks no hash there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from govchaind.base.encoding import decode
from govchaind.base.errors import Busy, Gone, InvalidProof, InvalidSetting, NotFound
from govchaind.base.limits import SIDE_FILES_MAX
from govchaind.base.types import Hash
from govchaind.ledger.operations.side_values import LENGTH, OFFICE, READERS, REMOVED, SEALED
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import side_value_key
from govchaind.runtime.environment import Snapshot, Storage, Threads
from govchaind.runtime.store_files import FULL_ERRNOS
from govchaind.runtime.system import sync_folder

T = TypeVar("T")
SideName = tuple[str, Hash]
"""Of a side value: the institution that recorded it, and the commitment."""

LOOK_SECONDS = 1.0
LOOK_FILES = 200  # at each look: a folder of 20,000 is looked through in 100 seconds
_NAME = re.compile(r"([a-z0-9][a-z0-9-]{0,31})\.([0-9a-f]{64})\.([0-9a-f]{64})")
_COMING = ".coming"


@dataclass(frozen=True, slots=True)
class RecordedSide:
    """What the ledger says of one side value."""

    digest: Hash
    length: int
    offices: tuple[tuple[str, str], ...]  # that may bring and fetch it
    removed: bool


SideJudge = Callable[[SideName], RecordedSide | None]


def recorded_side(reader: Snapshot, name: SideName) -> RecordedSide | None:
    """Return what the newest state in a snapshot has of a side value; None: nothing."""
    stored = State().get(reader, side_value_key(*name))
    if stored is None:
        return None
    value = decode(stored, bytes_max=len(stored))
    readers = [(reader[0], reader[1]) for reader in value[READERS]]
    offices = ((name[0], value[OFFICE]), *readers)
    return RecordedSide(value[SEALED], value[LENGTH], offices, value[REMOVED] is not None)


def side_judge(storage: Storage) -> SideJudge:
    """Return what tells of a side value by the newest state in a store."""

    def judge(name: SideName) -> RecordedSide | None:
        snapshot = storage.snapshot()
        try:
            return recorded_side(snapshot, name)
        finally:
            snapshot.close()

    return judge


class SideShelf:
    """The folder. Only this process writes in it."""

    def __init__(
        self,
        folder: Path,
        *,
        bytes_max: int,
        reserve_bytes: int,
        threads: Threads,
        judge: SideJudge,
        removed: Callable[[SideName], None] = lambda name: None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Take over what lies in `folder`. `removed` is told of each file that goes.

        Raises InvalidSetting: the folder cannot be used.
        """
        self._folder = folder
        self._bytes_max = bytes_max
        self._reserve_bytes = reserve_bytes
        self._threads = threads
        self._judge = judge
        self._removed = removed
        self._free_bytes = free_bytes
        self._held: dict[SideName, tuple[Hash, int]] = {}  # digest and length
        self._due: list[SideName] = []
        self._writing = trio.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                found = _NAME.fullmatch(path.name.removesuffix(_COMING))
                if found is None:
                    continue  # not ours
                if path.name.endswith(_COMING):
                    path.unlink()  # a crash came between
                    continue
                name = found[1], bytes.fromhex(found[2])
                self._held[name] = bytes.fromhex(found[3]), path.stat().st_size
        except OSError as error:
            raise InvalidSetting(
                f"the folder of side values cannot be used: {error.strerror}",
                remedy="Correct delivery.side_directory, or its permissions.",
            ) from None

    def set_bounds(self, bytes_max: int, reserve_bytes: int) -> None:
        """Change the bounds; they are judged by when the next value comes."""
        self._bytes_max, self._reserve_bytes = bytes_max, reserve_bytes

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(self._held)

    def holds(self, name: SideName) -> bool:
        """Say whether the file is here."""
        return name in self._held

    async def run(self) -> None:
        """Look for what a vote has removed, until cancelled."""
        while True:
            await self.look()
            await trio.sleep(LOOK_SECONDS)

    async def look(self, files: int = LOOK_FILES) -> None:
        """Judge the next `files` of the shelf, and delete what was removed."""
        if not self._due:
            self._due = sorted(self._held)
        self._due, looked = self._due[files:], self._due[:files]
        for name in looked:
            found = self._judge(name)
            if found is not None and found.removed:
                try:
                    await self._delete(name)
                except (Busy, NotFound):
                    continue  # the disk fails, or it is gone; the next look tries it again

    async def put(self, name: SideName, data: bytes) -> None:
        """Take a sealed file; to take it again does no harm.

        Raises:
            NotFound: not recorded. Gone: removed by vote. InvalidProof: other bytes.
            Busy: no room.
        """
        found = self._recorded(name)
        if len(data) != found.length or hashlib.sha256(data).digest() != found.digest:
            raise InvalidProof(
                "the bytes that came are not the sealed file that the ledger records",
                code="not-the-recorded-file",
                remedy="Nothing of them was kept; bring the recorded file.",
            )
        async with self._writing:
            if name in self._held:
                return
            self._check_room(len(data))
            path = self._path(name, found.digest)
            await self._disk(lambda: _write(path, data))
            self._held[name] = found.digest, len(data)
        try:
            self._recorded(name)
        except Gone:  # voted on while it was being written
            await self._delete(name)
            raise

    async def read(self, name: SideName) -> bytes:
        """Return a sealed file. Raises NotFound: not recorded, or not here. Gone: removed."""
        found = self._recorded(name)
        if name not in self._held:
            raise _not_held()
        path = self._path(name, found.digest)
        data = await self._disk(path.read_bytes)
        if hashlib.sha256(data).digest() != found.digest:  # rot: another node has it whole
            await self._delete(name)
            raise _not_held()
        return data

    def _recorded(self, name: SideName) -> RecordedSide:
        found = self._judge(name)
        if found is None:
            raise NotFound(
                "the ledger has no side value of this name here",
                code="not-recorded",
                remedy="Record it first, and wait until this node has that block.",
            )
        if found.removed:
            raise _gone()
        return found

    async def _delete(self, name: SideName) -> None:
        held = self._held.get(name)
        if held is None:
            return  # somebody else has just done it
        path = self._path(name, held[0])
        await self._disk(lambda: _destroy(path))
        if self._held.pop(name, None) is not None:
            self._removed(name)

    def _check_room(self, more: int) -> None:
        taken = sum(length for _, length in self._held.values())
        if len(self._held) >= SIDE_FILES_MAX or taken + more > self._bytes_max:
            raise Busy(
                "this node holds as many side values as it may",
                code="side-values-full",
                remedy="Bring it to another node; the operator can raise delivery.side_bytes_max.",
                retry_after_seconds=60,
            )
        if self._free_bytes(self._folder) - more < self._reserve_bytes:
            raise _disk_full()

    async def _disk(self, work: Callable[[], T]) -> T:
        """Do disk work on a thread. Raises NotFound (the file is gone), Busy (the disk fails)."""
        try:
            return await self._threads.run(work)
        except FileNotFoundError:
            raise _not_held() from None
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                raise _disk_full() from error
            raise Busy(
                f"the disk of side values failed: {error.strerror}", code="delivery-disk"
            ) from error

    def _path(self, name: SideName, digest: Hash) -> Path:
        text = f"{name[0]}.{name[1].hex()}.{digest.hex()}"
        if _NAME.fullmatch(text) is None:
            raise NotFound("there is no side value of this name")
        return self._folder / text


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, after a power cut too."""
    coming = path.with_name(path.name + _COMING)
    descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        coming.replace(path)
    except OSError:
        coming.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _destroy(path: Path) -> None:
    """Overwrite a file and remove it."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _gone() -> Gone:
    return Gone(
        "the members have voted that this text be removed",
        code="side-value-removed",
        remedy="Nobody holds it any longer; the record of its removal says on what ground.",
    )


def _not_held() -> NotFound:
    return NotFound(
        "this node does not hold the sealed file",
        code="not-held",
        remedy="Ask another node, or have the office that recorded it bring it again.",
    )


def _disk_full() -> Busy:
    return Busy(
        "this node has no room on its disk for side values",
        code="delivery-disk-full",
        remedy="Bring it to another node, or later; the operator has to make room.",
        retry_after_seconds=60,
    )
