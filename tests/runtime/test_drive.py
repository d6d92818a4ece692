"""The loop: write, send, tell; a full disk, a failed one; the guard, room and handing over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.errors import InvariantBroken, StorageCorrupt, StorageFailed, StorageFull
from govchaind.base.keyvalue import KeyValueReader, MemoryReader, WriteBatch
from govchaind.base.types import NodeId
from govchaind.ledger.membership import Member
from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import (
    Event,
    Guard,
    Happened,
    MembersChanged,
    OfferAnswered,
    ReadAsked,
    Room,
    Status,
    TransferAsked,
    Work,
    Written,
)
from govchaind.runtime import codec
from govchaind.runtime.drive import RETRY_SECONDS, UPKEEP_SECONDS, Drive
from govchaind.runtime.guard import read_guard
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


async def test_messages_leave_at_once_and_the_write_comes_back_as_an_event() -> None:
    world = World(write_on_read)
    world.storage.leave = trio.Event()
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.testing.wait_all_tasks_blocked()
        assert world.peers.sent == [("ben", codec.frame_of(BEAT))]
        world.inbox.put_own(Room(available=True))
        await trio.testing.wait_all_tasks_blocked()
        assert world.script.seen == [ReadAsked(1), Room(available=True)]  # the loop goes on
        world.storage.leave.set()
        assert await world.board.wait_offer(1) == [0]
        assert world.script.seen == [ReadAsked(1), Room(available=True), Written(1)]


async def test_a_message_to_many_is_one_frame() -> None:
    def answer(event: Event, _: KeyValueReader) -> Work:
        return Work(messages=[("ben", BEAT), ("cid", BEAT)])

    world = World(answer)
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.testing.wait_all_tasks_blocked()
    (_, first), (_, second) = world.peers.sent
    assert first is second


async def test_a_second_write_in_flight_is_a_broken_invariant() -> None:
    world = World(write_on_read)
    world.storage.leave = trio.Event()
    world.inbox.put_own(ReadAsked(1))

    async def ask_again() -> None:
        await trio.testing.wait_all_tasks_blocked()
        world.inbox.put_own(ReadAsked(2))
        await trio.testing.wait_all_tasks_blocked()
        world.storage.leave.set()

    with pytest.raises(InvariantBroken, match="second write"):
        await both(world.drive.run, ask_again)


async def both(first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Run two; raise the first error bare."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second)
            await first()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def test_no_room_is_told_tried_again_and_recovers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(write_on_read)
    world.storage.problem = StorageFull("full")
    async with world.running():
        started = trio.current_time()
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(RETRY_SECONDS * 3.5)
        assert Room(available=False) in world.script.seen
        assert not world.has_room()
        assert [at - started for at in world.storage.tries] == [0, 0.5, 1.0, 1.5]
        assert not any(isinstance(event, Written) for event in world.script.seen)
        world.storage.problem = None
        assert await world.board.wait_offer(1) == [0]
        await trio.sleep(RETRY_SECONDS)
        assert world.has_room()
    rooms = [event for event in world.script.seen if isinstance(event, Room)]
    assert rooms == [Room(available=False), Room(available=True)]
    assert world.log.count("storage.full") == 1
    assert len(world.storage.written) == 1


async def test_a_failed_write_ends_the_loop_and_nothing_more_leaves() -> None:
    world = World(write_on_read)
    world.storage.problem = StorageFailed("broken")
    # an event that wakes the loop in the very moment of the failure
    world.storage.before_failing = lambda: world.inbox.put_own(ReadAsked(2))
    world.inbox.put_own(ReadAsked(1))
    with pytest.raises(StorageFailed, match="broken"):
        await world.drive.run()
    assert world.script.seen == [ReadAsked(1)]
    assert len(world.peers.sent) == 1
    assert world.storage.written == []


async def test_an_error_in_a_step_comes_out_bare() -> None:
    def answer(event: Event, _: KeyValueReader) -> Work:
        raise InvariantBroken("what cannot happen")

    world = World(answer)
    world.inbox.put_own(ReadAsked(1))
    with pytest.raises(InvariantBroken, match="what cannot happen"):
        await world.drive.run()
    assert world.peers.sent == []


async def test_the_guard_is_written_lazily_and_never_ahead_of_the_store(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(write_on_read)
    async with world.running():
        await trio.sleep(UPKEEP_SECONDS * 3)
        assert world.guards == []
        world.storage.leave = trio.Event()
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(UPKEEP_SECONDS * 3)
        assert world.guards == []  # the write is not durable yet
        world.storage.leave.set()
        await trio.sleep(UPKEEP_SECONDS * 3)
        assert [read_guard(data).term for data in world.guards] == [1]
        world.script.term = 2  # the replica has heard that its newest write is durable
        await trio.sleep(UPKEEP_SECONDS * 3)  # and no other write comes
        assert [read_guard(data).term for data in world.guards] == [1, 2]


async def test_a_disk_below_its_reserve_is_no_room(autojump_clock: trio.testing.MockClock) -> None:
    world = World(write_on_read)
    async with world.running():
        world.storage.free = 999
        await trio.sleep(UPKEEP_SECONDS * 2)
        assert not world.has_room()
        world.storage.free = 1001  # not yet: it would flap
        await trio.sleep(UPKEEP_SECONDS * 2)
        assert not world.has_room()
        world.storage.free = 2000
        await trio.sleep(UPKEEP_SECONDS * 2)
        assert world.has_room()
    assert world.script.seen == [Room(available=False), Room(available=True)]


async def test_notices_reach_log_metrics_mesh_and_links() -> None:
    def answer(event: Event, _: KeyValueReader) -> Work:
        return Work(
            notices=[Happened("raft.elected", {"term": 7}), MembersChanged(3)],
            broken_links=[("ben", "it lied")],
        )

    world = World(answer)
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.testing.wait_all_tasks_blocked()
    assert world.log == ["raft.elected"]
    assert world.peers.members == [(member("ada"),)]
    assert world.peers.ended == [("ben", "it lied")]
    assert b'govchaind_events_total{event="raft.elected"} 1.0' in world.telemetry.metrics.text()


async def test_a_step_comes_at_the_deadline(autojump_clock: trio.testing.MockClock) -> None:
    world = World(lambda event, _: None)
    started = trio.current_time()
    world.script.deadline = started + 3
    async with world.running():
        await trio.sleep(4)
    assert world.script.deadline == float("inf")
    assert world.script.seen == []


async def test_handing_over_ends_when_somebody_else_leads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    def answer(event: Event, _: KeyValueReader) -> None:
        if isinstance(event, TransferAsked):
            world.script.role = "follower"

    world = World(answer)
    async with world.running():
        assert await world.drive.hand_over(5)
        assert trio.current_time() < 1

    world = World(lambda event, _: None)
    async with world.running():
        started = trio.current_time()
        assert not await world.drive.hand_over(5)
        assert trio.current_time() == started + 5


async def test_rot_that_nobody_reads_is_found_in_the_background(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Rotten(MemorySnapshot):
        def scan(self, *args: Any, **options: Any) -> Iterator[tuple[bytes, bytes]]:
            for key, value in super().scan(*args, **options):
                if key == b"m%06d" % 450:
                    raise StorageCorrupt("the value of m450 is not what was written")
                yield key, value

    world = World(lambda *_: None)
    rows, many = Rotten(), WriteBatch()
    for number in range(500):
        many.put(b"m%06d" % number, b"value")
    rows.apply(many)
    world.storage.snapshot = lambda: rows  # type: ignore[method-assign]  # this test's own disk
    with pytest.raises(StorageCorrupt, match="m450"), trio.fail_after(10):
        await world.drive.run()
    assert trio.current_time() >= 2.0  # two clean slices came first
