"""What goes wrong with a share of what is sent in one direction, because a line of a file says so.

Drawn runs have their own rates for all links (see `network.py`). Chance here is a source apart, so
that a line changes nothing that the seed draws elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from govchaind.base.types import NodeId

Direction = tuple[NodeId, NodeId]
LATE_TIMES = 20  # how much later than usual a second copy comes, or what is overtaken, at most
KINDS = ("lost", "doubled", "overtaken")


class Mishaps:
    """The shares of each direction, and what is held; `odd` says whether there is anything."""

    def __init__(self, pick: random.Random) -> None:
        self.odd = False
        self._random = pick
        self._shares: dict[str, dict[Direction, float]] = {kind: {} for kind in KINDS}
        self._held: dict[Direction, list[Callable[[], None]]] = {}

    def share(self, kind: str, directions: list[Direction], share: float) -> None:
        """Let this share of messages meet this fate; 0: none."""
        for direction in directions:
            self._shares[kind][direction] = share
        self._look()

    def hold(self, directions: list[Direction]) -> None:
        """Let nothing of what is sent arrive until `release`."""
        for direction in directions:
            self._held.setdefault(direction, [])
        self._look()

    def release(self, directions: list[Direction]) -> None:
        """Let all that was held arrive, in order."""
        for direction in directions:
            for deliver in self._held.pop(direction, []):
                deliver()
        self._look()

    def clear(self) -> None:
        """End all of it; what was held arrives."""
        for shares in self._shares.values():
            shares.clear()
        self.release(list(self._held))

    def _look(self) -> None:
        self.odd = bool(self._held) or any(map(any, map(dict.values, self._shares.values())))

    def keep(self, direction: Direction, deliver: Callable[[], None]) -> bool:
        """Keep a message of a direction that is held; say whether it is."""
        held = self._held.get(direction)
        if held is None:
            return False
        held.append(deliver)
        return True

    def fate(self, direction: Direction, wait: float) -> tuple[str, float, float | None]:
        """Return a message's fate, after how long it arrives, and when a second copy does."""
        for kind in KINDS:
            share = self._shares[kind].get(direction, 0.0)
            if share and self._random.random() < share:
                late = wait * (1 + LATE_TIMES * self._random.random())
                if kind == "doubled":
                    return kind, wait, wait + late
                return kind, late if kind == "overtaken" else wait, None
        return "sent", wait, None
