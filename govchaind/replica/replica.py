"""A whole node as one pure state machine: events go in, work comes out.

It only dispatches; the rules lie in its neighbours, each with its own at the top:

    store.py        rows, and the view of written and unwritten ones
    screening.py    blocks from a leader, before they enter the log
    leadership.py   what a leader proposes, and when
    execution.py    committed blocks: apply, sign, tell
    attestation.py  signatures and certificates     feed.py     certified blocks for observers
    pool.py         transactions that wait          gossip.py   how they spread

Rules kept here: whatever depends on a write is held back until that write is durable; one write
is in flight, and what gathers meanwhile is the next; nothing is read but through the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from govchaind.base.crypto import Signer
from govchaind.base.errors import Invalid, PeerError
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import BlockTime, NodeId, Seconds, StoreId
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.transaction import Transaction
from govchaind.raft.core import Role
from govchaind.raft.messages import AppendEntries, Entry, RaftMessage, Timing
from govchaind.replica.attestation import Verify
from govchaind.replica.desk import UNREADABLE
from govchaind.replica.events import (
    Accused,
    CertificateAwaited,
    Event,
    Expired,
    Guard,
    Happened,
    Hold,
    LinkDown,
    LinkUp,
    OfferAnswered,
    Offered,
    Prune,
    ReadAsked,
    ReadReady,
    Received,
    Room,
    Signed,
    Status,
    TransferAsked,
    Work,
    Written,
)
from govchaind.replica.messages import (
    Announce,
    Attest,
    Awaited,
    Certificates,
    CertifiedBlocks,
    Gossip,
    Head,
    LedgerMessage,
    Objection,
    PeerMessage,
    PrunedBelow,
    Subscribe,
    Want,
    WantCertificates,
)
from govchaind.replica.parts import Parts
from govchaind.replica.screening import CLOCK_AHEAD
from govchaind.replica.store import block_of

TERM_AHEAD_MAX = 1 << 32  # more elections than ever pass; terms must not be used up by a lie
ROUNDS_MAX = 64  # of one step: a bound on work, not a wish
APPLY_OPERATIONS_MAX = 1000  # of one step: votes and heartbeats come between the blocks


class Replica:
    """One node's whole protocol. Not thread-safe; `step` never waits."""

    def __init__(
        self,
        *,
        name: NodeId,
        store: StoreId,
        genesis: Genesis,
        signer: Signer,
        verify: Verify,
        timing: Timing,
        random: Random,
        reader: KeyValueReader,
        now: Seconds,
        wall_ms: BlockTime,
        guard: Guard | None,
        further_signers: Sequence[Signer] = (),
    ) -> None:
        self.name, self.store, self.genesis = name, store, genesis
        self._now, self._wall, self._work = now, wall_ms, Work()
        parts = Parts(
            name=name,
            store=store,
            genesis=genesis,
            signers=(signer, *further_signers),
            verify=verify,
            timing=timing,
            random=random,
            reader=reader,
            now=now,
            guard=guard,
            send=self._send,
            misbehaved=self._misbehaved,
            adopt=self._adopt,
        )
        self._parts = parts
        self.known = parts.pool.get  # by identity: the gate need not read it again
        self.members = parts.members  # every node that may link
        self.pool, self.raft, self.ledger = parts.pool, parts.raft, parts.ledger
        self.memberships, self.attestations = parts.memberships, parts.attestations
        self._desk, self._executor = parts.desk, parts.executor
        self._proposer, self._observing = parts.proposer, parts.observing
        self._screener, self._intake = parts.screener, parts.intake
        self._certification = parts.certification
        self._links: dict[NodeId, StoreId] = {}
        self._reads: dict[int, int] = {}  # request → index to be applied first
        self._told: tuple[str, int, NodeId | None] = ("", 0, None)
        self._told_of: object = None  # what that hangs on
        self._more, self._durable = False, self.ledger.height
        self._desk.view.base = UNREADABLE

    # --- the step ---

    def step(
        self, now: Seconds, wall_ms: int, events: Sequence[Event], reader: KeyValueReader
    ) -> Work:
        """Take events in order and return what they ask for. Raises Fatal errors only."""
        work = self._work = Work()
        self._now, self._wall = now, wall_ms
        self._desk.view.base = reader
        for event in events:
            self._take(event)
        if now >= self.raft.deadline:
            self.raft.expire(now)
        self._keep_time()
        self._more = True
        may_apply = APPLY_OPERATIONS_MAX
        for _ in range(ROUNDS_MAX):
            moved = self._take_ready()
            applied = self._apply(may_apply)
            may_apply -= applied
            executor, room = self._executor, self._intake.room
            proposed = self._proposer.lead(
                now, wall_ms, room=room, wanted=executor.wanted, ordered_at=executor.ordered_at
            )
            if not (moved or applied or proposed):
                self._more = False
                break
            if may_apply <= 0:  # the rest in the next step, after what has come in meanwhile
                self._take_ready()
                break
        work.notices += self._executor.decided
        self._executor.decided.clear()
        self._intake.flush()
        work.notices += self._certification.unsigned(now)
        self._parts.prune(now)
        self._more |= self._certification.feed()
        self._desk.begin(work, now)
        self._tell_role()
        self._desk.view.base = UNREADABLE
        return work

    @property
    def deadline(self) -> Seconds:
        """Return when `step` wants to be called at the latest."""
        if self._more:
            return self._now
        raft, intake = self.raft, self._intake
        certification, pruner = self._certification, self._parts.pruner
        due = min(raft.deadline, certification.deadline, self._desk.deadline, intake.next_repair,
                  pruner.deadline)  # fmt: skip
        if raft.role is Role.LEADER:
            if intake.room:
                due = min(due, self._proposer.deadline(self._now, self._wall))
        elif self.is_observer():
            due = min(due, self._observing.follower.next_check)
        return due

    def _take(self, event: Event) -> None:
        if isinstance(event, Received):  # nearly all are
            self._receive(event.peer, event.message)
            return
        match event:
            case Offered(token, transactions):
                codes = [self._admit(transaction, None) for transaction in transactions]
                self._work.notices.append(OfferAnswered(token, codes))
            case Written(ticket):
                self._written(ticket)
            case LinkUp(peer, store):
                self._links[peer] = store
                self._certification.linked(peer)
                self._intake.repair_soon(self._now)
            case LinkDown(peer):
                self._links.pop(peer, None)
                self._certification.left(peer)
                self._observing.follower.left(peer)
                self.raft.link_broken(self._now, peer)
            case ReadAsked(request):
                if self.is_observer():
                    self._work.notices.append(ReadReady(request, None))
                else:
                    self.raft.read(self._now, request)
            case CertificateAwaited():
                self._certification.awaited(self._now, self._links)
            case TransferAsked(target):
                refusal = self._proposer.hand_over(self._now, target)
                if refusal is not None:
                    self._happened("raft.transfer_refused", target=target, reason=refusal)
            case Signed():
                self._certification.signed(event, self._now)
            case Room(available):
                self._intake.room = available
            case Accused(key, found):
                self._parts.evidence.keep(key, found)
            case Hold(held):
                self._observing.hold(held, self._now)
            case Prune():
                self._parts.pruner.asked(event, self._desk.view)

    # --- messages ---

    def _send(self, peer: NodeId, message: LedgerMessage) -> None:
        if peer in self._links:
            self._work.messages.append((peer, message))

    def _receive(self, peer: NodeId, message: PeerMessage) -> None:
        try:
            if isinstance(message, LedgerMessage):
                self._receive_ledger(peer, message)
            else:
                self._receive_raft(peer, message)
        except (Invalid, PeerError) as error:
            self._misbehaved(peer, error.message)

    def _misbehaved(self, peer: NodeId, reason: str) -> None:
        self._work.broken_links.append((peer, reason))
        self._happened("peer.misbehaved", peer=peer, reason=reason)

    def _receive_raft(self, peer: NodeId, message: RaftMessage) -> None:
        """Let Raft have messages of nodes that take part in it; judge blocks first."""
        if not (self._parts.takes_part(peer) and self._parts.hears_raft(self.name)):
            return  # who only observes believes certificates alone
        if message.term - self.raft.term > TERM_AHEAD_MAX:
            raise PeerError(f"term {message.term} follows term {self.raft.term} by no election")
        if isinstance(message, AppendEntries) and message.entries:
            self._take_ready()  # memberships of this step's earlier entries are known then
            message, refused = self._screener.judge(message, self._wall)
            if refused is not None:
                height, reason, detail = refused
                self._send(peer, Objection(message.term, height, reason))
                self._happened(
                    "block.refused", height=height, leader=peer, reason=reason, detail=detail
                )
        self.raft.receive(self._now, peer, message)

    def _receive_ledger(self, peer: NodeId, message: LedgerMessage) -> None:
        match message:
            case Head():  # the two that come most stand first
                self._certification.heard_head(peer, message.height)
                self._observing.follower.head(peer, message.height)
            case Attest() | WantCertificates() | Certificates() | Awaited():
                self._certification.receive(peer, message, self._now)
            case Gossip(transactions):
                for transaction in transactions:
                    self._admit(transaction, peer)
            case Subscribe(first):
                self._certification.feeder.subscribed(peer, first)
            case CertifiedBlocks(blocks):
                self._observing.receive(peer, blocks)
            case PrunedBelow(first):
                self._observing.pruned_below(peer, first, self.raft.leader)
            case Announce(identities):
                self._intake.announced(peer, identities)
            case Want(identities):
                self._intake.wanted(peer, identities)
            case Objection(term, height, reason):
                if self._proposer.objected(self._now, peer, message):
                    name = "clock.wrong" if reason == CLOCK_AHEAD else "block.own_refused"
                    self._happened(name, height=height, term=term)

    def _admit(self, transaction: Transaction, source: NodeId | None) -> int:
        return self._intake.admit(
            transaction,
            source,
            reader=self._desk.view,
            now=self._now,
            wall=self._wall,
            voters=self.raft.configuration.voter_ids(),
            links=self._links,
        )

    # --- Raft's outputs, and blocks ---

    def _take_ready(self) -> bool:
        """Carry out what Raft asks; True if there was anything."""
        if self.raft.is_idle:
            return False
        ready = self.raft.ready()
        self._work.messages.extend(ready.messages)
        for request, index in ready.reads:
            if index == 0:
                self._work.notices.append(ReadReady(request, None))
            else:
                self._reads[request] = index
        if ready.reads:
            self._answer_reads()
        if ready.ticket:
            self._desk.gather(ready)
        return bool(ready.ticket or ready.messages)

    def _adopt(self, entry: Entry) -> None:
        """Put a certified block into the log, so that Raft and the store know the same one."""
        raft, index = self.raft, entry.index
        held = block_of(raft.entry(index)) if index <= raft.last_index else None
        another = held is not None and held.hash != block_of(entry).hash
        self.raft.adopt(self._now, entry, another_payload=another)
        self._take_ready()

    def _apply(self, operations_max: int) -> int:
        """Apply committed blocks, as many as this step may; return what they cost."""
        raft, ledger, desk = self.raft, self.ledger, self._desk
        if raft.role is not Role.LEADER and raft.commit == ledger.height:
            return self._observing.apply(self._now, operations_max)
        operations = 0  # a node whose removal is under way still owes its signatures before it
        while ledger.height < raft.commit and operations < operations_max:
            block = block_of(raft.entry(ledger.height + 1))
            operations += self._executor.apply(block, desk.view, desk.pending, self._now)
        return operations

    # --- time ---

    def _keep_time(self) -> None:
        now, leader = self._now, self.raft.leader
        if gone := self._intake.expire():
            self._work.notices.append(Expired(gone))
        if now >= self._intake.next_repair:
            self._intake.repair(now, leader or self._parts.linked_voter(self._links, now))
        observer, commit = self.is_observer(), self.raft.commit
        self._observing.keep_time(now, self._links, observer=observer, leader=leader, commit=commit)
        self._certification.keep_time(now, self._links)
        self._work.notices += self._parts.keep_telling(now)

    # --- writes ---

    def _written(self, ticket: int) -> None:
        """What waited for this write may be told and sent."""
        done = self._desk.complete(ticket)
        if done.raft_ticket:
            self.raft.written(self._now, done.raft_ticket)
        self._work.notices.extend(done.notices)
        self._certification.written(done, self._now)
        if done.attested:
            self._durable = done.attested
            self._answer_reads()
        guard = self._desk.guard
        signed = max(guard.signed_height, done.attested)
        self._desk.guard = Guard(guard.store, guard.term, guard.vote, signed, self.raft.persisted)

    def _answer_reads(self) -> None:
        for request in [r for r, index in self._reads.items() if index <= self._durable]:
            del self._reads[request]
            self._work.notices.append(ReadReady(request, self._durable))

    # --- what is told ---

    def _happened(self, name: str, **values: str | int | float | bool | None) -> None:
        self._work.notices.append(Happened(name, values))

    def _tell_role(self) -> None:
        raft = self.raft
        basis = (raft.role, raft.term, raft.leader, raft.configuration, self.memberships.latest())
        if basis != self._told_of:
            self._told_of, told = basis, (self.role(), raft.term, raft.leader)
            if told != self._told:
                self._told = told
                self._happened("raft.role_changed", role=told[0], term=told[1], leader=told[2])

    def is_observer(self) -> bool:
        """Say whether this node takes no part in Raft: it follows certified blocks."""
        return not self.memberships.include(self.name) and self.raft.role is not Role.LEADER

    def role(self) -> str:
        return "observer" if self.is_observer() else self._parts.role()

    def guard(self) -> Guard:
        """Return what is durable of what this node has said."""
        return self._desk.guard

    def status(self, now: Seconds) -> Status:
        """Return what this node says of itself."""
        return self._parts.status(now, name=self.name, role=self.role())
