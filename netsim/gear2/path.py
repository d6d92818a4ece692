"""The way from one machine to another, one direction of it: how long it takes, whether open."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import trio

from govchaind.base.types import NodeId, Seconds


class Waits(Protocol):
    """What is under way and must be told when the way opens."""

    def opened(self) -> None: ...


class Path:
    """One direction between two machines. Bytes that leave while it is cut wait at its start."""

    __slots__ = (
        "_changed",
        "_cuts",
        "_lot",
        "_pick",
        "delay_mean",
        "delay_min",
        "lost",
        "resend_seconds",
        "source",
        "target",
        "under_way",
    )

    def __init__(
        self, source: NodeId, target: NodeId, pick: random.Random, *, delay_min: Seconds,
        delay_mean: Seconds, lost: float = 0.0, resend_seconds: Seconds = 0.2,
        changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`lost`: how many of a hundred sends, as a fraction, TCP has to send again.

        `changed` is told when it is cut and when it opens.
        """
        self.source = source
        self.target = target
        self.delay_min = delay_min
        self.delay_mean = delay_mean
        self.lost = lost
        self.resend_seconds = resend_seconds
        self.under_way: dict[Waits, None] = {}  # in the order in which they came
        self._pick = pick
        self._changed = changed
        self._cuts = 0  # faults overlap
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def open(self) -> bool:
        return self._cuts == 0

    def delay(self) -> Seconds:
        """Return how long what leaves now is under way."""
        pick = self._pick
        seconds = self.delay_min
        if self.delay_mean > self.delay_min:
            seconds += pick.expovariate(1 / (self.delay_mean - self.delay_min))
        while self.lost and pick.random() < self.lost:
            seconds += self.resend_seconds * (0.5 + pick.random())
        return seconds

    def cut(self) -> None:
        """Let nothing pass until as many `mend`s have come."""
        self._cuts += 1
        self._changed()

    def mend(self) -> None:
        """Take back one `cut`."""
        self._cuts = max(0, self._cuts - 1)
        if self.open:
            self._opened()

    def mend_all(self) -> None:
        """Take back every `cut`."""
        if not self.open:
            self._cuts = 0
            self._opened()

    def _opened(self) -> None:
        self._changed()
        self._lot.unpark_all()
        for waiting in list(self.under_way):
            waiting.opened()

    async def travel(self) -> None:
        """Wait as long as one small message takes; while the way is cut, for ever."""
        while not self.open:
            await self._lot.park()
        await trio.sleep(self.delay())
