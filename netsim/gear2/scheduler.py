"""One Trio run whose every choice comes from a seed: time, order of tasks, and bounds.

Rules kept here:
- Time is Trio's own, on a clock that jumps to the next deadline as soon as nothing can run.
- Tasks that are ready together run in an order drawn from the seed. Trio keeps that switch and its
  random source as module variables; they are set here and restored here, and nowhere else.
- A run that has nothing left to do but wait for the far deadline is a deadlock; one that does more
  than so many steps without time going by is a livelock. Both end it, also where a task shields
  itself from being cancelled: after a while shields are taken away.
- The collector of cyclic garbage runs at fixed steps only: what it finalises may be seen by tasks.
  It looks at what the run itself has made, and once more after it.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import trio
import trio.testing

SHIELDED_SECONDS = 60.0  # behind the end of a run: who shields itself so long would never end
INSTANT_STEPS_MAX = 100_000  # a hundred times what an instant of a healthy run was seen to take
COLLECT_STEPS = 400_000


@dataclass(frozen=True, slots=True)
class Played:
    """How a run ended: "done", "deadlock" or "livelock"; after how much."""

    end: str
    steps: int
    seconds: float


class _Steps(trio.abc.Instrument):
    """Counts what tasks do; ends a run in which time stands still."""

    def __init__(
        self, clock: trio.testing.MockClock, instant_steps_max: int, seconds_max: float
    ) -> None:
        self.count = 0
        self.main: trio.lowlevel.Task | None = None
        self._seconds_max = seconds_max
        self.stands_still = False
        self.scope = trio.CancelScope()
        self._clock = clock
        self._instant_steps_max = instant_steps_max
        self._instant = -1.0
        self._since = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self.count += 1
        if self.count - self._since >= self._instant_steps_max and not self.stands_still:
            self.stands_still = True
            self.scope.cancel()
        if not self.count % COLLECT_STEPS:
            gc.collect(1)

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        now = self._clock.current_time()
        if now != self._instant:
            self._instant, self._since = now, self.count
            if now >= self._seconds_max + SHIELDED_SECONDS and self.main is not None:
                _take_shields_away(self.main)


def _take_shields_away(task: trio.lowlevel.Task) -> None:
    """Let a cancellation come through to all that a task has begun."""
    waiting = [task]
    while waiting:
        each: Any = waiting.pop()
        status = each._cancel_status
        while status is not None:
            status._scope.shield = False
            status = status.parent
        for nursery in each.child_nurseries:
            waiting.extend(nursery.child_tasks)


@contextmanager
def ordered(seed: object) -> Iterator[None]:
    """Have Trio order its tasks by a source that `seed` names, within this block."""
    core: Any = trio._core._run
    before = core._ALLOW_DETERMINISTIC_SCHEDULING, core._r
    core._ALLOW_DETERMINISTIC_SCHEDULING = True
    core._r = random.Random(f"netsim/{seed}/scheduler")
    try:
        yield
    finally:
        core._ALLOW_DETERMINISTIC_SCHEDULING, core._r = before


@contextmanager
def _collected_at_fixed_steps() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if collecting:
            gc.enable()


def play(
    seed: object,
    main: Callable[[], Awaitable[None]],
    *,
    seconds_max: float,
    instant_steps_max: int = INSTANT_STEPS_MAX,
) -> Played:
    """Run `main` on simulated time that starts at 0; it must end before `seconds_max`."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    steps = _Steps(clock, instant_steps_max, seconds_max)
    end = "deadlock"

    async def whole() -> None:
        nonlocal end
        steps.main = trio.lowlevel.current_task()
        steps.scope.deadline = seconds_max
        with steps.scope:
            await main()
            end = "done"

    with ordered(seed), _collected_at_fixed_steps():
        trio.run(whole, clock=clock, instruments=[steps], strict_exception_groups=True)
    if steps.stands_still:
        end = "livelock"
    return Played(end, steps.count, clock.current_time())
