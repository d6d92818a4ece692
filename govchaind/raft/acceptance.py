"""What a follower accepts from its leader.

Rules kept here (paper section 5.3, thesis section 10.2.1):
- an append is accepted only where the entry before it agrees; a refusal carries a hint that skips a
  whole term;
- only a conflict truncates, and then it truncates the whole tail; never at or below commit, never
  what this term's leader has sent before;
- success is told once everything that it claims is durable;
- commit follows the leader's only as far as this very request has verified the log.

What no honest leader sends raises PeerError and changes nothing in the log.
"""

from __future__ import annotations

from govchaind.base.errors import PeerError, invariant
from govchaind.base.types import NodeId, Seconds
from govchaind.raft.messages import (
    NO_ANSWER,
    AppendEntries,
    AppendReply,
    Entry,
    Heartbeat,
    HeartbeatReply,
)
from govchaind.raft.state import Role, State


def check_shape(append: AppendEntries) -> None:
    """Raise PeerError if `append` could not have left an honest leader."""
    index, term = append.previous_index, append.previous_term
    if index < 0 or term < 0 or (index == 0 and term != 0):
        raise PeerError(f"an append follows no entry: index {index}, term {term}")
    for entry in append.entries:
        index += 1
        if entry.index != index:
            raise PeerError(f"an append holds index {entry.index} where {index} belongs")
        if entry.term < term:
            raise PeerError(f"an append's terms decrease at index {index}")
        term = entry.term
    if term > append.term:
        raise PeerError("an append holds an entry newer than its own term")


def hear_leader(state: State, now: Seconds, sender: NodeId) -> None:
    """Take `sender` for the leader of the present term. Raises PeerError if it is another's."""
    if state.term_leader is None:
        state.term_leader = sender
    elif state.term_leader != sender or state.role is Role.LEADER:
        raise PeerError(
            f"{sender} and {state.term_leader} both lead term {state.term}", code="two-leaders"
        )
    state.role = Role.FOLLOWER
    state.leader = sender
    state.heard_at = now
    state.link_broken = False
    state.election_at = now + state.timeout
    if state.ballots:
        state.ballots.clear()


def accept_append(state: State, now: Seconds, sender: NodeId, append: AppendEntries) -> None:
    """Take an AppendEntries of the present term."""
    hear_leader(state, now, sender)
    log = state.log
    append = from_beginning(state, append)
    previous = append.previous_index
    if not log.matches(previous, append.previous_term):
        if previous <= state.commit:
            raise PeerError(f"an append contradicts the committed entry {previous}")
        _refuse(state, sender, append)
        return
    new = append.entries
    if new and previous < log.last_index:
        new = _without_known(state, append)
    for entry in new:
        log.append(entry)
        if entry.configuration is not None:
            state.membership.append(entry.index, entry.configuration)
    last_verified = previous + len(append.entries)
    state.verified = max(state.verified, last_verified)
    state.commit_to(min(append.commit, last_verified))
    reply = AppendReply(state.term, state.store, True, last_verified)
    state.send_when_written(sender, reply, last_verified)


def from_beginning(state: State, append: AppendEntries) -> AppendEntries:
    """Return what of an append lies behind the log's beginning: up to there all is committed."""
    beginning = state.log.beginning
    if append.previous_index >= beginning:
        return append
    behind = append.entries[beginning - append.previous_index :]
    term = state.log.term(beginning)
    return AppendEntries(append.term, beginning, term, behind, append.commit)


def _without_known(state: State, append: AppendEntries) -> list[Entry]:
    """Return what the log lacks, after truncating the log at the first conflict, if any."""
    log = state.log
    for position, entry in enumerate(append.entries):
        if entry.index > log.last_index:
            return append.entries[position:]
        if log.term(entry.index) == entry.term:
            continue
        if entry.index <= state.commit:
            raise PeerError(f"an append contradicts the committed entry {entry.index}")
        if entry.index <= state.verified:
            raise PeerError(f"a leader contradicts its own entry {entry.index}")
        log.truncate(entry.index)
        state.writes.truncate(entry.index)
        state.membership.truncate(entry.index)
        return append.entries[position:]
    return []


def _refuse(state: State, sender: NodeId, append: AppendEntries) -> None:
    log = state.log
    hint = log.last_with_term_up_to(
        append.previous_term, floor=state.commit, ceiling=append.previous_index - 1
    )
    reply = AppendReply(state.term, state.store, False, append.previous_index, hint, log.term(hint))
    state.send(sender, reply)


def adopt(state: State, now: Seconds, entry: Entry, *, another_payload: bool) -> None:
    """Take the entry after the last committed one, which is known from elsewhere to be committed.

    Whatever else the log holds there was never committed, and goes. `another_payload`: what it
    holds is not the same entry even if the terms agree: its leader has told two tales.
    """
    invariant(entry.index == state.commit + 1, "committed entries are adopted in order")
    invariant(state.leading is None, "a leader adopts nothing")
    if entry.term > state.term:
        state.become_follower(now, entry.term)
    log = state.log
    if entry.index <= log.last_index and (another_payload or log.term(entry.index) != entry.term):
        log.truncate(entry.index)
        state.writes.truncate(entry.index)
        state.membership.truncate(entry.index)
        state.verified = min(state.verified, entry.index - 1)  # no heartbeat may commit beyond it
    if entry.index > log.last_index:
        log.append(entry)
        if entry.configuration is not None:
            state.membership.append(entry.index, entry.configuration)
    state.verified = max(state.verified, entry.index)
    state.commit_to(entry.index)


def accept_heartbeat(state: State, now: Seconds, sender: NodeId, heartbeat: Heartbeat) -> None:
    """Take a Heartbeat of the present term."""
    hear_leader(state, now, sender)
    # The leader names no more than it knows this store to hold. A store that was exchanged under
    # its feet may hold less, so own knowledge bounds it too.
    state.commit_to(min(heartbeat.commit, state.verified))
    if heartbeat.round != NO_ANSWER:
        state.send(sender, HeartbeatReply(state.term, state.store, heartbeat.round))


def answer_older(state: State, sender: NodeId, message: AppendEntries | Heartbeat) -> None:
    """Tell a leader of an older term that its term is over.

    Nothing of its own numbers is echoed: by the time this arrives the same node may lead the very
    term that this answer bears, and would take an old round or index for one of its new ones.
    """
    if isinstance(message, AppendEntries):
        state.send(sender, AppendReply(state.term, state.store, False, 0))
    else:
        state.send(sender, HeartbeatReply(state.term, state.store, 0))
