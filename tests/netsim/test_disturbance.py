"""What is demanded of a healed network that is disturbed once is what the protocol promises."""

from __future__ import annotations

import random
from dataclasses import replace

from netsim.disturbance import Disturbance
from netsim.liveness import Liveness
from netsim.node import Node
from netsim.options import Options, draw
from netsim.world import World

HANGS_SEED = 1  # its first draw is below a half: the disk hangs


def test_a_leader_at_rest_whose_disk_hangs_is_replaced_in_time() -> None:
    """It finds out by writing; a network at rest writes once a minute, which is too late."""
    liveness, leader = _settled()
    world = liveness.world
    liveness.random = random.Random(HANGS_SEED)
    height = len(world.ghost.committed)
    Disturbance(liveness)._break_leader(leader)
    assert "hung-leader-replaced" in world.marks.reached
    assert len(world.ghost.committed) > height


def test_a_voter_stays_whom_certificates_need() -> None:
    """Of six voters four sign, and of five four: with two away, no third may go."""
    liveness, leader = _settled(6)
    world = liveness.world
    assert Disturbance(liveness)._let_go(leader)
    now = world.leader()
    assert now is not None
    assert now.replica is not None
    assert len(now.replica.raft.configuration.voters) == 6
    assert len(world.operators.wanted) == 5
    assert len(liveness.core) == 4


def test_where_the_others_could_sign_nobody_is_kept() -> None:
    liveness, leader = _settled(5)
    world = liveness.world
    assert not Disturbance(liveness)._let_go(leader)
    assert world.stopped == set()


def _settled(nodes: int = 3) -> tuple[Liveness, Node]:
    """Return the second phase of a network at rest, all of it the core, and its leader."""
    world = World(_at_rest(nodes))
    world.start()
    world.run_until(10.0, lambda: False, world.options.messages_max)
    liveness = Liveness(world)
    liveness.core = list(world.nodes.values())
    leader = world.leader()
    assert leader is not None
    return liveness, leader


def _at_rest(nodes: int) -> Options:
    """Return quick nodes without faults that nobody asks for anything."""
    drawn = draw(0, nodes=nodes)
    timing = replace(drawn, heartbeat=0.5, election_min=1.5, election_max=3.0)
    quick = replace(timing, delay_min=0.001, delay_mean=0.002, write_mean=0.001)
    return replace(quick, faults=(), clients=0, clerks=0, spares=0, observers=0)
