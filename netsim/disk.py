"""A simulated disk: what is durable, and every boundary between two writes.

A batch is durable as a whole or not at all, as LMDB promises; it takes time, may hang, may fail and
may find no room. A crash forgets what was not durable: the batch in flight either made it or did
not, and nothing else changes. All batches are kept, so that a checker can build any boundary again
without believing the image, and a fault can set the disk back to one.
"""

from __future__ import annotations

import random

from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import StoreId


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
        "rotten",
        "slow",
        "store",
        "told_full",
    )

    def __init__(self, store: StoreId, first: WriteBatch) -> None:
        self.store = store
        self.image = MemoryReader()
        self.batches: list[WriteBatch] = []
        self.in_flight: tuple[WriteBatch, int] | None = None
        self.acked = 0  # how many batches the node was told to be durable
        self.fails = False  # the next write ends in an error
        self.full = False
        self.rotten: dict[bytes, bytes] = {}  # keys whose stored bytes are not what was written
        self.told_full = False
        self.slow = 1.0
        self.hung_until = 0.0
        self._apply(first)
        self.acked = 1

    def _apply(self, batch: WriteBatch) -> None:
        self.image.apply(batch)
        self.batches.append(batch)

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
        rows: dict[bytes, bytes] = {}
        for batch in self.batches[:count]:
            for key, value in batch.changes.items():
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
        return rows

    def set_back(self, count: int) -> None:
        """Become the disk as it was after the first `count` batches."""
        del self.batches[count:]
        self.image = MemoryReader()
        for batch in self.batches:
            self.image.apply(batch)
        self.in_flight = None
        self.acked = count
