"""The second phase: heal a core quorum to full mutual connection, and demand that it gets on.

L-a to L-d; what one disturbance must not break is in `disturbance.py`. Which nodes are the core is
in `core_choice.py`; the others stay broken for good.
Nothing is demanded of a network that is only partly connected: Raft does not promise it.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence

from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import NodeId
from govchaind.ledger.membership import Member, next_steps
from govchaind.replica.events import Received
from govchaind.replica.leadership import QUIET_SECONDS, may_step
from govchaind.replica.messages import CertifiedBlocks
from govchaind.replica.replica import Replica
from govchaind.runtime.codec import PROTOCOL_VERSION
from netsim.accepted import Accepted
from netsim.core_choice import choose_core
from netsim.disturbance import Disturbance
from netsim.node import Node
from netsim.options import source
from netsim.properties.base import Stopped, Violation
from netsim.world import World

TEXTS = {
    "L-a": "after heal of a core quorum: a leader within k election timeouts, then stable",
    "L-b": "every accepted transaction certified within T",
    "L-c": "all live members reach one height and digest; an empty or long-dead node catches up",
    "L-d": "calm network: no election, also when a node rejoins or a removed node shouts",
    "L-f": "leader with a hung disk or broken inbound half is replaced",
    "L-g": "transfer ends or is given up within one timeout; writes are accepted again",
    "L-h": "no author, peer or lane starved by a flood",
    "L-i": "shutdown within grace; restart of all nodes at once recovers",
}
OFFERED_AGAIN_SECONDS = 2.0
MESSAGES_HARD_MAX = 6  # times the budget: beyond it the network talks without getting on


class Liveness:
    """The liveness phase of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random: random.Random = source(world.options.seed, "liveness")
        self.core: list[Node] = []
        self.converged: list[Node] = []  # members that have shown to be equal
        self._cut_terms: dict[NodeId, int] = {}  # of nodes cut off for good, when they were
        options = world.options
        self.timeout = options.election_max
        self._slack = 20.0 + 40 * options.delay_mean + 200 * options.write_mean
        if options.on("clock"):
            self._slack += QUIET_SECONDS + 10
        self.hard_max = MESSAGES_HARD_MAX * options.messages_max

    def run(self) -> None:
        """Heal, demand, disturb once, demand again. Raises Violation."""
        if not self._heal():
            return
        world = self.world
        self.demand("L-a", self.led, 12 * self.timeout)
        self.demand("L-c", self._quiet, 30 * self.timeout + 60)
        self.demand_write("L-b")
        self.demand("L-c", self._equal, 12 * self.timeout)
        self.demand("L-b", Accepted(self).settled, 12 * self.timeout)
        self.converged = self.members()
        if world.network.messages < world.options.messages_max:
            world.workload.messages_max = world.options.messages_max
            self._calm()  # it lasts as long as it must; clients rest once the messages are used up
            world.workload.messages_max = math.inf  # what is disturbed must have something to do
        if world.network.messages < world.options.messages_max:
            Disturbance(self).run()

    # --- healing ---------------------------------------------------------------------------------

    def _heal(self) -> bool:
        """End all faults for a core, and cut all others off; False: nothing can be demanded."""
        world = self.world
        world.faults.over = True
        self.core = choose_core(world, self.random)
        names = {node.name for node in self.core}
        world.trace.line(world.heap.now, "-", f"* heal {' '.join(sorted(names))}")
        if not self.core:
            return False
        world.network.noisy = False
        for node in world.nodes.values():
            node.mend_disk()
            node.step_cost = 0.0
            node.protocol = PROTOCOL_VERSION
            node.clock.set_ahead(self.random.uniform(-2, 2))
            if node.name not in names:
                world.network.gone.add(node.name)
                self._cut_terms[node.name] = self._term_ahead(node)
                world.stopped.add(node.name)
                if node.life and self.random.random() < 0.5:
                    node.stop(silently=False)
                continue
            node.resume()
            if not node.life:
                world.heap.after(self.random.random(), world.faults.restart, node, node.lives)
        world.network.mend_all()
        return True

    def _term_of(self, node: Node) -> int:
        """Return the term that a node is in, or would start in."""
        if node.replica is not None:
            return node.replica.raft.term
        mirror = self.world.ghost.mirrors.get(node.name)
        return 0 if mirror is None else mirror.durable_term  # none: it has never started yet

    def _term_ahead(self, node: Node) -> int:
        """Return the highest term that a node may still enter by what it has already heard."""
        messages = [event.message for event in node.inbox if isinstance(event, Received)]
        heard = [getattr(message, "term", 0) for message in messages]
        if any(isinstance(message, CertifiedBlocks) for message in messages):
            heard.append(self.world.ghost.committed[-1].entry.term)  # no block of theirs has more
        return max(self._term_of(node), *heard, 0) + 1

    # --- what is looked at ----------------------------------------------------------------------

    def led(self) -> bool:
        """Say whether one leader has opened its term and the voters of the core follow it."""
        leader = self.world.leader()
        if leader is None or leader.replica is None or leader not in self.core:
            return False
        raft = leader.replica.raft
        if not raft.own_term_committed():
            return False
        voters = raft.configuration.voter_ids()
        return all(
            node.replica is not None
            and (
                node.name not in voters
                or node.store not in dict(raft.configuration.voters).values()
                or node.replica.raft.leader == leader.name
            )
            for node in self.core
        )

    def _quiet(self) -> bool:
        """Say whether orders are carried out and every node of the core is where the others are."""
        operators = self.world.operators
        if not operators.idle or not self.led():
            return False
        for name, (role, store) in operators.wanted.items():
            node = self.world.nodes[name]
            if role != "observer" and node in self.core and node.store != store:
                return False
        return self._in_force()

    def _in_force(self) -> bool:
        """Say whether what was ordered is in force, as far as the core can bring it there."""
        leader = self.world.leader()
        if leader is None or leader.replica is None:
            return False
        replica = leader.replica
        wanted = self.world.operators.wanted
        have = dict(replica.raft.configuration.voters)
        if not self._may_step(replica):
            return True
        for name, (role, store) in wanted.items():
            here = self.world.nodes[name] in self.core and not self._astray(self.world.nodes[name])
            if here and role == "validator" and have.get(name) != store:
                return False
        return all(wanted.get(name, ("",))[0] == "validator" for name in have)

    def _may_step(self, replica: Replica) -> bool:
        """Say whether the core can take any step to the members wanted.

        No leader brings voters into force of whom no majority answers, or too few to sign while
        enough do now, nor one that is not there.
        """
        stores = {node.name: node.store for node in self.core if not self._astray(node)}

        def intact(voters: Sequence[Member]) -> int:
            return sum(stores.get(member.name) == member.store for member in voters)

        current = replica.memberships.latest()
        now = current.voters()
        signs = intact(now) >= certificate_quorum(len(now))
        had = {member.name for member in now}
        for step in next_steps(current, replica._executor.wanted, 0):
            voters = step.voters()
            promoted = {member.name for member in voters} - had
            if may_step(len(voters), intact(voters), signs=signs) and promoted <= stores.keys():
                return True
        return False

    def members(self) -> list[Node]:
        """Return the nodes of the core that are members or observers by what is wanted."""
        wanted = self.world.operators.wanted
        return [node for node in self.core if node.name in wanted and not self._astray(node)]

    def _astray(self, node: Node) -> bool:
        """Say whether a node slept through so much that it knows the key of nobody it could follow.

        It was let go, the others were all replaced, and then it was taken back: no link comes about
        by keys that the ledger named when it slept in (docs/adr/0006).
        """
        leader = self.world.leader()
        if leader is None or leader.replica is None or node.replica is None:
            return False
        since = leader.replica.memberships.since(node.replica.ledger.height)
        if all(membership.member(node.name) is not None for membership in since):
            return False
        known = {leader.name}
        fresh = [leader]
        while fresh:
            one = fresh.pop()
            for other in self.core:
                mutual = one.accepts(other.name) and other.accepts(one.name)
                if mutual and other.name not in known:
                    known.add(other.name)
                    fresh.append(other)
        return node.name not in known

    def _equal(self) -> bool:
        """Say whether all members of the core have one height and digest, all of it certified."""
        world = self.world
        if not self._quiet():
            return False
        heights = {world.ghost.applied(node.disk) for node in self.members()}
        if heights != {len(world.ghost.committed)}:
            return False
        if len({world.state_digest(node) for node in self.members()}) != 1:
            return False
        return {world.certified(node) for node in self.members()} == heights

    # --- demands ---------------------------------------------------------------------------------

    def demand(self, property_id: str, holds: object, within: float) -> None:
        world = self.world
        began = world.heap.now
        check = holds
        if not callable(check):
            raise TypeError("a demand is a function")
        if world.run_until(began + within + self._slack, check, self.hard_max):
            return
        if not world.checks.watches(property_id):
            if not world.checks.watches("L-e"):
                if world.network.messages >= self.hard_max:
                    raise Stopped
                return  # what is looked at comes later
        elif world.network.messages < self.hard_max:
            raise Violation(
                property_id,
                "-",
                f"not within {within + self._slack:.0f} s after {began:.0f} s: {self._picture()}",
            )
        if world.network.messages >= self.hard_max:
            raise Violation("L-e", "-", f"{self.hard_max} messages, and still: {self._picture()}")
        raise Stopped

    def demand_write(self, property_id: str) -> None:
        """A write that a node of the core takes now must be certified everywhere in time."""
        world = self.world
        until = world.wall_ms(600)
        voters = [node for node in self.members() if not node.observer]
        probe = world.chain.put("archive", b"probe", 1, None, until)
        offer_at = world.heap.now

        def certified() -> bool:
            nonlocal offer_at
            if world.heap.now >= offer_at and world.acceptances.has(probe):
                offer_at = math.inf
            elif world.heap.now >= offer_at:
                offer_at = world.heap.now + OFFERED_AGAIN_SECONDS  # its disk may have been full
                world.workload.offer(self.random.choice(voters), probe)
            found = world.workload.history.by_id.get(probe.id)
            return found is not None and all(
                world.certified(node) >= found[0] for node in self.members()
            )

        self.demand(property_id, certified, 12 * self.timeout)

    def _picture(self) -> str:
        world = self.world
        parts = []
        for node in world.nodes.values():
            replica = node.replica
            if replica is None:
                parts.append(f"{node.name} down")
                continue
            raft = replica.raft
            parts.append(
                f"{node.name}{'' if node in self.core else ' (cut off)'} {replica.role()} "
                f"t{raft.term} leader {raft.leader} log {raft.last_index} commit {raft.commit} "
                f"applied {replica.ledger.height} certified {world.certified(node)} "
                f"voters {','.join(raft.configuration.voter_ids())}"
            )
        wanted = ",".join(f"{name}:{role}" for name, (role, _) in world.operators.wanted.items())
        order = world.operators.current
        ordered = "" if order is None else f"; ordered {order.motion.name} {order.name}"
        return "; ".join(parts) + f"; wanted {wanted}{ordered}"

    # --- calm, and one disturbance --------------------------------------------------------------

    def _calm(self) -> None:
        """L-d: nothing changes the term while nothing is wrong.

        One election if a node that was cut off brings a newer term, which it may have campaigned
        in before, or if the leader is ordered to go and could not yet; as many as it takes under a
        leader that sends what breaks its links.
        """
        world = self.world
        leader = world.leader()
        if leader is None or leader.replica is None:
            self.broken("L-a", "the leader was not stable")
            return
        term = leader.replica.raft.term
        allowed = term
        others = [node for node in world.nodes.values() if node not in self.core]
        others = [node for node in others if node.name != world.liar.claimed]
        if others and self.random.random() < 0.7:
            back = self.random.choice(others)
            cut_term = self._cut_terms[back.name]
            if self._term_of(back) > cut_term:
                self.broken("L-d", f"{back.name} raised its term while nobody heard it")
            if cut_term > term:
                allowed = cut_term + 1  # it had campaigned before it was cut off
            world.trace.line(world.heap.now, back.name, "* joins again")
            world.network.gone.discard(back.name)
            world.stopped.discard(back.name)
            back.resume()
            if not back.life:
                world.faults.restart(back, back.lives)
            world.network.dial_all()
            world.marks.reach("heard-after-heal")
            self.core.append(back)
        span = max(8 * self.timeout, 12.0)

        wanted = world.operators.wanted.get(leader.name)
        if wanted is None or wanted[0] != "validator":
            allowed = max(allowed, term + 1)  # it hands over and goes, now that enough are there
        if leader.name == world.liar.name:
            allowed = sys.maxsize  # links break at what it sends: followers elect another

        def elected() -> bool:
            now = world.leader()
            return now is not None and now.replica is not None and now.replica.raft.term > allowed

        if world.run_until(world.heap.now + span, elected, self.hard_max):
            self.broken("L-d", f"an election in the calm after term {term}: {self._picture()}")

    def broken(self, property_id: str, text: str) -> None:
        if self.world.checks.watches(property_id):
            raise Violation(property_id, "-", text)
