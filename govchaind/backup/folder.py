"""A backup as a folder of files, one a part, or as a stream of parts one after the other.

Rules it keeps:
- A file has its name only when it is whole and synced. Until then it is `unfinished`, which the
  next backup removes; so does one that fails, for a full disk too.
- One backup at a time writes to a folder. A file that is there is never written again.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from govchaind.backup.part import MAGIC, Head, PartReader, Tip, Write
from govchaind.base.errors import Conflict, Invalid, Refused
from govchaind.base.types import Hash, Height
from govchaind.runtime.store_files import FULL_ERRNOS
from govchaind.runtime.system import sync_folder

UNFINISHED = "unfinished"
NAME = re.compile(r"blocks-(\d{12,19})-(\d{12,19})\.backup")


class Sink(Protocol):
    """Where parts go."""

    def begin(self) -> Write:
        """Begin a part; return what takes its bytes."""
        ...

    def finish(self, first: Height, last: Height) -> None:
        """Put out the part that was begun: it is whole."""
        ...


class Folder:
    """A folder of parts that this process alone writes to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def begin(self) -> Write:
        self._file = (self._path / UNFINISHED).open("xb")
        return self._file.write

    def finish(self, first: Height, last: Height) -> None:
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        (self._path / UNFINISHED).rename(self._path / part_name(first, last))
        sync_folder(self._path)

    def abandon(self) -> None:
        """Remove what is not whole."""
        if self._file is not None:
            try:
                self._file.close()  # which writes what it still holds, and may find no room
            except OSError:
                pass
            finally:
                self._file = None
        (self._path / UNFINISHED).unlink(missing_ok=True)

    def newest(self) -> tuple[Head, Tip, Hash] | None:
        """Read the newest part whole; return its head, where it ends, and its hash.

        Raises Invalid: it is damaged, and nothing may be built on it.
        """
        found = part_files(self._path)
        if not found:
            return None
        with found[-1].open("rb") as file:
            reader = PartReader(file.read, found[-1].name, file.read(len(MAGIC)))
            for _ in reader.pages():
                pass
            if reader.tip is None or file.read(1):
                raise Invalid(
                    f"{found[-1].name}: bytes follow its end",
                    code="backup-damaged",
                    remedy="Begin a new backup in another folder.",
                )
        return reader.head, reader.tip, reader.hash


class Stream:
    """Standard output, or whatever else takes bytes in order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def begin(self) -> Write:
        return self._file.write

    def finish(self, first: Height, last: Height) -> None:
        self._file.flush()


def part_name(first: Height, last: Height) -> str:
    return f"blocks-{first:012}-{last:012}.backup"


def part_files(path: Path) -> list[Path]:
    """Return a folder's parts, lowest heights first; other files are nobody's business here."""
    found = [(NAME.fullmatch(one.name), one) for one in path.iterdir()]
    parts = [(int(name[1]), int(name[2]), one) for name, one in found if name is not None]
    return [one for _, _, one in sorted(parts)]


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """Hold a folder for writing parts; it is made if it is not there.

    Raises:
        Conflict: another backup writes to it.
        Refused: there is no room; parts that were put out stay.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:  # blocks go once they are archived: their folder must be there for good
        sync_folder(made.parent)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"another backup is being written to {path}",
                code="backup-under-way",
                remedy="Let it end, or name another folder.",
            ) from error
        folder = Folder(path)
        folder.abandon()  # what one that was killed has left
        try:
            yield folder
        except OSError as error:
            if error.errno not in FULL_ERRNOS:
                raise
            raise Refused(
                f"no room for the backup: {error.strerror}",
                code="backup-no-room",
                remedy="Make room and run the command again: it goes on after the last whole part.",
            ) from error
        finally:
            folder.abandon()
    finally:
        os.close(descriptor)
