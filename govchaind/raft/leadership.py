"""What a leader does with time: its start, its heartbeats, its hand-over and its end.

Rules kept here:
- a leader appends nothing by itself: its caller opens the term with an entry of its own;
- check-quorum: a leader that no majority of voters has answered within an election time-out steps
  down (thesis section 6.2), and so does one whose own disk hangs for as long;
- leadership transfer (section 3.10): new entries are refused, the target is told to campaign once
  it holds the whole log, and the transfer is given up after an election time-out;
- a removed node whose signatures are still needed is told what is committed, by every leader, as
  long as its caller wants it so; others for an election time-out;
- a leader whom a committed configuration leaves without a vote passes that on, names the voter that
  holds most as its successor, and steps down (section 4.2.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from govchaind.base.errors import Busy, Conflict
from govchaind.base.quorum import majority
from govchaind.base.types import NodeId, Seconds, StoreId
from govchaind.raft import reads
from govchaind.raft.messages import Heartbeat, TimeoutNow
from govchaind.raft.progress import Progress
from govchaind.raft.replication import send_appends
from govchaind.raft.state import Leading, Role, State, Transfer


def start_leading(state: State, now: Seconds) -> None:
    """Become leader of the present term."""
    state.role = Role.LEADER
    state.leader = state.term_leader = state.node
    state.ballots.clear()
    state.leading = Leading(heartbeat_at=now + state.timing.heartbeat)
    follow_membership(state, state.leading, now)


def follow_membership(state: State, leading: Leading, now: Seconds) -> None:
    """Have a Progress for every node that is told, and let those of all others run out."""
    told = (*state.membership.members, *state.departing)
    for node in told:
        if node == state.node:
            continue
        peer = leading.peers.get(node)
        if peer is None:
            leading.peers[node] = Progress(next_index=state.log.last_index + 1, now=now)
        else:
            peer.departs_at = None
    for node, peer in leading.peers.items():
        if node not in told and peer.departs_at is None:
            # Long enough to hear of the last commit, in the calm case.
            peer.departs_at = now + state.timing.election_max


def step_down(state: State, now: Seconds) -> None:
    """Give up leadership in the present term."""
    state.become_follower(now, state.term)


def quorum_heard_at(state: State, leading: Leading, now: Seconds) -> Seconds:
    """Return the newest time since when a majority of voters has answered this leader."""
    never = float("-inf")
    heard: list[Seconds] = []
    for voter, store in state.membership.voters.items():
        if voter == state.node:
            heard.append(now if store == state.store else never)
            continue
        peer = leading.peers.get(voter)
        counts = peer is not None and peer.store in (None, store)
        heard.append(peer.heard_at if peer is not None and counts else never)
    heard.sort(reverse=True)
    return heard[majority(len(heard)) - 1]


def answering(
    state: State, leading: Leading, now: Seconds, voters: Mapping[NodeId, StoreId]
) -> int:
    """Return how many of `voters` answer under these stores."""
    return sum(answers(state, leading, now, voter, store) for voter, store in voters.items())


def answers(state: State, leading: Leading, now: Seconds, node: NodeId, store: StoreId) -> bool:
    """Say whether a node has answered in this term, lately, under this store."""
    if node == state.node:
        return store == state.store
    peer = leading.peers.get(node)
    if peer is None or peer.store != store:
        return False
    return peer.heard_at >= now - state.timing.election_max


def matched(state: State, leading: Leading, node: NodeId) -> int | None:
    """Return up to where a member's log is known to match, under the store it is a member with."""
    if node == state.node:
        return state.writes.persisted
    peer = leading.peers.get(node)
    if peer is None or peer.store is None:
        return None
    return peer.match if peer.store == state.membership.members.get(node) else None


def next_event_at(state: State, leading: Leading) -> Seconds:
    """Return when `pass_time` has something to do."""
    at = leading.heartbeat_at
    if leading.transfer is not None:
        at = min(at, leading.transfer.gives_up_at)
    issued_at = state.writes.oldest_issued_at
    if issued_at is not None:
        at = min(at, issued_at + state.timing.election_min)
    return at


def pass_time(state: State, leading: Leading, now: Seconds) -> None:
    """Do what is due."""
    if state.disk_hangs(now):
        step_down(state, now)
        return
    if leading.transfer is not None and now >= leading.transfer.gives_up_at:
        leading.transfer = None
    if now < leading.heartbeat_at:
        return
    if now - quorum_heard_at(state, leading, now) > state.timing.election_max:
        step_down(state, now)
        return
    silent_since = now - state.timing.election_min
    for node, peer in list(leading.peers.items()):
        if peer.departs_at is not None and now >= peer.departs_at:
            del leading.peers[node]
        elif peer.heard_at < silent_since and not peer.probing:
            # Nothing more for who does not answer, until it answers a heartbeat.
            peer.probe(peer.match + 1, paused=True)
            peer.probe_round = leading.round
    if leading.transfer is not None:
        leading.transfer.told = False  # the word may have been lost: say it again
        leading.changed = True
    leading.heartbeat_at = now + state.timing.heartbeat
    beat(state, leading)


def beat(state: State, leading: Leading) -> None:
    """Begin a heartbeat round, which also serves the reads that wait."""
    leading.round += 1
    reads.join_round(state, leading)
    for node, peer in leading.peers.items():
        state.out.append(
            (node, Heartbeat(state.term, min(state.commit, peer.match), leading.round))
        )
    reads.confirm(state, leading)


def begin_transfer(state: State, now: Seconds, target: NodeId) -> None:
    """Start to hand over to `target`. Raises Conflict or Busy."""
    leading = state.leading
    if leading is None:
        raise Conflict("only a leader can hand over leadership", code="not-leader")
    if target == state.node:
        raise Conflict("this node already leads", code="transfer-to-self")
    if target not in state.membership.voters:
        raise Conflict(f"{target} has no vote and cannot lead", code="transfer-target-no-voter")
    if leading.transfer is not None:
        raise Busy(f"leadership is going to {leading.transfer.target}", code="transfer-under-way")
    leading.transfer = Transfer(target, now + state.timing.election_min)
    leading.changed = True


def _continue_transfer(state: State, leading: Leading) -> None:
    transfer = leading.transfer
    if transfer is None or transfer.told:
        return
    peer = leading.peers.get(transfer.target)
    store = state.membership.voters.get(transfer.target)
    if peer is not None and peer.store == store and peer.match == state.log.last_index:
        transfer.told = True
        state.out.append((transfer.target, TimeoutNow(state.term)))


def flush(state: State, leading: Leading) -> None:
    """Send what this turn's inputs call for; once a Ready, so that a turn's entries go together."""
    while leading.changed and state.leading is leading:
        leading.changed = False
        if reads.wants_round(leading):
            beat(state, leading)
        send_appends(state, leading)
        _continue_transfer(state, leading)
        if not state.is_voter() and state.membership.index <= state.commit:
            _leave(state, leading)


def _leave(state: State, leading: Leading) -> None:
    """Step down, removed: the others know that it is committed, the best of them succeeds."""
    voters = state.membership.voters
    holds = [
        (answers(state, leading, state.now, node, peer.store), peer.match, node)
        for node, peer in leading.peers.items()
        if peer.store is not None
        and voters.get(node) == peer.store
        and peer.match >= state.membership.index
    ]
    if holds:
        state.out.append((max(holds)[2], TimeoutNow(state.term)))
    step_down(state, state.now)
