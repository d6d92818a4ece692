"""All properties of one run, fed from the fixed points at which they watch, and the marks."""

from __future__ import annotations

from collections.abc import Callable

from govchaind.base.crypto import Domain
from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from govchaind.raft.messages import Entry, RequestVote, Vote
from govchaind.replica.events import Event, Guard, Work
from govchaind.replica.messages import Attest, Objection, PeerMessage
from govchaind.replica.store import HARD_STATE
from netsim.ghost import Ghost
from netsim.marks import Marks
from netsim.node import Node
from netsim.options import Options
from netsim.properties import (
    answers,
    assets,
    bounds,
    durability,
    election,
    evidence,
    forks,
    ledger,
    log,
    modelled,
    receipts,
    resends,
)
from netsim.properties.base import Property, Step, Stopped, Violation, Written

PROPERTIES: tuple[type[Property], ...] = (
    *election.PROPERTIES,
    *log.PROPERTIES,
    *durability.PROPERTIES,
    *ledger.PROPERTIES,
    *modelled.PROPERTIES,
    *assets.PROPERTIES,
    *answers.PROPERTIES,
    *receipts.PROPERTIES,
    *bounds.PROPERTIES,
    *evidence.PROPERTIES,
    *forks.PROPERTIES,
    *resends.PROPERTIES,
)
# These have nothing to look at while term, role, commit and log stay as they were, as mostly.
ON_CHANGE = (
    election.OneLeader,
    election.OneVote,
    election.LeaderComplete,
    election.TermsBounded,
    log.LeaderAppendsOnly,
    log.LogMatching,
    log.ChainUnbroken,
    log.OneCommittedLog,
    log.OwnTermCommits,
    log.CommittedIsDurable,
    log.OneChangeAtATime,
    bounds.NobodyStarves,
)


_VOTES = (Vote, RequestVote)


class Checks:
    """The one object that the world tells of everything."""

    def __init__(
        self, ghost: Ghost, marks: Marks, watched: frozenset[str] | None, options: Options
    ) -> None:
        self.ghost = ghost
        self.marks = marks
        self.watched = watched  # None: every property
        self.properties = [kind(ghost) for kind in PROPERTIES if kind.needed(options)]
        self._step = self._overridden("step")
        self._quiet_step = [
            watch
            for watch in self._step
            if not isinstance(getattr(watch, "__self__", None), ON_CHANGE)
        ]
        self._leaving: dict[type, list[Callable[..., None]]] = {}  # by what they look at
        self._attesting = self._overridden("attesting")
        self._signing = self._overridden("signed")
        self._writing = self._overridden("writing")
        self._started = self._overridden("started")

    def _overridden(self, name: str) -> list[Callable[..., None]]:
        """Return the bound methods of those properties that watch this point."""
        base = getattr(Property, name)
        return [
            getattr(each, name)
            for each in self.properties
            if getattr(type(each), name) is not base and self.watches(each.id)
        ]

    def _watching(self, message: type) -> list[Callable[..., None]]:
        """Return those that look at messages of this type when they leave."""
        return [
            each.leaving
            for each in self.properties
            if type(each).leaving is not Property.leaving
            and self.watches(each.id)
            and (not each.looks_at or message in each.looks_at)
        ]

    def watches(self, property_id: str) -> bool:
        """Say whether a property is looked at in this run."""
        return self.watched is None or property_id in self.watched

    # --- fixed points ----------------------------------------------------------------------------

    def started(self, node: Node) -> None:
        mirror = self.ghost.start(node)
        for watch in self._started:
            watch(node, mirror)
        if node.life > 1:
            self.marks.reach("restarted")

    def after_step(self, node: Node, events: list[Event], work: Work) -> None:
        mirror = self.ghost.mirrors[node.name]
        replica = node.replica
        if replica is None:
            return
        raft = replica.raft._state
        step = Step()
        step.node, step.mirror, step.events, step.work = node, mirror, events, work
        step.old_term, step.old_vote = mirror.term, mirror.vote
        step.old_role, step.old_commit = mirror.role, mirror.commit
        step.term, step.vote = raft.term, raft.vote
        step.role, step.commit = raft.role, raft.commit
        step.elected = False
        mirror.vote = raft.vote
        if (
            raft.term == step.old_term
            and raft.role is step.old_role
            and raft.commit == step.old_commit
            and mirror.follows(raft.log)
        ):
            step.truncated_from, step.appended = None, []
            if work.notices:
                node.world.acceptances.step(step)
            for watch in self._quiet_step:
                watch(step)
            return
        step.elected = step.role is Role.LEADER and (
            step.old_role is not Role.LEADER or step.old_term != step.term
        )
        self._mark_configuration(mirror.configurations[-1][0], raft.membership.index)
        last = mirror.entries[-1] if mirror.entries else None
        step.truncated_from, step.appended = mirror.sync(raft.log)
        if step.truncated_from is not None and last is not None:
            self._mark_cut(node, last)
        mirror.term, mirror.role, mirror.commit = step.term, step.role, step.commit
        if work.notices:
            node.world.acceptances.step(step)
        ghost = self.ghost
        for entry in step.appended:
            ghost.learn(entry, mirror.term_at(entry.index - 1))
        if step.elected:
            ghost.leaders.setdefault(step.term, node.name)
            ghost.votes.setdefault((node.name, node.store, step.term), node.name)
        for watch in self._step:
            watch(step)
        ghost.highest_term = max(ghost.highest_term, step.term)
        for index in range(len(ghost.committed) + 1, step.commit + 1):
            ghost.committed.append(ghost.known[index, mirror.term_at(index)])
            ghost.committed_in.append(step.term)
        self._mark(step)

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        if isinstance(message, Attest):
            for watch in self._attesting:
                watch(node, message)
            return
        self._told(node, to, message)
        watching = self._leaving.get(type(message))
        if watching is None:
            watching = self._leaving[type(message)] = self._watching(type(message))
        for watch in watching:
            watch(node, to, message)
        if isinstance(message, Vote):
            if not message.granted:
                self._mark_refused_vote(node, to)
        elif isinstance(message, Objection) and message.reason == "clock-ahead":
            self.marks.reach("clock-objection")

    def _told(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        """Remember the term spoken in and the vote given, for later lives of this store."""
        if isinstance(message, _VOTES):
            if message.pre:
                return
            candidate = to if isinstance(message, Vote) else node.name
            if not isinstance(message, Vote) or message.granted:
                self.ghost.votes.setdefault((node.name, node.store, message.term), candidate)
        term = getattr(message, "term", 0)
        key = (node.name, node.store)
        if term > self.ghost.told_terms.get(key, 0):
            self.ghost.told_terms[key] = term

    def signed(self, node: Node, domain: Domain, message: bytes) -> None:
        if domain == Domain.ATTESTATION:
            for watch in self._signing:
                watch(node, message)

    def writing(self, node: Node, work: Work) -> None:
        written = Written(work)
        for watch in self._writing:
            watch(node, written)

    def durable(self, node: Node) -> None:
        """The newest batch of this node has become durable, and the node does not know it yet."""
        batch = node.disk.batches[-1]
        if HARD_STATE in batch.changes:
            self.ghost.read_hard_state(node)

    def stopped_by_itself(self, node: Node, error: Exception) -> None:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        code = None if where is None else where.tb_frame.f_code
        at = "" if code is None or where is None else f" in {code.co_name}:{where.tb_lineno}"
        blamed = "N-1" if node.world.liar.name is None else "I-30"
        if not self.watches(blamed):
            raise Stopped from error
        raise Violation(blamed, node.name, f"{type(error).__name__}: {error}{at}") from error

    def accused(self, node: Node, peer: NodeId, reason: str) -> None:
        liar = node.world.liar.name
        if liar == peer:
            self.marks.reach("liar-refused")
            node.world.network.break_link(node.name, peer)
            return
        blamed = "N-2" if liar is None else "I-30"
        if not self.watches(blamed) or liar == node.name:
            return
        raise Violation(blamed, node.name, f"accuses {peer}: {reason}")

    def guarded(self, node: Node, before: Guard | None, told: Guard) -> None:
        """I-23: a guard file, by which a store that was set back is known, forgets nothing. A new
        store has been in no term yet, but its key has signed what it has.
        """
        if before is None or not self.watches("I-23"):
            return
        older = told.store == before.store and told.term < before.term
        if older or told.signed_height < before.signed_height:
            was, now = ((each.term, each.signed_height) for each in (before, told))
            raise Violation(
                "I-23", node.name, f"its guard of term and height fell from {was} to {now}"
            )

    def end(self) -> None:
        for each in self.properties:
            if self.watches(each.id):
                each.end()

    # --- marks -----------------------------------------------------------------------------------

    def _mark(self, step: Step) -> None:
        reach = self.marks.reach
        if step.truncated_from is not None:
            reach("log-truncated")
        if step.elected:
            step.node.world.elected(step.node, step.term)
            for name, other in self.ghost.mirrors.items():
                node = step.node.world.nodes[name]
                if other.role is Role.LEADER and node.life and name != step.node.name:
                    reach("two-leaders")
        if step.old_role is Role.LEADER and step.role is not Role.LEADER:
            if step.term > step.old_term:
                reach("term-superseded")
            disk = step.node.disk
            if disk.in_flight is not None and disk.hung_until > step.node.world.heap.now:
                reach("disk-hung-leader-deposed")
        gave_up = step.role in (Role.FOLLOWER, Role.PRE_CANDIDATE) and step.term == step.old_term
        replica = step.node.replica
        if gave_up and step.old_role is Role.CANDIDATE and replica and replica.raft.leader is None:
            reach("split-vote")
        if step.commit > step.old_commit:
            self._mark_commit(step)
        if step.role is Role.LEADER and any(entry.configuration for entry in step.appended):
            step.node.world.faults.change_proposed(step.node)
        step.node.world.faults.ambushes.look(step)
        step.node.world.callers.look(step)
        step.node.world.rivals.look(step)

    def _mark_commit(self, step: Step) -> None:
        world = step.node.world
        if any(not node.life for node in world.nodes.values() if not node.observer):
            self.marks.reach("committed-while-down")
        replica = step.node.replica
        if replica is not None and step.commit - replica.attestations.certified >= 10:
            self.marks.reach("certificates-lag")
        index, configuration = step.mirror.configurations[-1]
        if not step.old_commit < index <= step.commit:
            return
        self.marks.reach("membership-changed")
        _, before = step.mirror.configuration_before(index)
        now, then = dict(configuration.voters), dict(before.voters)
        genesis = dict(self.ghost.genesis.voters)
        for name, store in now.items():
            if name not in then and name not in genesis:
                self.marks.reach("voter-added")
            if name not in then and name in genesis and genesis[name] != store:
                self.marks.reach("store-readmitted")
        for name in then:
            if name not in now:
                self.marks.reach("voter-removed")
                if name == step.node.name:
                    self.marks.reach("leader-removed")

    def _mark_cut(self, node: Node, last: Entry) -> None:
        if not self.ghost.holds(node.disk, last.index, last.term):
            self.marks.reach("stale-ticket")

    def _mark_configuration(self, before: int, now: int) -> None:
        if now < before:
            self.marks.reach("configuration-truncated")

    def _mark_refused_vote(self, node: Node, to: NodeId) -> None:
        mine, theirs = self.ghost.mirrors[node.name], self.ghost.mirrors.get(to)
        if theirs is None or not mine.entries:
            return
        own = (mine.entries[-1].term, len(mine.entries))
        other = (theirs.entries[-1].term if theirs.entries else 0, len(theirs.entries))
        if other < own and theirs.role is Role.CANDIDATE:
            self.marks.reach("vote-refused-stale-log")
