"""Faults of single links beside cuts: clogged, half-open, narrow, and read slowly at their end."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from netsim.partitions import Directions, between

if TYPE_CHECKING:
    from netsim.world import World

RATES = (500.0, 4_000.0, 40_000.0)  # bytes a second; a heartbeat takes a hundred
READING_SECONDS = (0.005, 0.05, 0.3)  # of each message


class LinkFaults:
    """The links of one world, and what goes wrong with them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _pair(self, pick: random.Random) -> list[str]:
        names = sorted(self.world.nodes)
        return pick.sample(names, 2) if len(names) > 1 else []

    def _directions(self, pick: random.Random) -> Directions:
        """Return one direction, both of a link, or all from or to one node."""
        pair = self._pair(pick)
        if not pair:
            return []
        one, other = pair
        draw = pick.random()
        if draw < 0.3:
            return [(one, other)]
        if draw < 0.5:
            return between([one], [other])
        others = [name for name in sorted(self.world.nodes) if name != one]
        if draw < 0.75:
            return [(one, name) for name in others]
        return [(name, one) for name in others]

    def _say(self, name: str, text: str, directions: Directions) -> None:
        self.world.faults.say(name, f"{text} {' '.join('>'.join(each) for each in directions)}")

    def clog(self, pick: random.Random, lasts: float) -> None:
        """For a while nothing comes out; then all of it does, in order and late."""
        directions = self._directions(pick)
        if directions:
            self.clogged(directions, lasts)

    def clogged(self, directions: Directions, lasts: float) -> None:
        self._say(directions[0][0], f"clogged for {lasts:.3f} s", directions)
        self.world.marks.reach("link-clogged")
        self.world.network.pipes.clog(directions, self.world.heap.now + lasts)

    def half_open(self, pick: random.Random, lasts: float) -> None:
        """One end of a link is gone, and the other end has not noticed."""
        pair = self._pair(pick)
        if not pair:
            return
        network = self.world.network
        directions = between([pair[0]], [pair[1]])
        self._say(pair[0], "half-open", directions)
        network.half_open(pair[0], pair[1])
        network.cut(directions)
        self.world.marks.reach("link-half-open")
        self.world.heap.after(lasts, self.world.faults.mend, directions)

    def cap(self, pick: random.Random, lasts: float) -> None:
        """So many bytes a second, and no more."""
        directions = self._directions(pick)
        if directions:
            rate = pick.choice(RATES)
            self._say(directions[0][0], f"narrow, {rate:.0f} bytes a second", directions)
            self.world.network.pipes.cap(directions, rate)
            self.world.heap.after(lasts, self.world.network.pipes.cap, directions, 0.0)

    def slow_reader(self, pick: random.Random, lasts: float) -> None:
        """A node takes its time for each message that comes."""
        name = pick.choice(sorted(self.world.nodes))
        seconds = pick.choice(READING_SECONDS)
        self.world.faults.say(name, f"reads slowly, {seconds:g} s a message")
        self.world.network.pipes.read_slowly(name, seconds)
        self.world.heap.after(lasts, self.world.network.pipes.read_slowly, name, 0.0)
