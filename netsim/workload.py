"""Clients: each does one thing at a time, waits, tries again, goes elsewhere, or gives up.

A client submits a put or a compare-and-set to some node, or asks one for a linearizable read. It is
answered when that node tells that the transaction is committed (or says, when asked again, at which
height it was). An answer that never comes leaves the outcome unknown, which is what a client may
not mistake for "it did not happen".
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from govchaind.base.encoding import decode
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.ledger.results import find_transaction, read_result
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import record_key
from govchaind.ledger.transaction import Transaction
from govchaind.raft.core import Role
from govchaind.replica.events import CertificateAwaited, Decided, Offered, ReadAsked
from netsim.chain import INSTITUTIONS, REGISTER
from netsim.history import History, Operation
from netsim.node import Node
from netsim.options import source
from netsim.properties.base import Violation

if TYPE_CHECKING:
    from netsim.world import World

AWAITS_EVERY = 4  # one transaction of so many is waited for until it is certified
TRIES_MAX = 6
EAGER_SHARE = 0.05  # of its usual time a client thinks while leadership changes
_STATE = State()


class Client:
    """One client and the call that it waits for."""

    def __init__(self, number: int, workload: Workload) -> None:
        self.number = number
        self.workload = workload
        self.random = source(workload.world.options.seed, f"client/{number}")
        self.operation: Operation | None = None
        self.transaction: Transaction | None = None
        self.nodes: set[NodeId] = set()  # where it waits for its transaction
        self.tries = 0
        self.turn = 0
        self.known: dict[bytes, int] = {}  # key → revision, as last seen

    def begin(self) -> None:
        """Do the next thing."""
        world, options = self.workload.world, self.workload.world.options
        pick = self.random
        key = b"k%d" % pick.randrange(options.keys)
        history = self.workload.history
        self.turn += 1
        self.tries = 0
        self.nodes = set()
        now = world.heap.now
        if pick.random() < options.reads:
            operation = Operation(self.number, "read", key, 0, None, now, history.floor)
            self.transaction = None
        else:
            expected = self.known.get(key, 0) if pick.random() < options.cas else None
            kind = "put" if expected is None else "cas"
            value = self.workload.next_value()
            lifetime = pick.choice((5.0, 30.0, 120.0, 600.0))
            valid_until = world.wall_ms(lifetime) + options.lifetime_extra
            institution = pick.choice(INSTITUTIONS)
            made = world.chain.put(institution, key, value, expected, valid_until)
            self.transaction = made
            operation = Operation(
                self.number, kind, key, value, expected, now, history.floor, made.id
            )
            self.workload.waiting[made.id] = self
        self.operation = operation
        history.begin(operation)
        self._try()

    def _try(self) -> None:
        world = self.workload.world
        self.tries += 1
        node = self.workload.node_for(self.random)
        if node is not None:
            self._ask(node)
            twice = self.random.random() < world.options.client_duplicate
            other = world.some_node(self.random)
            if twice and self.transaction is not None and other is not None:
                self._ask(other)
        world.heap.after(
            world.options.client_patience * (0.5 + self.random.random()),
            self._out_of_patience,
            self.turn,
            self.tries,
        )

    def _ask(self, node: Node) -> None:
        world = self.workload.world
        if self.transaction is None:
            request = self.workload.next_request()
            self.workload.reads[request] = (self, self.turn, node.name)
            world.trace.line(world.heap.now, node.name, f"read asked q{request}")
            node.arrive(ReadAsked(request))
            return
        self.nodes.add(node.name)
        if self.tries > 1 or len(self.nodes) > 1:
            found = status(node, self.transaction.id)
            if found is not None:
                self.workload.told(self.transaction.id, found[0], found[1], node.name)
                return
        if (self.number + self.turn) % AWAITS_EVERY == 0:
            node.arrive(CertificateAwaited())
        token = self.workload.next_request()
        self.workload.offers[token] = (self, self.turn, node.name)
        world.trace.line(
            world.heap.now, node.name, f"offered {self.transaction.identity[:3].hex()}"
        )
        node.arrive(Offered(token, [self.transaction]))

    def _out_of_patience(self, turn: int, tries: int) -> None:
        if turn != self.turn or tries != self.tries or self.operation is None:
            return
        options = self.workload.world.options
        again = self.random.random() < options.retry
        if again and self.tries < TRIES_MAX and self.random.random() >= options.abandon:
            self.workload.world.marks.reach("retried")
            self._try()
        else:
            self.workload.world.marks.reach("outcome-unknown")
            self.finish()

    def finish(self) -> None:
        """Think, then do the next thing."""
        if self.transaction is not None:
            self.workload.waiting.pop(self.transaction.id, None)
        self.operation = None
        self.turn += 1
        world = self.workload.world
        think = self.random.expovariate(1 / world.options.think_mean)
        if self.workload.is_restless(self.random):
            think *= EAGER_SHARE
        world.heap.after(think, self._next, self.turn)

    def hurry(self) -> None:
        """Leadership has changed: do the next thing about now, if idle."""
        world = self.workload.world
        if self.operation is None and self.random.random() < world.options.eager:
            soon = self.random.expovariate(1 / world.options.delay_mean)
            world.heap.after(soon, self._next, self.turn)

    def _next(self, turn: int) -> None:
        if turn == self.turn and self.operation is None and not self.workload.rests():
            self.begin()


class Asker(Client):
    """A client that does one thing, and asks one node."""

    done = False

    def intend(self, kind: str, key: bytes, value: int) -> Operation:
        """Make its operation; whoever calls begins it in the history, complete."""
        workload = self.workload
        now, floor = workload.world.heap.now, workload.history.floor
        self.turn = 1
        self.operation = Operation(self.number, kind, key, value, None, now, floor)
        return self.operation

    def read(self, node: Node, key: bytes, name: str) -> None:
        """Ask a node for a linearizable read."""
        self.workload.history.begin(self.intend("read", key, 0))
        request = self.workload.next_request()
        self.workload.reads[request] = (self, self.turn, node.name)
        world = self.workload.world
        world.trace.line(world.heap.now, node.name, f"read asked q{request} as {name}")
        node.arrive(ReadAsked(request))

    def finish(self) -> None:
        """It was answered, and does nothing more."""
        if self.transaction is not None:
            self.workload.waiting.pop(self.transaction.id, None)
        self.done = True


def status(node: Node, transaction: Hash) -> tuple[int, int] | None:
    """Return (height, code) of a transaction as this node's durable store has it."""
    found = find_transaction(node.disk.image, transaction)
    if found is None:
        return None
    height, position = found
    return height, read_result(node.disk.image, height).outcomes[position][2]


class Workload:
    """All clients of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history = History(watched=world.checks.watches("I-20"))
        self.waiting: dict[Hash, Client] = {}
        self.reads: dict[int, tuple[Client, int, NodeId]] = {}
        self.offers: dict[int, tuple[Client, int, NodeId]] = {}
        self.stopped = False
        self.messages_max = math.inf  # clients begin nothing once the network has had so many
        self._value = 0
        self._request = 0
        self._restless_until = 0.0
        self.clients = [Client(number, self) for number in range(world.options.clients)]

    def start(self) -> None:
        for client in self.clients:
            client.finish()

    def stirred(self) -> None:
        """There is a new leader: clients whose call failed come at once, old ones go on asking."""
        world = self.world
        if world.options.eager and not self.stopped:
            self._restless_until = world.heap.now + world.options.election_max
            for client in self.clients:
                client.hurry()

    def is_restless(self, pick: random.Random) -> bool:
        """Say whether leadership has just changed, and this call is one of those that hurry."""
        world = self.world
        return world.heap.now < self._restless_until and pick.random() < world.options.eager

    def node_for(self, pick: random.Random) -> Node | None:
        """Return a node to ask: while leadership changes, one that holds itself the leader."""
        if self.is_restless(pick):
            leading = [
                node
                for node in self.world.running()
                if node.replica is not None
                and node.replica.raft.role is Role.LEADER
                and node.name not in self.world.network.gone
            ]
            if leading:
                return pick.choice(leading)
        return self.world.some_node(pick)

    def offer(self, node: Node, transaction: Transaction) -> None:
        """Have a transaction that no client waits for offered to a node."""
        self.world.trace.line(
            self.world.heap.now, node.name, f"offered {transaction.identity[:3].hex()}"
        )
        node.arrive(Offered(-1, [transaction]))

    def rests(self) -> bool:
        """Say whether clients begin nothing more."""
        return self.stopped or self.world.network.messages >= self.messages_max

    def next_value(self) -> int:
        self._value += 1
        return self._value

    def next_request(self) -> int:
        self._request += 1
        return self._request

    def decided(self, node: Node, notice: Decided) -> None:
        """A node tells how the transactions of a height have ended."""
        for transaction, code, _ in notice.outcomes:
            client = self.waiting.get(transaction)
            if client is not None and node.name in client.nodes and code != Code.DUPLICATE:
                self.told(transaction, notice.height, code, node.name)

    def told(self, transaction: Hash, height: int, code: int, name: NodeId) -> None:
        """A client learns how its transaction ended."""
        self.history.acknowledged.append((transaction, height, code, name))
        client = self.waiting.get(transaction)
        if client is None or client.operation is None:
            return
        operation = client.operation
        operation.code, operation.height, operation.node = code, height, name
        if code == Code.REVISION_CONFLICT:
            self.world.marks.reach("cas-conflict")
            client.known.pop(operation.key, None)
        self.history.answered(operation, self.world.heap.now)
        client.finish()

    def offer_answered(self, token: int, codes: list[int]) -> None:
        client, turn, name = self.offers.pop(token)
        if client.turn == turn and codes[0] == Code.EXPIRED:
            client.nodes.discard(name)  # it may still have been included, sent elsewhere

    def read_ready(self, node: Node, request: int, height: int | None) -> None:
        marks = self.world.marks
        if request not in self.reads:
            return
        client, turn, _ = self.reads.pop(request)
        if height is None:
            marks.reach("read-refused")
            return
        marks.reach("read-answered")
        operation = client.operation
        if operation is None or client.turn != turn:
            return
        image = node.disk.image
        applied = self.world.ghost.applied(node.disk)
        if applied < height:
            raise Violation("I-20", node.name, f"read at {height} is ready with {applied} applied")
        row = _STATE.get(image, record_key(REGISTER, operation.key))
        if row is not None:
            operation.revision, _, (operation.value,) = decode(row, bytes_max=4096)
        operation.height, operation.node = applied, node.name
        client.known[operation.key] = operation.revision
        self.history.answered(operation, self.world.heap.now)
        self.history.check_read(operation)
        client.finish()
