"""Who becomes leader: pre-votes, votes, and when to ask for them.

Rules kept here:
- only a voter under its own store id campaigns, and not while its disk hangs or it keeps quiet;
  one whose vote an uncommitted entry takes away still may, and does not count itself (4.2.2);
- a pre-vote (thesis section 9.6) changes nothing in either side, and its answers are never votes;
- votes and pre-votes are refused while a leader is heard (section 4.2.3), unless a transfer asks
  for them or the link to that leader is known to be broken;
- one vote a term, durable before it is told, granted again to the same candidate (section 3.4);
- the candidate's log is at least as up to date, by term first, then by index (section 3.6.1);
- an answer counts in the role, in the term and under the store id for which it was asked.
"""

from __future__ import annotations

from govchaind.base.quorum import majority
from govchaind.base.types import NodeId, Seconds, Term
from govchaind.raft.leadership import quorum_heard_at, start_leading
from govchaind.raft.messages import RequestVote, Vote
from govchaind.raft.state import Role, State

# Two candidates met in one term: the better one asks again after a tenth to a fifth of a time-out,
# longer than most round trips, while the other keeps its whole time-out.
COLLISION_SHARE = (0.1, 0.2)
# A pre-candidate that knows its leader's link to be broken asks again within a heartbeat.
BROKEN_LINK_RETRY_SHARE = (0.5, 1.0)


def time_out(state: State, now: Seconds) -> None:
    """Campaign, or wait again if this node may not."""
    state.arm(now)
    state.role = Role.FOLLOWER
    state.ballots.clear()
    state.lose_leader()
    if _may_campaign(state, now):
        ask_before(state, now)
    else:
        state.election_at = max(state.election_at, state.quiet_until)


def ask_before(state: State, now: Seconds) -> None:
    """Ask whether an election could be won, before disturbing anybody with a newer term."""
    state.role = Role.PRE_CANDIDATE
    state.ballots[state.node] = (True, state.store)
    if _won(state):
        campaign(state, now, transfer=False)
        return
    if state.link_broken:
        state.election_at = now + state.timing.heartbeat * state.random.uniform(
            *BROKEN_LINK_RETRY_SHARE
        )
    log = state.log
    for voter in state.membership.voters:
        if voter != state.node:
            # Depends on no write: it promises nothing and holds no own term.
            state.out.append(
                (voter, RequestVote(state.term + 1, log.last_index, log.last_term, pre=True))
            )


def campaign(state: State, now: Seconds, *, transfer: bool) -> None:
    """Enter the next term and ask for votes once the own one is durable."""
    state.become_follower(now, state.term + 1)
    state.role = Role.CANDIDATE
    state.vote_for(state.node)
    state.arm(now)
    log = state.log
    # The own vote is a message to oneself: it, too, counts only once it is durable.
    state.send(state.node, Vote(state.term, True, False, state.store))
    for voter in state.membership.voters:
        if voter != state.node:
            request = RequestVote(
                state.term, log.last_index, log.last_term, pre=False, transfer=transfer
            )
            state.send(voter, request)


def campaign_if_told(state: State, now: Seconds) -> None:
    """Take a TimeoutNow of the present term: no pre-vote, and the others need not wait."""
    waiting = state.role in (Role.FOLLOWER, Role.PRE_CANDIDATE)
    if waiting and _may_campaign(state, now):
        campaign(state, now, transfer=True)


def lose_link(state: State, now: Seconds) -> None:
    """The link to the leader broke: ask whether it is gone for the others as well."""
    state.link_broken = True
    for request in state.forwarded:  # asked over that link; the answers went with it
        state.reads.append((request, 0))
    state.forwarded.clear()
    if _may_campaign(state, now):
        soon = now + state.random.random() * state.timing.broken_link_jitter
        state.election_at = min(state.election_at, soon)


def _may_campaign(state: State, now: Seconds) -> bool:
    if state.disk_hangs(now) or now < state.quiet_until:
        return False
    return state.is_voter() or _is_leaving(state)


def _is_leaving(state: State) -> bool:
    """Say whether an entry that may yet be rolled back takes this node's vote away.

    Its log may be the only one that is up to date, and then nobody else can be elected: it
    campaigns, without counting itself, leads until the entry is committed, and leaves.
    """
    membership = state.membership
    if membership.index <= state.commit:
        return False
    before = membership.at(membership.index - 1)
    return (state.node, state.store) in before.voters


def answer_request(state: State, now: Seconds, sender: NodeId, request: RequestVote) -> None:
    """Take a RequestVote of any term."""
    log = state.log
    up_to_date = (request.last_term, request.last_index) >= (log.last_term, log.last_index)
    if request.pre:
        granted = (
            up_to_date
            and not _sticks(state, now)
            and (request.term > state.term or _vote_is_free(state, sender, request.term))
        )
        if granted:
            state.out.append((sender, Vote(request.term, True, True, state.store)))
        else:
            state.send(sender, Vote(state.term, False, True, state.store))
        return
    if request.term > state.term:
        if _sticks(state, now) and not request.transfer:
            state.send(sender, Vote(state.term, False, False, state.store))
            return
        state.become_follower(now, request.term)
    if request.term == state.term:
        repeated = state.vote == sender
        if repeated or (up_to_date and _vote_is_free(state, sender, request.term)):
            state.vote_for(sender)
            if not repeated:
                state.arm(now)
            state.send(sender, Vote(state.term, True, False, state.store))
            return
        _yield_or_hurry(state, now, sender, request)
    state.send(sender, Vote(state.term, False, False, state.store))


def _vote_is_free(state: State, sender: NodeId, term: Term) -> bool:
    return (
        term == state.term
        and state.vote in (None, sender)
        and state.term_leader is None
        and state.role is not Role.LEADER
    )


def _yield_or_hurry(state: State, now: Seconds, sender: NodeId, request: RequestVote) -> None:
    """Two candidates met in one term, and perhaps nobody wins: the better one asks again soon."""
    if state.role is not Role.CANDIDATE:
        return
    mine = (state.log.last_term, state.log.last_index, state.node)
    if mine > (request.last_term, request.last_index, sender):
        soon = now + state.timing.election_min * state.random.uniform(*COLLISION_SHARE)
        state.election_at = min(state.election_at, soon)


def _sticks(state: State, now: Seconds) -> bool:
    """Say whether this node hears a leader, or is one that a majority hears."""
    within = now - state.timing.election_min
    if state.leading is not None:
        return quorum_heard_at(state, state.leading, now) > within
    return state.heard_at is not None and state.heard_at > within and not state.link_broken


def count(state: State, now: Seconds, sender: NodeId, vote: Vote) -> None:
    """Take an answer to a RequestVote."""
    if vote.pre:
        if not vote.granted and vote.term > state.term:
            state.become_follower(now, vote.term)
            return
        if state.role is not Role.PRE_CANDIDATE:
            return
        if vote.granted and vote.term != state.term + 1:
            return
    else:
        if vote.term > state.term:
            state.become_follower(now, vote.term)
            return
        if state.role is not Role.CANDIDATE or vote.term != state.term:
            return
    known = state.ballots.get(sender)
    if known is None or not known[0] or known[1] != vote.store:
        state.ballots[sender] = (vote.granted, vote.store)
    if _won(state):
        if state.role is Role.PRE_CANDIDATE:
            campaign(state, now, transfer=False)
        else:
            start_leading(state, now)
    elif _lost(state):
        # The term, the vote and the time-out stay: asking again is a matter of time.
        state.role = Role.FOLLOWER
        state.ballots.clear()


def _won(state: State) -> bool:
    return _ballots(state, granted=True) >= majority(len(state.membership.voters))


def _lost(state: State) -> bool:
    voters = len(state.membership.voters)
    return _ballots(state, granted=False) > voters - majority(voters)


def _ballots(state: State, *, granted: bool) -> int:
    voters = state.membership.voters
    return sum(
        1
        for voter, (answer, store) in state.ballots.items()
        if answer is granted and voters.get(voter) == store
    )
