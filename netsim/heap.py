"""Simulated time: one heap of what is to be called when. Equal times keep the order of asking."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any


class Heap:
    """Events to come, and the present time in seconds."""

    __slots__ = ("_events", "_number", "now")

    def __init__(self) -> None:
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self.now = 0.0

    def after(self, wait: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` in `wait` seconds."""
        self._number += 1
        heapq.heappush(self._events, (self.now + wait, self._number, function, arguments))

    def at(self, time: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` at `time`, or now if that has passed."""
        self._number += 1
        due = time if time > self.now else self.now
        heapq.heappush(self._events, (due, self._number, function, arguments))

    def step(self, until: float = math.inf) -> bool:
        """Do the next thing; False if there is none, or not `until` then."""
        events = self._events
        if not events or events[0][0] > until:
            return False
        self.now, _, function, arguments = heapq.heappop(events)
        function(*arguments)
        return True
