"""What one node of Raft knows and owes, shared by the rules beside this file.

Rules kept here: the term never goes back; the vote is cleared only by a newer term (never by
stepping down in the same one); commit never goes back; a message leaves only when the term and the
vote that it speaks for are durable; leaving a term drops what was held for it and refuses every
read that waited in it.

Left out: all decisions. Who campaigns is in election.py, what is sent in replication.py, what is
accepted in acceptance.py, reads in reads.py, leadership transfer in transfer.py.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum

from govchaind.base.errors import invariant
from govchaind.base.types import NodeId, Seconds, StoreId, Term
from govchaind.raft.log import Log
from govchaind.raft.membership import Membership
from govchaind.raft.messages import (
    HardState,
    LogReader,
    RaftMessage,
    ReadIndexReply,
    Timing,
)
from govchaind.raft.progress import Progress
from govchaind.raft.writes import Writes


class Role(Enum):
    """What a node is in its term. A learner is a follower whom the configuration gives no vote."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre_candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"

    def __init__(self, word: str) -> None:
        self.told = word.replace("_", "-")  # as status and log have it


@dataclass(slots=True)
class ReadRound:
    """Reads that are answered once heartbeat round `number` is confirmed by a majority."""

    number: int
    index: int  # the commit index when the round began
    reads: list[tuple[NodeId, int]]  # (who asked, its request number)


@dataclass(slots=True)
class Transfer:
    """A leadership transfer under way."""

    target: NodeId
    gives_up_at: Seconds
    told: bool = False


class Leading:
    """What only a leader knows; made anew for each term it leads."""

    __slots__ = (
        "changed",
        "heartbeat_at",
        "own_term_committed",
        "peers",
        "reads_asked",
        "reads_in_round",
        "round",
        "transfer",
    )

    def __init__(self, *, heartbeat_at: Seconds) -> None:
        self.peers: dict[NodeId, Progress] = {}
        self.round = 0
        self.heartbeat_at = heartbeat_at
        self.own_term_committed = False
        self.transfer: Transfer | None = None
        self.reads_asked: list[tuple[NodeId, int]] = []
        self.reads_in_round: deque[ReadRound] = deque()
        self.changed = True  # something may be sent: looked at once a Ready


class State:
    """One node's Raft state. Whoever changes it keeps the rules at the top of this file."""

    __slots__ = (
        "ballots",
        "commit",
        "departing",
        "election_at",
        "forwarded",
        "heard_at",
        "leader",
        "leading",
        "link_broken",
        "log",
        "membership",
        "node",
        "now",
        "out",
        "quiet_until",
        "random",
        "reads",
        "role",
        "store",
        "term",
        "term_leader",
        "timeout",
        "timing",
        "verified",
        "vote",
        "writes",
    )

    def __init__(
        self,
        *,
        node: NodeId,
        store: StoreId,
        timing: Timing,
        randomness: random.Random,
        hard_state: HardState,
        log_reader: LogReader,
        commit: int,
        now: Seconds,
    ) -> None:
        self.node = node
        self.store = store
        self.timing = timing
        self.random = randomness
        self.term: Term = hard_state.term
        self.vote = hard_state.vote
        self.role = Role.FOLLOWER
        self.leader: NodeId | None = None
        self.term_leader: NodeId | None = None  # who was ever heard to lead this term
        self.log = Log(log_reader)
        self.membership = Membership(log_reader.configurations())
        self.writes = Writes(self.log.last_index)
        self.commit = commit
        self.departing: tuple[NodeId, ...] = ()  # no members any more, and still told
        invariant(0 <= commit <= self.log.last_index, "what is committed is in the log")
        invariant(self.log.last_term <= self.term, "no entry is newer than the durable term")
        # Up to where the log is known to be the log of this term's leader. Entries of a term come
        # from its only leader, so an own-term entry vouches for everything below it.
        self.verified = self.log.last_index if self.log.last_term == self.term else 0
        self.now = now
        self.heard_at: Seconds | None = None  # when this term's leader was last heard
        self.link_broken = False  # the link to that leader broke and it was not heard since
        self.quiet_until = now
        self.timeout = 0.0
        self.election_at = now
        self.ballots: dict[NodeId, tuple[bool, StoreId]] = {}
        self.leading: Leading | None = None
        self.forwarded: dict[int, Seconds] = {}  # reads sent to the leader → given up at
        self.out: list[tuple[NodeId, RaftMessage]] = []
        self.reads: list[tuple[int, int]] = []
        self.arm(now)
        if self.is_voter() and len(self.membership.voters) == 1:
            self.election_at = now  # a single voter has nobody to wait for

    def is_voter(self) -> bool:
        """Say whether this node, under this store, has a vote in the configuration in force."""
        return self.membership.voters.get(self.node) == self.store

    def arm(self, now: Seconds) -> None:
        """Draw a new election time-out and start it."""
        self.timeout = self.random.uniform(self.timing.election_min, self.timing.election_max)
        self.election_at = now + self.timeout

    def disk_hangs(self, now: Seconds) -> bool:
        """Say whether the oldest outstanding write is older than an election time-out."""
        issued_at = self.writes.oldest_issued_at
        return issued_at is not None and now >= issued_at + self.timing.election_min

    def send(self, to: NodeId, message: RaftMessage) -> None:
        """Send once the present term and vote are durable."""
        if self.writes.hard_durable:
            self.out.append((to, message))
        else:
            self.writes.hold(to, message)

    def send_when_written(self, to: NodeId, message: RaftMessage, index: int) -> None:
        """Send once the present term and vote, and the log up to `index`, are durable."""
        if index <= self.writes.persisted and self.writes.hard_durable:
            self.out.append((to, message))
        else:
            self.writes.hold(to, message, index)

    def vote_for(self, candidate: NodeId) -> None:
        """Give this term's vote, to be made durable by the next Ready."""
        if self.vote != candidate:
            invariant(self.vote is None, "one vote a term")
            self.vote = candidate
            self.writes.hard_changed = True

    def enter_term(self, term: Term) -> None:
        """Go to a newer term: no vote, no leader, nothing held, nothing verified yet."""
        invariant(term > self.term, "a term never goes back")
        self.term = term
        self.vote = None
        self.writes.hard_changed = True
        self.writes.drop_held()
        self.verified = 0
        self.term_leader = None
        self.heard_at = None
        self.link_broken = False
        self.lose_leader()

    def become_follower(self, now: Seconds, term: Term) -> None:
        """Follow nobody yet, in this term or a newer one."""
        led = self.leading
        self.leading = None
        self.role = Role.FOLLOWER
        self.ballots.clear()
        if term > self.term:
            self.enter_term(term)
        self.lose_leader()
        if led is not None:
            self.arm(now)
            waiting = list(led.reads_asked)
            for round_ in led.reads_in_round:
                waiting.extend(round_.reads)
            for origin, request in waiting:
                self.answer_read(origin, request, 0)

    def lose_leader(self) -> None:
        """Know of no leader: what was asked of it is refused."""
        self.leader = None
        for request in self.forwarded:
            self.reads.append((request, 0))
        self.forwarded.clear()

    def answer_read(self, origin: NodeId, request: int, index: int) -> None:
        """Answer a read of this node or of another; index 0 refuses."""
        if origin == self.node:
            self.reads.append((request, index))
        else:
            self.send(origin, ReadIndexReply(self.term, request, index))

    def commit_to(self, index: int) -> None:
        """Raise the commit index; never lowers it."""
        if index > self.commit:
            invariant(index <= self.log.last_index, "what is committed is in the log")
            self.commit = index
