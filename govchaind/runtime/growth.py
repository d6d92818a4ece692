"""How fast a store grows: when it is full, and how many bytes a transaction takes.

Rules kept here:
- Pure: time, size and count are arguments; one look a minute is kept, for a day.
- Nothing is said before TELLS_AFTER_SECONDS: a store that was just started fills its pages
  unevenly, and an alarm that comes with each start is soon not heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

LOOK_SECONDS = 60.0
WINDOW_SECONDS = 24 * 60 * 60.0
TELLS_AFTER_SECONDS = 10 * 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at one moment."""

    at: float
    used_bytes: int
    transactions: int


class Growth:
    """Looks at one store, oldest first; `transactions` counts those of this run."""

    def __init__(self) -> None:
        self.used_bytes = 0
        self.free_bytes = 0
        self.transactions = 0
        self._looks: deque[Look] = deque()
        self._newest: Look | None = None

    def look(self, now: float, *, used_bytes: int, free_bytes: int) -> None:
        """Take note of the store's size at `now`, in seconds of any clock that only goes on."""
        self.used_bytes, self.free_bytes = used_bytes, free_bytes
        self._newest = Look(now, used_bytes, self.transactions)
        if not self._looks or now - self._looks[-1].at >= LOOK_SECONDS:
            self._looks.append(self._newest)
        while now - self._looks[0].at > WINDOW_SECONDS:
            self._looks.popleft()

    def full_in_seconds(self) -> float | None:
        """Return when the store is full at the pace of the last day; None: not known, or never."""
        span = self._span()
        if span is None:
            return None
        first, last = span
        grown = last.used_bytes - first.used_bytes
        return None if grown <= 0 else self.free_bytes * (last.at - first.at) / grown

    def bytes_a_transaction(self) -> float | None:
        """Return by what the store grew for each transaction of the last day; None: not known."""
        span = self._span()
        if span is None:
            return None
        first, last = span
        made = last.transactions - first.transactions
        return None if made <= 0 else (last.used_bytes - first.used_bytes) / made

    def _span(self) -> tuple[Look, Look] | None:
        if self._newest is None or self._newest.at - self._looks[0].at < TELLS_AFTER_SECONDS:
            return None
        return self._looks[0], self._newest
