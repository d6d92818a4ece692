"""A malicious member: it has its real keys, runs the real replica, and sends other things as well.

One node at most, and only where four or more vote, so at most a third lies. What it may do here an
honest majority must bear without harm: attest two things, sign wrongly, send old messages again,
bump terms, never read, send what is huge, misshapen or not certified, and spread transactions that
nobody has signed. It does not vote twice or say that it leads a term that it has not won: of that
Raft promises nothing, and who believes it takes the true leader for a liar.

Nor does Raft promise anything of a follower that says it has on disk what it has not: a leader
counts it. With an even number of voters that is one copy too many anyway: of any majority with the
liar in it, the honest part still meets every majority. So it says so where an even number votes,
and from then on these stay, and no disk is lost. It harms itself only, as its leader does not send
it again what it says it has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from govchaind.base.crypto import Domain
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import Transaction, assemble, read_transaction
from govchaind.raft.messages import AppendEntries, AppendReply, RequestVote, Vote
from govchaind.replica.events import Event, Received
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
from netsim.properties.base import Violation
from netsim.serving import Serving

if TYPE_CHECKING:
    from netsim.world import World

KEPT = 200  # messages that may be sent again
HUGE = 20_000
COPIES = 2_500  # of one forged certificate in a message
UNREAD_SECONDS = 15.0  # longer than a link bears
VERIFY_SECONDS = 54e-6
DELAY_SECONDS_MAX = 0.1  # of other links' messages, by what is judged of the liar's in one step
SPEECH = ("repeats", "runs-ahead", "reads-nothing", "junk")
SIGNATURES = ("two-tales", "two-tales", "wrongly", "huge", "misshapen", "for-all")


class Liar:
    """The one liar of a world, or none."""

    def __init__(self, world: World) -> None:
        self.world = world
        options = world.options
        self.random = source(options.seed, "liar")
        self.name: NodeId | None = None
        if options.has_liar:
            self.name = self.random.choice(world.chain.voters)
        self._speaks, self._signs = self._manners(SPEECH), self._manners(SIGNATURES)
        self._claims = options.voters % 2 == 0 and self.random.random() < 0.5
        if self._claims:
            self._speaks, self._signs = [], []  # for other lies its links would soon end
        self.claimed: NodeId | None = None  # the liar, once it has claimed what it does not hold
        self._past: deque[tuple[NodeId, PeerMessage]] = deque(maxlen=KEPT)
        self._judged: dict[Hash, bool] = {}
        self._tales = source(options.seed, "liar/tales")
        self._serving: Serving | None = None  # made when it first serves: keys come later
        self._only_signs = False  # a line has made it lie, in that way alone

    def attest_twice(self, name: NodeId) -> Callable[[], None]:
        """Have one node, the only one that lies, attest two things from now on; return what ends
        it. What it has signed remains."""
        self.name = name
        self._only_signs, self._claims = True, False
        self._speaks, self._signs = [], ["two-tales"]
        return self._signs.clear

    def told(self, node: Node, to: NodeId, message: PeerMessage) -> list[PeerMessage]:
        """Return what this node sends where an honest one would send `message`."""
        if node.name != self.name or self.world.faults.over:
            return [message]
        pick = self.random
        self._past.append((to, message))
        if isinstance(message, Attest):
            return self._attest(node, message)
        if isinstance(message, CertifiedBlocks | Certificates) and not self._only_signs:
            return [self._served(message)]
        if self._claims and isinstance(message, AppendReply) and self._may_claim(to):
            return [self._claim(to, message)] if pick.random() < 0.2 else [message]
        if not self._speaks or pick.random() < 0.9:
            return [message]
        manner = pick.choice(self._speaks)
        told = self._spoken(node, to, message, manner)
        if told != [message] or manner == "reads-nothing":
            self.world.marks.reach("lied")
        return told

    def _manners(self, known: tuple[str, ...]) -> list[str]:
        """Draw in which ways it lies: in each seed in a few, as one may hide another."""
        found = [manner for manner in known if self.random.random() < 0.4]
        return found or [self.random.choice(known)]

    def _spoken(
        self, node: Node, to: NodeId, message: PeerMessage, manner: str
    ) -> list[PeerMessage]:
        pick = self.random
        if manner == "repeats":
            whom, past = pick.choice(self._past)
            # Another's vote would be its second one in that term: no election survives that.
            again = [] if isinstance(past, Vote) and whom != to else [past]
            return [message, *again]
        if manner == "runs-ahead" and isinstance(message, RequestVote):
            return [replace(message, term=message.term + pick.choice((1, 3, 1 << 40)))]
        if manner == "runs-ahead" and isinstance(message, AppendReply):
            return [message, replace(message, index=message.index + HUGE)]
        if manner == "reads-nothing":
            self._read_nothing(node.name)
        elif manner == "junk":
            return [message, *self._junk(node)]
        return [message]

    def _served(self, message: CertifiedBlocks | Certificates) -> PeerMessage:
        if self.name is None or self._claims:  # for other lies its links would soon end
            return message
        if self._serving is None:
            pick = source(self.world.options.seed, "liar/serving")
            key = self.world.signatures.key(f"node/{self.name}")
            self._serving = Serving(self.name, key, pick)
        if isinstance(message, Certificates):
            told: PeerMessage = self._serving.certificates(message)
        else:
            told = self._serving.blocks(message)
        if told is not message:
            self.world.marks.reach("lied")
            self.world.marks.reach("served-falsely")
        return told

    def _may_claim(self, leader: NodeId) -> bool:
        """Say whether an even number votes, for ever: from a claim on nothing changes that."""
        world = self.world
        mirrors = world.ghost.mirrors
        voters = mirrors[leader].configurations[-1][1].voters
        return (
            len(voters) % 2 == 0
            and world.operators.idle
            and all(each.configurations[-1][1].voters == voters for each in mirrors.values())
            and all(world.nodes[name].store_at_start() == store for name, store in voters)
            and {role for role, _ in world.operators.wanted.values()} <= {"validator", "observer"}
            and sum(1 for role, _ in world.operators.wanted.values() if role == "validator")
            == len(voters)
        )

    def _claim(self, leader: NodeId, reply: AppendReply) -> AppendReply:
        """Say to hold all that the leader holds."""
        self.claimed = self.name
        self.world.marks.reach("lied")
        self.world.marks.reach("durability-claimed")
        last = len(self.world.ghost.mirrors[leader].entries)
        return replace(reply, success=True, index=last, hint_index=0, hint_term=0)

    def _read_nothing(self, name: NodeId) -> None:
        world = self.world
        others = [other for other in sorted(world.nodes) if other != name]
        until = world.heap.now + UNREAD_SECONDS
        world.network.pipes.clog([(other, name) for other in others], until)

    def _attest(self, node: Node, attest: Attest) -> list[PeerMessage]:
        pick = self.random
        if not self._signs or pick.random() < 0.5:
            return [attest]
        self.world.marks.reach("lied")
        manner = pick.choice(self._signs)
        if manner == "wrongly":
            return [replace(attest, signature=pick.randbytes(64))]
        if manner == "huge":
            return [replace(attest, statement=bytes(HUGE)), attest]
        if manner == "misshapen":
            return [replace(attest, statement=attest.statement[:-1]), attest]
        if manner == "for-all":
            certificate = self._forged(node, attest.statement)
            return [Certificates([certificate] * pick.choice((1, COPIES))), attest]
        # One who hears both can prove it; who hears one must not be harmed by it.
        both = self._tales.random()
        other = self._other(node, attest)
        return [other] if both < 0.6 else [other, attest] if both < 0.8 else [attest, other]

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
        certificate = self._forged(node, past[-1].statement)
        if draw < 0.8:
            return [Certificates([certificate])]
        return [CertifiedBlocks([(block, certificate)])]  # type: ignore[list-item]

    def _forged(self, node: Node, statement: bytes) -> Certificate:
        """Return a certificate that nobody has signed."""
        replica = node.replica
        names = sorted(replica.raft.configuration.voter_ids()) if replica is not None else ["n0"]
        signed = tuple((name, self.random.randbytes(64)) for name in names)
        return Certificate(statement, signed)

    # --- what it costs others --------------------------------------------------------------------

    def cost(self, node: Node, events: Sequence[Event], verified: int) -> None:
        """I-30: a step that takes nothing but the liar's messages may hold up all other links by so
        much only. `verified` signatures were judged in it."""
        if node.name == self.name or verified * VERIFY_SECONDS <= DELAY_SECONDS_MAX:
            return
        theirs = [each for each in events if isinstance(each, Received) and each.peer == self.name]
        if len(theirs) == len(events) and self.world.checks.watches("I-30"):
            delay = verified * VERIFY_SECONDS
            raise Violation("I-30", node.name, f"judges a liar's messages for {delay:.3f} s")

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
