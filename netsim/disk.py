"""A simulated disk: what is durable, and every boundary between two writes.

A batch is durable as a whole or not at all, as LMDB promises; it takes time, may hang, may fail and
may find no room. A crash forgets what was not durable: the batch in flight either made it or did
not, and nothing else changes. All batches are kept, so that a checker can build any boundary again
without believing the image, and a fault can set the disk back to one.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import StoreId
from govchaind.runtime.stored_value import seal, sound


class Judged:
    """The image as a process reads it: what has rotted goes through the store's own judgement."""

    __slots__ = ("_image", "rotten", "served", "touched")

    def __init__(self, image: MemoryReader) -> None:
        self._image = image
        self.rotten: dict[bytes, bytes] = {}  # keys whose stored bytes are not what was written
        self.touched = False  # something rotten was read
        self.served: bytes | None = None  # … and was taken for sound

    def get(self, key: bytes) -> bytes | None:
        if key in self.rotten:
            return self._judged(key)
        return self._image.values.get(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._image.scan(start, end, reverse=reverse):
            yield key, self._judged(key) if key in self.rotten else value

    def _judged(self, key: bytes) -> bytes:
        self.touched = True
        value = sound(key, self.rotten[key])
        self.served = key
        return value


class Disk:
    """One store's durable image and the one write in flight."""

    __slots__ = (
        "acked",
        "batches",
        "fails",
        "full",
        "hung_until",
        "image",
        "in_flight",
        "reader",
        "slow",
        "store",
        "told_full",
    )

    def __init__(self, store: StoreId, first: WriteBatch) -> None:
        self.store = store
        self.image = MemoryReader()  # what was written: what checkers look at
        self.reader = Judged(self.image)  # what a process gets to see of it
        self.batches: list[WriteBatch] = []
        self.in_flight: tuple[WriteBatch, int] | None = None
        self.acked = 0  # how many batches the node was told to be durable
        self.fails = False  # the next write ends in an error
        self.full = False
        self.told_full = False
        self.slow = 1.0
        self.hung_until = 0.0
        self._apply(first)
        self.acked = 1

    def _apply(self, batch: WriteBatch) -> None:
        self.image.apply(batch)
        self.batches.append(batch)
        for key in self.rotten.keys() & batch.changes.keys():
            del self.rotten[key]

    @property
    def rotten(self) -> dict[bytes, bytes]:
        return self.reader.rotten

    def rot(self, pick: random.Random) -> str:
        """Flip a bit in a row, or have another row's bytes lie in its place; says which."""
        key = pick.choice(self.image._keys)
        stored = bytearray(seal(key, self.image.values[key]))
        if pick.random() < 0.3:
            other = pick.choice(self.image._keys)
            if other != key:
                self.rotten[key] = seal(other, self.image.values[other])
                return f"row {key[:1]!r} {key[1:9].hex()} misdirected"
        place = pick.randrange(8 * len(stored))
        stored[place // 8] ^= 1 << place % 8
        self.rotten[key] = bytes(stored)
        return f"row {key[:1]!r} {key[1:9].hex()} bit {place} flipped"

    def begin(self, batch: WriteBatch, ticket: int) -> None:
        """Take a batch; `complete`, `crash` or `drop` ends it."""
        self.in_flight = (batch, ticket)

    def complete(self) -> int:
        """Make the batch in flight durable; return its ticket."""
        waiting = self.in_flight
        if waiting is None:
            raise RuntimeError("no write is in flight")
        batch, ticket = waiting
        self.in_flight = None
        self._apply(batch)
        return ticket

    def crash(self, pick: random.Random) -> str:
        """Lose what was not durable; the batch in flight may have made it."""
        if self.in_flight is None:
            return ""
        batch, _ = self.in_flight
        self.in_flight = None
        if pick.random() < 0.5:
            self._apply(batch)
            return "after the write in flight"
        return "before the write in flight"

    def boundary(self, count: int) -> dict[bytes, bytes]:
        """Return the rows as they were after the first `count` batches."""
        rows: dict[bytes, bytes | None] = {}
        for batch in self.batches[:count]:
            rows.update(batch.changes)
        return {key: value for key, value in rows.items() if value is not None}

    def newest(self, table: Table) -> int:
        """Return the greatest height for which a table of heights has a row, 0 for none."""
        keys = self.image._keys
        after = bisect_left(keys, table + b"\xff" * 9)
        if not after or keys[after - 1][0] != table[0]:
            return 0
        return int.from_bytes(keys[after - 1][1:9], "big")

    def set_back(self, count: int) -> None:
        """Become the disk as it was after the first `count` batches."""
        del self.batches[count:]
        self.image = MemoryReader()
        self.reader = Judged(self.image)
        for batch in self.batches:
            self.image.apply(batch)
        self.in_flight = None
        self.acked = count
