"""What goes wrong, when, and for how long: one schedule for each kind of fault that is on.

What takes a store away for good is in `stores.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from govchaind.raft.core import Role
from govchaind.replica.events import Offered, TransferAsked
from govchaind.runtime.codec import PROTOCOL_VERSION
from netsim.ambushes import Ambushes
from netsim.chain import INSTITUTIONS
from netsim.disk import Disk
from netsim.draws import Draws, draws
from netsim.flood import flood
from netsim.link_faults import LinkFaults
from netsim.node import Node
from netsim.options import source
from netsim.partitions import SHAPES, Directions, between, cut_out
from netsim.plan import Occurrence
from netsim.stores import Stores

if TYPE_CHECKING:
    from netsim.world import World

UPGRADE_SECONDS = 1.0  # from the end of the old process to the start of the new one
BOTH_PROTOCOLS = 2 * PROTOCOL_VERSION + 1


class Faults:
    """All schedules of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.over = False  # the safety phase has ended
        self.happened: list[Occurrence] = []  # for a case that lets some of them happen again
        self._random: random.Random = source(world.options.seed, "faults")
        self.stores = Stores(world)
        self.links = LinkFaults(world)
        self.ambushes = Ambushes(world)
        self._partition: Directions = []
        self._kinds: dict[str, Callable[[], None]] = {
            "cut": self._cut,
            "partition": self._part,
            "crash": self._crash_some,
            "pause": self._pause,
            "slow": self._slow,
            "wipe": self._wipe,
            "restore": self._restore,
            "disk-slow": self._disk_slow,
            "disk-hang": self._disk_hang,
            "disk-error": self._disk_error,
            "disk-full": self._disk_full,
            "rot": self._rot,
            "clock": self._clock,
            "clog": lambda: self.links.clog(self._random, self._lasts()),
            "half-open": lambda: self.links.half_open(self._random, self._lasts()),
            "cap": lambda: self.links.cap(self._random, self._lasts()),
            "slow-reader": lambda: self.links.slow_reader(self._random, self._lasts()),
            "ambush": lambda: self.ambushes.lay(self._random),
            "flood": self._flood,
            "upgrade": self._upgrade,
            "membership": self._membership,
            "transfer": self._transfer,
            "sleep": lambda: world.doze(self._random),
        }

    def start(self) -> None:
        """Begin the schedules of all kinds that are on."""
        options, kept = self.world.options, self.world.plan.occurrences
        if kept is not None:
            for occurrence in kept:
                self.world.heap.at(occurrence.at, self._happen_again, occurrence)
            return
        for kind, act in self._kinds.items():
            if options.on(kind):
                self._next(kind, act, draws(options.seed, f"fault/{kind}"))

    def _happen_again(self, occurrence: Occurrence) -> None:
        """Let a fault happen that was recorded, with the draws that it had then."""
        if not self.over:
            seed = self.world.options.seed
            self.happened.append(occurrence)
            self._random = draws(seed, f"fault/{occurrence.kind}", occurrence.drawn)
            self._kinds[occurrence.kind]()
            self._random.random()  # which told, then, when the next of its kind comes

    def _next(self, kind: str, act: Callable[[], None], pick: Draws) -> None:
        mean = self.world.options.fault_every
        if kind in ("wipe", "restore", "disk-error", "rot", "flood"):
            mean *= 4
        elif kind in ("disk-full", "clock", "sleep"):
            mean *= 2
        elif kind == "ambush":
            mean /= 2
        self.world.heap.after(pick.expovariate(1 / mean), self._happen, kind, act, pick)

    def _happen(self, kind: str, act: Callable[[], None], pick: Draws) -> None:
        if not self.over:
            self.happened.append(Occurrence(kind, self.world.heap.now, pick.drawn))
            self._random = pick
            act()
            self._next(kind, act, pick)

    def _lasts(self) -> float:
        return self._random.expovariate(1 / self.world.options.fault_lasts)

    def say(self, name: str, text: str) -> None:
        self.world.trace.line(self.world.heap.now, name, f"* {text}")

    def _some(self) -> Node | None:
        """Return a running node; the leader somewhat more often."""
        nodes = [node for node in self.world.nodes.values() if node.life]
        if not nodes:
            return None
        leaders = [node for node in nodes if node.replica and node.replica.raft.role is Role.LEADER]
        if leaders and self._random.random() < 0.35:
            return self._random.choice(leaders)
        return self._random.choice(nodes)

    # --- network ---------------------------------------------------------------------------------

    def _cut(self) -> None:
        names = sorted(self.world.nodes)
        if len(names) < 2:
            return
        pair = self._random.sample(names, 2)
        directions: Directions = [(pair[0], pair[1])]
        if self._random.random() < 0.5:
            directions.append((pair[1], pair[0]))
        self.say(pair[0], f"cut {' '.join('>'.join(each) for each in directions)}")
        self.world.network.cut(directions)
        self.world.heap.after(self._lasts(), self.mend, directions)

    def _part(self) -> None:
        names = sorted(self.world.nodes)
        if self._partition or len(names) < 2:
            return
        shape = self._random.choice(SHAPES)
        directions = cut_out(shape, names, self._random)
        self._partition = directions
        self.say("-", f"partition {shape} {' '.join('>'.join(each) for each in directions)}")
        self.world.network.cut(directions)
        self.world.heap.after(self._lasts(), self.mend, directions)

    def change_proposed(self, leader: Node) -> None:
        """A leader is about to send a configuration: at times it is cut off right then."""
        options = self.world.options
        if self.over or self._partition or not options.on("partition"):
            return
        others = [name for name in sorted(self.world.nodes) if name != leader.name]
        if others and self._random.random() < 0.7:
            lasts = self._lasts() + options.election_max
            self._cut_out(
                leader, self._random.sample(others, self._random.choice((0, 0, 1))), lasts
            )
            if options.on("disk-hang") and self._random.random() < 0.5:
                self._hang(leader, 2 * lasts)

    def _cut_out(self, node: Node, reached: list[str], lasts: float) -> None:
        """Cut a node off from all but those that it still reaches."""
        others = [name for name in sorted(self.world.nodes) if name != node.name]
        directions = between([node.name], [name for name in others if name not in reached])
        self._partition = directions
        self.say(node.name, f"cut off, but for {sorted(reached)}")
        self.world.network.cut(directions)
        self.world.heap.after(lasts, self.mend, directions)

    def _hang(self, node: Node, lasts: float) -> None:
        node.disk.hung_until = self.world.heap.now + lasts
        self.say(node.name, f"disk hangs until {node.disk.hung_until:.3f}")

    def mend(self, directions: Directions) -> None:
        """End a cut, unless all cuts have ended since."""
        if directions is self._partition:
            self._partition = []
        if not self.over:
            self.say("-", f"mend {len(directions)}")
            self.world.network.mend(directions)

    # --- nodes -----------------------------------------------------------------------------------

    def _crash_some(self) -> None:
        if self._random.random() < 0.06:
            victims = [node for node in self.world.nodes.values() if node.life]
            for victim in victims:
                self.crash(victim, "with all others", lasts=self._random.random() * 3)
            self.world.marks.reach("all-restarted")
            return
        node = self._some()
        if node is None:
            return
        if self._random.random() < 0.4:
            node.crash_on_write = True
        else:
            self.crash(node, "")

    def crash(self, node: Node, why: str, *, lasts: float | None = None) -> None:
        """Kill a process; it starts again later."""
        if not node.life:
            return
        world = self.world
        in_write = node.disk.in_flight is not None
        silently = self._random.random() < world.options.power_cuts
        side = node.stop(silently=silently)
        if in_write:
            world.marks.reach("restarted-in-write")
        self.say(node.name, f"crash {why} {side}{' silently' if silently else ''}")
        wait = self._lasts() if lasts is None else lasts
        world.heap.after(wait, self.restart, node, node.lives)

    def restart(self, node: Node, lives: int) -> None:
        if not node.life and node.lives == lives and node.name not in self.world.stopped:
            node.start()

    def _upgrade(self) -> None:
        """A node is given the other of two releases, whose protocols differ."""
        node = self._some()
        if node is not None:
            self.upgrade(node, BOTH_PROTOCOLS - node.protocol)

    def upgrade(self, node: Node, protocol: int) -> None:
        """Start a node again with software that speaks this protocol."""
        self.say(node.name, f"is given software of protocol {protocol}")
        node.protocol = protocol
        self.crash(node, "for new software", lasts=UPGRADE_SECONDS)
        if len({each.protocol for each in self.world.nodes.values()}) > 1:
            self.world.marks.reach("versions-mixed")

    def _pause(self) -> None:
        if self._random.random() < 0.15:
            # A host stands still with all its machines: their time-outs are over together.
            frozen = [node for node in self.world.nodes.values() if node.life and not node.paused]
            lasts = self._lasts() + self.world.options.election_max * self._random.random()
            for each in frozen:
                self.say(each.name, "pause, with all others")
                each.pause()
                self.world.heap.after(lasts, self._resume, each)
            self.world.marks.reach("all-paused")
            return
        node = self._some()
        if node is not None and not node.paused:
            self.say(node.name, "pause")
            node.pause()
            self.world.heap.after(self._lasts(), self._resume, node)

    def _resume(self, node: Node) -> None:
        if node.paused:
            self.say(node.name, "resume")
            node.resume()

    def _slow(self) -> None:
        node = self._some()
        if node is not None:
            node.step_cost = self._random.choice((0.005, 0.05, 0.3))
            self.say(node.name, f"slow {node.step_cost}")
            self.world.heap.after(self._lasts(), self._fast, node)

    def _fast(self, node: Node) -> None:
        node.step_cost = 0.0

    def _transfer(self) -> None:
        leader = self.world.leader()
        node = leader if leader is not None and self._random.random() < 0.8 else self._some()
        if node is not None:
            target = None
            if self._random.random() < 0.5:
                target = self._random.choice(sorted(self.world.nodes))
            self.say(node.name, f"transfer to {target}")
            self.world.watch_transfer(node, target)
            node.arrive(TransferAsked(target))

    def _membership(self) -> None:
        world, operators = self.world, self.world.operators
        if not operators.idle or world.liar.claimed is not None:
            return
        wanted = operators.wanted
        voters = sorted(name for name, (role, _) in wanted.items() if role == "validator")
        others = sorted(
            name for name in world.nodes if name not in voters and not world.nodes[name].observer
        )
        leader = world.leader()
        choice = self._random.random()
        if others and choice < 0.5:
            role = "validator" if self._random.random() < 0.85 else "learner"
            operators.order_role(self._random.choice(others), role)
        elif len(voters) > 1 and choice < 0.85:
            name = self._random.choice(voters)
            if leader is not None and self._random.random() < 0.4 and leader.name in voters:
                name = leader.name
            operators.order_removal(name)
        elif len(voters) > 1:
            operators.order_role(self._random.choice(voters), "learner")

    # --- clients ---------------------------------------------------------------------------------

    def _flood(self) -> None:
        """One author sends a node more at once than several blocks hold."""
        node = self._some()
        if node is None or node.name in self.world.network.gone:
            return
        pick = self._random
        author, count = pick.choice(INSTITUTIONS), pick.choice((10, 20, 40))
        made = flood(self.world, author, count, pick.choice((5, 20, 40)))
        self.say(node.name, f"flooded by {author}, {count} times")
        node.arrive(Offered(-1, made))
        self.world.marks.reach("flooded-amid-faults")

    # --- stores ----------------------------------------------------------------------------------

    def _wipe(self) -> None:
        self.stores.wipe(self._random.choice(list(self.world.nodes.values())), self._random)

    def _restore(self) -> None:
        self.stores.restore(self._random.choice(list(self.world.nodes.values())), self._random)

    def _rot(self) -> None:
        self.stores.rot(self._random.choice(list(self.world.nodes.values())), self._random)

    def rotted(self, node: Node) -> None:
        """A process has found rot: it is over, and its store with it."""
        self.stores.rotted(node, self._random)

    # --- disks -----------------------------------------------------------------------------------

    def _disk_slow(self) -> None:
        node = self._some()
        if node is not None:
            node.disk.slow = self._random.choice((5.0, 50.0, 200.0))
            self.say(node.name, f"disk slow {node.disk.slow}")
            self.world.heap.after(self._lasts(), self._disk_fast, node.disk)

    def _disk_fast(self, disk: Disk) -> None:
        disk.slow = 1.0

    def _disk_hang(self) -> None:
        node = self._some()
        if node is None:
            return
        lasts = 2 * self._lasts() + self.world.options.election_max
        leader = self.world.leader()
        may_cut = self.world.options.on("partition") and not self._partition
        if may_cut and leader is not None and self._random.random() < 0.7:
            # It hears of a successor while what it wrote as leader is still under way.
            node = leader
            if len(self.world.nodes) > 1:
                self._cut_out(node, [], 0.7 * lasts)
        self._hang(node, lasts)

    def _disk_error(self) -> None:
        node = self._some()
        if node is not None:
            self.say(node.name, "disk will fail")
            node.disk.fails = True

    def failed_write(self, node: Node) -> None:
        """A write failed: the process stops, and its operator starts it again."""
        self.world.marks.reach("disk-failed")
        self.crash(node, "write failed")

    def _disk_full(self) -> None:
        node = self._some()
        if node is not None:
            self.say(node.name, "disk is full")
            node.disk.full = True
            self.world.marks.reach("disk-full")
            self.world.heap.after(self._lasts(), self._disk_room, node.disk)

    def _disk_room(self, disk: Disk) -> None:
        disk.full = False

    def _clock(self) -> None:
        world = self.world
        nodes = list(world.nodes.values())
        node = self._random.choice(nodes)
        if self._random.random() < 0.15 and world.options.voters > 2 and world.wild_clock is None:
            world.wild_clock = node
        if world.wild_clock is node:
            ahead = self._random.choice((60.0, 3600.0, 2.3e9))
            node.clock.set_ahead(ahead)
            self.say(node.name, f"clock {ahead:+.0f}s")
        else:
            self.say(
                node.name,
                node.clock.disturb(self._random, world.options.clock_skew, world.heap.now),
            )
