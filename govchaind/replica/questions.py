"""Which places of a snapshot are open, and whom a joining node has asked for which.

Rules it keeps:
- Bounded: so many questions to one peer at a time, each with its time; one that has been silent is
  asked one at a time until it answers in time again, for what it was asked may still be under way.
- What comes late is taken while nobody else has given it: over a slow link all of it comes late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from govchaind.base.types import Height, NodeId, Seconds
from govchaind.ledger.snapshot_chunk import Place

ASKED_OF_ONE_MAX = 4  # questions to one peer at a time
ANSWER_SECONDS = 10.0
SILENT_SECONDS = 30.0  # so long a peer that did not answer is left alone
SILENCES_MAX = 2  # running: then it is asked nothing more in this try

Spot = tuple[int, bytes]  # depth and path


@dataclass(slots=True)
class Peer:
    """One who may be asked."""

    asked: int = 0
    window: int = ASKED_OF_ONE_MAX  # so many it may be asked at a time
    not_before: Seconds = 0.0
    unheld: Height = 0  # the height that it has said it cannot give
    silences: int = 0  # since an answer of it held
    late: set[Spot] = field(default_factory=set)  # what it was asked and may still give

    @property
    def mute(self) -> bool:
        """Whether it has been silent too often to be asked again in this try."""
        return self.silences >= SILENCES_MAX

    def silent(self, now: Seconds, *, linked: bool) -> bool:
        """Leave it alone for a while; say whether that is new."""
        if self.not_before > now:
            return False
        self.not_before = now + SILENT_SECONDS
        self.silences += linked
        return True


class Questions:
    """What is open, and what is asked. It is true while there is anything of either."""

    def __init__(self) -> None:
        self.open: deque[Place] = deque()
        self._asked: dict[Spot, tuple[Place, NodeId, Seconds]] = {}
        self._peers: dict[NodeId, Peer] = {}

    def __bool__(self) -> bool:
        return bool(self.open or self._asked)

    def peer(self, name: NodeId) -> Peer:
        """Return what is known of a peer."""
        return self._peers.setdefault(name, Peer())

    def ask(self, now: Seconds, usable: Sequence[NodeId]) -> list[tuple[NodeId, Place]]:
        """Return who is asked for which open place now: all that can be asked have their share."""
        ready = [name for name in usable if self.peer(name).not_before <= now]
        asked: list[tuple[NodeId, Place]] = []
        while self.open:
            ready = [name for name in ready if self.peer(name).asked < self.peer(name).window]
            if not ready:
                break
            name = min(ready, key=lambda each: self.peer(each).asked)
            place = self.open.popleft()
            self.peer(name).asked += 1
            self._asked[place.depth, place.path] = place, name, now + ANSWER_SECONDS
            asked.append((name, place))
        return asked

    def expire(self, now: Seconds, present: Iterable[NodeId]) -> list[NodeId]:
        """Open again what was not answered in time, or by whom is gone; return who is silent now.

        What may still come is opened behind the rest, so that others are asked for it last.
        """
        linked = frozenset(present)
        silent: list[NodeId] = []
        for spot, (place, name, until) in list(self._asked.items()):
            if now < until and name in linked:
                continue
            peer = self.peer(name)
            del self._asked[spot]
            peer.asked -= 1
            if name in linked:
                peer.window = 1
                peer.late.add(spot)
                self.open.append(place)
            else:
                self.open.appendleft(place)
            if peer.silent(now, linked=name in linked):
                silent.append(name)
        return silent

    def take_back(self, name: NodeId) -> None:
        """Open again whatever a peer was asked for: it will not give it."""
        peer = self.peer(name)
        for spot, (place, asked, _) in list(self._asked.items()):
            if asked == name:
                del self._asked[spot]
                peer.asked -= 1
                self.open.appendleft(place)

    def place(self, name: NodeId, spot: Spot) -> Place | None:
        """Return the place that a peer answers for; None if it was not asked, or it is taken."""
        asked = self._asked.get(spot)
        if asked is not None and asked[1] == name:
            return asked[0]
        if spot not in self.peer(name).late:
            return None
        if asked is not None:
            return asked[0]
        return next((each for each in self.open if (each.depth, each.path) == spot), None)

    def answered(self, now: Seconds, name: NodeId, place: Place) -> None:
        """Close a place: what a peer gave for it holds, in time or late."""
        peer = self.peer(name)
        spot = place.depth, place.path
        asked = self._asked.pop(spot, None)
        if asked is None:
            self.open.remove(place)
        else:
            self.peer(asked[1]).asked -= 1
        if spot in peer.late:
            peer.late.discard(spot)
            peer.not_before = min(peer.not_before, now)  # it is slow, not silent
        else:
            peer.window = min(peer.window + 1, ASKED_OF_ONE_MAX)
