"""Looks at a simulated disk from outside, for who sets it back and who judges it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.runtime.stored_value import CHECKSUM_BYTES

if TYPE_CHECKING:
    from netsim.gear2.disk import Disk


@dataclass(frozen=True, slots=True)
class Copy:
    """What a store held at one time: rows with their checksums."""

    rows: dict[bytes, bytes]

    def reader(self) -> MemoryReader:
        found, batch = MemoryReader(), WriteBatch()
        for key, row in self.rows.items():
            batch.put(key, row[:-CHECKSUM_BYTES])
        found.apply(batch)
        return found


class Outside:
    """A look from outside at what was made durable; rot is not seen."""

    __slots__ = ("_disk",)

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def get(self, key: bytes) -> bytes | None:
        return self._disk.as_written(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        keys = self._disk.keys(start, end)
        for key in reversed(keys) if reverse else keys:
            value = self._disk.as_written(key)
            if value is not None:
                yield key, value
