"""Each transaction verified once; bad ones refused; batches shared; order kept by the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import trio
import trio.testing

from govchaind.base.errors import Invalid, InvalidEncoding, InvalidSignature
from govchaind.ledger.transaction import Transaction
from govchaind.raft.messages import AppendEntries, Entry, Heartbeat
from govchaind.replica.messages import Gossip
from govchaind.runtime import codec
from govchaind.runtime.environment import Threads
from govchaind.runtime.gate import INLINE_PAUSE_SECONDS, Gate, Judgement
from govchaind.runtime.system import InlineThreads, WorkerThreads
from tests.runtime.made import block, none_known, raw_transaction, transaction

T = TypeVar("T")


class HeldThreads:
    """Threads that wait for leave: so that a test sees what gathers meanwhile."""

    def __init__(self) -> None:
        self.leave = trio.Event()
        self.under_way = 0

    async def run(self, function: Callable[[], T]) -> T:
        self.under_way += 1
        await self.leave.wait()
        return function()


@asynccontextmanager
async def running(threads: Threads, *, verdicts_max: int = 1000) -> AsyncIterator[Gate]:
    gate = Gate(threads, known=none_known, verdicts_max=verdicts_max)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate.run)
        yield gate
        nursery.cancel_scope.cancel()


def body_of(message: codec.Anything) -> bytes:
    return codec.frame_of(message)[codec.LENGTH_BYTES :]


async def test_good_messages_pass_on_real_threads() -> None:
    async with running(WorkerThreads("of-a-gate", 2)) as gate:
        message = await gate.judge(body_of(Gossip([transaction(n, keys=2) for n in range(300)])))
        assert isinstance(message, Gossip)
        assert [item.id for item in message.transactions] == [
            transaction(n, keys=2).id for n in range(300)
        ]
        assert gate.counts.verified == 300
        assert gate.counts.signatures == 600
        assert 3 <= gate.counts.batches < 30


async def test_one_bad_signature_makes_the_message_bad() -> None:
    async with running(InlineThreads()) as gate:
        body = body_of(Gossip([transaction(1), transaction(2, bad=True)]))
        for _ in range(2):
            with pytest.raises(InvalidSignature):
                await gate.judge(body)
        assert (gate.counts.verified, gate.counts.refused) == (1, 1)


async def test_a_transaction_is_verified_once_however_it_comes() -> None:
    one = transaction(1)
    async with running(InlineThreads()) as gate:
        await gate.judge(body_of(Gossip([one])))
        await gate.judge(body_of(AppendEntries(3, 7, 3, [Entry(8, 3, block(8, [one]))], 0)))
        answers = await gate.judge_transactions([one.raw])
        assert [type(answer) for answer in answers] == [Transaction]
        assert gate.counts.verified == 1
        assert gate.counts.remembered == 2


async def test_the_same_transaction_under_way_twice_is_verified_once() -> None:
    threads = HeldThreads()
    async with running(threads) as gate:
        first = gate.begin(body_of(Gossip([transaction(1, keys=3)])))
        await trio.testing.wait_all_tasks_blocked()
        second = gate.begin(body_of(Gossip([transaction(1, keys=3)])))
        threads.leave.set()
        await first.done()
        await second.done()
        assert gate.counts.verified == 1


async def test_callers_share_batches_while_workers_are_busy() -> None:
    threads = HeldThreads()
    async with running(threads) as gate:
        judgements = [gate.begin(body_of(Gossip([transaction(n, keys=3)]))) for n in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        assert threads.under_way >= 1  # a lone one waits for nothing
        judgements += [gate.begin(body_of(Gossip([transaction(n)]))) for n in range(2, 102)]
        threads.leave.set()
        for judgement in judgements:
            await judgement.done()
        assert gate.counts.verified == 102
        assert gate.counts.batches <= 8


async def test_blocks_go_first_and_a_flood_lets_others_have_their_turn() -> None:
    threads = HeldThreads()
    verified: dict[str, int] = {}  # when the caller had its answer

    async def wait(name: str, judgement: Judgement) -> None:
        await judgement.done()
        verified[name] = gate.counts.verified

    flood = Gossip([transaction(n) for n in range(3000)])
    append = AppendEntries(3, 7, 3, [Entry(8, 3, block(8, [transaction(4001)]))], 0)
    async with running(threads) as gate, trio.open_nursery() as nursery:
        nursery.start_soon(wait, "flood", gate.begin(body_of(flood)))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(wait, "lone", gate.begin(body_of(Gossip([transaction(4000)]))))
        nursery.start_soon(wait, "block", gate.begin(body_of(append)))
        await trio.testing.wait_all_tasks_blocked()
        threads.leave.set()
    assert verified["flood"] == 3002
    assert verified["lone"] < 2000
    assert verified["block"] < 2000


async def test_a_lone_signature_does_not_go_to_a_thread() -> None:
    async with running(HeldThreads()) as gate:  # nobody gives it leave
        await gate.judge(body_of(Gossip([transaction(1)])))
        assert gate.counts.verified == 1


async def test_a_lone_transaction_is_verified_on_the_spot_but_not_one_after_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running(InlineThreads()) as gate:
        gate.begin(body_of(Gossip([transaction(1)])))
        assert gate.counts.verified == 1
        soon = gate.begin(body_of(Gossip([transaction(2)])))
        assert gate.counts.verified == 1
        await soon.done()
        await trio.sleep(INLINE_PAUSE_SECONDS)
        gate.begin(body_of(Gossip([transaction(3)])))
        assert gate.counts.verified == 3


async def test_an_append_under_verification_tells_its_leader_early() -> None:
    append = body_of(AppendEntries(3, 7, 3, [Entry(8, 3, block(8, [transaction(1, keys=3)]))], 0))
    async with running(InlineThreads()) as gate:
        judgement = gate.begin(append)
        assert judgement.early == Heartbeat(3, 0, 0)
        await judgement.done()
        assert gate.begin(append).early is None  # nothing to wait for: nothing to tell first


async def test_each_of_a_clients_transactions_has_its_own_answer() -> None:
    async with running(InlineThreads()) as gate:
        answers = await gate.judge_transactions(
            [raw_transaction(1), b"junk", raw_transaction(2, bad=True), raw_transaction(3)]
        )
        assert [type(answer) for answer in answers] == [
            Transaction,
            InvalidEncoding,
            InvalidSignature,
            Transaction,
        ]


async def test_verdicts_are_bounded() -> None:
    async with running(InlineThreads(), verdicts_max=10) as gate:
        for number in range(30):
            await gate.judge(body_of(Gossip([transaction(number)])))
        await gate.judge(body_of(Gossip([transaction(29)])))
        assert gate.counts.verified == 30
        await gate.judge(body_of(Gossip([transaction(0)])))
        assert gate.counts.verified == 31


async def test_what_the_pool_knows_is_not_verified_again() -> None:
    mine = transaction(1)
    gate = Gate(InlineThreads(), known={mine.identity: mine}.get)
    message = await gate.judge(body_of(Gossip([mine])))  # no worker runs, and none is needed
    assert isinstance(message, Gossip)
    assert message.transactions[0] is mine


async def test_undecodable_bytes_are_refused_at_once() -> None:
    gate = Gate(InlineThreads(), known=none_known)
    with pytest.raises(Invalid):
        gate.begin(b"\xff")


async def test_a_cancelled_caller_leaves_the_others_their_verdicts() -> None:
    threads = HeldThreads()
    async with running(threads) as gate:
        body = body_of(Gossip([transaction(1, keys=3)]))
        with trio.move_on_after(0):
            await gate.judge(body)
        judgement = gate.begin(body)
        threads.leave.set()
        await judgement.done()
        assert gate.counts.verified == 1
