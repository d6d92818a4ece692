"""What Raft nodes say to each other, and what they write down. Facts only; no rules here.

Terms are the Raft paper's (Ongaro and Ousterhout 2014, Figure 2) and the thesis's (Ongaro 2014).
Types on the hot path are slotted but not frozen (a frozen one costs five times as much to make);
nobody changes one after it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from govchaind.base.types import NodeId, StoreId

NO_ANSWER = 0  # the round of a heartbeat that only passes the commit index on


class Payload(Protocol):
    """What an entry carries. Raft looks at nothing but its size."""

    @property
    def size(self) -> int:
        """Bytes on the wire."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who votes and who learns, each under the store id it was admitted with."""

    voters: tuple[tuple[NodeId, StoreId], ...]  # sorted by node
    learners: tuple[tuple[NodeId, StoreId], ...] = ()  # sorted by node
    ordered_at: int = 0  # the height whose state ordered it; 0 for genesis

    def voter_ids(self) -> tuple[NodeId, ...]:
        return tuple(node for node, _ in self.voters)

    def store_of(self, node: NodeId) -> StoreId | None:
        """Return the store id under which `node` is a member, or None."""
        for name, store in (*self.voters, *self.learners):
            if name == node:
                return store
        return None


@dataclass(slots=True)
class Entry:
    """One place in the log. `configuration`, where there is one, is effective on append."""

    index: int
    term: int
    payload: Payload
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class HardState:
    """What must be durable before a message that depends on it leaves."""

    term: int = 0
    vote: NodeId | None = None


@dataclass(slots=True)
class RequestVote:
    term: int  # for a pre-vote: the term that the sender would campaign in
    last_index: int
    last_term: int
    pre: bool
    transfer: bool = False  # campaign on TimeoutNow: stickiness yields


@dataclass(slots=True)
class Vote:
    term: int  # granted pre-vote: the term asked for; otherwise the voter's own term
    granted: bool
    pre: bool
    store: StoreId


@dataclass(slots=True)
class AppendEntries:
    term: int
    previous_index: int
    previous_term: int
    entries: list[Entry]
    commit: int


@dataclass(slots=True)
class AppendReply:
    """Success: `index` is the last index that matches. Refusal: `index` is the refused
    previous_index, and (hint_index, hint_term) the receiver's best guess where logs may agree."""

    term: int
    store: StoreId
    success: bool
    index: int
    hint_index: int = 0
    hint_term: int = 0


@dataclass(slots=True)
class Heartbeat:
    term: int
    commit: int  # never above what the receiver is known to match
    round: int  # for check-quorum and read index, from 1 on; NO_ANSWER: only told


@dataclass(slots=True)
class HeartbeatReply:
    term: int
    store: StoreId
    round: int


@dataclass(slots=True)
class TimeoutNow:
    """Leadership transfer (thesis section 3.10): campaign at once."""

    term: int


@dataclass(slots=True)
class ReadIndex:
    """A follower asks the leader for a read index (thesis section 6.4)."""

    term: int
    request: int


@dataclass(slots=True)
class ReadIndexReply:
    term: int
    request: int
    index: int  # 0: refused, ask again


RaftMessage: TypeAlias = (
    RequestVote
    | Vote
    | AppendEntries
    | AppendReply
    | Heartbeat
    | HeartbeatReply
    | TimeoutNow
    | ReadIndex
    | ReadIndexReply
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on the monotonic clock."""

    heartbeat: float
    election_min: float
    election_max: float
    broken_link_jitter: float


class LogReader(Protocol):
    """The stored part of the log, as the replica's storage has it (unwritten batches included)."""

    def last_index(self) -> int:
        """Return the index of the last stored entry, 0 if there is none."""

    def beginning(self) -> int:
        """Return the index of the first stored entry, 0 where none is missing; it is committed. It
        rises where old entries are removed."""

    def entry(self, index: int) -> Entry:
        """Return a stored entry. Raises StorageCorrupt if it is not what was written."""

    def term(self, index: int) -> int:
        """Return the term of a stored entry; 0 for index 0."""

    def configurations(self) -> list[tuple[int, Configuration]]:
        """Return every stored configuration by index, ascending, genesis's at 0 first."""


@dataclass(slots=True)
class Ready:
    """What the caller must do now. Lists are the caller's to keep.

    1. Send `messages`: what depended on a write was held back until `written`.
    2. Make durable, together: `hard_state` if not None; delete stored entries from
       `truncate_from` on if not None; then store `entries`. Then call `written(now, ticket)`.
       Writes are made in order; several may be merged into one and completed with the newest
       ticket.
       `ticket` is 0 when there is nothing to write.
    3. `reads`: (request, index): serve it once index is applied; index 0: refused, ask again.
    """

    messages: list[tuple[NodeId, RaftMessage]]
    entries: list[Entry]
    truncate_from: int | None
    hard_state: HardState | None
    ticket: int
    reads: list[tuple[int, int]]
