"""The one loop that feeds the replica: write, then send, then tell.

    take events → a fresh snapshot → step → messages out → the write begins → notices posted

Rules kept here (see `replica/events.py`, whose contract this is):
- One write is in flight; the loop goes on meanwhile, and its end comes back as `Written`, first
  in line. What depended on it the replica has held back, so messages and notices leave at once.
- No room (map, disk, or less than the reserve): `Room(False)`; the same batch is tried again
  until it goes through, then `Room(True)`. Nothing is lost and nothing is acknowledged meanwhile.
- After any other failure of a write, and after any broken invariant, nothing more leaves: the
  links end at once, the loop with that error when what is under way on the disk has come back.
- The store is read through in the background, slowly and for ever.
- The guard file never runs ahead of the store: the replica's guard moves with durable writes only,
  and the file is left as it was found until the first of them. Nothing that hangs on the first one
  leaves before the file has it, so that a store which has spoken is never taken for an unborn one.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol

import trio

from govchaind.base.errors import Fatal, StorageFull, invariant
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import DISK_RESERVE_BYTES, GUARD_INTERVAL_SECONDS
from govchaind.base.types import NodeId
from govchaind.ledger.membership import Member
from govchaind.replica.events import (
    Certified,
    Committed,
    Decided,
    Event,
    Guard,
    Happened,
    MembersChanged,
    Notice,
    Prune,
    Received,
    Room,
    SignatureWanted,
    Status,
    TransferAsked,
    Work,
    Written,
)
from govchaind.replica.messages import Gossip, PeerMessage
from govchaind.runtime.codec import frame_of
from govchaind.runtime.environment import Storage
from govchaind.runtime.growth import Growth
from govchaind.runtime.guard import guard_bytes
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.traces import Traces

RETRY_SECONDS = 0.5  # between tries of a write that found no room
UPKEEP_SECONDS = GUARD_INTERVAL_SECONDS  # between looks at free room and at the guard
ROOM_AGAIN = 1.25  # times the reserve must be free before writes are accepted again
SCRUB_ROWS = 200  # read in the background at each upkeep: a million rows in an hour and a half
KEYS_END = b"\xff" * 512
LATE_SECONDS = 0.25  # a loop later than this is told of


class Steps(Protocol):
    """What drive needs of a Replica."""

    @property
    def deadline(self) -> float: ...

    def step(
        self, now: float, wall_ms: int, events: Sequence[Event], reader: KeyValueReader
    ) -> Work: ...

    def status(self, now: float) -> Status: ...

    def guard(self) -> Guard: ...

    def members(self) -> tuple[Member, ...]: ...


class Peers(Protocol):
    """What drive needs of the mesh."""

    def send(self, peer: NodeId, frame: bytes) -> None: ...

    def end_link(self, peer: NodeId, reason: str) -> None: ...

    def members_changed(self, members: tuple[Member, ...]) -> None: ...

    def fall_silent(self) -> None: ...


class Drive:
    """One per node. Only it touches the replica and writes to the store."""

    def __init__(
        self,
        *,
        replica: Steps,
        storage: Storage,
        inbox: Inbox,
        board: NoticeBoard,
        peers: Peers,
        telemetry: Telemetry,
        wall_milliseconds: Callable[[], int],
        guard_write: Callable[[bytes], Awaitable[None]],
        want_signature: Callable[[SignatureWanted], None] | None = None,
        reserve_bytes: int = DISK_RESERVE_BYTES,
        traces: Traces | None = None,
    ) -> None:
        self._replica = replica
        self._storage = storage
        self._inbox = inbox
        self._board = board
        self._peers = peers
        self._telemetry = telemetry
        self._wall_milliseconds = wall_milliseconds
        self._guard_write = guard_write
        self._want_signature = want_signature  # of the key's holder, if that is not this node
        self._reserve_bytes = reserve_bytes
        self.traces = traces
        self._writing = False
        self._to_write: tuple[WriteBatch, int] | None = None
        self._write_due = trio.lowlevel.ParkingLot()
        self._failed = False
        self._full = False  # the batch in flight found no room
        self._guard_full = False  # the guard file found none
        self._low = False  # less than the reserve is free
        self._room = True  # as told to the replica
        self._wrote = False  # at least once
        self._guard_written: Guard | None = None
        self._stepped = trio.Event()
        self.growth = Growth()
        self._pushed = telemetry.metrics.gossip.labels(way="sent")
        self._pushed_here = telemetry.metrics.gossip.labels(way="received")
        self._scrubbed = b""  # up to this key in the present walk through the store

    async def run(self) -> None:
        """Run until cancelled. Raises the Fatal error that ended it, bare."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._or_silence, self._upkeep)
                nursery.start_soon(self._or_silence, self._write_on)
                await self._or_silence(self._turn_on)
        except BaseExceptionGroup as group:
            fatal = _first_fatal(group)
            if fatal is None:
                raise
            raise fatal from group

    async def _or_silence(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part; when it fails, say nothing more to anybody, however long the others take."""
        try:
            await part()
        except Fatal:
            self._failed = True
            self._peers.fall_silent()
            raise

    async def hand_over(self, seconds: float) -> bool:
        """Ask for another leader if this node leads; say whether it does not lead any more."""
        self._inbox.put_own(TransferAsked())
        with trio.move_on_after(seconds):
            while True:
                stepped = self._stepped
                await stepped.wait()
                if self._status().role != "leader":
                    return True
        return self._status().role != "leader"

    async def wait_turn(self) -> None:
        """Have the loop turn now; wait until it has. Who waits in vain knows that it hangs."""
        stepped = self._stepped
        self._inbox.nudge()
        await stepped.wait()

    def set_reserve(self, reserve_bytes: int) -> None:
        """Change how much room must be free for writes; judged at the next look."""
        self._reserve_bytes = reserve_bytes

    def let_prune(self, prune: Prune) -> None:
        """Give the replica leave to remove old blocks."""
        self._inbox.put_own(prune)

    def _status(self) -> Status:
        return self._replica.status(trio.current_time())

    async def _turn_on(self) -> None:
        while True:
            await self._turn()

    async def _turn(self) -> None:
        asked = max(self._replica.deadline, trio.current_time())  # the past means: at once
        events = await self._inbox.take(asked)
        if self._failed:  # another part failed while this task was on its way: say nothing more
            await trio.sleep_forever()
        now = trio.current_time()
        metrics = self._telemetry.metrics
        if not events and now >= asked:  # else it was nudged
            late = now - asked
            metrics.loop_lateness.observe(late)
            if late > LATE_SECONDS:
                self._telemetry.event("loop.late", seconds=round(late, 3))
        for event in events:
            if isinstance(event, Received) and isinstance(event.message, Gossip):
                self._pushed_here.inc(len(event.message.transactions))
        snapshot = self._storage.snapshot()
        try:
            work = self._replica.step(now, self._wall_milliseconds(), events, snapshot)
        finally:
            snapshot.close()
        metrics.step.observe(trio.current_time() - now)
        if self._wrote and self._guard_written is None:
            await self._guard_first()
        self._send(work.messages)
        if work.write is not None:
            invariant(not self._writing, "the replica asked for a second write in flight")
            self._writing = True
            self._to_write = work.write, work.ticket
            self._write_due.unpark()
        for notice in work.notices:
            self._tell(notice)
        for peer, reason in work.broken_links:
            self._peers.end_link(peer, reason)
        self._has_stepped()

    def _has_stepped(self) -> None:
        self._stepped.set()
        self._stepped = trio.Event()

    def _send(self, messages: Sequence[tuple[NodeId, PeerMessage]]) -> None:
        """Hand frames to the mesh; a message to many peers is encoded once."""
        frames: dict[int, bytes] = {}  # by object: the list keeps each alive meanwhile
        for peer, message in messages:
            frame = frames.get(id(message))
            if frame is None:
                frame = frames[id(message)] = frame_of(message)
            if isinstance(message, Gossip):
                self._pushed.inc(len(message.transactions))
            self._peers.send(peer, frame)

    def _tell(self, notice: Notice) -> None:
        metrics = self._telemetry.metrics
        if isinstance(notice, Committed):
            metrics.blocks.inc()
            metrics.transactions.inc(len(notice.outcomes))
            metrics.clock_offset.set((self._wall_milliseconds() - notice.time) / 1000)
            self.growth.transactions += len(notice.outcomes)
        elif isinstance(notice, Decided):
            if notice.waited_seconds is not None:
                metrics.commit_latency.observe(notice.waited_seconds)
        elif isinstance(notice, Certified):
            if notice.waited_seconds is not None:
                metrics.certified_latency.observe(notice.waited_seconds)
        elif isinstance(notice, Happened):
            self._telemetry.event(notice.name, **notice.values)
        elif isinstance(notice, MembersChanged):
            self._peers.members_changed(self._replica.members())
        elif isinstance(notice, SignatureWanted) and self._want_signature is not None:
            self._want_signature(notice)
        if self.traces is not None:
            self.traces.noticed(notice)
        self._board.post(notice)

    async def _write_on(self) -> None:
        while True:
            while self._to_write is None:
                await self._write_due.park()
            (batch, ticket), self._to_write = self._to_write, None
            await self._write(batch, ticket)

    async def _write(self, batch: WriteBatch, ticket: int) -> None:
        started = trio.current_time()
        while True:
            try:
                await self._storage.write(batch)
                break
            except StorageFull as error:
                if not self._full:
                    self._telemetry.event("storage.full", problem=error.message)
                self._full = True
                self._tell_room()
            await trio.sleep(RETRY_SECONDS)
            started = trio.current_time()
        metrics = self._telemetry.metrics
        metrics.storage_sync.observe(trio.current_time() - started)
        metrics.storage_written.inc(batch.bytes)
        self._writing = False
        self._wrote = True
        self._inbox.put_own(Written(ticket))
        if self._full:
            self._full = False
            self._look_at_room()

    async def _upkeep(self) -> None:
        while True:
            self._look_at_room()
            self._scrub()
            guard = self._replica.guard()
            if self._guard_written not in (None, guard):
                await self._write_guard(guard)
            await trio.sleep(UPKEEP_SECONDS)

    async def _write_guard(self, guard: Guard) -> None:
        """Write the guard; while its disk, perhaps another one, is full, writes are refused."""
        try:
            await self._guard_write(guard_bytes(guard))
        except StorageFull as error:
            if not self._guard_full:
                self._telemetry.event("storage.full", problem=error.message)
            self._guard_full = True
        else:
            self._guard_written, self._guard_full = guard, False
        self._tell_room()

    async def _guard_first(self) -> None:
        """Write the guard for the first time in this life; it waits as long as there is no room."""
        guard = self._replica.guard()
        while True:
            with suppress(StorageFull):
                await self._guard_write(guard_bytes(guard))
                break
            self._has_stepped()  # it waits for room, which no new start would make
            await trio.sleep(RETRY_SECONDS)
        self._guard_written = guard

    def _scrub(self) -> None:
        """Read on through the store: each read judges its checksum, so rot is found in time.

        Raises StorageCorrupt.
        """
        snapshot = self._storage.snapshot()
        try:
            last = b""
            for key, _ in islice(snapshot.scan(self._scrubbed + b"\x00", KEYS_END), SCRUB_ROWS):
                last = key
            self._scrubbed = last
        finally:
            snapshot.close()

    def _look_at_room(self) -> None:
        free = self._storage.free_bytes()
        used = self._storage.used_bytes()
        self.growth.look(trio.current_time(), used_bytes=used, free_bytes=free)
        full_in, each = self.growth.full_in_seconds(), self.growth.bytes_a_transaction()
        metrics = self._telemetry.metrics
        metrics.storage_free.set(free)
        metrics.storage_used.set(used)
        metrics.storage_full_in.set(math.inf if full_in is None else full_in)
        metrics.transaction_stored.set(math.nan if each is None else each)
        metrics.inbox_transactions.set(self._inbox.transactions)
        metrics.inbox_consensus.set(self._inbox.consensus)
        if self._low:
            self._low = free < self._reserve_bytes * ROOM_AGAIN
        elif free < self._reserve_bytes:
            self._low = True
            self._telemetry.event("storage.low", free_bytes=free, reserve_bytes=self._reserve_bytes)
        self._tell_room()

    def _tell_room(self) -> None:
        room = not (self._full or self._low or self._guard_full)
        if room != self._room:
            self._room = room
            self._board.room = room
            self._inbox.put_own(Room(available=room))
            if room:
                self._telemetry.event("storage.room_again")


def _first_fatal(group: BaseExceptionGroup[BaseException]) -> Fatal | None:
    for error in group.exceptions:
        if isinstance(error, Fatal):
            return error
        if isinstance(error, BaseExceptionGroup):
            found = _first_fatal(error)
            if found is not None:
                return found
    return None
