"""The files of a pack: records one after another, none of the files longer than a bound.

    file   = record …
    record = length of what follows (4 bytes, big-endian) ‖ deterministic CBOR
    first  = ["govchaind-exit", 1, kind, chain id, number of the file, from 1]

A file that would grow beyond the bound ends, and the next number begins. A record is never split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from govchaind.base.encoding import encode
from govchaind.base.limits import EXIT_FILE_BYTES_MAX
from govchaind.base.types import Hash
from govchaind.data.exit.verify import FORMAT, VERSION

HASH_CHUNK_BYTES = 1024 * 1024


class RecordFiles:
    """Writes the records of one kind into as many files as they need."""

    def __init__(
        self, folder: Path, kind: str, chain_id: Hash, *, bytes_max: int = EXIT_FILE_BYTES_MAX
    ) -> None:
        self._folder = folder / kind
        self._folder.mkdir()
        self._kind = kind
        self._chain_id = chain_id
        self._bytes_max = bytes_max
        self._number = 0
        self._size = 0
        self._file: IO[bytes] | None = None

    def add(self, record: list[object]) -> None:
        """Append one record."""
        data = encode(record)
        if self._file is None or self._size + len(data) > self._bytes_max:
            self._begin()
        self._write(data)

    def _begin(self) -> None:
        self.close()
        self._number += 1
        self._size = 0
        self._file = (self._folder / f"{self._number:06d}.cbor").open("xb")
        self._write(encode([FORMAT, VERSION, self._kind, self._chain_id, self._number]))

    def _write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(len(data).to_bytes(4, "big") + data)
            self._size += 4 + len(data)

    def close(self) -> None:
        """End the file under way."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> RecordFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def listed(folder: Path, leave_out: Iterable[str]) -> list[list[object]]:
    """Return [name, bytes, SHA-256 in hex] of each file below `folder`, in order of names."""
    left_out = set(leave_out)
    found: list[list[object]] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in left_out:
            found.append([name, path.stat().st_size, _sha256(path)])
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
