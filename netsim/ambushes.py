"""Faults that wait for their moment: a leader is cut off just as it commits, a voter dies just as
it has voted.

What goes wrong at a random time mostly goes wrong between the moments that matter. An ambush is
laid by chance like any fault, and springs at the next moment of its kind, at whichever node, before
the messages of that step leave. At times two things go wrong together.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from netsim.node import Node
from netsim.partitions import Directions, between
from netsim.properties.base import Step

if TYPE_CHECKING:
    from netsim.world import World

MOMENTS = (
    "elected", "elected", "proposes", "commits", "campaigns", "campaigns", "votes", "cuts its log",
    "deposed",
)  # fmt: skip
STRIKES = (
    "alone", "alone", "pair", "mute", "deaf", "crash", "pause", "hang", "hang", "clog", "late",
    "late",
)  # fmt: skip
LAID_MAX = 3
FOLLOWED = 0.6  # of strikes lay the next ambush
TOGETHER = 0.3  # of strikes come with the death of another node


class Ambushes:
    """All ambushes that are laid in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._laid: list[tuple[str, random.Random]] = []

    def lay(self, pick: random.Random) -> None:
        """Lay one; what it will do comes from a source of its own."""
        moment = pick.choice(MOMENTS)
        own = random.Random(pick.getrandbits(64))
        if len(self._laid) < LAID_MAX:
            self._laid.append((moment, own))

    def look(self, step: Step) -> None:
        """Spring what waits for what a node does in this step."""
        if not self._laid or self.world.faults.over:
            return
        for laid in list(self._laid):
            if _is_moment(laid[0], step):
                self._laid.remove(laid)
                self.world.marks.reach("ambushed")
                self._strike(step.node, laid[0], laid[1])
                return

    def _strike(self, node: Node, moment: str, pick: random.Random) -> None:
        world = self.world
        options = world.options
        lasts = pick.expovariate(1 / options.fault_lasts)
        lasts += options.election_max * pick.choice((0.0, 1.0, 2.0))
        strike = pick.choice(STRIKES)
        if pick.random() < FOLLOWED:
            self.lay(pick)
        world.faults.say(node.name, f"ambushed as it {moment}: {strike}")
        others = [name for name in sorted(world.nodes) if name != node.name]
        if strike == "crash":
            if pick.random() < 0.5:
                node.crash_on_write = True
            else:
                world.heap.after(0.0, world.faults.crash, node, "in an ambush")
        elif strike == "pause":
            world.heap.after(0.0, self._pause, node, lasts)
        elif strike == "hang":
            node.disk.hung_until = world.heap.now + 2 * lasts + options.election_max
            if others and pick.random() < 0.75:  # others go on, and it hears of that before it ends
                self._cut("alone", node.name, others, lasts, pick)
        elif others:
            self._cut(strike, node.name, others, lasts, pick)
        if others and pick.random() < TOGETHER:
            other = world.nodes[pick.choice(others)]
            soon = pick.random() * options.election_min
            world.heap.after(soon, self._crash, other)

    def _crash(self, node: Node) -> None:
        if not self.world.faults.over:
            self.world.faults.crash(node, "in an ambush")

    def _pause(self, node: Node, lasts: float) -> None:
        if node.life and not node.paused:
            node.pause()
            self.world.heap.after(lasts, node.resume)

    def _cut(
        self, strike: str, name: NodeId, others: list[NodeId], lasts: float, pick: random.Random
    ) -> None:
        world = self.world
        if strike == "clog":
            world.faults.links.clogged([(name, other) for other in others], lasts)
            return
        if strike == "late":
            # What it says now comes when nobody waits for it any more.
            until = world.heap.now + pick.choice((0.05, 0.3, 1.0))
            late = world.options.election_max * pick.choice((0.5, 2.0, 4.0))
            world.network.pipes.wind([(name, other) for other in others], until, late)
            return
        directions: Directions
        if strike == "mute":
            directions = [(name, other) for other in others]
        elif strike == "deaf":
            directions = [(other, name) for other in others]
        else:
            kept = pick.choice(others) if strike == "pair" else ""
            directions = between([name], [other for other in others if other != kept])
        world.network.cut(directions)
        world.heap.after(lasts, world.faults.mend, directions)


def _is_moment(moment: str, step: Step) -> bool:
    """Say whether a node does in this step what an ambush waits for."""
    leads = step.role is Role.LEADER
    if moment == "elected":
        return step.elected
    if moment == "proposes":
        return leads and bool(step.appended)
    if moment == "commits":
        return leads and step.commit > step.old_commit
    newer = step.term > step.old_term
    if moment == "campaigns":
        return step.role is Role.CANDIDATE and (newer or step.old_role is not Role.CANDIDATE)
    if moment == "votes":
        voted = step.vote not in (None, step.node.name)
        return voted and (newer or step.old_vote is None)
    if moment == "cuts its log":
        return step.truncated_from is not None
    return step.old_role is Role.LEADER and not leads
