"""What pure code knows of storage: a reader of sorted bytes, and a batch to be written at once."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from typing import Protocol


class KeyValueReader(Protocol):
    """A consistent view of sorted keys. Reads never block for long and never await."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value, or None. Raises StorageCorrupt if the value is not what was written."""

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) with start ≤ key < end, in order (or from the end backwards)."""


class WriteBatch:
    """Puts and deletions that become durable together or not at all; the last one on a key wins."""

    __slots__ = ("bytes", "changes")

    def __init__(self) -> None:
        self.changes: dict[bytes, bytes | None] = {}
        self.bytes = 0

    def put(self, key: bytes, value: bytes) -> None:
        self.changes[key] = value
        self.bytes += len(key) + len(value)

    def delete(self, key: bytes) -> None:
        self.changes[key] = None
        self.bytes += len(key)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __len__(self) -> int:
        return len(self.changes)


class Overlay:
    """A reader that sees batches not yet written (oldest first) on top of what is."""

    __slots__ = ("_base", "_batches")

    def __init__(self, base: KeyValueReader, batches: Iterable[WriteBatch]) -> None:
        self._base = base
        self._batches = [batch.changes for batch in reversed(list(batches))]  # newest first

    def get(self, key: bytes) -> bytes | None:
        for changes in self._batches:
            if key in changes:
                return changes[key]
        return self._base.get(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        pending: dict[bytes, bytes | None] = {}
        for changes in reversed(self._batches):
            for key, value in changes.items():
                if start <= key < end:
                    pending[key] = value
        if not pending:
            yield from self._base.scan(start, end, reverse=reverse)
            return
        keys = sorted(pending, reverse=reverse)
        position = 0
        for key, value in self._base.scan(start, end, reverse=reverse):
            while position < len(keys) and (
                keys[position] > key if reverse else keys[position] < key
            ):
                new = pending[keys[position]]
                if new is not None:
                    yield keys[position], new
                position += 1
            if position < len(keys) and keys[position] == key:
                new = pending[key]
                if new is not None:
                    yield key, new
                position += 1
            else:
                yield key, value
        for key in keys[position:]:
            new = pending[key]
            if new is not None:
                yield key, new


class MemoryReader:
    """Sorted bytes in memory: for verifiers without a store, and for tests."""

    __slots__ = ("_keys", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        low = bisect.bisect_left(self._keys, start)
        high = bisect.bisect_left(self._keys, end)
        keys = self._keys[low:high]
        for key in reversed(keys) if reverse else keys:
            yield key, self.values[key]

    def apply(self, batch: WriteBatch) -> None:
        """Make the batch part of what is read."""
        for key, value in batch.changes.items():
            if value is None:
                if self.values.pop(key, None) is not None:
                    del self._keys[bisect.bisect_left(self._keys, key)]
            else:
                if key not in self.values:
                    bisect.insort(self._keys, key)
                self.values[key] = value


def prefix_end(prefix: bytes) -> bytes:
    """Return the smallest key above every key that starts with `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    if not trimmed:
        return b"\xff" * 512
    return trimmed[:-1] + bytes((trimmed[-1] + 1,))
