"""`Raft`: the whole algorithm behind one object, without input, output, clock or randomness.

Ongaro and Ousterhout 2014 (the paper) and Ongaro 2014 (the thesis), with pre-vote, check-quorum,
leadership transfer, learners, one membership change at a time, read index, and writes that complete
later than they begin. Inputs come with the time; `ready` returns what must be written and sent.
This file only dispatches: every rule it follows lives in a neighbour, under the rules at its top.

    messages.py     what is said and written        log.py          the tail of the log
    state.py        what a node knows               writes.py       what is durable, what waits
    election.py     votes                           membership.py   configurations
    leadership.py   heartbeats, hand-over, end      progress.py     what a leader knows of a peer
    replication.py  appends, commit                 acceptance.py   what a follower accepts
    reads.py        linearizable reads

Left out: what is in a payload, snapshots (a lagging node is sent the log), and the first entry of a
term, which the caller proposes when it sees itself leader of a term without an entry.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

from govchaind.base.errors import Busy, Conflict, PeerError
from govchaind.base.types import NodeId, Seconds, StoreId, Term
from govchaind.raft import acceptance, election, leadership, reads, replication
from govchaind.raft.membership import check_step
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Configuration,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatReply,
    LogReader,
    Payload,
    RaftMessage,
    ReadIndex,
    ReadIndexReply,
    Ready,
    RequestVote,
    TimeoutNow,
    Timing,
    Vote,
)
from govchaind.raft.progress import Progress
from govchaind.raft.state import Role, State

__all__ = ["Raft", "Role"]


class Raft:
    """One node of Raft. Call `ready` after every input, or after a few."""

    def __init__(
        self,
        *,
        node: NodeId,
        store: StoreId,
        timing: Timing,
        random: random.Random,
        hard_state: HardState,
        log_reader: LogReader,
        commit: int,
        now: Seconds,
    ) -> None:
        """Continue from what is durable; `commit` is the highest index known to be committed."""
        self._state = State(
            node=node,
            store=store,
            timing=timing,
            randomness=random,
            hard_state=hard_state,
            log_reader=log_reader,
            commit=commit,
            now=now,
        )

    # --- inputs --------------------------------------------------------------------------------

    def receive(self, now: Seconds, sender: NodeId, message: RaftMessage) -> None:
        """Take a message. Raises PeerError if no honest node could have sent it."""
        state = self._state
        state.now = now
        if sender == state.node:
            raise PeerError("a message bears this node's own name", code="own-name")
        if isinstance(message, AppendEntries):
            acceptance.check_shape(message)
        elif isinstance(message, RequestVote):
            election.answer_request(state, now, sender, message)
            return
        elif isinstance(message, Vote):
            election.count(state, now, sender, message)
            return
        newer = message.term > state.term
        if newer:
            state.become_follower(now, message.term)
        if isinstance(message, AppendEntries):
            if message.term < state.term:
                acceptance.answer_older(state, sender, message)
            else:
                acceptance.accept_append(state, now, sender, message)
        elif isinstance(message, Heartbeat):
            if message.term < state.term:
                acceptance.answer_older(state, sender, message)
            else:
                acceptance.accept_heartbeat(state, now, sender, message)
        elif isinstance(message, ReadIndex):
            reads.ask_for(state, sender, message)
        elif message.term == state.term and not newer:  # what is left answers the present term
            self._receive_present(now, sender, message)

    def _receive_present(
        self,
        now: Seconds,
        sender: NodeId,
        message: AppendReply | HeartbeatReply | TimeoutNow | ReadIndexReply,
    ) -> None:
        state = self._state
        if isinstance(message, AppendReply):
            if state.leading is not None:
                replication.take_append_reply(state, state.leading, now, sender, message)
        elif isinstance(message, HeartbeatReply):
            leading = state.leading
            if leading is not None and replication.take_heartbeat_reply(
                state, leading, now, sender, message
            ):
                reads.confirm(state, leading)
        elif isinstance(message, ReadIndexReply):
            reads.take_reply(state, sender, message)
        elif state.term_leader in (None, sender):
            election.campaign_if_told(state, now)

    def expire(self, now: Seconds) -> None:
        """Do what is due at `now`; harmless before `deadline`."""
        state = self._state
        state.now = now
        if state.leading is not None:
            leadership.pass_time(state, state.leading, now)
            return
        reads.give_up(state, now)
        if now >= state.election_at:
            election.time_out(state, now)

    def propose(
        self, now: Seconds, payload: Payload, configuration: Configuration | None = None
    ) -> int:
        """Append an entry and return its index; a `configuration` is in force at once.

        Raises Conflict (`not-leader`, `membership-malformed`, `membership-step-too-large`) and Busy
        (`transfer-under-way`, `membership-not-now`); nothing was appended then.
        """
        state = self._state
        state.now = now
        leading = state.leading
        if leading is None:
            raise Conflict(
                "this node does not lead",
                code="not-leader",
                remedy="Ask the leader; this node may know its name.",
            )
        if leading.transfer is not None:
            raise Busy("leadership is being handed over", code="transfer-under-way")
        if configuration is not None:
            if not self.may_change_configuration():
                raise Busy(
                    "a membership change waits for the one before, and for the opening of the term",
                    code="membership-not-now",
                )
            check_step(state.membership.configuration, configuration)
        entry = Entry(state.log.last_index + 1, state.term, payload, configuration)
        state.log.append(entry)
        if configuration is not None:
            state.membership.append(entry.index, configuration)
            leadership.follow_membership(state, leading, now)
        leading.changed = True
        return entry.index

    def may_change_configuration(self) -> bool:
        """Say whether `propose` would take a configuration now (thesis section 4.1, and Ongaro's
        correction of 2015: none before an entry of the own term is committed)."""
        state, leading = self._state, self._state.leading
        if leading is None or leading.transfer is not None:
            return False
        return leading.own_term_committed and state.membership.index <= state.commit

    def adopt(self, now: Seconds, entry: Entry, *, another_payload: bool = False) -> None:
        """Take the next entry after `commit`, known to be committed by other proof than Raft's.

        Args:
            another_payload: the log holds another payload at this index, whatever its term says.
        """
        self._state.now = now
        acceptance.adopt(self._state, now, entry, another_payload=another_payload)

    def keep_telling(self, now: Seconds, nodes: Collection[NodeId]) -> None:
        """Have whoever leads tell `nodes`, besides the members, what is appended and committed.

        For nodes that were removed and still have to act on what is committed before they go.
        """
        departing = tuple(sorted(nodes))
        if departing != self._state.departing:
            self._state.now = now
            self._state.departing = departing
            if self._state.leading is not None:
                leadership.follow_membership(self._state, self._state.leading, now)

    def read(self, now: Seconds, request: int) -> None:
        """Ask for an index at which a read is linearizable; the answer is in Ready.reads."""
        self._state.now = now
        reads.ask(self._state, now, request)

    def transfer(self, now: Seconds, target: NodeId) -> None:
        """Hand leadership to `target`; given up after election_min.

        Raises Conflict (`not-leader`, `transfer-to-self`, `transfer-target-no-voter`) and Busy
        (`transfer-under-way`).
        """
        self._state.now = now
        leadership.begin_transfer(self._state, now, target)

    def written(self, now: Seconds, ticket: int) -> None:
        """Note that the write of `ticket`, and all before it, are durable."""
        state = self._state
        state.now = now
        if not state.writes.complete(ticket):
            return
        for to, message in state.writes.release():
            if to != state.node:
                state.out.append((to, message))
            elif isinstance(message, Vote):
                election.count(state, now, to, message)
        if state.leading is not None:
            replication.advance_commit(state, state.leading)

    def link_broken(self, now: Seconds, peer: NodeId) -> None:
        """Note that the link to `peer` broke; if it leads, ask for its succession very soon."""
        state = self._state
        state.now = now
        if state.leading is not None:
            lost = state.leading.peers.get(peer)
            if lost is not None and not lost.probing:
                lost.probe(lost.match + 1, paused=True)  # what was in flight is lost
                lost.probe_round = state.leading.round
        elif peer == state.leader:
            election.lose_link(state, now)

    def step_down(self, now: Seconds, quiet_seconds: float) -> None:
        """Give up leadership, and do not campaign for `quiet_seconds`."""
        state = self._state
        state.now = now
        state.quiet_until = max(state.quiet_until, now + quiet_seconds)
        if state.role is not Role.FOLLOWER:
            leadership.step_down(state, now)

    @property
    def is_idle(self) -> bool:
        """Say whether `ready` would find nothing to do."""
        state = self._state
        return not (
            state.out
            or state.reads
            or state.writes.hard_changed
            or state.log.has_news
            or (state.leading is not None and state.leading.changed)
        )

    def ready(self) -> Ready:
        """Return what must be written and sent since the last call."""
        state = self._state
        writes = state.writes
        if state.leading is not None:
            leadership.flush(state, state.leading)
        truncate_from, entries = state.log.take()
        hard_state = HardState(state.term, state.vote) if writes.hard_changed else None
        ticket = 0
        if entries or hard_state is not None or truncate_from is not None:
            ticket = writes.issue(state.now, state.log.last_index)
        state.log.evict(min(writes.persisted, state.commit))
        messages, state.out = state.out, []
        answered, state.reads = state.reads, []
        return Ready(messages, entries, truncate_from, hard_state, ticket, answered)

    # --- readable ------------------------------------------------------------------------------

    @property
    def node(self) -> NodeId:
        """Return this node's name."""
        return self._state.node

    @property
    def store(self) -> StoreId:
        """Return the id of this node's store."""
        return self._state.store

    @property
    def term(self) -> Term:
        """Return the present term."""
        return self._state.term

    @property
    def role(self) -> Role:
        """Return what this node is in the present term."""
        return self._state.role

    @property
    def leader(self) -> NodeId | None:
        """Return the leader of the present term, as far as it is known and not given up."""
        return self._state.leader

    @property
    def commit(self) -> int:
        """Return the highest index known to be committed."""
        return self._state.commit

    @property
    def last_index(self) -> int:
        """Return the index of the last entry."""
        return self._state.log.last_index

    @property
    def last_term(self) -> Term:
        """Return the term of the last entry."""
        return self._state.log.last_term

    @property
    def persisted(self) -> int:
        """Return up to which index the present log is durable here."""
        return self._state.writes.persisted

    @property
    def configuration(self) -> Configuration:
        """Return the configuration in force."""
        return self._state.membership.configuration

    @property
    def configuration_index(self) -> int:
        """Return the index of the entry that carries the configuration in force."""
        return self._state.membership.index

    @property
    def deadline(self) -> Seconds:
        """Return when `expire` wants to be called next; always finite."""
        state = self._state
        if state.leading is not None:
            return leadership.next_event_at(state, state.leading)
        if state.forwarded:
            return min(state.election_at, *state.forwarded.values())
        return state.election_at

    def peers(self) -> Mapping[NodeId, Progress]:
        """Return what a leader knows of each peer; nothing elsewhere. For reading only."""
        return {} if self._state.leading is None else self._state.leading.peers

    def from_beginning(self, append: AppendEntries) -> AppendEntries:
        """Return what of an append lies behind the log's beginning: the rest is committed here."""
        return acceptance.from_beginning(self._state, append)

    def term_of(self, index: int) -> Term:
        """Return the term of entry `index`, 0 for 0. Raises NotFound beyond the end."""
        return self._state.log.term(index)

    def entry(self, index: int) -> Entry:
        """Return entry `index`. Raises NotFound outside the log, StorageCorrupt from storage."""
        return self._state.log.entry(index)

    def configuration_at(self, index: int) -> Configuration:
        """Return the configuration in force after entry `index`."""
        return self._state.membership.at(index)

    def answering(self, now: Seconds, voters: Mapping[NodeId, StoreId]) -> int:
        """Return how many of `voters` answer under these stores; 0 if this node does not lead."""
        leading = self._state.leading
        return 0 if leading is None else leadership.answering(self._state, leading, now, voters)

    def answers(self, now: Seconds, node: NodeId, store: StoreId) -> bool:
        """Say whether this node leads and `node` answers it under this store."""
        leading = self._state.leading
        return leading is not None and leadership.answers(self._state, leading, now, node, store)

    def matched(self, node: NodeId) -> int | None:
        """Return up to where `node`'s log is known to match; None if unknown.

        Unknown, too, if this node does not lead or `node` answers under another store id than the
        configuration names.
        """
        leading = self._state.leading
        return None if leading is None else leadership.matched(self._state, leading, node)

    def is_voter(self) -> bool:
        """Say whether this node, under this store, has a vote."""
        return self._state.is_voter()

    def own_term_committed(self) -> bool:
        """Say whether this leader has committed an entry of its own term."""
        leading = self._state.leading
        return leading is not None and leading.own_term_committed
