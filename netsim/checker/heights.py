"""Linearizability in linear time, where each answer names the height at which it holds.

Heights order everything that happened, so nothing is searched: what began after an answer must not
lie before it (a write not at its height either), and a read must show the state of its height.
Whoever does not believe the heights has the search.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

NOTHING = (0, 0)  # revision and value of a record that is not there


class Heights:
    """What was told so far, and what each key held at each height."""

    def __init__(self) -> None:
        self.told = 0  # the greatest height that anybody was told of
        self._at: dict[Hashable, list[int]] = {}
        self._states: dict[Hashable, list[tuple[int, int]]] = {}

    def is_late(self, floor: int, height: int, *, wrote: bool) -> bool:
        """Say whether an answer at `height` lies before one told before the call began, which was
        at `floor`."""
        return height <= floor if wrote else height < floor

    def tell(self, height: int) -> None:
        self.told = max(self.told, height)

    def write(self, key: Hashable, height: int, value: int) -> None:
        """Note a write that took effect; in the order in which they did."""
        states = self._states.setdefault(key, [])
        states.append((states[-1][0] + 1 if states else 1, value))
        self._at.setdefault(key, []).append(height)

    def state(self, key: Hashable, height: int) -> tuple[int, int]:
        """Return (revision, value) of `key` after `height`."""
        place = bisect_right(self._at.get(key, ()), height)
        return self._states[key][place - 1] if place else NOTHING


@dataclass(frozen=True, slots=True)
class Answered:
    """One call that was answered, with the height that its answer named."""

    begun: float
    ended: float
    key: Hashable
    wrote: bool
    height: int
    revision: int
    value: int


def contradiction(calls: Iterable[Answered]) -> str | None:
    """Return what does not fit in a whole history, or None. Calls that were not answered, or had
    no effect, are left out by the caller; every write that took effect must be there."""
    calls = list(calls)
    heights = Heights()
    for call in sorted(calls, key=lambda each: (each.height, each.revision)):
        if call.wrote:
            heights.write(call.key, call.height, call.value)
    # A call that begins at the instant at which another ends overlaps with it.
    times = [(call.begun, 0, at) for at, call in enumerate(calls)]
    times += [(call.ended, 1, at) for at, call in enumerate(calls)]
    floors = [0] * len(calls)
    for _, ends, at in sorted(times):
        call = calls[at]
        if not ends:
            floors[at] = heights.told
            continue
        kind = "write" if call.wrote else "read"
        if heights.is_late(floors[at], call.height, wrote=call.wrote):
            return (
                f"a {kind} of {call.key!r} begun after height {floors[at]} was told is answered at "
                f"height {call.height}"
            )
        held = heights.state(call.key, call.height)
        if not call.wrote and held != (call.revision, call.value):
            return (
                f"a read of {call.key!r} shows revision {call.revision} at height {call.height}, "
                f"where it is {held[0]}"
            )
        heights.tell(call.height)
    return None
