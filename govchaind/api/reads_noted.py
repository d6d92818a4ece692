"""Which office read what kind of thing lately, so that a log has a line a minute, not one a read.

Bounded: the oldest is forgotten first, and is then logged again when it comes back.
"""

from __future__ import annotations

from collections import OrderedDict

from govchaind.base.limits import READ_NOTE_SECONDS, READS_NOTED_MAX


class ReadsNoted:
    """What was noted, and when."""

    def __init__(self, count_max: int = READS_NOTED_MAX) -> None:
        self._count_max = count_max
        self._noted: OrderedDict[tuple[str, str, str], float] = OrderedDict()  # oldest first

    def is_due(self, office: tuple[str, str], matter: str, now: float) -> bool:
        """Say whether a read is to be logged at `now` (seconds); if so, it counts as logged."""
        name = (*office, matter)
        noted = self._noted.get(name)
        if noted is not None and now < noted + READ_NOTE_SECONDS:
            return False
        self._noted[name] = now
        self._noted.move_to_end(name)
        if len(self._noted) > self._count_max:
            self._noted.popitem(last=False)
        return True
