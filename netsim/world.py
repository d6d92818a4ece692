"""One simulated network: nodes, clients, operators, faults and checks on one heap of events."""

from __future__ import annotations

import random
from collections.abc import Callable

from govchaind.base.encoding import decode
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import Hash, NodeId, StoreId
from govchaind.raft.core import Role
from govchaind.raft.messages import Timing
from govchaind.replica.events import (
    Certified,
    Committed,
    Decided,
    Expired,
    Guard,
    Happened,
    MembersChanged,
    Notice,
    OfferAnswered,
    ReadReady,
)
from govchaind.replica.messages import PeerMessage
from govchaind.replica.replica import Replica
from govchaind.replica.store import block_of, put_store_id, store_batch
from netsim.accepted import Acceptances
from netsim.callers import Callers
from netsim.chain import Chain, store_id
from netsim.checks import Checks
from netsim.clerks import Clerk
from netsim.clock import EPOCH_MILLISECONDS
from netsim.faults import Faults
from netsim.ghost import Ghost
from netsim.heap import Heap
from netsim.liar import Liar
from netsim.marks import Marks
from netsim.network import Network
from netsim.node import Node
from netsim.operators import Operators
from netsim.options import Options, source
from netsim.picture.record import Record
from netsim.plan import Plan
from netsim.properties.base import Stopped, Violation
from netsim.properties.ledger import TakesEffectOnce
from netsim.rivals import Rivals
from netsim.signing import Signatures
from netsim.trace import Trace
from netsim.workload import Workload

BROKEN_LINK_JITTER = 0.05
SLEEP_HOURS = (20, 26, 26, 26, 75, 300)  # days go by: clocks of requests run out, months end
TODAY_MILLISECONDS = 20 * 3600 * 1000
INSTANT_STEPS_MAX = 50_000  # a thousand times what an instant of a healthy run was seen to take


class World:
    """Everything of one run."""

    def __init__(
        self,
        options: Options,
        write: Callable[[str], None] | None = None,
        watched: frozenset[str] | None = None,
        plan: Plan | None = None,
        record: Record | None = None,
    ) -> None:
        self.options = options
        self.plan = plan if plan is not None else Plan(options)
        self.random = source(options.seed, "world")
        self.heap = Heap()
        self.trace = Trace(write, record)
        self.marks = Marks()
        self.signatures = Signatures(options.seed, real=options.real_signatures)
        self.chain = Chain(options, self.signatures)
        self.genesis = self.chain.genesis
        self.nodes: dict[NodeId, Node] = {}
        self.ghost = Ghost(self.genesis, self.nodes)
        self.checks = Checks(self.ghost, self.marks, watched, options)
        self._effects = next(
            each for each in self.checks.properties if isinstance(each, TakesEffectOnce)
        )
        self.timing = Timing(
            heartbeat=options.heartbeat,
            election_min=options.election_min,
            election_max=options.election_max,
            broken_link_jitter=BROKEN_LINK_JITTER,
        )
        self._first_rows: dict[bytes, bytes | None] = {}
        self.network = Network(options, self.heap, self.trace, self.nodes, self.plan.sites)
        self.network.on_arrival = self._judge
        self.acceptances = Acceptances()
        self.workload = Workload(self)
        self.operators = Operators(self)
        self.liar = Liar(self)
        self.clerks = [Clerk(number, self) for number in range(options.clerks)]
        self.faults = Faults(self)
        self.callers = Callers(self)
        self.rivals = Rivals(self)
        self.unlooked: set[Hash] = set()  # put into a pool past the node's own look
        self.slept = 0.0  # seconds that all machines were suspended: only wall clocks went on
        self.stopped: set[NodeId] = set()  # these do not start again
        self.wild_clock: Node | None = None  # the one node whose clock may be wrong by years
        self._transfer: tuple[NodeId, NodeId | None, int] | None = None
        for name in (*self.chain.voters, *self.chain.spares):
            self.nodes[name] = Node(name, self, observer=False)
        for name in self.chain.observers:
            self.nodes[name] = Node(name, self, observer=True)
        if self.plan.deployed_mesh:
            self.network.apart = frozenset(self.chain.observers)

    def first_write(self, store: StoreId, guard: Guard | None) -> WriteBatch:
        """Return the first write of a new store: all its rows but its id are one for all nodes."""
        batch = WriteBatch()
        if not self._first_rows:
            self._first_rows = store_batch(self.genesis, store).changes
        batch.changes.update(self._first_rows)
        put_store_id(batch, store, guard)
        return batch

    def store_id(self, name: NodeId, number: int) -> StoreId:
        return store_id(self.options.seed, name, number)

    def start(self) -> None:
        """Start all processes within a second, then everything else."""
        for node in self.nodes.values():
            self.heap.after(self.random.random(), self.faults.restart, node, 0)
        self.workload.start()
        self.operators.start()
        for clerk in self.clerks:
            clerk.start()
        self.heap.after(1.0 + self.options.election_max, self.faults.start)

    def run_until(self, time: float, done: Callable[[], bool], messages_max: int) -> bool:
        """Go on until `done`, or `time`, or so many messages in all; True if done."""
        heap, network = self.heap, self.network
        step = heap.step
        steps = 0
        instant, since = heap.now, 0
        while network.messages < messages_max:
            steps += 1
            if heap.now != instant:
                instant, since = heap.now, steps
            elif steps - since > INSTANT_STEPS_MAX:
                self._stands_still(steps - since)
            if not steps & 15 and done():
                return True
            if not step(time):
                heap.now = time
                break
        return done()

    def _judge(self, sender: NodeId, to: NodeId, message: PeerMessage) -> bool:
        """Judge a message at the gate of the node that it comes to; say whether it may go in."""
        if self.liar.passes_gate(message):
            return True
        self.checks.accused(self.nodes[to], sender, "a transaction is signed wrongly")
        return False

    def _stands_still(self, steps: int) -> None:
        """Somebody does something again and again without time going by: a livelock."""
        if not self.checks.watches("L-e"):
            raise Stopped
        raise Violation("L-e", "-", f"time stands still: {steps} steps at {self.heap.now:.6f} s")

    # --- time ------------------------------------------------------------------------------------

    def wall_ms(self, ahead: float = 0.0) -> int:
        """Return the true wall time so many seconds from now, in milliseconds."""
        return EPOCH_MILLISECONDS + int((self.heap.now + self.slept + ahead) * 1000)

    def sleep(self, seconds: float) -> None:
        """All machines are suspended, and wake again together."""
        self.slept += seconds
        for node in self.nodes.values():
            node.clock.sleep(seconds)
        self.trace.line(self.heap.now, "-", f"* all machines have slept for {seconds:.0f} s")

    def doze(self, pick: random.Random) -> None:
        """All machines sleep for a day, or nearly two weeks, if the newest block is of today.

        Nodes judge what is offered by the newest block's time, at most half a minute ahead: while
        that block is two weeks old, they take what is valid now for valid too far ahead.
        """
        hours, committed = pick.choice(SLEEP_HOURS), self.ghost.committed
        if committed and self.wall_ms() - block_of(committed[-1].entry).time < TODAY_MILLISECONDS:
            self.sleep(hours * 3600.0)

    # --- what a node looks like from outside -----------------------------------------------------

    def running(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.life]

    def some_node(self, pick: random.Random) -> Node | None:
        """Return a running node that clients can reach."""
        nodes = [node for node in self.running() if node.name not in self.network.gone]
        return pick.choice(nodes) if nodes else None

    def leader(self) -> Node | None:
        """Return the running leader of the newest term."""
        found: Node | None = None
        term = -1
        for node in self.nodes.values():
            replica = node.replica
            if replica is None or replica.raft.role is not Role.LEADER:
                continue
            if replica.raft.term > term:
                found, term = node, replica.raft.term
        return found

    def certified(self, node: Node) -> int:
        """Return up to which height the node's disk holds certificates."""
        return node.disk.newest(Table.CERTIFICATE)

    def state_digest(self, node: Node) -> bytes:
        """Return the result row of the newest applied height: all of it hangs on all before it."""
        height = self.ghost.applied(node.disk)
        row = node.disk.image.get(Table.RESULT.value + height.to_bytes(8, "big"))
        return b"" if row is None else bytes(decode(row, bytes_max=1 << 22)[1]) + row[:40]

    # --- notices ---------------------------------------------------------------------------------

    def noticed(self, node: Node, notice: Notice) -> None:
        """A node tells its own clients, its mesh and its log."""
        trace, now = self.trace, self.heap.now
        if isinstance(notice, Committed):
            trace.line(now, node.name, f"= committed {notice.height} {notice.block_hash[:3].hex()}")
            if self.checks.watches(self._effects.id):
                self._effects.told(node.name, notice)
            if node.observer:
                self.marks.reach("observer-followed")
        elif isinstance(notice, Decided):
            trace.line(now, node.name, f"= decided {notice.height}")
            self.workload.history.block(notice)
            self.workload.decided(node, notice)
        elif isinstance(notice, Certified):
            trace.line(now, node.name, f"= certified {notice.height}")
            self.workload.history.certified.append((notice.height, node.name))
        elif isinstance(notice, ReadReady):
            trace.line(now, node.name, f"= read q{notice.request} {notice.height}")
            self._mark_read(node, notice)
            self.workload.read_ready(node, notice.request, notice.height)
        elif isinstance(notice, OfferAnswered):
            if notice.token >= 0:
                self.workload.offer_answered(notice.token, notice.codes)
        elif isinstance(notice, Expired):
            self.marks.reach("expired")
        elif isinstance(notice, MembersChanged):
            self.network.members_changed(node.name)
        elif isinstance(notice, Happened):
            values = " ".join(f"{key}={value}" for key, value in notice.values.items())
            trace.line(now, node.name, f"= {notice.name} {values}")

    def _mark_read(self, node: Node, notice: ReadReady) -> None:
        replica: Replica | None = node.replica
        if replica is None:
            return
        leads = replica.raft.role is Role.LEADER
        if notice.height is not None:
            if not leads:
                self.marks.reach("read-at-follower")
        elif not leads and self.ghost.leaders.get(replica.raft.term - 1) == node.name:
            self.marks.reach("read-refused-deposed")

    # --- transfers -------------------------------------------------------------------------------

    def watch_transfer(self, node: Node, target: NodeId | None) -> None:
        replica = node.replica
        if replica is not None and replica.raft.role is Role.LEADER:
            self._transfer = (node.name, target, replica.raft.term)
            self.heap.after(self.options.election_max, self._transfer_over, self._transfer)

    def elected(self, node: Node, new_term: int) -> None:
        """A node has become leader."""
        self.workload.stirred()
        self.callers.elected(node, new_term)
        if self._transfer is None:
            return
        name, target, term = self._transfer
        if new_term == term + 1 and node.name != name and target in (None, node.name):
            self._transfer = None
            self.marks.reach("transfer-done")

    def _transfer_over(self, watched: tuple[NodeId, NodeId | None, int]) -> None:
        if self._transfer is watched:
            self._transfer = None
            replica = self.nodes[watched[0]].replica
            if replica is not None and replica.raft.term == watched[2]:
                self.marks.reach("transfer-given-up")
