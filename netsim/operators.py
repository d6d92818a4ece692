"""Those who run the network: they found the register, change members and readmit wiped stores.

An operator votes with two institutions' keys, sends the ballots to some node, and sends them again
until both are committed or their time has passed. One motion is under way at a time. What is wanted
of each node is remembered here as ordered; whether it comes into force is the network's affair.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govchaind.base.types import NodeId, StoreId
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.transaction import Transaction
from govchaind.replica.events import Offered
from netsim.options import source

if TYPE_CHECKING:
    from netsim.world import World

AGAIN_SECONDS = 3.0
LIFETIME_SECONDS = 60.0


@dataclass(slots=True)
class Order:
    """One motion: what it does to which node."""

    motion: MotionKind
    name: NodeId
    role: str | None  # the role wanted afterwards; None: removed
    store: StoreId
    arguments: list[Any]


class Operators:
    """The motions of one world, one after another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = source(world.options.seed, "operators")
        self.wanted: dict[NodeId, tuple[str, StoreId]] = {
            member.name: (member.role, member.store) for member in world.genesis.nodes
        }
        self.queue: deque[Order] = deque()
        self.current: Order | None = None
        self._ballots: list[Transaction] = []
        self._round = 0
        self._register: Transaction | None = None
        self._sent = 0
        self._seen = 0  # the height at which `wanted` was looked up
        self._time = 0  # the time of that block

    @property
    def idle(self) -> bool:
        return self.current is None and not self.queue

    def start(self) -> None:
        self.world.heap.after(0.1, self._tick)

    def ordered_voters(self) -> list[dict[NodeId, StoreId]]:
        """Return the voters wanted now, and those once the present order is carried out."""
        now = {name: store for name, (role, store) in self.wanted.items() if role == "validator"}
        order = self.current
        if order is None:
            return [now]
        then = {name: store for name, store in now.items() if name != order.name}
        steps = [now, then] if then else [now]
        if order.role == "validator":
            steps.append({**then, order.name: order.store})
        return steps

    # --- orders ----------------------------------------------------------------------------------

    def order_role(self, name: NodeId, role: str) -> None:
        """Want this node, under its present store, in a role."""
        node = self.world.nodes[name]
        member = self.world.chain.member(name, "learner", node.store)
        arguments = [
            name,
            member.institution,
            role,
            member.attestation_key,
            member.tls_key,
            node.store,
            list(member.addresses),
        ]
        self.queue.append(Order(MotionKind.SET_NODE, name, role, node.store, arguments))

    def order_removal(self, name: NodeId) -> None:
        self.queue.append(Order(MotionKind.REMOVE_NODE, name, None, b"", [name]))

    def order_readmission(self, name: NodeId) -> None:
        """Want this node again, under the store that it has now."""
        store = self.world.nodes[name].store
        if any(order.name == name and order.store == store for order in self.queue):
            return
        role = self.wanted[name][0]
        self.queue.append(Order(MotionKind.READMIT_NODE, name, role, store, [name, store]))

    # --- carrying them out -----------------------------------------------------------------------

    def _tick(self) -> None:
        world = self.world
        world.heap.after(AGAIN_SECONDS * (0.5 + self.random.random()), self._tick)
        self._found_register()
        self.look()
        if self.current is None:
            self._look_for_strange_stores()
            if not self.queue:
                return
            self._begin(self.queue.popleft())
        self._settle()
        if self.current is not None:
            for ballot in self._ballots:
                if ballot.id not in world.workload.history.by_id:
                    self._offer(ballot)

    def look(self) -> None:
        """Ask the node that is furthest what is wanted: a ballot given up may have counted."""
        for node in self.world.running():
            replica = node.replica
            if replica is not None and replica.ledger.height > self._seen:
                self._seen = replica.ledger.height
                self._time = replica.ledger.time
                members = replica._executor.wanted
                self.wanted = {member.name: (member.role, member.store) for member in members}

    def _look_for_strange_stores(self) -> None:
        for name in sorted(self.wanted):
            role, store = self.wanted[name]
            node = self.world.nodes[name]
            if role != "observer" and node.life and node.store != store and not self.queue:
                self.order_readmission(name)

    def _begin(self, order: Order) -> None:
        wanted = self.wanted.get(order.name)
        changes = order.role is not None if wanted is None else wanted != (order.role, order.store)
        if not changes or (wanted is None and order.motion is not MotionKind.SET_NODE):
            return
        if order.store and order.store != self.world.nodes[order.name].store:
            return  # wiped again meanwhile
        self._round += 1
        self.current = order
        self.world.trace.line(
            self.world.heap.now, order.name, f"ordered {order.motion.name} {order.role}"
        )
        self._ballots = self.world.chain.ballots(
            self._round, order.motion, order.arguments, self._until()
        )

    def _settle(self) -> None:
        order = self.current
        if order is None:
            return
        ends = [self.world.workload.history.by_id.get(ballot.id) for ballot in self._ballots]
        if all(end is not None for end in ends):
            self.look()
            self.current = None
        elif self._past(self._ballots[0]):
            self.current = None  # too late for one of the ballots

    def _past(self, offered: Transaction) -> bool:
        """Say whether no block can hold it any more: block time does not go back."""
        now = self._until() - LIFETIME_SECONDS * 1000
        return offered.valid_until < max(self._time, now - 60_000)

    def _until(self) -> int:
        until = self.world.wall_ms(LIFETIME_SECONDS)
        return until + self.world.options.lifetime_extra

    def _found_register(self) -> None:
        known = self.world.workload.history.by_id
        made = self._register
        if made is not None and made.id in known:
            return
        if made is None or self._past(made):
            made = self._register = self.world.chain.create_register(self._until())
        self._offer(made)

    def _offer(self, transaction: Transaction) -> None:
        node = self.world.some_node(self.random)
        if node is not None:
            self._sent -= 1
            self.world.trace.line(
                self.world.heap.now, node.name, f"ordered {transaction.identity[:3].hex()}"
            )
            node.arrive(Offered(self._sent, [transaction]))
