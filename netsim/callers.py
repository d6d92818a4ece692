"""Callers: who comes to a leader in its first moments, and the leader that falls silent before.

An ordinary client waits for its call while leadership changes, so hardly anybody asks a leader that
has only just been elected; and what one leader has answered is mostly known to all before it is
gone. In runs with callers a leader is at times cut off as it answers a client, and each new leader
is asked for reads at once and a little later, while it may not know yet what is committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.raft.core import Role
from netsim.node import Node
from netsim.options import source
from netsim.partitions import between
from netsim.properties.base import Step
from netsim.workload import Asker

if TYPE_CHECKING:
    from netsim.world import World

FIRST_NUMBER = 5_000  # of a caller, beside clients' numbers
CUT_OFF = 0.1  # of leaders, each time that a client of theirs is answered


class Callers:
    """The callers of one world; each asks one thing and goes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = source(world.options.seed, "callers")
        self._called = 0

    def look(self, step: Step) -> None:
        """Cut a leader off as it commits what a client waits for at it."""
        world = self.world
        if not world.options.callers or world.faults.over or step.role is not Role.LEADER:
            return
        if step.commit <= step.old_commit or not self._is_awaited(step.node):
            return
        if self.random.random() < CUT_OFF:
            name = step.node.name
            directions = between([name], [other for other in sorted(world.nodes) if other != name])
            world.faults.say(name, "cut off as it answers a client")
            world.network.cut(directions)
            lasts = world.options.election_max * self.random.uniform(1.0, 3.0)
            world.heap.after(lasts, world.faults.mend, directions)

    def _is_awaited(self, node: Node) -> bool:
        waiting = self.world.workload.waiting.values()
        return any(node.name in client.nodes for client in waiting)

    def elected(self, node: Node, term: int) -> None:
        """Call at a new leader, at once and within a few round trips."""
        world = self.world
        if world.workload.rests():
            return
        for _ in range(world.options.callers):
            soon = self.random.choice((0.0, 1.0, 3.0)) * world.options.delay_mean
            world.heap.after(soon * self.random.random(), self._call, node, term)

    def _call(self, node: Node, term: int) -> None:
        world, workload = self.world, self.world.workload
        if node.replica is None or node.replica.raft.term != term or workload.rests():
            return
        self._called += 1
        key = b"k%d" % self.random.randrange(world.options.keys)
        Asker(FIRST_NUMBER + self._called, workload).read(node, key, "a caller")
