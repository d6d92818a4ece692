"""The store's own thread: answers and errors come back; a cancelled caller waits for the end."""

from __future__ import annotations

import threading

import pytest
import trio

from govchaind.runtime.worker import Worker


def worker_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "of-a-test"]


async def test_results_and_errors_come_back_from_one_thread() -> None:
    worker = Worker("of-a-test")
    assert worker_threads() == []  # made when it is needed

    def fail() -> None:
        raise OSError("no room")

    names = [await worker.run(lambda: threading.current_thread().name) for _ in range(3)]
    assert names == ["of-a-test"] * 3
    with pytest.raises(OSError, match="no room"):
        await worker.run(fail)
    assert await worker.run(lambda: 7) == 7
    assert len(worker_threads()) == 1
    worker.close()
    assert worker_threads() == []
    worker.close()


async def test_a_cancelled_caller_waits_for_the_end() -> None:
    worker = Worker("of-a-test")
    begun, may_end, ended = trio.Event(), threading.Event(), list[str]()
    token = trio.lowlevel.current_trio_token()

    def work() -> None:
        token.run_sync_soon(begun.set)
        may_end.wait()
        ended.append("work")

    async def ask() -> None:
        await worker.run(work)
        ended.append("caller")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await begun.wait()
        nursery.cancel_scope.cancel()
        assert ended == []
        may_end.set()
    assert ended == ["work", "caller"]
    worker.close()


async def test_the_loop_goes_on_meanwhile() -> None:
    worker = Worker("of-a-test")
    may_end = threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker.run, may_end.wait)
        await trio.lowlevel.checkpoint()
        may_end.set()  # would never come if the thread held up the loop
    worker.close()
