"""What a scenario's lines share: the world, names given to nodes, and what clients were answered.

Each write and each read is a client of its own that asks one node once and waits: what it is told
goes into the history like any client's, so linearizability and durability are checked as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.types import Height, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.replica.events import Offered, ReadAsked
from netsim.history import Operation
from netsim.node import Node
from netsim.words import Word
from netsim.workload import Client

if TYPE_CHECKING:
    from netsim.world import World

LEADER = "leader"
WRITER = "bureau"
LIFETIME_SECONDS = 600
FIRST_CLIENT = 1000  # above all that a workload has


class Asker(Client):
    """A client that does one thing."""

    done = False

    def finish(self) -> None:
        """It was answered, and does nothing more."""
        if self.transaction is not None:
            self.workload.waiting.pop(self.transaction.id, None)
        self.done = True


class Stage:
    """The world as the lines of a scenario, or the timed acts of a world file, see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called: dict[str, NodeId] = {}
        self.askers: dict[str, Asker] = {}

    # --- nodes -----------------------------------------------------------------------------------

    def node(self, word: Word) -> Node:
        """Return the node that a word means now. Raises InvalidSetting."""
        nodes = self.world.nodes
        if word.text == LEADER:
            leader = self.world.leader()
            if leader is None:
                raise word.wrong("nobody leads now")
            return leader
        name = self.called.get(word.text, word.text)
        if name not in nodes:
            known = [*nodes, LEADER, *self.called]
            word.one_of(known if len(known) < 40 else ["n0", LEADER, *self.called], "node")
        return nodes[name]

    def nodes(self, words: list[Word]) -> list[Node]:
        """Return the nodes that words mean; `others` are all those that no word names."""
        found = [self.node(word) for word in words if word.text != "others"]
        if any(word.text == "others" for word in words):
            found += [node for node in self.world.nodes.values() if node not in found]
        return found

    # --- clients ---------------------------------------------------------------------------------

    def _asker(self, name: str, kind: str, key: str, value: int) -> tuple[Asker, Operation]:
        world = self.world
        history = world.workload.history
        asker = self.askers[name] = Asker(FIRST_CLIENT + len(self.askers), world.workload)
        asker.turn = 1
        operation = Operation(
            asker.number, kind, key.encode(), value, None, world.heap.now, history.floor
        )
        asker.operation = operation
        return asker, operation

    def offer(self, node: Node, key: str, value: int, name: str) -> None:
        """Submit a write to one node."""
        world = self.world
        asker, operation = self._asker(name, "put", key, value)
        until = world.wall_ms(LIFETIME_SECONDS)
        made = world.chain.put(WRITER, operation.key, value, None, until)
        operation.id = made.id
        asker.transaction = made
        asker.nodes.add(node.name)
        world.workload.waiting[made.id] = asker
        world.workload.history.begin(operation)
        token = world.workload.next_request()
        world.workload.offers[token] = (asker, asker.turn, node.name)
        world.trace.line(world.heap.now, node.name, f"offered {made.identity[:3].hex()} as {name}")
        node.arrive(Offered(token, [made]))

    def read(self, node: Node, key: str, name: str) -> None:
        """Ask one node for a linearizable read."""
        world = self.world
        asker, operation = self._asker(name, "read", key, 0)
        world.workload.history.begin(operation)
        request = world.workload.next_request()
        world.workload.reads[request] = (asker, asker.turn, node.name)
        world.trace.line(world.heap.now, node.name, f"read asked q{request} as {name}")
        node.arrive(ReadAsked(request))

    def height_of(self, name: str) -> Height | None:
        """Return at which height a write was committed and applied, as far as anybody told."""
        transaction = self.askers[name].transaction
        if transaction is None:
            return None
        found = self.world.workload.history.by_id.get(transaction.id)
        return found[0] if found is not None and found[1] == Code.APPLIED else None
