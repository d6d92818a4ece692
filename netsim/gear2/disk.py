"""A simulated disk under the Storage seam; it forgets at a crash what was not durable.

A batch becomes durable as a whole or not at all, as LMDB promises. It takes time, may hang, may
find no room, and may fail: then nothing more is written in this life. A crash decides the batch in
flight one way or the other. Rows carry the checksum of `runtime/stored_value.py`, as in production,
and a fault may flip a bit of one: whoever is then handed a value has been served rot, and the disk
tells.

What was ever durable (votes by term, the greatest index and applied height) is kept beside the rows
for those who look at messages as they leave.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import trio

from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding, StorageFailed, StorageFull, invariant
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import Height, NodeId, Seconds
from govchaind.ledger.results import read_result_row, thinned_row
from govchaind.replica.store import APPLIED, HARD_STATE
from govchaind.runtime.stored_value import CHECKSUM_BYTES, check_absent, seal, sound
from netsim.gear2.disk_looks import Copy, Outside

CAPACITY_BYTES = 4 * 1024**3
_LOG, _RESULT = Table.LOG.value, Table.RESULT.value


class Disk:
    """One machine's store and guard file, and what is wrong with them."""

    def __init__(
        self,
        pick: random.Random,
        *,
        write_seconds: Seconds = 0.001,
        guard: bytes | None = None,
        served_rot: Callable[[bytes], None] = lambda key: None,
    ) -> None:
        """`write_seconds`: of a synced write, on the mean."""
        self.guard = guard
        self.slow = 1.0
        self.full = False
        self.guard_full = False  # the guard file may lie on another disk
        self.hangs = False
        self.fails = ""  # the next write fails: "write" (nothing of it is there) or "sync"
        self.failed_at: Seconds | None = None  # in this life
        self.flipped: dict[bytes, bytes] = {}  # key → the row as it was written
        self.rotted = False  # a bit has flipped in this life, or before it and is not mended
        self.writes = 0
        # ever durable
        self.votes: dict[int, NodeId | None] = {}
        self.log_end = 0
        self.applied = 0
        self.results: dict[int, bytes] = {}  # height → the row of its result, in any store here
        self._rows: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._bytes = 0
        self._pick = pick
        self._write_seconds = write_seconds
        self._served_rot = served_rot
        self.write_begins: Callable[[], None] = lambda: None  # told of each write
        self.write_is_durable: Callable[[], None] = lambda: None
        self._mended = trio.lowlevel.ParkingLot()
        self._waiting: dict[trio.CancelScope, None] = {}

    def open(self) -> SimStorage:
        """Begin a life on what is durable."""
        self.failed_at = None
        self.fails = ""
        self.rotted = bool(self.flipped)
        return SimStorage(self)

    def reader(self) -> SimSnapshot:
        """Return a look from outside at what is durable."""
        return SimSnapshot(self, lambda: None)

    def outside(self) -> Outside:
        """Return a look at what is durable as it was written, whatever has rotted since."""
        return Outside(self)

    # --- losing it, and setting it back ----------------------------------------------------------

    def wipe(self, *, keep_guard: bool) -> None:
        """Be an empty disk in the place of this one; the guard file lies elsewhere."""
        self._become({})
        self.writes = 0
        if not keep_guard:
            self.guard = None

    def copy(self) -> Copy:
        """Return a copy of the store as it is, to be set back to."""
        return Copy({**self._rows, **self.flipped})

    def set_back(self, copy: Copy) -> None:
        """Be as the copy is. The guard file stays."""
        self._become(dict(copy.rows))

    def be(self, other: Disk) -> None:
        """Hold what another disk holds, to the bit: its file has taken this one's name."""
        rows, flipped = dict(other._rows), dict(other.flipped)
        self._become({**rows, **flipped})
        self._rows.update(rows)
        self.flipped = flipped
        self.rotted = self.rotted or bool(flipped)
        self.writes += 1
        self.write_is_durable()

    def _become(self, rows: dict[bytes, bytes]) -> None:
        self._rows, self._keys = rows, sorted(rows)
        self._bytes = sum(len(key) + len(row) for key, row in rows.items())
        self.flipped.clear()
        self.votes, self.log_end, self.applied = {}, 0, 0
        for key in self._keys:
            self._remember(key, rows[key][:-CHECKSUM_BYTES])

    # --- rows ------------------------------------------------------------------------------------

    def apply(self, batch: WriteBatch) -> None:
        """Make the batch durable."""
        rows, keys = self._rows, self._keys
        for key, value in batch.changes.items():
            self.flipped.pop(key, None)
            old = rows.get(key)
            if value is None:
                if old is not None:
                    del rows[key]
                    del keys[bisect.bisect_left(keys, key)]
                    self._bytes -= len(key) + len(old)
                continue
            row = seal(key, value)
            if old is None:
                if not keys or key > keys[-1]:
                    keys.append(key)
                else:
                    bisect.insort(keys, key)
                self._bytes += len(key) + len(row)
            else:
                self._bytes += len(row) - len(old)
            rows[key] = row
            self._remember(key, value)
        self.writes += 1
        self.write_is_durable()

    def _remember(self, key: bytes, value: bytes) -> None:
        """Note what a node has promised by this row; what no node writes promises nothing."""
        with suppress(InvalidEncoding, TypeError, ValueError):
            self._take(key, value)

    def _take(self, key: bytes, value: bytes) -> None:
        if key[:1] == _LOG:
            self.log_end = max(self.log_end, int.from_bytes(key[1:9], "big"))
        elif key[:1] == _RESULT:
            self._result(int.from_bytes(key[1:9], "big"), value)
        elif key == HARD_STATE:
            term, vote = decode(value, bytes_max=128)
            self.votes[term] = vote
        elif key == APPLIED:
            self.applied = max(self.applied, decode(value, bytes_max=16))

    def _result(self, height: Height, row: bytes) -> None:
        """Keep a height's result as it was before its block was removed."""
        known = self.results.get(height)
        if known is None or thinned_row(read_result_row(known, height)) != row:
            self.results[height] = row

    def value(self, key: bytes) -> bytes:
        """Return the value of a row that is there. Raises StorageCorrupt."""
        value = sound(key, self._rows[key])
        if key in self.flipped:
            self._served_rot(key)
        return value

    def get(self, key: bytes) -> bytes | None:
        """Return a value, or None where there is none. Raises StorageCorrupt."""
        if key in self._rows:
            return self.value(key)
        keys = self._keys
        place = bisect.bisect_left(keys, key)
        below = (keys[place - 1], self._rows[keys[place - 1]]) if place else None
        above = (keys[place], self._rows[keys[place]]) if place < len(keys) else None
        check_absent(key, below, above)
        return None

    def scan(self, start: bytes, end: bytes, *, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        keys = self._keys
        low, high = bisect.bisect_left(keys, start), bisect.bisect_left(keys, end)
        places = range(high - 1, low - 1, -1) if reverse else range(low, high)
        for place in places:
            key = keys[place]
            yield key, self.value(key)

    def keys(self, start: bytes, end: bytes) -> list[bytes]:
        """Return the keys from `start` up to, not including, `end`."""
        low, high = bisect.bisect_left(self._keys, start), bisect.bisect_left(self._keys, end)
        return self._keys[low:high]

    def newest(self, table: Table) -> int:
        """Return the greatest height for which a table of heights has a row, 0 for none."""
        place = bisect.bisect_left(self._keys, table + b"\xff" * 9)
        key = self._keys[place - 1] if place else b""
        return int.from_bytes(key[1:9], "big") if key[:1] == table.value else 0

    def as_written(self, key: bytes) -> bytes | None:
        """Return the value of a row as it was written."""
        row = self.flipped.get(key) or self._rows.get(key)
        return None if row is None else row[:-CHECKSUM_BYTES]

    def flip(self, pick: random.Random) -> bytes | None:
        """Flip one bit of one stored value; return its key, or None where nothing is stored."""
        if not self._keys:
            return None
        key = pick.choice(self._keys)
        row = bytearray(self._rows[key])
        self.rotted = True
        self.flipped.setdefault(key, bytes(row))
        bit = pick.randrange(8 * (len(row) - CHECKSUM_BYTES) or 8)
        row[bit // 8] ^= 1 << bit % 8
        self._rows[key] = bytes(row)
        return key

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return len(self._keys)

    def repair(self) -> None:
        """Put every flipped row back, as an operator does from a copy."""
        self._rows.update(self.flipped)
        self.flipped.clear()

    @property
    def used_bytes(self) -> int:
        return self._bytes

    @property
    def free_bytes(self) -> int:
        return 0 if self.full else max(0, CAPACITY_BYTES - self._bytes)

    # --- time, and what goes wrong ---------------------------------------------------------------

    async def spend(self) -> None:
        """Wait as long as a synced write takes; the end of the life ends it."""
        with trio.CancelScope(shield=True) as scope:
            self._waiting[scope] = None
            try:
                await trio.sleep(self._write_seconds * self.slow * (0.5 + self._pick.random()))
                while self.hangs:
                    await self._mended.park()
            finally:
                del self._waiting[scope]

    def mend(self) -> None:
        """End all that is wrong, but for what is written wrongly; a write that hung goes on."""
        self.slow, self.full, self.hangs, self.fails = 1.0, False, False, ""
        self.guard_full = False
        self._mended.unpark_all()

    def die(self) -> None:
        """The life ends here: whoever waits for a write waits no longer."""
        for scope in list(self._waiting):
            scope.cancel()

    def coin(self) -> bool:
        return self._pick.random() < 0.5


class SimSnapshot:
    """A view of what is durable now; close it before the next await."""

    __slots__ = ("_disk", "_ended")

    def __init__(self, disk: Disk, ended: Callable[[], None]) -> None:
        self._disk = disk
        self._ended: Callable[[], None] | None = ended

    def get(self, key: bytes) -> bytes | None:
        return self._disk.get(key)

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._disk.scan(start, end, reverse=reverse)

    def close(self) -> None:
        if self._ended is not None:
            self._ended()
            self._ended = None


class SimStorage:
    """The Storage seam over a disk, for one life of one process."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._failed = False
        self._closed = False
        self._dead = False
        self._snapshots = 0
        self._batch: WriteBatch | None = None

    async def write(self, batch: WriteBatch) -> None:
        """Make the batch durable; raises StorageFull or StorageFailed."""
        disk = self._disk
        invariant(not self._closed, "a write to a closed store")
        invariant(self._batch is None, "two writes at a time")
        invariant(self._snapshots == 0, "a snapshot is kept over a write")
        if self._failed:
            raise StorageFailed("refused after an earlier failure")
        self._batch = batch
        try:
            disk.write_begins()
            if not self._dead:
                await disk.spend()
            if not self._dead:
                self._finish(batch)
        finally:
            self._batch = None
        await trio.lowlevel.checkpoint_if_cancelled()

    def _finish(self, batch: WriteBatch) -> None:
        disk = self._disk
        if disk.fails:
            kind, disk.fails = disk.fails, ""
            if kind == "sync" and disk.coin():
                disk.apply(batch)
            self._failed = True
            disk.failed_at = trio.current_time()
            raise StorageFailed(f"a {kind} failed: input/output error")
        if disk.full:
            raise StorageFull("no room for a write: no space left on device")
        invariant(self._snapshots == 0, "a snapshot is kept over a write")
        disk.apply(batch)

    async def write_guard(self, data: bytes) -> None:
        """Replace the guard file durably; raises StorageFull or StorageFailed."""
        disk = self._disk
        await disk.spend()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._dead:
            return
        if disk.full or disk.guard_full:
            raise StorageFull("no room for the guard file: no space left on device")
        disk.guard = data

    def snapshot(self) -> SimSnapshot:
        """Return a view of what is durable now."""
        invariant(not self._closed, "a snapshot of a closed store")
        self._snapshots += 1
        return SimSnapshot(self._disk, self._ended)

    @property
    def snapshots(self) -> int:
        """Return how many are open."""
        return self._snapshots

    def _ended(self) -> None:
        self._snapshots -= 1

    def used_bytes(self) -> int:
        return self._disk.used_bytes

    def free_bytes(self) -> int:
        return self._disk.free_bytes

    def close(self) -> None:
        """Close the store; nothing is saved here that a write has not saved."""
        self._closed = True

    def die(self) -> str:
        """The process is gone: say on which side of the write in flight the disk is."""
        self._dead = True
        side = ""
        if self._batch is not None:
            side = "before the write in flight"
            if not self._disk.hangs and self._disk.coin():
                self._disk.apply(self._batch)
                side = "after the write in flight"
        self._disk.die()
        return side
