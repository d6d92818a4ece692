"""The parts of a replica, made in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from govchaind.base.crypto import Signer
from govchaind.base.encoding import encode
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height, NodeId, Seconds, StoreId
from govchaind.ledger.apply import Ledger
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Member
from govchaind.raft.core import Raft, Role
from govchaind.raft.messages import Entry, HardState, Timing
from govchaind.replica.attestation import Attestations, Verify
from govchaind.replica.certification import Certification
from govchaind.replica.desk import Desk
from govchaind.replica.events import Guard, Notice, Status
from govchaind.replica.evidence import Evidence
from govchaind.replica.execution import Executor
from govchaind.replica.gossip import Send
from govchaind.replica.intake import Intake
from govchaind.replica.leadership import Proposer
from govchaind.replica.memberships import Memberships
from govchaind.replica.messages import PrunedBelow
from govchaind.replica.observing import Observing
from govchaind.replica.pool import Pool
from govchaind.replica.pruning import Pruner
from govchaind.replica.recovering import Recovering
from govchaind.replica.screening import Screener
from govchaind.replica.store import FLOOR, StoredLog, View, hard_state, signing_floor

TELL_PRUNED_SECONDS = 1.0  # between reminders to a peer that blocks it lacks are gone here


def _hard_state(view: View, log: StoredLog) -> tuple[HardState, Height]:
    """Return term and vote to go on with, and the last index of the log."""
    hard, last = hard_state(view), log.last_index()
    last_term = log.term(last)
    if last_term > hard.term:
        # It followed certified blocks, without Raft, into terms in which it has never voted.
        hard = HardState(last_term, None)
    return hard, last


def _floors(view: View, guard: Guard | None, store: StoreId) -> tuple[Height, Height]:
    """Return up to where this node signs nothing, and what of that is stored already.

    An earlier store under this key has signed so far; this one signs only above it, also after the
    guard file has come to speak of this one.
    """
    stored = signing_floor(view)
    if guard is None or guard.store == store:
        return stored, stored
    return max(stored, guard.signed_height), stored


class Parts:
    """Everything a replica dispatches to. A part knows parts made before it, never the replica."""

    def __init__(
        self,
        *,
        name: NodeId,
        store: StoreId,
        genesis: Genesis,
        signers: Sequence[Signer],
        verify: Verify,
        timing: Timing,
        random: Random,
        reader: KeyValueReader,
        now: Seconds,
        guard: Guard | None,
        send: Send,
        misbehaved: Callable[[NodeId, str], None],
        adopt: Callable[[Entry], None],
    ) -> None:
        view, self.pool = View(reader), Pool()
        self.log = StoredLog(view, self.pool.get)
        self.memberships = Memberships(self.log.memberships())
        self.ledger = Ledger(genesis, view)
        self._begins = self.log.joined_at
        self.recovering = Recovering(
            chain_id=genesis.chain_id, ledger=self.ledger, memberships=self.memberships
        )
        hard, last = _hard_state(view, self.log)
        floor, stored_floor = _floors(view, guard, store)
        signed = max(floor, self.ledger.height)
        self.desk = Desk(
            view=view,
            memberships=self.memberships,
            log_last=last,
            guard=Guard(store, hard.term, hard.vote, signed, last),
        )
        if floor > stored_floor:
            self.desk.pending.batch.put(FLOOR, encode(floor))
        self.evidence = Evidence(view, self.desk)
        self.attestations = self._make_attestations(name, store, signers, verify, floor, view)
        self.executor = Executor(
            ledger=self.ledger,
            attestations=self.attestations,
            pool=self.pool,
            reader=view,
            membership_before=self.memberships.before,
        )
        self.raft = Raft(
            node=name,
            store=store,
            timing=timing,
            random=random,
            hard_state=hard,
            log_reader=self.log,
            # What institutions have put into the log needs no majority.
            commit=max(self.ledger.height, self.memberships.recovered_at),
            now=now,
        )
        self._make_doers(
            name=name,
            genesis=genesis,
            verify=verify,
            now=now,
            send=send,
            misbehaved=misbehaved,
            adopt=adopt,
        )

    def _make_attestations(
        self,
        name: NodeId,
        store: StoreId,
        signers: Sequence[Signer],
        verify: Verify,
        floor: Height,
        view: View,
    ) -> Attestations:
        return Attestations(
            name=name,
            store=store,
            signer=signers[0],
            further_signers=signers[1:],
            verify=verify,
            floor=floor,
            reader=view,
            certifying=self.memberships.certifying,
            recovery_over=self.memberships.recovery_over,
            recovered=lambda record: self.recovering.heard(record, view),
            accuse=self.evidence.keep,
        )

    def _make_doers(
        self,
        *,
        name: NodeId,
        genesis: Genesis,
        verify: Verify,
        now: Seconds,
        send: Send,
        misbehaved: Callable[[NodeId, str], None],
        adopt: Callable[[Entry], None],
    ) -> None:
        """Make the parts that act on the ones made first."""
        self.proposer = Proposer(
            genesis=genesis,
            raft=self.raft,
            ledger=self.ledger,
            pool=self.pool,
            memberships=self.memberships,
        )
        self.observing = Observing(
            genesis=genesis,
            send=send,
            verify=verify,
            desk=self.desk,
            executor=self.executor,
            attestations=self.attestations,
            memberships=self.memberships,
            recovering=self.recovering,
            misbehaved=misbehaved,
            adopt=adopt,
        )
        self.screener = Screener(
            genesis=genesis,
            raft=self.raft,
            memberships=self.memberships,
            executor=self.executor,
            recovering=self.recovering,
        )
        self.intake = Intake(name=name, send=send, ledger=self.ledger, pool=self.pool)
        self.certification = Certification(
            name=name,
            send=send,
            now=now,
            desk=self.desk,
            log=self.log,
            attestations=self.attestations,
            memberships=self.memberships,
            executor=self.executor,
        )
        self.pruner = Pruner(self.log, self.memberships)
        self._send = send
        self._tell_pruned_at: Seconds = now

    def takes_part(self, node: NodeId) -> bool:
        """Say whether a node is in a membership that is in force, or may still be, or is wanted, or
        whether it may have to sign a height that has no certificate yet."""
        since = min(self.raft.commit, self.attestations.certified)
        for membership in self.memberships.since(since):
            if membership.member(node) is not None:
                return True
        return any(
            member.name == node and member.role != "observer" for member in self.executor.wanted
        )

    def hears_raft(self, name: NodeId) -> bool:
        """Say whether this node, of that name, takes Raft's messages: a learner that fetches a
        snapshot would carry out blocks in vain."""
        return self.takes_part(name) and not (self.observing.held and not self.raft.is_voter())

    def members(self) -> tuple[Member, ...]:
        """Return those wanted, those in force, and those removed whose signatures of heights not
        yet certified may still be on their way."""
        found: dict[NodeId, Member] = {}
        for membership in self.memberships.since(self.attestations.certified):
            found.update((member.name, member) for member in membership.members)
        found.update((member.name, member) for member in self.executor.wanted)
        return tuple(found[name] for name in sorted(found))

    def prune(self, now: Seconds) -> None:
        """Remove some of the old blocks that this node was asked to remove."""
        if now < self.pruner.deadline:
            return
        peers = self.raft.peers().values()
        slowest = min((peer.match for peer in peers), default=None)
        self.pruner.step(now, self.desk.view, self.desk.pending, slowest)

    def keep_telling(self, now: Seconds) -> list[Notice]:
        """Tell peers what they wait for, and return what this node waits for in vain.

        Removed validators are told that their removal is committed, until it is certified: a
        height that they must sign waits for them, and they sign what they know to be committed. And
        whoever lacks blocks that a leader has removed is told so: it asks others.
        """
        if now >= self._tell_pruned_at:
            self._tell_pruned_at = now + TELL_PRUNED_SECONDS
            for node, peer in self.raft.peers().items():
                if peer.needs:
                    self._send(node, PrunedBelow(self.log.first_index()))
        memberships, certified = self.memberships, self.attestations.certified
        removed: set[NodeId] | None = None
        if memberships.latest_index > certified:
            removed = {
                member.name
                for membership in memberships.since(certified)
                for member in membership.voters()
            }
            removed.difference_update(member.name for member in memberships.latest().members)
        self.raft.keep_telling(now, removed or ())
        return self.observing.news()

    def role(self) -> str:
        """Return the role of a node that takes part in Raft."""
        if self.raft.role is Role.FOLLOWER and not self.raft.is_voter():
            return "learner"
        return self.raft.role.told

    def linked_voter(self, links: Iterable[NodeId], now: Seconds) -> NodeId | None:
        """Return a linked voter: whom a node without a vote tells of what waits.

        Another one each second: one that is deaf, or does not want to hear, keeps nothing back.
        """
        linked = set(links)
        voters = [node for node in self.raft.configuration.voter_ids() if node in linked]
        return voters[int(now) % len(voters)] if voters else None

    def status(self, now: Seconds, *, name: NodeId, role: str) -> Status:
        """Return what the node says of itself."""
        raft, ledger, executor = self.raft, self.ledger, self.executor
        return Status(
            node=name,
            store=self.desk.guard.store,
            role=role,
            term=raft.term,
            leader=raft.leader,
            height=ledger.height,
            commit=max(raft.commit, ledger.height),
            last_height=self.desk.log_last,
            certified=self.certification.durable,
            block_time=ledger.time,
            block_hash=ledger.last_hash,
            state_root=executor.state_root,
            checkpoint=executor.checkpoint,
            pool_transactions=len(self.pool),
            pool_bytes=self.pool.bytes,
            in_configuration=role == "observer" or raft.is_voter(),
            room=self.intake.room,
            write_pending_seconds=self.desk.waiting_seconds(now),
            seen=self.observing.follower.best_head(),
            first=self.log.first_index(),
            lacking=self.observing.follower.lacking,
            begins=self._begins,
        )
