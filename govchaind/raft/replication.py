"""How a leader brings its log to its peers, and when an entry is committed.

Rules kept here:
- entries are sent while the leader's own write is under way; the leader counts itself only as far
  as its log is durable (thesis section 10.2.1), and only while it is a voter;
- only an entry of the own term is committed by counting (paper section 5.4.2);
- an answer counts only under the store id that the configuration names for that node; a strange
  store is sent everything and counted never;
- what is lost is noticed by the first heartbeat answer of a later round, and asked about with an
  empty append, so that a peer with a slow disk is not sent everything twice;
- the commit index is passed on at once: with the next append, or, when there is nothing else to
  send, with a heartbeat of round 0, which wants no answer;
- a peer whose log ends before this one begins is sent no entries: it takes certified blocks from
  others, and is asked once a heartbeat round whether it has come as far as this log's beginning
  (`needs` says meanwhile what it lacks).
"""

from __future__ import annotations

from govchaind.base.errors import PeerError
from govchaind.base.limits import APPEND_BYTES_MAX
from govchaind.base.quorum import committed_index
from govchaind.base.types import NodeId, Seconds
from govchaind.raft.messages import (
    NO_ANSWER,
    AppendEntries,
    AppendReply,
    Entry,
    Heartbeat,
    HeartbeatReply,
)
from govchaind.raft.progress import Progress
from govchaind.raft.state import Leading, State


def send_appends(state: State, leading: Leading) -> None:
    """Send every peer what it may be sent now."""
    for node, peer in leading.peers.items():
        lacks = _keep_within(state, peer)
        if peer.probing:
            if not peer.paused:
                _probe(state, leading, node, peer, empty=lacks)
            continue
        while peer.next <= state.log.last_index and not peer.full:
            entries, size = state.log.slice(peer.next, APPEND_BYTES_MAX)
            previous = peer.next - 1
            peer.sent(entries[-1].index, size, leading.round)
            _append(state, node, peer, previous, entries)
        known = min(state.commit, peer.match)
        if peer.next > state.log.last_index and known > peer.commit_sent:
            peer.commit_sent = known
            state.out.append((node, Heartbeat(state.term, known, NO_ANSWER)))


def _keep_within(state: State, peer: Progress) -> bool:
    """Go on behind the log's beginning; True if what the peer lacks stood before it."""
    lacks = peer.next <= state.log.beginning
    if lacks:
        peer.probe(state.log.beginning + 1, paused=peer.paused)
    return lacks


def _probe(state: State, leading: Leading, node: NodeId, peer: Progress, *, empty: bool) -> None:
    entries: list[Entry] = []
    if not empty:
        entries, _ = state.log.slice(peer.next, APPEND_BYTES_MAX)
    peer.paused = True
    peer.probe_round = leading.round
    _append(state, node, peer, peer.next - 1, entries)


def _append(
    state: State, node: NodeId, peer: Progress, previous: int, entries: list[Entry]
) -> None:
    peer.commit_sent = min(state.commit, previous + len(entries))
    state.out.append(
        (
            node,
            AppendEntries(state.term, previous, state.log.term(previous), entries, state.commit),
        )
    )


def _heard(state: State, now: Seconds, sender: NodeId, peer: Progress, store: bytes) -> bool:
    """Note that `sender` answered; True if its answer counts."""
    peer.observe_store(store, state.log.last_index)
    counts = state.membership.members.get(sender) == store
    if counts:
        peer.heard_at = now
    return counts


def take_append_reply(
    state: State, leading: Leading, now: Seconds, sender: NodeId, reply: AppendReply
) -> None:
    """Take an answer of the present term. Raises PeerError if it claims what was never sent."""
    peer = leading.peers.get(sender)
    if peer is None:
        return
    if reply.index > state.log.last_index or reply.hint_index > state.log.last_index:
        raise PeerError(f"{sender} answers for index {reply.index}, which was never sent")
    _heard(state, now, sender, peer, reply.store)
    if reply.success:
        if peer.matched(reply.index):
            advance_commit(state, leading)
        leading.changed = True
        return
    guess = state.log.last_with_term_up_to(
        reply.hint_term,
        floor=peer.match,
        ceiling=max(min(reply.hint_index, reply.index - 1), peer.match),
    )
    if peer.refused(reply.index, guess):
        if guess < state.log.beginning:
            peer.needs = reply.hint_index + 1
            peer.probe(state.log.beginning + 1, paused=True)
            peer.probe_round = leading.round
        leading.changed = True


def take_heartbeat_reply(
    state: State, leading: Leading, now: Seconds, sender: NodeId, reply: HeartbeatReply
) -> bool:
    """Take an answer of the present term; True if it confirms a round for a voter."""
    peer = leading.peers.get(sender)
    if peer is None:
        return False
    if reply.round > leading.round:
        raise PeerError(f"{sender} answers heartbeat round {reply.round}, which was never begun")
    counts = _heard(state, now, sender, peer, reply.store)
    peer.round = max(peer.round, reply.round)
    _ask_after_silence(state, leading, sender, peer, reply.round)
    return counts


def _ask_after_silence(
    state: State, leading: Leading, node: NodeId, peer: Progress, round_: int
) -> None:
    """An older append is unanswered although a later heartbeat is: find out, with an empty one."""
    _keep_within(state, peer)
    if peer.probing:
        if not peer.paused:
            leading.changed = True  # its store changed: the first probe goes out with this turn
        elif peer.probe_round < round_:
            _probe(state, leading, node, peer, empty=True)
        return
    oldest = peer.oldest_flight_round
    if oldest is not None and oldest < round_:
        _append(state, node, peer, peer.next - 1, [])


def advance_commit(state: State, leading: Leading) -> None:
    """Commit what a majority of voters has durable, if it is of the own term."""
    matches: list[int] = []
    for voter, store in state.membership.voters.items():
        if voter == state.node:
            matches.append(state.writes.persisted if store == state.store else 0)
            continue
        peer = leading.peers.get(voter)
        matches.append(peer.match if peer is not None and peer.store == store else 0)
    index = committed_index(matches)
    if index > state.commit and state.log.term(index) == state.term:
        state.commit_to(index)
        leading.own_term_committed = True
        leading.changed = True
