"""Who is what, as the disks say it: stores, certificates, memberships in force and wanted.

Looked at from outside, without the nodes' help. What one node's memory alone knows is not seen:
whoever decides by this waits until what was ordered is in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.base.quorum import certificate_quorum, committed_index, majority
from govchaind.base.types import Height, NodeId, StoreId
from govchaind.ledger.apply import Ledger
from govchaind.ledger.membership import Member, Membership, read_membership
from govchaind.replica.store import stored_store_id
from netsim.gear2.machine import Machine

if TYPE_CHECKING:
    from netsim.gear2.world import World

Voters = dict[NodeId, StoreId]


def enough(voters: Voters, stores: Voters) -> bool:
    """Say whether these stores hold every quorum of `voters`."""
    intact = sum(1 for name, store in voters.items() if stores.get(name) == store)
    return intact >= max(majority(len(voters)), certificate_quorum(len(voters)))


def voters_of(membership: Membership) -> Voters:
    """Return who votes, and under which store."""
    return {member.name: member.store for member in membership.voters()}


class Standing:
    """All machines of one world, by their disks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: tuple[NodeId, int, list[Member]] | None = None

    @property
    def furthest(self) -> Machine:
        """The machine that has applied most."""
        return max(self._world.machines.values(), key=lambda machine: machine.disk.applied)

    def store(self, name: NodeId) -> StoreId | None:
        """Return the id of the store on a machine's disk; None where the next life gives it one."""
        machine = self._world.machines[name]
        return None if machine.set_back else stored_store_id(machine.disk.outside())

    def stores(self) -> Voters:
        found = {name: self.store(name) for name in self._world.machines}
        return {name: store for name, store in found.items() if store is not None}

    def certified(self, name: NodeId) -> Height:
        """Return up to where a machine has certificates."""
        start = Table.CERTIFICATE.value
        reader = self._world.machines[name].disk.outside()
        for key, _ in reader.scan(start, prefix_end(start), reverse=True):
            return int.from_bytes(key[1:9], "big")
        return 0

    def memberships(self, name: NodeId) -> list[tuple[Height, Membership]]:
        """Return what a machine's log brings into force, oldest first; nothing without a store."""
        start = Table.MEMBERSHIP.value
        rows = self._world.machines[name].disk.outside().scan(start, prefix_end(start))
        return [(int.from_bytes(key[1:9], "big"), read_membership(row)) for key, row in rows]

    def wanted(self) -> dict[NodeId, Member]:
        """Return the members that state wants, at the machine that has applied most."""
        furthest = self.furthest
        if not furthest.disk.writes:
            return {member.name: member for member in self._world.chain.genesis.nodes}
        known = self._known
        if known is None or known[:2] != (furthest.name, furthest.disk.writes):
            reader = furthest.disk.outside()
            members, _ = Ledger(self._world.chain.genesis, reader).wanted_members(reader)
            known = self._known = (furthest.name, furthest.disk.writes, members)
        return {member.name: member for member in known[2]}

    def in_force(self) -> dict[NodeId, Member]:
        """Return the newest membership in the log of the machine that has applied most."""
        found = self.memberships(self.furthest.name)
        members = found[-1][1].members if found else self._world.chain.genesis.nodes
        return {member.name: member for member in members if member.role != "observer"}

    def as_wanted(self) -> bool:
        """Say whether what is wanted is in force."""
        wanted = {k: m for k, m in self.wanted().items() if m.role != "observer"}
        return wanted == self.in_force()

    def configurations(self, names: list[NodeId]) -> list[Voters]:
        """Return the voters of every configuration that may be in force or come into force.

        Also of those whose heights none of `names` has certificates for.
        """
        certified = max((self.certified(name) for name in names), default=0)
        committed = self.furthest.disk.applied
        found: list[Voters] = []
        for name in self._world.machines:
            memberships = self.memberships(name)
            for place, (_, membership) in enumerate(memberships):
                following = memberships[place + 1 :]
                until = following[0][0] if following else committed + 1
                voters = voters_of(membership)
                if (until > committed or until > certified) and voters not in found:
                    found.append(voters)
        return found

    def check_durable(self, height: Height, node: NodeId) -> None:
        """I-10: what a client was told of is on a majority of the disks.

        Where no store is lost and no member changes, so that nobody asks which majority.
        """
        world = self._world
        options = world.options
        if options.by_snapshot or any(map(options.on, ("wipe", "restore", "membership"))):
            return
        ends = [world.machines[name].disk.log_end for name in world.chain.voters]
        if committed_index(ends) < height:
            text = f"a client was told of height {height}; the voters' logs end at {ends}"
            world.judge.fail("I-10", node, text)

    def may_lose(self, victim: Machine) -> bool:
        """Say whether the network can do without this machine's store.

        Never while something is ordered that is not in force, or in force and not certified.
        """
        if not self._world.operators.idle or not self.as_wanted():
            return False
        others = [name for name in self._world.machines if name != victim.name]
        certified = max((self.certified(name) for name in others), default=0)
        changes = [height for name in others for height, _ in self.memberships(name)]
        if max(changes, default=0) > certified:
            return False
        stores = {name: store for name, store in self.stores().items() if name != victim.name}
        for voters in self.configurations(others):
            if victim.name in voters and not enough(voters, stores):
                return False
        return True
