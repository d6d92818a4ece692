"""What a scenario's lines share: the world, names given to nodes, and what clients were answered.

Each write and each read is a client of its own that asks one node once and waits: what it is told
goes into the history like any client's, so linearizability and durability are checked as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.types import Height, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.replica.events import Offered
from netsim.node import Node
from netsim.options import source
from netsim.words import Word
from netsim.workload import Asker

if TYPE_CHECKING:
    from netsim.world import World

LEADER = "leader"
WRITER = "bureau"
LIFETIME_SECONDS = 600
FIRST_CLIENT = 1000  # above all that a workload has


class Stage:
    """The world as the lines of a scenario, or the timed acts of a world file, see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called: dict[str, NodeId] = {}
        self.askers: dict[str, Asker] = {}
        self.random = source(world.options.seed, "lines")  # for what a line leaves to chance

    # --- nodes -----------------------------------------------------------------------------------

    def node(self, word: Word) -> Node:
        """Return the node that a word means now. Raises InvalidSetting."""
        nodes = self.world.nodes
        if word.text == LEADER:
            leader = self.world.leader()
            if leader is None:
                raise word.nobody_leads()
            return leader
        name = self.called.get(word.text, word.text)
        if name not in nodes:
            known = [*nodes, LEADER, *self.called]
            word.one_of(known if len(known) < 40 else ["n0", LEADER, *self.called], "node")
        return nodes[name]

    def two(self, words: list[Word]) -> tuple[Node, Node]:
        """Return the two different nodes that two words mean. Raises InvalidSetting."""
        one, other = map(self.node, words)
        if one is other:
            raise words[1].wrong(f"{one.name} stands there twice")
        return one, other

    def nodes(self, words: list[Word]) -> list[Node]:
        """Return the nodes that words mean; `others` are all those that no word names.

        Raises InvalidSetting if two words mean one node.
        """
        found: list[Node] = []
        for word in words:
            if word.text != "others":
                node = self.node(word)
                if node in found:
                    raise word.wrong(f"{node.name} stands there twice")
                found.append(node)
        if any(word.text == "others" for word in words):
            found += [node for node in self.world.nodes.values() if node not in found]
        return found

    # --- clients ---------------------------------------------------------------------------------

    def _new(self, name: str) -> Asker:
        asker = Asker(FIRST_CLIENT + len(self.askers), self.world.workload)
        self.askers[name] = asker
        return asker

    def offer(self, node: Node, key: str, value: int, name: str) -> None:
        """Submit a write to one node."""
        world = self.world
        asker = self._new(name)
        operation = asker.intend("put", key.encode(), value)
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
        self._new(name).read(node, key.encode(), name)

    def height_of(self, name: str) -> Height | None:
        """Return at which height a write was committed and applied, as far as anybody told."""
        transaction = self.askers[name].transaction
        if transaction is None:
            return None
        found = self.world.workload.history.by_id.get(transaction.id)
        return found[0] if found is not None and found[1] == Code.APPLIED else None
