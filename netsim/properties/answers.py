"""What clients are told: I-19. Every answer must follow from the state that its node has.

An offer is refused only for a reason that holds there (by the model, at the node's own height); it
is accepted only if none does. Heights are told in order, once a life, when they are durable, with
the outcomes that they have. Acceptance is remembered: see `liveness` for what must come of it.
"""

from __future__ import annotations

from govchaind.base.keyspace import Table, height_key
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.ledger.transaction import Transaction
from govchaind.replica.events import Certified, Committed, OfferAnswered, Offered
from netsim.ghost import Ghost, Mirror
from netsim.model.ledger import OPERATIONS
from netsim.node import Node
from netsim.properties.base import Property, Step

AHEAD_MILLISECONDS = 60_000 + 30_000  # by how much a node's clock may be believed beyond a block
_NOTHING: frozenset[Hash] = frozenset()
FULL = (Code.POOL_FULL, Code.INSTITUTION_SHARE_FULL, Code.STORAGE_FULL)


class AnswersHold(Property):
    id = "I-19"
    text = (
        'client-visible state only moves forward; "refused" is told only if it can never be '
        'applied; else "unknown"'
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self._heights: dict[NodeId, int] = {}  # the ledger's, after the last step
        self._pooled: dict[NodeId, frozenset[Hash]] = {}
        self._told: dict[NodeId, int] = {}
        self._certified: dict[NodeId, int] = {}

    def started(self, node: Node, mirror: Mirror) -> None:
        replica = node.replica
        self._heights[node.name] = mirror.applied if replica is None else replica.ledger.height
        self._pooled[node.name] = frozenset()
        self._told[node.name] = mirror.applied
        self._certified[node.name] = 0

    def step(self, step: Step) -> None:
        node, replica = step.node, step.node.replica
        if replica is None:
            return
        for event in step.events:
            if isinstance(event, Offered):
                self._offers(step)
                break
        for notice in step.work.notices:
            if isinstance(notice, Committed):
                self._height(node, notice)
            elif isinstance(notice, Certified):
                self._certificate(node, notice.height)
        self._heights[node.name] = replica.ledger.height
        pooled = replica.pool._all
        self._pooled[node.name] = frozenset(pooled) if pooled else _NOTHING

    def _offers(self, step: Step) -> None:
        """Look at all offers of a step and what each was answered."""
        node = step.node
        offers = [event for event in step.events if isinstance(event, Offered)]
        answers = [each for each in step.work.notices if isinstance(each, OfferAnswered)]
        if [each.token for each in offers] != [each.token for each in answers]:
            self.fail(node.name, "does not answer each offer once, in order")
        for offer, answer in zip(offers, answers, strict=True):
            for transaction, code in zip(offer.transactions, answer.codes, strict=True):
                self._answer(node, transaction, code)

    def _answer(self, node: Node, transaction: Transaction, code: int) -> None:
        height, model = self._heights[node.name], self.ghost.model
        if height > len(self.ghost.committed):
            return
        self.ghost.advance_model(height)
        newest = model.results[height - 1].time if height else node.world.genesis.time
        wall = node.clock.wall_ms(node.world.heap.now)
        time = min(max(wall, newest), newest + AHEAD_MILLISECONDS)
        expected = model.admission(transaction, time, height)
        if not expected and any(kind not in OPERATIONS for kind, _ in transaction.operations):
            expected = Code.UNKNOWN_OPERATION
        if code in (expected, Code.STORAGE_FULL) or (not expected and code in FULL):
            return
        known = transaction.identity in self._pooled[node.name] | node.world.unlooked
        if code == Code.APPLIED and known:
            return
        name = transaction.id.hex()[:12]
        self.fail(
            node.name,
            f"answers {code} to {name} at height {height}, where the model says {int(expected)}",
        )

    def _height(self, node: Node, notice: Committed) -> None:
        height = notice.height
        if height != self._told[node.name] + 1:
            self.fail(node.name, f"tells of height {height} after {self._told[node.name]}")
        self._told[node.name] = height
        if height > self.ghost.applied(node.disk):
            self.fail(node.name, f"tells of height {height} before it is durable")
        if height > len(self.ghost.committed):
            return
        self.ghost.advance_model(height)
        expected = self.ghost.model.results[height - 1]
        outcomes = [(each[0], each[2], each[3]) for each in expected.outcomes]
        told = [tuple(outcome) for outcome in notice.outcomes]
        if told != outcomes or notice.time != expected.time:
            self.fail(node.name, f"tells other outcomes of height {height} than it has")

    def _certificate(self, node: Node, height: int) -> None:
        if height <= self._certified[node.name]:
            self.fail(node.name, f"tells again that height {height} is certified")
        self._certified[node.name] = height
        if node.disk.image.values.get(height_key(Table.CERTIFICATE, height)) is None:
            self.fail(node.name, f"tells that {height} is certified, and has no certificate of it")


PROPERTIES: tuple[type[Property], ...] = (AnswersHold,)
