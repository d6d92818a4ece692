"""One disturbance of a healed and calm network, and what must come of it: L-b and L-f to L-i."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from govchaind.base.quorum import certificate_quorum, majority
from govchaind.base.types import NodeId
from govchaind.ledger.transaction import Transaction
from govchaind.raft.core import Role
from govchaind.replica.events import Offered, TransferAsked
from govchaind.replica.leadership import CAUGHT_UP_HEIGHTS
from netsim.chain import INSTITUTIONS
from netsim.flood import flood
from netsim.node import Node
from netsim.operators import AGAIN_SECONDS
from netsim.options import source
from netsim.properties.base import Stopped

if TYPE_CHECKING:
    from netsim.liveness import Liveness

FLOOD_TRANSACTIONS, FLOOD_OPERATIONS = 40, 50  # four blocks full
BLOCKS_BEFORE = 2  # of a flood, before another author's transaction


class Disturbance:
    """One of six, drawn; that who must sign stays needs six or nine voters, nearly all of them up,
    so half of those networks have it."""

    def __init__(self, liveness: Liveness) -> None:
        self.liveness = liveness
        self.world = liveness.world
        self.random: random.Random = liveness.random

    def run(self) -> None:
        """L-f, L-g, L-h, L-i, or L-b with a member that never comes up, or that is to go."""
        world = self.world
        leader = world.leader()
        if leader is None or leader.replica is None:
            return
        if source(world.options.seed, "stays").random() < 0.5 and self._let_go(leader):
            return
        draw = self.random.random()
        joiner = self._joiner()
        if joiner is not None and self.random.random() < 0.35 and self._join(leader, joiner):
            return
        voters = dict(leader.replica.raft.configuration.voters)
        rest = [node for node in self.liveness.core if node is not leader]
        stores = {node.name: node.store for node in rest}
        intact = sum(1 for name, store in voters.items() if stores.get(name) == store)
        if draw < 0.35 and intact >= majority(len(voters)) and len(voters) > 1:
            self._break_leader(leader)
        elif draw < 0.55:
            self._hand_over(leader)
        elif draw < 0.8:
            self._flood(leader)
        else:
            self._restart_all()

    def _joiner(self) -> Node | None:
        """Return a node that is no member, for one to be."""
        world = self.world
        wanted = world.operators.wanted
        spares = [name for name in world.chain.spares if name not in wanted]
        return world.nodes[self.random.choice(spares)] if spares and not world.stopped else None

    def _join(self, leader: Node, joiner: Node) -> bool:
        """L-b: a node is ordered to be a voter and never acknowledges anything; meanwhile another
        voter dies. Whoever has not caught up is no voter yet, so writes go on. False: too few vote.
        """
        world, operators = self.world, self.world.operators
        if leader.replica is None or not operators.idle:
            return False
        voters = leader.replica.raft.configuration.voters
        intact = {node.name for node in self.liveness.core if (node.name, node.store) in voters}
        needed = max(majority(len(voters)), certificate_quorum(len(voters)))
        if len(intact) - 1 < needed or len(world.ghost.committed) <= CAUGHT_UP_HEIGHTS:
            return False
        world.trace.line(world.heap.now, joiner.name, "* is to join, and its disk hangs")
        joiner.mend_disk()
        joiner.resume()
        world.network.gone.discard(joiner.name)
        if not joiner.life:
            world.faults.restart(joiner, joiner.lives)
        world.network.dial_all()
        joiner.disk.hung_until = float("inf")
        operators.order_role(joiner.name, "validator")
        world.run_until(
            world.heap.now + 4 * AGAIN_SECONDS + self.liveness.timeout,
            lambda: False,
            self.liveness.hard_max,
        )
        victim = world.nodes[self.random.choice(sorted(intact - {leader.name}))]
        world.stopped.add(victim.name)
        world.faults.crash(victim, "while another is to join")
        core = self.liveness.core
        self.liveness.core = [node for node in core if node not in (victim, joiner)]
        world.marks.reach("joined-by-nobody")
        self.liveness.demand_write("L-b")
        return True

    def _let_go(self, leader: Node) -> bool:
        """L-b: as many voters as certificates can spare are down, and one of the others is ordered
        to go, without which too few would be left to sign. Writes go on, for it stays until then.
        False: a majority of those that stay could sign, or are not there.
        """
        world, operators = self.world, self.world.operators
        if leader.replica is None or not operators.idle:
            return False
        voters = leader.replica.raft.configuration.voters
        stay = certificate_quorum(len(voters))
        others = [node for node in self.liveness.core if (node.name, node.store) in voters]
        others = [node for node in others if node is not leader]
        fewer = len(voters) - 1
        if len(others) < stay - 1 or not majority(fewer) <= stay - 1 < certificate_quorum(fewer):
            return False
        pick = source(world.options.seed, "let-go")
        staying = [leader, *pick.sample(others, stay - 1)]
        for victim in (node for node in others if node not in staying):
            world.stopped.add(victim.name)
            world.faults.crash(victim, "for good, before another is ordered to go")
            self.liveness.core.remove(victim)
        world.run_until(
            world.heap.now + 2 * self.liveness.timeout, lambda: False, self.liveness.hard_max
        )
        leaves = pick.choice(staying)
        operators.order_removal(leaves.name)

        def ordered() -> bool:
            return operators.idle and leaves.name not in operators.wanted

        self.liveness.demand("L-b", ordered, 12 * self.liveness.timeout + 4 * AGAIN_SECONDS)
        self.liveness.demand_write("L-b")
        world.marks.reach("kept-to-sign")
        return True

    def _break_leader(self, leader: Node) -> None:
        world = self.world
        hung = self.random.random() < 0.5
        if hung:
            world.trace.line(world.heap.now, leader.name, "* its disk hangs for good")
            leader.disk.hung_until = float("inf")
            # A disk that nothing is written to hangs unnoticed, and at rest that is for a minute.
            until = world.wall_ms(600)
            stuck = world.chain.put(INSTITUTIONS[0], b"probe", 3, None, until)
            world.workload.offer(leader, stuck)
        else:
            world.trace.line(world.heap.now, leader.name, "* hears nobody from now on")
            world.network.cut([(n, leader.name) for n in world.nodes if n != leader.name])

        def replaced() -> bool:
            return any(
                node.replica is not None
                and node.replica.raft.role is Role.LEADER
                and node.replica.raft.own_term_committed()
                for node in self.liveness.core
                if node is not leader
            )

        self.liveness.demand("L-f", replaced, 8 * self.liveness.timeout)
        world.marks.reach("hung-leader-replaced" if hung else "deaf-leader-replaced")

    def _hand_over(self, leader: Node) -> None:
        world = self.world
        if leader.replica is None:
            return
        target: NodeId | None = None
        core = {node.name for node in self.liveness.core}
        away = sorted(set(leader.replica.raft.configuration.voter_ids()) - core)
        draw = self.random.random()
        if away and draw < 0.6:  # a voter that hears nothing of it: the leader must lead on
            target = self.random.choice(away)
        elif draw < 0.8:
            target = self.random.choice(sorted(world.nodes))
        world.trace.line(world.heap.now, leader.name, f"* transfer to {target}, in the calm")
        world.watch_transfer(leader, target)
        leader.arrive(TransferAsked(target))
        world.run_until(
            world.heap.now + self.liveness.timeout, lambda: False, self.liveness.hard_max
        )
        self.liveness.demand_write("L-g")

    def _flood(self, leader: Node) -> None:
        """L-h: one author floods a node, and another's transaction comes right behind it."""
        world = self.world
        until = world.wall_ms(600)
        flooding = flood(world, INSTITUTIONS[0], FLOOD_TRANSACTIONS, FLOOD_OPERATIONS)
        probe = world.chain.put(INSTITUTIONS[1], b"probe", 2, None, until)
        voters = [node for node in self.liveness.members() if not node.observer]
        node = leader if self.random.random() < 0.5 else self.random.choice(voters)
        world.trace.line(world.heap.now, node.name, "* flooded")
        node.arrive(Offered(-1, [*flooding, probe]))
        world.marks.reach("flooded")
        height = self._wait_for(probe)
        known = world.workload.history.by_id
        earlier = sorted({known[each.id][0] for each in flooding if each.id in known})
        ahead = [each for each in earlier if each < height]
        if len(ahead) > BLOCKS_BEFORE:
            self.liveness.broken("L-h", f"{len(ahead)} blocks of a flood go before one transaction")
        self._wait_for(flooding[-1])

    def _wait_for(self, transaction: Transaction) -> int:
        known = self.world.workload.history.by_id
        self.liveness.demand("L-h", lambda: transaction.id in known, 12 * self.liveness.timeout)
        if transaction.id not in known:
            raise Stopped  # nobody looks at L-h
        return known[transaction.id][0]

    def _restart_all(self) -> None:
        """L-i: all nodes are stopped at once; they come back one by one, and go on."""
        world = self.world
        for node in self.liveness.core:
            world.faults.crash(node, "in the calm", lasts=self.random.random())
        world.marks.reach("restarted-in-calm")
        world.run_until(world.heap.now + 1.1, lambda: False, self.liveness.hard_max)
        self.liveness.demand("L-i", self.liveness.led, 12 * self.liveness.timeout)
        self.liveness.demand_write("L-i")
