"""What is sent again is bounded (L-e): a network that is busy with repeating itself gets nowhere.

Transactions are counted in one seed of four only, for there are many.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from govchaind.base.types import Hash, NodeId, Seconds, Term
from govchaind.raft.messages import AppendEntries
from govchaind.replica.events import Offered, Received
from govchaind.replica.messages import Gossip, PeerMessage, Want
from netsim.ghost import Ghost
from netsim.node import Node
from netsim.options import Options
from netsim.properties.base import Property, Step

ENTRY_SENT_MAX = 12  # beyond those that heartbeats may bring
LOOKED_AT, OF = 1, 4

Life = tuple[NodeId, int]


class EntriesSentBounded(Property):
    id = "L-e"
    text = "terms per simulated minute bounded, resends per entry bounded (no livelock)"
    looks_at: ClassVar[tuple[type, ...]] = (AppendEntries,)

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        # leader's life, its term, follower → first index sent, how often, since when
        self._sent: dict[tuple[Life, Term, NodeId], tuple[int, int, Seconds]] = {}

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        if not isinstance(message, AppendEntries) or not message.entries:
            return
        key = (node.name, node.life), message.term, to
        now, first = node.world.heap.now, message.entries[0].index
        index, count, since = self._sent.get(key, (0, 0, now))
        if index != first:
            self._sent[key] = first, 1, now
            return
        self._sent[key] = index, count + 1, since
        allowed = ENTRY_SENT_MAX + 2 * (now - since) / node.world.options.heartbeat
        if count > allowed:
            self.fail(
                node.name, f"sends entry {first} to {to} {count} times in {now - since:.1f} s"
            )


class PushesBounded(Property):
    id = "L-e"
    text = "terms per simulated minute bounded, resends per entry bounded (no livelock)"
    looks_at: ClassVar[tuple[type, ...]] = (Gossip,)

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self._pushed: Counter[tuple[Life, NodeId, Hash]] = Counter()
        self._asked: Counter[tuple[Life, NodeId, Hash]] = Counter()  # by a Want of that peer
        self._brought: Counter[tuple[Life, Hash]] = Counter()  # by a client, or a non-voter

    @classmethod
    def needed(cls, options: Options) -> bool:
        return options.seed % OF == LOOKED_AT

    def step(self, step: Step) -> None:
        life = step.node.name, step.node.life
        for event in step.events:
            if isinstance(event, Offered):
                self._brought.update((life, each.identity) for each in event.transactions)
            elif isinstance(event, Received) and isinstance(event.message, Want):
                self._asked.update((life, event.peer, each) for each in event.message.identities)
            elif isinstance(event, Received) and isinstance(event.message, Gossip):
                voters = step.mirror.configurations[-1][1].voter_ids()
                before = step.mirror.configuration_before(step.mirror.configurations[-1][0])
                if event.peer not in voters or event.peer not in before[1].voter_ids():
                    self._brought.update(
                        (life, each.identity) for each in event.message.transactions
                    )

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        if not isinstance(message, Gossip):
            return
        life = node.name, node.life
        for each in message.transactions:
            self._pushed[life, to, each.identity] += 1
            allowed = self._asked[life, to, each.identity] + self._brought[life, each.identity]
            if self._pushed[life, to, each.identity] > allowed:
                self.fail(
                    node.name,
                    f"pushes {each.identity.hex()[:6]} to {to} once more than brought or asked for",
                )


PROPERTIES: tuple[type[Property], ...] = (EntriesSentBounded, PushesBounded)
