"""One node's wall clock: true time with skew, drift and steps. Monotonic time is the world's."""

from __future__ import annotations

import random

EPOCH_MILLISECONDS = 1_750_000_000_000


class Clock:
    """Wall time in milliseconds as one node sees it."""

    __slots__ = ("_drift", "_offset")

    def __init__(self) -> None:
        self._offset = 0.0  # seconds ahead of true time at simulated time 0
        self._drift = 0.0

    def disturb(self, pick: random.Random, skew: float, now: float) -> str:
        """Step to another skew within `skew` seconds and another drift; says how."""
        drift = pick.choice((0.0, 0.0, 1e-4, -1e-4, 1e-2, -1e-2))
        self._offset = pick.uniform(-skew, skew) - drift * now
        self._drift = drift
        return f"clock {self._offset + drift * now:+.3f}s drift {drift:g}"

    def set_ahead(self, seconds: float) -> None:
        """Step to so many seconds ahead of true time."""
        self._offset = seconds
        self._drift = 0.0

    def advance(self, seconds: float) -> None:
        """Go ahead by so many seconds more."""
        self._offset += seconds

    def wall_ms(self, now: float) -> int:
        """Return the wall time that this node sees at simulated time `now`."""
        return EPOCH_MILLISECONDS + int((now + self._offset + self._drift * now) * 1000)
