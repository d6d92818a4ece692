"""Waiters wake once what they wait for is posted, before or after they came; none is left over."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from govchaind.base.errors import Busy
from govchaind.ledger.outcomes import Code
from govchaind.replica.events import (
    Certified,
    Committed,
    Decided,
    Expired,
    OfferAnswered,
    ReadReady,
    Status,
)
from govchaind.runtime.noticeboard import READABLE_SECONDS_MAX, NoticeBoard, SeenOutcome

STATUS = Status(
    node="ada",
    store=bytes(16),
    role="leader",
    term=1,
    leader="ada",
    height=0,
    commit=0,
    last_height=0,
    certified=0,
    block_time=0,
    block_hash=bytes(32),
    state_root=None,
    checkpoint=0,
    pool_transactions=0,
    pool_bytes=0,
    in_configuration=True,
    room=True,
    write_pending_seconds=0.0,
)
ONE, TWO = b"\x01" * 32, b"\x02" * 32


def board_of(*, height: int = 0, certified: int = 0, waiters_max: int = 100) -> NoticeBoard:
    return NoticeBoard(lambda: STATUS, height=height, certified=certified, waiters_max=waiters_max)


def decided(height: int, *ids: bytes, code: int = 0) -> Decided:
    return Decided(height, [(one, code, None) for one in ids], None)


def committed(height: int) -> Committed:
    return Committed(height, 1000, bytes(32), [])


async def test_an_outcome_wakes_those_who_wait_and_those_who_come_late() -> None:
    board = board_of()
    got: list[SeenOutcome] = []

    async def wait() -> None:
        got.append(await board.wait_outcome(ONE))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert board.waiters == 2
        board.post(decided(7, TWO))
        assert got == []
        board.post(decided(8, ONE, code=3))
    assert got == [SeenOutcome(8, 3, None, 0)] * 2
    assert await board.wait_outcome(ONE) == SeenOutcome(8, 3, None, 0)
    assert board.outcome_seen(TWO) == SeenOutcome(7, 0, None, 0)
    assert board.waiters == 0


async def test_the_outcome_that_used_the_id_stands() -> None:
    board = board_of()
    board.post(decided(7, ONE))
    board.post(decided(8, ONE, code=Code.DUPLICATE))
    board.post(Expired([ONE, TWO]))
    assert board.outcome_seen(ONE) == SeenOutcome(7, 0, None, 0)
    assert board.outcome_seen(TWO) == SeenOutcome(None, 0, None)


async def test_a_refusal_that_left_the_id_free_gives_way_to_what_comes_later() -> None:
    board = board_of()
    board.post(decided(7, ONE, code=Code.SIGNATURES_INSUFFICIENT))
    board.post(decided(8, ONE, code=Code.KEY_EXPIRED))
    assert board.outcome_seen(ONE) == SeenOutcome(8, Code.KEY_EXPIRED, None, 0)
    got: list[SeenOutcome] = []

    async def wait(above: int) -> None:
        got.append(await board.wait_outcome(ONE, above=above))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, 7)
        nursery.start_soon(wait, 8)
        await trio.testing.wait_all_tasks_blocked()
        assert got == [SeenOutcome(8, Code.KEY_EXPIRED, None, 0)]
        board.post(decided(9, ONE, code=Code.REVISION_CONFLICT))
    board.post(decided(10, ONE, code=Code.DUPLICATE))
    assert got[1:] == [board.outcome_seen(ONE)] == [SeenOutcome(9, 105, None, 0)]


async def test_a_refusal_is_forgotten_when_the_id_is_taken_again() -> None:
    board = board_of()
    board.post(decided(7, ONE, code=Code.KEY_EXPIRED))
    board.post(decided(8, TWO))
    for one in (ONE, TWO):
        board.alive_again(one, after=6)
    assert board.outcome_seen(ONE) == SeenOutcome(7, Code.KEY_EXPIRED, None, 0)
    for one in (ONE, TWO):
        board.alive_again(one, after=8)
    assert board.outcome_seen(ONE) is None
    assert board.outcome_seen(TWO) == SeenOutcome(8, 0, None, 0)


async def test_heights_and_certificates_are_waited_for() -> None:
    board = board_of(height=3, certified=2)
    assert (board.height, board.certified) == (3, 2)
    assert await board.wait_height(3) == 3
    reached: list[tuple[str, int]] = []

    async def height(wanted: int) -> None:
        reached.append(("height", await board.wait_height(wanted)))

    async def certificate(wanted: int) -> None:
        reached.append(("certified", await board.wait_certified(wanted)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(height, 5)
        nursery.start_soon(height, 9)
        nursery.start_soon(certificate, 5)
        await trio.testing.wait_all_tasks_blocked()
        board.post(committed(6))
        await trio.testing.wait_all_tasks_blocked()
        assert reached == [("height", 6)]
        board.post(Certified(6, None))
        await trio.testing.wait_all_tasks_blocked()
        assert reached == [("height", 6), ("certified", 6)]
        board.post(committed(9))
    assert reached[-1] == ("height", 9)


async def test_answers_are_given_to_whom_they_belong_and_once() -> None:
    board = board_of()
    first, second = board.ticket(), board.ticket()
    assert first != second
    board.post(OfferAnswered(first, [0, 4]))
    assert await board.wait_offer(first) == [0, 4]
    board.post(ReadReady(second, 12))
    assert await board.wait_read(second) == 12
    third = board.ticket()
    board.post(ReadReady(third, None))
    assert await board.wait_read(third) is None
    with trio.move_on_after(0):
        await board.wait_read(third)
        raise AssertionError("given out twice")


async def test_a_cancelled_waiter_leaves_nothing() -> None:
    board = board_of()
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(board.wait_outcome, ONE)
            nursery.start_soon(board.wait_outcome, ONE)
            nursery.start_soon(board.wait_height, 5)
            nursery.start_soon(board.wait_certified, 5)
            nursery.start_soon(board.wait_offer, 1)
            nursery.start_soon(board.wait_read, 2)
            await trio.testing.wait_all_tasks_blocked()
            assert board.waiters == 6
            nursery.cancel_scope.cancel()
        assert board.waiters == 0


async def test_waiters_are_bounded() -> None:
    board = board_of(waiters_max=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(board.wait_outcome, ONE)
        nursery.start_soon(board.wait_height, 5)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Busy):
            await board.wait_outcome(TWO)
        nursery.cancel_scope.cancel()


async def test_the_status_is_made_when_asked() -> None:
    assert board_of().status is STATUS


async def test_a_read_waits_until_what_was_told_is_there() -> None:
    board = board_of(height=6)
    read: list[int] = []

    async def reader() -> None:
        await board.wait_readable()
        read.append(board.height)

    await board.wait_readable()
    board.post(decided(7, ONE))
    assert (board.told, board.height) == (7, 6)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        assert read == []
        board.post(committed(7))
    assert read == [7]


async def test_a_read_waits_not_for_ever_and_not_for_a_full_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    board = board_of(height=6)
    board.post(decided(7, ONE))
    board.room = False
    before = trio.current_time()
    await board.wait_readable()
    assert trio.current_time() == before
    board.room = True
    await board.wait_readable()
    assert trio.current_time() == before + READABLE_SECONDS_MAX


async def test_the_first_who_waits_for_a_certificate_is_told_of() -> None:
    awaited: list[bool] = []
    board = NoticeBoard(
        lambda: STATUS, certified=3, certificate_awaited=lambda: awaited.append(True)
    )
    await board.wait_certified(3)
    assert awaited == []  # it is there
    async with trio.open_nursery() as nursery:
        nursery.start_soon(board.wait_certified, 4)
        nursery.start_soon(board.wait_certified, 4)
        await trio.testing.wait_all_tasks_blocked()
        assert awaited == [True]
        board.post(Certified(4, None))
