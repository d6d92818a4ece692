"""Faults that take a store away, for good: wipes, restores and rot, and what may be taken.

A fault never takes the last good copies: stores are lost only while the others hold a majority of
every configuration and a quorum of signers (a network that has lost more is beyond what was
promised, and a run about it would prove nothing).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from govchaind.base.quorum import certificate_quorum, majority
from govchaind.replica.store import behind_guard
from netsim.disk import Disk
from netsim.node import Node

if TYPE_CHECKING:
    from netsim.world import World


class Stores:
    """The stores of one world, and how they are lost."""

    def __init__(self, world: World) -> None:
        self.world = world

    def may_lose(self, victim: Node) -> bool:
        """Say whether the network can do without this node's store."""
        world = self.world
        if world.liar.claimed is not None:
            return False
        certified = 0
        for node in world.nodes.values():
            if node is not victim:
                certified = max(certified, world.certified(node))
        configurations = {world.ghost.genesis} if not world.ghost.committed else set()
        for mirror in world.ghost.mirrors.values():
            for place, (index, configuration) in enumerate(mirror.configurations):
                following = mirror.configurations[place + 1 :]
                if not following or following[0][0] > certified:
                    configurations.add(configuration)
                if index > certified:
                    return False  # who signs what was not certified before the change?
        for configuration in configurations:
            names = [name for name, _ in configuration.voters]
            intact = [
                name
                for name, store in configuration.voters
                if world.nodes[name].store == store and name != victim.name
            ]
            needed = max(majority(len(names)), certificate_quorum(len(names)))
            if victim.name in names and len(intact) < needed:
                return False
        return True

    def wipe(self, node: Node, pick: random.Random) -> None:
        """Put an empty disk in the place of a node's own."""
        if not self.may_lose(node):
            return
        self.world.faults.say(node.name, "wipe")
        self.world.marks.reach("store-wiped")
        if node.life:
            self.world.faults.crash(node, "wiped")
        node.wipe(keep_guard=pick.random() < 0.5)

    def restore(self, node: Node, pick: random.Random) -> None:
        """Set a disk back to an older copy that the guard file can tell from the newest."""
        guard, disk = node.guard, node.disk
        if guard is None or guard.store != node.store or not self.may_lose(node):
            return
        count = pick.randrange(1, len(disk.batches) + 1)
        older = Disk(disk.store, disk.batches[0])
        for batch in disk.batches[1:count]:
            older.begin(batch, 0)
            older.complete()
        older.acked = count
        if behind_guard(older.image, guard) is None:
            return
        if node.life:
            self.world.faults.crash(node, "restored")
            guard = node.guard
        self.world.faults.say(node.name, f"restore to write {count} of {len(disk.batches)}")
        node.disk = older

    def rot(self, node: Node, pick: random.Random) -> None:
        """Have some rows of a node's disk rot; it goes on until it reads one."""
        if not self.may_lose(node):
            return
        for _ in range(pick.choice((1, 4, 30))):
            said = node.disk.rot(pick)
        self.world.faults.say(node.name, f"rot, at last {said}")

    def rotted(self, node: Node, pick: random.Random) -> None:
        """A process has found rot and is over. Its operator gives it a new disk, or a repaired one
        where the network cannot do without this copy."""
        self.world.marks.reach("rot-found")
        self.world.faults.say(node.name, "stops: its store is corrupt")
        if node.life:
            self.world.faults.crash(node, "corrupt")
        else:
            self.world.heap.after(1.0, self.world.faults.restart, node, node.lives)
        if self.may_lose(node):
            node.wipe(keep_guard=True)
        node.disk.rotten.clear()
        node.disk.reader.touched = False
