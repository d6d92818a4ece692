"""A malicious member: it has its real keys, runs the real replica, and sends other things as well.

One node at most, and only where four or more vote, so at most a third lies. What it may do here an
honest majority must bear without harm: attest two things, sign wrongly, send old messages again,
bump terms, send what is huge, misshapen or not certified, and spread transactions that nobody has
signed. It does not lie about what its disk holds, vote twice or say that it leads a term that it
has not won: of that Raft promises nothing, and who believes it takes the true leader for a liar.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from govchaind.base.crypto import Domain
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import Transaction, assemble, read_transaction
from govchaind.raft.messages import AppendEntries, AppendReply, RequestVote
from govchaind.replica.messages import (
    Attest,
    Certificates,
    CertifiedBlocks,
    Gossip,
    PeerMessage,
    Want,
)
from netsim.node import Node
from netsim.options import source

if TYPE_CHECKING:
    from netsim.world import World

KEPT = 200  # messages that may be sent again
HUGE = 20_000


class Liar:
    """The one liar of a world, or none."""

    def __init__(self, world: World) -> None:
        self.world = world
        options = world.options
        self.random = source(options.seed, "liar")
        self.name: NodeId | None = None
        if options.on("malicious") and options.voters >= 4:
            self.name = self.random.choice(world.chain.voters)
        self._past: deque[tuple[NodeId, PeerMessage]] = deque(maxlen=KEPT)
        self._judged: dict[Hash, bool] = {}

    def told(self, node: Node, to: NodeId, message: PeerMessage) -> list[PeerMessage]:
        """Return what this node sends where an honest one would send `message`."""
        if node.name != self.name or self.world.faults.over:
            return [message]
        pick = self.random
        self._past.append((to, message))
        if isinstance(message, Attest):
            return self._attest(node, message)
        draw = pick.random()
        if draw < 0.9:
            return [message]
        self.world.marks.reach("lied")
        if draw < 0.94:
            return [message, pick.choice(self._past)[1]]
        if draw < 0.96 and isinstance(message, RequestVote):
            return [replace(message, term=message.term + pick.choice((1, 3, 1 << 40)))]
        if draw < 0.97 and isinstance(message, AppendReply):
            return [message, replace(message, index=message.index + HUGE)]
        return [message, *self._junk(node)]

    def _attest(self, node: Node, attest: Attest) -> list[PeerMessage]:
        pick = self.random
        draw = pick.random()
        if draw < 0.5:
            return [attest]
        self.world.marks.reach("lied")
        if draw < 0.6:
            return [replace(attest, signature=pick.randbytes(64))]
        if draw < 0.65:
            return [replace(attest, statement=bytes(HUGE)), attest]
        if draw < 0.7:
            return [replace(attest, statement=attest.statement[:-1]), attest]
        return [self._other(node, attest)]

    def _other(self, node: Node, attest: Attest) -> Attest:
        """Return a properly signed attestation of results that nobody has."""
        read = read_statement(attest.statement)
        statement = replace(read, log_root=read.log_root[::-1]).encode()
        key = self.world.signatures.key(f"node/{node.name}")
        return Attest(attest.height, statement, key.sign(Domain.ATTESTATION, statement))

    def _junk(self, node: Node) -> list[PeerMessage]:
        pick, replica = self.random, node.replica
        draw = pick.random()
        if draw < 0.3:
            return [Want([pick.randbytes(32) for _ in range(700)])]
        if draw < 0.6 or replica is None or not replica.raft.last_index:
            until = self.world.genesis.time + 10_000_000
            made = self.world.chain.put("archive", b"forged", 1, None, until)
            pairs = [(public, pick.randbytes(64)) for public, _ in made.signatures]
            return [Gossip([read_transaction(assemble(made.body, pairs))])]
        block = self.world.ghost.mirrors[node.name].entries[-1].payload
        height = replica.ledger.height
        past = [each for _, each in self._past if isinstance(each, Attest)]
        if not past or not height:
            return []
        statement = past[-1].statement
        voters = sorted(replica.raft.configuration.voter_ids())
        forged = tuple((name, pick.randbytes(64)) for name in voters)
        certificate = Certificate(statement, forged)
        if draw < 0.8:
            return [Certificates([certificate])]
        return [CertifiedBlocks([(block, certificate)])]  # type: ignore[list-item]

    # --- the gate ----------------------------------------------------------------------------

    def passes_gate(self, message: PeerMessage) -> bool:
        """Say whether every transaction in a message is signed as it says: what a gate judges."""
        if self.name is None:
            return True
        if isinstance(message, Gossip):
            return all(map(self._signed, message.transactions))
        if isinstance(message, AppendEntries | CertifiedBlocks):
            entries = message.entries if isinstance(message, AppendEntries) else ()
            return all(
                self._signed(each)
                for entry in entries
                for each in getattr(entry.payload, "transactions", ())
            )
        return True

    def _signed(self, transaction: Transaction) -> bool:
        known = self._judged.get(transaction.identity)
        if known is None:
            verify = self.world.signatures.verify
            known = self._judged[transaction.identity] = all(
                verify(Domain.TRANSACTION_BODY, key, transaction.body, signature)
                for key, signature in transaction.signatures
            )
        return known
