"""What nodes have accepted, and what must come of it: the second half of L-b.

A node that said yes to an offer and has run ever since must see to it: the transaction comes into a
block, or its time passes, or the state comes to refuse it. None may be forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.types import NodeId
from govchaind.ledger.transaction import Transaction
from govchaind.replica.events import OfferAnswered, Offered
from netsim.properties.base import Step

if TYPE_CHECKING:
    from netsim.liveness import Liveness
    from netsim.world import World


class Acceptances:
    """All offers that nodes have said yes to, by node and life."""

    def __init__(self) -> None:
        self.said: list[tuple[NodeId, int, Transaction]] = []

    def step(self, step: Step) -> None:
        """Remember what was accepted in a step."""
        offers = [event for event in step.events if isinstance(event, Offered)]
        if not offers:
            return
        answers = [each for each in step.work.notices if isinstance(each, OfferAnswered)]
        for offer, answer in zip(offers, answers, strict=False):
            for transaction, code in zip(offer.transactions, answer.codes, strict=False):
                if not code:
                    self.said.append((step.node.name, step.node.life, transaction))

    def has(self, transaction: Transaction) -> bool:
        """Say whether some node has said yes to it."""
        return any(each.id == transaction.id for _, _, each in self.said)


class Accepted:
    """What was accepted up to now, and has not come to its end.

    Not what a clerk has put into a pool itself: a node says yes to what it seems to have looked at.
    """

    def __init__(self, liveness: Liveness) -> None:
        self.world: World = liveness.world
        core = {node.name: node.life for node in liveness.members()}
        self._open = [
            transaction
            for name, life, transaction in self.world.acceptances.said
            if core.get(name) == life and transaction.identity not in self.world.unlooked
        ]

    def settled(self) -> bool:
        """Say whether all of them have come to an end."""
        ghost = self.world.ghost
        ghost.advance_model(len(ghost.committed))
        model = ghost.model
        time = model.results[-1].time if model.results else 0
        self._open = [
            each
            for each in self._open
            if each.identity not in model.included and not model.admission(each, time)
        ]
        return not self._open
