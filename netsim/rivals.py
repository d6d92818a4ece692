"""Rivals: two candidates of one term, of whom one wins, gives up at once, and is asked again.

A vote counts for a whole term, also after whoever has it won and stepped down. A node that forgets
it then is found out only if another candidate of that very term is still there and its request
comes late. So in runs with rivals the request of the second candidate to the first arrives late,
nobody's refusal is heard by it, and if the first wins, its disk hangs until it gives up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from netsim.options import source
from netsim.properties.base import Step

if TYPE_CHECKING:
    from netsim.world import World

GIVES_UP = 1.03  # election time-outs at least, after which a leader with a hung disk has given up
ASKS_WITHIN = 0.3  # … of an election time-out: when its own vote is durable
COMES_LATE = (1.05, 1.35)  # as many until the request is there


class Rivals:
    """The pairs of candidates of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = source(world.options.seed, "of-rivals")
        self._first: dict[NodeId, int] = {}  # who is to give up, in which term

    def look(self, step: Step) -> None:
        """See to it that the first of two candidates is asked when it has given up."""
        world = self.world
        if not world.options.rivals or world.faults.over:
            return
        name, term = step.node.name, step.term
        if step.elected and self._first.pop(name, 0) == term:
            step.node.disk.hung_until = world.heap.now + GIVES_UP * world.options.election_min
            world.faults.say(name, "gives up, with a rival in its term")
        campaigns = step.role is Role.CANDIDATE and step.old_role is not Role.CANDIDATE
        if not campaigns:
            return
        for other, mirror in world.ghost.mirrors.items():
            if other != name and mirror.role is Role.CANDIDATE and mirror.term == term:
                self._first[other] = term
                self._keep_apart(name, other)
                return

    def _keep_apart(self, late: NodeId, first: NodeId) -> None:
        """Have what the one asks come late to the other, and let it hear nobody's refusal."""
        world, shortest = self.world, self.world.options.election_min
        world.marks.reach("rivals")
        world.faults.say(late, f"is late as a rival of {first}")
        waits = shortest * self.random.uniform(*COMES_LATE)
        world.network.pipes.wind([(late, first)], world.heap.now + ASKS_WITHIN * shortest, waits)
        others = [name for name in sorted(world.nodes) if name not in (late, first)]
        for names, lasts in (([first], shortest), (others, 2 * waits)):
            directions = [(name, late) for name in names]
            world.network.cut(directions)
            world.heap.after(lasts, world.faults.mend, directions)
