"""The loop: write, send, tell; a full disk, a failed one; the guard, room and handing over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.errors import InvariantBroken, StorageCorrupt, StorageFailed, StorageFull
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.replica.events import (
    Committed,
    Event,
    Happened,
    MembersChanged,
    ReadAsked,
    Received,
    Room,
    TransferAsked,
    Work,
    Written,
)
from govchaind.replica.messages import Gossip
from govchaind.runtime import codec
from govchaind.runtime.drive import RETRY_SECONDS, UPKEEP_SECONDS
from govchaind.runtime.growth import TELLS_AFTER_SECONDS
from govchaind.runtime.guard import read_guard
from tests.runtime.driven import BEAT, MemorySnapshot, World, batch_of, both, write_on_read
from tests.runtime.made import member, transaction


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


async def test_a_failed_write_ends_the_links_although_the_guard_file_still_hangs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Gear 2's seed 596: links went on while the end of the loop waited for the disk."""
    world = World(write_on_read)
    failed_at = 0.0

    async def let_fail() -> None:
        nonlocal failed_at
        world.inbox.put_own(ReadAsked(1))
        await world.board.wait_offer(1)
        world.guard_hangs = True
        world.script.term = 2
        await trio.sleep(UPKEEP_SECONDS + 1)  # the guard file is being written
        world.storage.problem = StorageFailed("broken")
        world.inbox.put_own(ReadAsked(2))
        failed_at = trio.current_time()
        await trio.testing.wait_all_tasks_blocked()
        assert world.peers.silent

    with pytest.raises(StorageFailed, match="broken"):
        await both(world.drive.run, let_fail)
    assert trio.current_time() > failed_at + 10


async def test_nothing_of_the_first_write_leaves_before_the_guard_file_has_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Gear 2's seed 445: a store lost in its first seconds came back as if it had never spoken."""

    def answer(event: Event, reader: KeyValueReader) -> Work | None:
        if isinstance(event, Written):
            return Work(messages=[("ben", BEAT)])
        return Work(write=batch_of(b"m"), ticket=1) if isinstance(event, ReadAsked) else None

    world = World(answer)
    world.guard_problem = StorageFull("full")
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(RETRY_SECONDS * 3)
        assert world.storage.written
        assert world.peers.sent == []
        world.guard_problem = None
        await trio.sleep(RETRY_SECONDS * 2)
        assert [read_guard(data).term for data in world.guards] == [1]
        assert world.peers.sent == [("ben", codec.frame_of(BEAT))]


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


async def test_no_room_for_the_guard_file_alone_is_no_room_either(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The keys may lie on another disk: else what is remembered would lag behind for ever."""
    world = World(write_on_read)
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(UPKEEP_SECONDS * 2)
        world.guard_problem = StorageFull("full")
        world.script.term = 2
        await trio.sleep(UPKEEP_SECONDS * 4)
        assert not world.has_room()
        assert world.log.count("storage.full") == 1
        world.guard_problem = None
        await trio.sleep(UPKEEP_SECONDS * 2)
        assert world.has_room()
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


async def test_blocks_and_gossip_are_measured(autojump_clock: trio.testing.MockClock) -> None:
    def answer(event: Event, _: KeyValueReader) -> Work:
        block = Committed(1, 2_000, bytes(32), [(bytes(32), 0, None)] * 3)
        return Work(notices=[block], messages=[("ben", Gossip([transaction(1), transaction(2)]))])

    world = World(answer)
    value = world.telemetry.metrics.registry.get_sample_value
    async with world.running():
        await trio.testing.wait_all_tasks_blocked()
        await world.inbox.put(Received("ben", Gossip([transaction(3)])))
        await trio.sleep(TELLS_AFTER_SECONDS + UPKEEP_SECONDS)
    assert value("govchaind_transactions_total") == world.drive.growth.transactions == 3
    assert value("govchaind_clock_offset_seconds") == 0.005 - 2
    assert value("govchaind_gossip_transactions_total", {"way": "sent"}) == 2
    assert value("govchaind_gossip_transactions_total", {"way": "received"}) == 1
    assert value("govchaind_transaction_stored_bytes") == 0
    assert value("govchaind_storage_full_in_seconds") == float("inf")


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
