"""Inbox and outbox: their bounds, their order, and that nobody starves."""

from __future__ import annotations

import trio
import trio.testing

from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import (
    Event,
    LinkUp,
    Offered,
    Received,
    Room,
    Written,
)
from govchaind.replica.messages import Gossip
from govchaind.runtime.inbox import CONSENSUS_PER_TURN, TRANSACTIONS_PER_TURN, Inbox
from govchaind.runtime.outbox import SEND_BYTES, Outbox
from tests.runtime.made import transaction


def beat(number: int) -> Received:
    return Received("ben", Heartbeat(1, 0, number))


def offer_of(first: int, count: int) -> Offered:
    return Offered(first, [transaction(number) for number in range(first, first + count)])


async def test_a_turn_has_own_events_first_then_consensus_then_transactions() -> None:
    inbox = Inbox()
    assert inbox.offer(offer_of(1, 2))
    await inbox.put(beat(1))
    inbox.put_own(Written(5))
    inbox.put_own(LinkUp("ben", bytes(16)))
    events = await inbox.take(trio.current_time())
    assert [type(event) for event in events] == [Written, LinkUp, Received, Offered]
    assert (inbox.transactions, inbox.consensus) == (0, 0)


async def test_take_waits_for_the_deadline_and_no_longer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    inbox = Inbox()
    started = trio.current_time()
    assert await inbox.take(started + 7) == []
    assert trio.current_time() == started + 7
    assert await inbox.take(started) == []
    assert trio.current_time() == started + 7


async def test_take_wakes_at_once_for_any_lane(autojump_clock: trio.testing.MockClock) -> None:
    inbox = Inbox()

    async def later(number: int) -> None:
        await trio.sleep(1)
        if number == 0:
            inbox.put_own(Room(available=True))
        elif number == 1:
            await inbox.put(beat(1))
        else:
            assert inbox.offer(offer_of(1, 1))

    for number in range(3):
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(later, number)
            assert len(await inbox.take(started + 100)) == 1
        assert trio.current_time() == started + 1


async def test_the_transaction_lane_says_no_by_count_and_by_bytes() -> None:
    inbox = Inbox(transactions_max=10)
    assert inbox.offer(offer_of(0, 6))
    assert not inbox.offer(offer_of(6, 5))
    assert inbox.offer(Received("ben", Gossip([transaction(n) for n in range(4)])))
    assert not inbox.offer(offer_of(0, 1))
    assert inbox.refused == 6
    await inbox.take(trio.current_time())
    assert inbox.offer(offer_of(0, 1))

    size = transaction(0).size
    inbox = Inbox(transaction_bytes_max=3 * size)
    assert inbox.offer(offer_of(0, 3))
    assert not inbox.offer(offer_of(3, 1))


async def test_the_consensus_lane_makes_its_writers_wait() -> None:
    inbox = Inbox(consensus_max=2)
    put: list[int] = []

    async def write(peer: str) -> None:
        for number in range(5):
            await inbox.put(Received(peer, Heartbeat(1, 0, number)))
            put.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, "ben")
        nursery.start_soon(write, "cid")
        await trio.testing.wait_all_tasks_blocked()
        assert len(put) == 2
        seen: list[Event] = []
        while len(seen) < 10:
            seen += await inbox.take(trio.current_time())
            await trio.testing.wait_all_tasks_blocked()
            assert inbox.consensus <= 2
    for peer in ("ben", "cid"):  # each one's own order is kept
        own = [event for event in seen if isinstance(event, Received) and event.peer == peer]
        assert own == [Received(peer, Heartbeat(1, 0, number)) for number in range(5)]


async def test_a_turn_is_bounded_and_neither_lane_starves() -> None:
    inbox = Inbox(consensus_max=10_000)
    for number in range(CONSENSUS_PER_TURN * 2):
        await inbox.put(beat(number))
    for _ in range(4):
        assert inbox.offer(offer_of(0, TRANSACTIONS_PER_TURN // 2))
    events = await inbox.take(trio.current_time())
    assert sum(isinstance(event, Received) for event in events) == CONSENSUS_PER_TURN
    offers = [event for event in events if isinstance(event, Offered)]
    assert sum(len(event.transactions) for event in offers) == TRANSACTIONS_PER_TURN


async def test_an_outbox_joins_small_frames_and_sends_large_ones_alone() -> None:
    outbox = Outbox()
    for number in range(10):
        outbox.push(bytes((number,)) * 100)
    outbox.push(bytes(SEND_BYTES + 1))
    outbox.push(b"last")
    assert await outbox.take(0) == b"".join(bytes((number,)) * 100 for number in range(10))
    assert await outbox.take(0) == bytes(SEND_BYTES + 1)
    assert await outbox.take(0) == b"last"
    assert await outbox.take(trio.current_time()) == b""
    assert (len(outbox), outbox.waiting_bytes, outbox.dropped) == (0, 0, 0)


async def test_an_outbox_drops_the_oldest_whole_and_counts() -> None:
    outbox = Outbox(messages_max=3)
    for number in range(5):
        outbox.push(bytes((number,)))
    assert outbox.dropped == 2
    assert await outbox.take(0) == b"\x02\x03\x04"

    outbox = Outbox(bytes_max=100)
    for _ in range(3):
        outbox.push(bytes(60))
    assert (len(outbox), outbox.dropped) == (1, 2)
    outbox.push(bytes(500))  # larger than the bound, and still sent: Raft needs it
    assert await outbox.take(0) == bytes(500)


async def test_an_outbox_wakes_its_reader(autojump_clock: trio.testing.MockClock) -> None:
    outbox = Outbox()
    started = trio.current_time()

    async def later() -> None:
        await trio.sleep(3)
        outbox.push(b"frame")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        assert await outbox.take(started + 10) == b"frame"
    assert trio.current_time() == started + 3
    assert await outbox.take(started + 10) == b""
    assert trio.current_time() == started + 10
