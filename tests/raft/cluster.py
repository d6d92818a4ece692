"""Several Rafts in one process: a network that does what it is told, disks that forget.

A node's disk has a durable image and a queue of writes handed out but not yet durable. The node
reads through both (as the replica's overlay lets it); a crash forgets the queue. Messages wait in
one list until they are delivered, dropped or duplicated.

Ghost checks run all the time, whatever a test asserts: one leader a term, one vote a term, what is
acknowledged is durable, one committed entry an index, a new leader has all that was committed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from govchaind.base.errors import PeerError
from govchaind.base.types import NodeId, Seconds, StoreId
from govchaind.raft.core import Raft, Role
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Configuration,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatReply,
    RaftMessage,
    Ready,
    RequestVote,
    TimeoutNow,
    Timing,
    Vote,
)
from tests.raft.disk import Disk, Text, Write, configuration, store_of

TIMING = Timing(heartbeat=0.5, election_min=1.5, election_max=3.0, broken_link_jitter=0.05)


@dataclass(slots=True)
class Letter:
    """A message under way."""

    sender: NodeId
    to: NodeId
    message: RaftMessage


class Cluster:
    """Nodes, their disks, the letters between them, and one clock."""

    def __init__(
        self,
        voters: list[NodeId],
        *,
        learners: list[NodeId] | None = None,
        outside: list[NodeId] | None = None,
        seed: int = 1,
        timing: Timing = TIMING,
    ) -> None:
        self.now: Seconds = 0.0
        self.timing = timing
        self.random = random.Random(seed)
        self.genesis = configuration(voters, learners)
        self.letters: list[Letter] = []
        self.cut: set[tuple[NodeId, NodeId]] = set()  # one-way: (from, to)
        self.held_disks: set[NodeId] = set()
        self.opens = True  # a new leader's caller opens its term, as the replica does
        self.nodes: dict[NodeId, Raft] = {}
        self.disks: dict[NodeId, Disk] = {}
        self.commits: dict[NodeId, int] = {}
        self.reads: dict[NodeId, list[tuple[int, int]]] = {}
        self.peer_errors: list[PeerError] = []
        self.sent: list[Letter] = []
        # ghost state
        self.leaders: dict[int, NodeId] = {}
        self.votes: dict[tuple[StoreId, int], NodeId] = {}
        self.committed: list[Entry] = []
        for node in [*voters, *(learners or []), *(outside or [])]:
            self.disks[node] = Disk(store_of(node), self.genesis)
            self.commits[node] = 0
            self.reads[node] = []
            self.start(node)

    # --- lives -----------------------------------------------------------------------------

    def start(self, node: NodeId) -> None:
        disk = self.disks[node]
        commit = self._commit_on_disk(node)
        self.nodes[node] = Raft(
            node=node,
            store=disk.store,
            timing=self.timing,
            random=random.Random(f"{node}{self.random.random()}"),
            hard_state=disk.durable_hard,
            log_reader=disk,
            commit=commit,
            now=self.now,
        )
        self.commits[node] = commit
        self.turn(node)

    def _commit_on_disk(self, node: NodeId) -> int:
        """Return what a caller may know of commit after a crash: it is written with the entries,
        so it is never ahead of a truncation that the crash undid."""
        commit = 0
        for held, entry in zip(self.disks[node].seen, self.committed, strict=False):
            if held != entry or commit == self.commits[node]:
                break
            commit += 1
        return commit

    def crash(self, node: NodeId) -> None:
        """Stop a node; what its disk had not made durable is gone."""
        del self.nodes[node]
        self.disks[node].crash()

    def wipe(self, node: NodeId, life: int = 1) -> None:
        """Give a stopped node an empty disk, which is another store."""
        self.disks[node] = Disk(store_of(node, life), self.genesis)
        self.commits[node] = 0

    # --- turns -----------------------------------------------------------------------------

    def turn(self, node: NodeId) -> Ready:
        """Take a node's Ready: queue the write, post the letters, open a new term."""
        raft = self.nodes[node]
        if self.opens and raft.role is Role.LEADER and raft.last_term != raft.term:
            raft.propose(self.now, Text("open"))
        ready = raft.ready()
        if ready.ticket:
            self.disks[node].put(
                Write(ready.entries, ready.truncate_from, ready.hard_state, ready.ticket)
            )
        self._check_node(node)
        for to, message in ready.messages:
            self._check_sent(node, to, message)
            letter = Letter(node, to, message)
            self.sent.append(letter)
            self.letters.append(letter)
        self.reads[node].extend(ready.reads)
        assert self.now < raft.deadline < float("inf") or raft.deadline <= self.now
        return ready

    def write(self, node: NodeId, count: int | None = None) -> None:
        """Make a node's queued writes durable, merged into one."""
        disk = self.disks[node]
        if disk.queue:
            ticket = disk.sync(len(disk.queue) if count is None else count)
            self.nodes[node].written(self.now, ticket)
            self.turn(node)

    def receive(self, letter: Letter) -> None:
        if letter.to not in self.nodes or (letter.sender, letter.to) in self.cut:
            return
        try:
            self.nodes[letter.to].receive(self.now, letter.sender, letter.message)
        except PeerError as error:
            self.peer_errors.append(error)
        self.turn(letter.to)

    def deliver(self, sender: NodeId | None = None, to: NodeId | None = None) -> int:
        """Deliver what is under way now (not what follows from it), in order; return how many."""
        chosen = self.take(sender, to)
        for letter in chosen:
            self.receive(letter)
        return len(chosen)

    def take(self, sender: NodeId | None = None, to: NodeId | None = None) -> list[Letter]:
        """Take letters off the network; who ignores them has dropped them."""
        chosen: list[Letter] = []
        kept: list[Letter] = []
        for letter in self.letters:
            wanted = sender in (None, letter.sender) and to in (None, letter.to)
            (chosen if wanted else kept).append(letter)
        self.letters = kept
        return chosen

    def settle(self, rounds: int = 1000) -> None:
        """Write and deliver, without time passing, until nothing moves."""
        for _ in range(rounds):
            busy = False
            for node in list(self.nodes):
                if node not in self.held_disks and self.disks[node].queue:
                    busy = True
                    self.write(node)
            if self.letters:
                busy = True
                self.deliver()
            if not busy:
                return
        raise AssertionError("the cluster does not come to rest")

    def pass_time(self, seconds: Seconds) -> None:
        """Let time pass, deadline by deadline, settling in between."""
        end = self.now + seconds
        self.settle()
        for _ in range(100_000):
            due = min((raft.deadline for raft in self.nodes.values()), default=end)
            if due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            self.expire_due()
            self.settle()
        raise AssertionError("deadlines do not move")

    def expire_due(self) -> None:
        for node, raft in list(self.nodes.items()):
            if raft.deadline <= self.now:
                raft.expire(self.now)
                self.turn(node)

    # --- what tests do ---------------------------------------------------------------------

    def elect(self, node: NodeId) -> None:
        """Have `node` time out first, and win."""
        raft = self.nodes[node]
        for _ in range(20):
            self.now = max(self.now, raft.deadline)
            raft.expire(self.now)
            self.turn(node)
            self.settle()
            if raft.role is Role.LEADER:
                return
        raise AssertionError(f"{node} is not elected")

    def propose(self, node: NodeId, text: str, configuration: Configuration | None = None) -> int:
        index = self.nodes[node].propose(self.now, Text(text), configuration)
        self.turn(node)
        return index

    def cut_both(self, one: NodeId, other: NodeId) -> None:
        self.cut |= {(one, other), (other, one)}

    def isolate(self, node: NodeId) -> None:
        for other in self.disks:
            if other != node:
                self.cut_both(node, other)

    def heal(self) -> None:
        self.cut.clear()

    def leader(self) -> NodeId | None:
        """Return the leader of the highest term that has one."""
        leading = [
            (raft.term, node) for node, raft in self.nodes.items() if raft.role is Role.LEADER
        ]
        return max(leading)[1] if leading else None

    def log(self, node: NodeId) -> list[tuple[int, str]]:
        """Return (term, text) of each entry a node has."""
        raft = self.nodes[node]
        entries = [raft.entry(index) for index in range(1, raft.last_index + 1)]
        return [(entry.term, text_of(entry)) for entry in entries]

    def terms(self, node: NodeId) -> list[int]:
        return [term for term, _ in self.log(node)]

    def give_log(self, node: NodeId, terms: list[int], *, term: int | None = None) -> None:
        """Restart a node with a durable log of these terms, as the paper's figures draw them."""
        disk = self.disks[node]
        disk.durable_entries = [
            Entry(index, entry_term, Text(f"{index}:{entry_term}"))
            for index, entry_term in enumerate(terms, start=1)
        ]
        last = terms[-1] if terms else 0
        disk.durable_hard = HardState(last if term is None else term)
        disk.crash()
        self.commits[node] = 0
        self.start(node)

    # --- ghost checks ----------------------------------------------------------------------

    def _check_sent(self, node: NodeId, to: NodeId, message: RaftMessage) -> None:
        disk = self.disks[node]
        pre = isinstance(message, (RequestVote, Vote)) and message.pre
        if not pre:
            assert disk.durable_hard.term >= message.term, "a message before its term is durable"
        if isinstance(message, Vote) and message.granted and not message.pre:
            assert disk.durable_hard == HardState(message.term, to), "a vote before it is durable"
            self._check_vote(disk.store, message.term, to)
        if isinstance(message, RequestVote) and not message.pre:
            assert disk.durable_hard == HardState(message.term, node), "the own vote is not durable"
            self._check_vote(disk.store, message.term, node)
        if isinstance(message, AppendReply) and message.success:
            raft = self.nodes[node]
            for index in range(max(1, message.index - 8), message.index + 1):
                assert index <= len(disk.durable_entries), "an answer before it is durable"
                assert disk.durable_entries[index - 1].term == raft.term_of(index)
        if isinstance(message, (AppendEntries, Heartbeat, TimeoutNow)):
            assert self.leaders[message.term] == node
        if isinstance(message, HeartbeatReply):
            assert message.term == self.nodes[node].term

    def _check_vote(self, store: StoreId, term: int, candidate: NodeId) -> None:
        given = self.votes.setdefault((store, term), candidate)
        assert given == candidate, "two votes in one term"

    def _check_node(self, node: NodeId) -> None:
        raft = self.nodes[node]
        if raft.role is Role.LEADER:
            known = self.leaders.get(raft.term)
            if known is None:
                self.leaders[raft.term] = node
                for entry in self.committed:
                    held = raft.last_index >= entry.index
                    assert held, "a leader lacks a committed entry"
                    assert raft.term_of(entry.index) == entry.term, "a leader has another entry"
            assert self.leaders[raft.term] == node, "two leaders in one term"
        assert raft.commit >= self.commits[node], "commit went back"
        assert raft.commit <= raft.last_index
        assert raft.persisted <= raft.last_index
        durable = self.disks[node].durable_entries
        assert raft.persisted <= len(durable)
        if raft.persisted:
            assert durable[raft.persisted - 1].term == raft.term_of(raft.persisted)
        for index in range(self.commits[node] + 1, raft.commit + 1):
            entry = raft.entry(index)
            if index <= len(self.committed):
                assert self.committed[index - 1] == entry, "two entries committed at one index"
            else:
                self.committed.append(entry)
                self._check_durable(raft, entry)
        self.commits[node] = raft.commit

    def _check_durable(self, raft: Raft, entry: Entry) -> None:
        voters = raft.configuration.voters
        holders = [
            name
            for name, store in voters
            if self.disks[name].store == store
            and len(self.disks[name].durable_entries) >= entry.index
            and self.disks[name].durable_entries[entry.index - 1] == entry
        ]
        # A wiped disk has lost what it acknowledged; those runs count it as holding.
        gone = [name for name, store in voters if self.disks[name].store != store]
        assert 2 * (len(holders) + len(gone)) > len(voters), "committed without a durable majority"


def text_of(entry: Entry) -> str:
    """Return what a test put into an entry."""
    assert isinstance(entry.payload, Text)
    return entry.payload.text
