"""The least level of events that the log shows: the setting's, or another for a bounded time.

Louder logging that an operator asks for in a bad hour always has an end, so that nobody finds a
disk full of it a month later. Time is an argument; `govchaind/daemon.py` waits for the end.
"""

from __future__ import annotations

from govchaind.base.types import Seconds


class LogLevel:
    """One per process.

    Attributes:
        setting: what the settings say.
        ends: when another level that is in force ends (Trio's clock); None: there is none.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self.ends: Seconds | None = None
        self._meanwhile = setting

    def __call__(self) -> str:
        """Return the level in force."""
        return self.setting if self.ends is None else self._meanwhile

    def change(self, level: str, ends: Seconds) -> None:
        """Put another level in force until then."""
        self._meanwhile, self.ends = level, ends

    def end(self) -> bool:
        """Put the setting's level in force again; say whether there was another."""
        was, self.ends = self.ends, None
        return was is not None

    def end_at(self, now: Seconds) -> bool:
        """End the other level if its time is over; say whether it was."""
        return self.ends is not None and now >= self.ends and self.end()
