"""Which nodes are healed in a run's second phase: a random set that can go on without the others.

It holds a majority, with intact stores, of every configuration that may still be in force or come
into force at once, and a quorum of signers for every height without a certificate.
"""

from __future__ import annotations

import random

from govchaind.base.quorum import certificate_quorum, majority
from govchaind.ledger.membership import next_steps
from govchaind.raft.messages import Configuration
from govchaind.replica.store import configuration_of
from netsim.node import Node
from netsim.world import World


def choose_core(world: World, pick: random.Random) -> list[Node]:
    """Return a core, all nodes if no smaller one will do, none if all are not enough."""
    world.operators.queue.clear()
    world.operators.look()
    # Who has said to hold what it does not is not sent it again, and is on its own.
    nodes = [node for node in world.nodes.values() if node.name != world.liar.claimed]
    if not _enough(world, nodes):
        return []
    if pick.random() < 0.5:
        return nodes
    core = list(nodes)
    pick.shuffle(core)
    for node in list(core):
        smaller = [other for other in core if other is not node]
        if pick.random() < 0.8 and _enough(world, smaller):
            core = smaller
    return sorted(core, key=lambda node: node.name)


def _needed(world: World, nodes: list[Node]) -> list[Configuration]:
    """Return every configuration that may be in force or come into force.

    Also those whose heights none of `nodes` has certificates for: another's are out of reach.
    """
    certified = max((world.certified(node) for node in nodes), default=0)
    committed = len(world.ghost.committed)
    found: dict[Configuration, bool] = {}  # in order
    for mirror in world.ghost.mirrors.values():
        configurations = mirror.configurations
        for place, (_, configuration) in enumerate(configurations):
            following = configurations[place + 1 :]
            until = following[0][0] if following else committed + 1
            if until > committed or until > certified:
                found[configuration] = True
    found.update((step, True) for node in nodes for step in _steps_of(world, node))
    for voters in world.operators.ordered_voters():
        found[Configuration(tuple(sorted(voters.items())))] = True
    return sorted(found, key=lambda configuration: configuration.voters)


def _steps_of(world: World, node: Node) -> list[Configuration]:
    """Return what a node may bring into force at once: it has just heard who falls silent."""
    replica, order = node.replica, world.operators.current
    if replica is None:
        return []
    now = replica._executor.wanted
    then = [member for member in now if order is None or member.name != order.name]
    latest = replica.memberships.latest()
    steps = [step for wanted in (now, then) for step in next_steps(latest, wanted, 0)]
    return [configuration_of(step) for step in steps]


def _enough(world: World, nodes: list[Node]) -> bool:
    wild = world.wild_clock  # it, too, counts among the faulty: its blocks are objected to
    stores = {node.name: node.store_at_start() for node in nodes if node is not wild}
    for configuration in _needed(world, nodes):
        voters = configuration.voters
        intact = sum(1 for name, store in voters if stores.get(name) == store)
        if intact < max(majority(len(voters)), certificate_quorum(len(voters))):
            return False
    return True
