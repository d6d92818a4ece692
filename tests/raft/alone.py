"""One Raft among peers that a test plays itself, message by message."""

from __future__ import annotations

import random
from typing import TypeVar

from govchaind.base.types import NodeId, Seconds
from govchaind.raft.core import Raft, Role
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Configuration,
    Entry,
    HardState,
    RaftMessage,
    Ready,
    Vote,
)
from tests.raft.cluster import TIMING
from tests.raft.disk import Disk, Text, Write, configuration, store_of

M = TypeVar("M")


class Alone:
    """`n1` of `n1` to `n3` (or as told), its disk, and what it sent."""

    def __init__(
        self,
        terms: list[int] | None = None,
        *,
        term: int | None = None,
        vote: NodeId | None = None,
        members: Configuration | None = None,
        commit: int = 0,
        life: int = 0,
        begins: int = 0,
    ) -> None:
        terms = terms or []
        self.now: Seconds = 0.0
        self.disk = Disk(store_of("n1", life), members or configuration(["n1", "n2", "n3"]))
        self.disk.durable_entries = log(terms)
        last = terms[-1] if terms else 0
        self.disk.durable_hard = HardState(last if term is None else term, vote)
        self.disk.begins = begins
        self.disk.crash()
        self.raft = Raft(
            node="n1",
            store=self.disk.store,
            timing=TIMING,
            random=random.Random(1),
            hard_state=self.disk.durable_hard,
            log_reader=self.disk,
            commit=commit,
            now=0.0,
        )
        self.sent: list[tuple[NodeId, RaftMessage]] = []
        self.reads: list[tuple[int, int]] = []

    def turn(self, *, write: bool = True) -> Ready:
        """Take Ready after Ready, writing at once unless told otherwise; return the first."""
        first = ready = self.raft.ready()
        while True:
            self.sent += ready.messages
            self.reads += ready.reads
            if ready.ticket:
                self.disk.put(
                    Write(ready.entries, ready.truncate_from, ready.hard_state, ready.ticket)
                )
            if not (write and self.disk.queue):
                return first
            self.sync()
            ready = self.raft.ready()

    def sync(self, count: int | None = None) -> None:
        """Complete writes, merged into one."""
        ticket = self.disk.sync(len(self.disk.queue) if count is None else count)
        self.raft.written(self.now, ticket)

    def receive(self, sender: NodeId, message: RaftMessage, *, write: bool = True) -> None:
        self.raft.receive(self.now, sender, message)
        self.turn(write=write)

    def take(self, kind: type[M], to: NodeId | None = None) -> list[M]:
        """Return, and forget, what was sent of a kind."""
        found: list[M] = []
        kept: list[tuple[NodeId, RaftMessage]] = []
        for who, message in self.sent:
            if isinstance(message, kind) and to in (None, who):
                found.append(message)
            else:
                kept.append((who, message))
        self.sent = kept
        return found

    def time_out(self, *, write: bool = True) -> None:
        self.now = self.raft.deadline
        self.raft.expire(self.now)
        self.turn(write=write)

    def lead(self, *, propose: bool = True) -> None:
        """Become leader by the votes of n1 and n2, and open the term."""
        self.time_out()
        self.receive("n2", Vote(self.raft.term + 1, True, True, store_of("n2")))
        self.receive("n2", Vote(self.raft.term, True, False, store_of("n2")))
        assert self.raft.role is Role.LEADER
        if propose:
            self.raft.propose(self.now, Text("open"))
            self.turn()

    def role(self) -> Role:
        return self.raft.role

    def acknowledge(self, node: NodeId, index: int, life: int = 0) -> None:
        """Have a peer say that it holds the log up to `index`."""
        self.receive(node, AppendReply(self.raft.term, store_of(node, life), True, index))


def log(terms: list[int], first: int = 1) -> list[Entry]:
    """Return entries of these terms."""
    return [
        Entry(index, term, Text(f"{index}:{term}")) for index, term in enumerate(terms, start=first)
    ]


def append(term: int, previous: int, previous_term: int, terms: list[int], commit: int = 0) -> (
    AppendEntries
):  # fmt: skip
    """Return an AppendEntries with entries of these terms after `previous`."""
    return AppendEntries(term, previous, previous_term, log(terms, previous + 1), commit)
