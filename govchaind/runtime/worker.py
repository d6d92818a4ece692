"""One thread of its own for work that blocks, one piece at a time: commits, signature checks.

Trio's own worker threads name themselves, copy contexts and may be cancelled at every call; what
comes several times for each block needs none of it, and always runs to its end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class _Job:
    """What is to be done, for whom, and what came of it."""

    __slots__ = ("error", "function", "result", "task", "token")

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.task = trio.lowlevel.current_task()
        self.token = trio.lowlevel.current_trio_token()
        self.result: Any = None
        self.error: BaseException | None = None

    def do(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:  # it is raised where the caller waits
            self.error = error


class Worker:
    """A thread that lives until `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Run `function` on the thread and return what it returns, or raise what it raises.

        A cancelled caller waits for the end.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        job = _Job(function)
        self._jobs.put(job)
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        if job.error is not None:
            raise job.error
        answer: T = job.result
        return answer

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            try:
                job.token.run_sync_soon(trio.lowlevel.reschedule, job.task)
            except trio.RunFinishedError:
                return

    def close(self) -> None:
        """End the thread after what it was asked."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
