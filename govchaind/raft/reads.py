"""Linearizable reads without writing to the log (thesis section 6.4).

Rules kept here: a read is answered with the commit index as it was when a heartbeat round began
that was later than the read, once a majority of voters has answered that round or a later one; not
before an entry of the own term is committed; many reads share a round. When leadership is lost, all
are refused (state.py). A follower's read goes to its leader, and is given up after an election
time-out, because nobody repeats a lost message.
"""

from __future__ import annotations

from govchaind.base.limits import READS_WAITING_MAX
from govchaind.base.quorum import committed_index
from govchaind.base.types import NodeId, Seconds
from govchaind.raft.messages import ReadIndex, ReadIndexReply
from govchaind.raft.state import Leading, ReadRound, State


def ask(state: State, now: Seconds, request: int) -> None:
    """Take a read of this node's own caller."""
    if state.leading is not None:
        _queue(state, state.leading, state.node, request)
    elif state.leader is None or len(state.forwarded) >= READS_WAITING_MAX:
        state.reads.append((request, 0))
    else:
        state.forwarded[request] = now + state.timing.election_min
        state.send(state.leader, ReadIndex(state.term, request))


def ask_for(state: State, sender: NodeId, message: ReadIndex) -> None:
    """Take a read that another node forwards."""
    if state.leading is None or message.term < state.term:
        state.send(sender, ReadIndexReply(state.term, message.request, 0))
    else:
        _queue(state, state.leading, sender, message.request)


def _queue(state: State, leading: Leading, origin: NodeId, request: int) -> None:
    waiting = len(leading.reads_asked)
    for round_ in leading.reads_in_round:
        waiting += len(round_.reads)
    if waiting >= READS_WAITING_MAX:
        state.answer_read(origin, request, 0)
        return
    leading.reads_asked.append((origin, request))
    leading.changed = True


def take_reply(state: State, sender: NodeId, reply: ReadIndexReply) -> None:
    """Take the leader's answer to a forwarded read."""
    if sender == state.leader and state.forwarded.pop(reply.request, None) is not None:
        state.reads.append((reply.request, reply.index))


def give_up(state: State, now: Seconds) -> None:
    """Refuse forwarded reads that got no answer in time."""
    late = [request for request, until in state.forwarded.items() if until <= now]
    for request in late:
        del state.forwarded[request]
        state.reads.append((request, 0))


def wants_round(leading: Leading) -> bool:
    """Say whether reads wait for a round and none that serves reads is on its way.

    While one is on its way later reads gather for the next, which begins when it is confirmed or
    with the next heartbeat.
    """
    return bool(leading.reads_asked) and leading.own_term_committed and not leading.reads_in_round


def join_round(state: State, leading: Leading) -> None:
    """Let the waiting reads be answered by the round that begins now."""
    if leading.reads_asked and leading.own_term_committed:
        leading.reads_in_round.append(ReadRound(leading.round, state.commit, leading.reads_asked))
        leading.reads_asked = []


def confirm(state: State, leading: Leading) -> None:
    """Answer the reads whose round a majority of voters has answered."""
    if not leading.reads_in_round:
        return
    rounds: list[int] = []
    for voter, store in state.membership.voters.items():
        if voter == state.node:
            rounds.append(leading.round if store == state.store else 0)
            continue
        peer = leading.peers.get(voter)
        rounds.append(peer.round if peer is not None and peer.store == store else 0)
    confirmed = committed_index(rounds)
    while leading.reads_in_round and leading.reads_in_round[0].number <= confirmed:
        round_ = leading.reads_in_round.popleft()
        for origin, request in round_.reads:
            state.answer_read(origin, request, round_.index)
    leading.changed = True
