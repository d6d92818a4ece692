"""A drive and everything around it, as scripts of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing

from govchaind.base.keyvalue import KeyValueReader, MemoryReader, WriteBatch
from govchaind.base.types import NodeId
from govchaind.ledger.membership import Member
from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import (
    Event,
    Guard,
    OfferAnswered,
    ReadAsked,
    Status,
    Work,
    Written,
)
from govchaind.runtime.drive import Drive
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.telemetry import Telemetry
from tests.runtime.made import member
from tests.runtime.test_noticeboard import STATUS

BEAT = Heartbeat(1, 2, 3)


class MemorySnapshot(MemoryReader):
    """A view of memory: `MemoryReader` with the seam's `close`."""

    def close(self) -> None:
        self.closed = True


class ScriptedStorage:
    """A disk whose every write a test may hold, refuse or let fail."""

    def __init__(self) -> None:
        self.written: list[WriteBatch] = []
        self.tries: list[float] = []
        self.problem: Exception | None = None
        self.leave = trio.Event()
        self.leave.set()
        self.free = 1 << 40
        self.before_failing: Callable[[], None] = lambda: None

    async def write(self, batch: WriteBatch) -> None:
        self.tries.append(trio.current_time())
        await self.leave.wait()
        if self.problem is not None:
            self.before_failing()
            raise self.problem
        self.written.append(batch)

    def snapshot(self) -> MemorySnapshot:
        snapshot = MemorySnapshot()
        for batch in self.written:
            snapshot.apply(batch)
        return snapshot

    def used_bytes(self) -> int:
        return 0

    def free_bytes(self) -> int:
        return self.free

    def close(self) -> None:
        self.written.clear()


class Script:
    """A state machine under drive's contract: what it does per event is the test's."""

    def __init__(self, answer: Callable[[Event, KeyValueReader], Work | None]) -> None:
        self.answer = answer
        self.seen: list[Event] = []
        self.deadline = float("inf")
        self.role = "leader"
        self.term = 1

    def step(
        self, now: float, wall_ms: int, events: Sequence[Event], reader: KeyValueReader
    ) -> Work:
        whole = Work()
        self.seen += events
        for event in events:
            work = self.answer(event, reader)
            if work is not None:
                whole.messages += work.messages
                whole.notices += work.notices
                whole.broken_links += work.broken_links
                if work.write is not None:
                    whole.write, whole.ticket = work.write, work.ticket
        self.deadline = float("inf")
        return whole

    def status(self, now: float) -> Status:
        return STATUS if self.role == "leader" else replace_role(STATUS, self.role)

    def guard(self) -> Guard:
        return Guard(bytes(16), self.term, "ada", 4, 5)

    def members(self) -> tuple[Member, ...]:
        return (member("ada"),)


def replace_role(status: Status, role: str) -> Status:
    values: dict[str, Any] = {name: getattr(status, name) for name in status.__slots__}
    return Status(**{**values, "role": role})


@dataclass(slots=True)
class RecordedPeers:
    """What was asked of the mesh, in order."""

    sent: list[tuple[NodeId, bytes]] = field(default_factory=list)
    ended: list[tuple[NodeId, str]] = field(default_factory=list)
    members: list[tuple[Member, ...]] = field(default_factory=list)
    silent: bool = False

    def fall_silent(self) -> None:
        self.silent = True

    def send(self, peer: NodeId, frame: bytes) -> None:
        self.sent.append((peer, frame))

    def end_link(self, peer: NodeId, reason: str) -> None:
        self.ended.append((peer, reason))

    def members_changed(self, members: tuple[Member, ...]) -> None:
        self.members.append(members)


class World:
    """A drive and everything around it."""

    def __init__(self, answer: Callable[[Event, KeyValueReader], Work | None]) -> None:
        self.script = Script(answer)
        self.storage = ScriptedStorage()
        self.inbox = Inbox()
        self.board = NoticeBoard(lambda: STATUS)
        self.peers = RecordedPeers()
        self.guards: list[bytes] = []
        self.guard_problem: Exception | None = None
        self.guard_hangs = False
        self.log: list[str] = []
        self.telemetry = Telemetry(version="0", sink=lambda _, name, __: self.log.append(name))
        self.drive = Drive(
            replica=self.script,
            storage=self.storage,
            inbox=self.inbox,
            board=self.board,
            peers=self.peers,
            telemetry=self.telemetry,
            wall_milliseconds=lambda: 5,
            guard_write=self.keep_guard,
            reserve_bytes=1000,
        )

    async def keep_guard(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.guard_hangs:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)
        if self.guard_problem is not None:
            raise self.guard_problem
        self.guards.append(data)

    def has_room(self) -> bool:
        return self.board.room

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.drive.run)
            yield
            nursery.cancel_scope.cancel()


def batch_of(key: bytes) -> WriteBatch:
    batch = WriteBatch()
    batch.put(key, b"value")
    return batch


def write_on_read(event: Event, reader: KeyValueReader) -> Work | None:
    """Ask for a write per ReadAsked; answer when it is durable."""
    if isinstance(event, ReadAsked):
        key = b"m%d" % event.request
        return Work(messages=[("ben", BEAT)], write=batch_of(key), ticket=event.request)
    if isinstance(event, Written):
        assert reader.get(b"m%d" % event.ticket) == b"value"
        return Work(notices=[OfferAnswered(event.ticket, [0])])
    return None


async def both(first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Run two; raise the first error bare."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second)
            await first()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
