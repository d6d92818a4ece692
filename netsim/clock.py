"""One node's wall clock: true time with skew, drift, steps, jumps again and again, or none at all.

Monotonic time is the world's.
"""

from __future__ import annotations

import random

EPOCH_MILLISECONDS = 1_750_000_000_000
PERIODS = (2.0, 7.0, 20.0)  # seconds between two jumps of a clock that is set again and again
JUMPS = 0.2  # of disturbed clocks jump to and fro from then on
STOPS = 0.15  # of them stand still


class Clock:
    """Wall time in milliseconds as one node sees it."""

    __slots__ = ("_drift", "_jump", "_offset", "_period", "_slept", "_stopped_at")

    def __init__(self) -> None:
        self._offset = 0.0  # seconds ahead of true time at simulated time 0
        self._drift = 0.0
        self._period = 0.0  # 0: no jumps
        self._jump = 0.0  # further ahead in every other period
        self._slept = 0.0
        self._stopped_at: float | None = None

    def disturb(self, pick: random.Random, skew: float, now: float) -> str:
        """Step to another skew within `skew` seconds and another drift; says how."""
        drift = pick.choice((0.0, 0.0, 1e-4, -1e-4, 1e-2, -1e-2))
        offset = pick.uniform(-skew, skew)
        self.set_ahead(offset - drift * now)
        self._drift = drift
        said = f"clock {offset:+.3f}s drift {drift:g}"
        how = pick.random()
        if how < JUMPS:
            self.jump_every(pick.choice(PERIODS), pick.uniform(-skew, skew))
            said += f", jumps {self._jump:+.3f}s every {self._period:g}s"
        elif how < JUMPS + STOPS:
            self.stop(now)
            said += ", and stops"
        return said

    def set_ahead(self, seconds: float) -> None:
        """Step to so many seconds ahead of true time, and go right from then on."""
        self._offset = seconds
        self._drift = 0.0
        self._period = self._jump = 0.0
        self._stopped_at = None

    def drift(self, rate: float, now: float) -> None:
        """Gain so many seconds a second from simulated time `now` on, or lose."""
        ahead = self._offset + self._drift * now
        self.set_ahead(ahead - rate * now)
        self._drift = rate

    def sleep(self, seconds: float) -> None:
        """Go on for so long while the machine is suspended; whatever is set later, comes on top."""
        self._slept += seconds

    def jump_every(self, period: float, seconds: float) -> None:
        """Jump ahead by so many seconds, back after a period, ahead after another, and so on."""
        self._period, self._jump = period, seconds

    def stop(self, now: float) -> None:
        """Stand still from simulated time `now` on."""
        self._stopped_at = now

    def wall_ms(self, now: float) -> int:
        """Return the wall time that this node sees at simulated time `now`."""
        if self._stopped_at is not None:
            now = self._stopped_at
        ahead = self._slept + self._offset + self._drift * now
        if self._period and int(now / self._period) % 2:
            ahead += self._jump
        return EPOCH_MILLISECONDS + int((now + ahead) * 1000)
