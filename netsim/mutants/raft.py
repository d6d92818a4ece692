"""Bugs planted in Raft."""

from __future__ import annotations

import random
from typing import Any

from govchaind.base.quorum import committed_index
from govchaind.raft import acceptance, election, leadership, reads, replication
from govchaind.raft.log import Log
from govchaind.raft.membership import Membership
from govchaind.raft.progress import Progress
from govchaind.raft.state import State, Transfer
from govchaind.raft.writes import Writes
from netsim.mutants.plant import Plant


def second_vote(plant: Plant) -> None:
    """A vote is given again in the same term to whoever asks next (E-4 in kind)."""

    def vote_for(self: State, candidate: str) -> None:
        self.vote = candidate
        self.writes.hard_changed = True

    def is_free(state: State, sender: str, term: int) -> bool:
        return term == state.term

    plant(State, "vote_for", vote_for)
    plant(election, "_vote_is_free", is_free)


def leader_cuts_own_log(plant: Plant) -> None:
    """A leader takes back its newest entry when a follower refuses an append (R-6 in kind)."""
    original = replication.take_append_reply

    def take(state: State, leading: Any, now: float, sender: str, reply: Any) -> None:
        original(state, leading, now, sender, reply)
        log = state.log
        if not reply.success and log.last_index > state.commit:
            log.truncate(log.last_index)
            state.writes.truncate(log.last_index + 1)
            state.membership.truncate(log.last_index + 1)

    plant(replication, "take_append_reply", take)


def previous_term_ignored(plant: Plant) -> None:
    """An append is accepted wherever the log is long enough, whatever term stands there."""

    def matches(self: Log, index: int, term: int) -> bool:
        return index <= self.last_index

    plant(Log, "matches", matches)


def stale_log_elected(plant: Plant) -> None:
    """A vote is given without looking at the candidate's log (E-10 in kind)."""
    original = election.answer_request

    def answer(state: State, now: float, sender: str, request: Any) -> None:
        flattered = type(request)(
            request.term, request.last_index, 1 << 40, request.pre, request.transfer
        )
        original(state, now, sender, flattered)

    plant(election, "answer_request", answer)


def commit_alone(plant: Plant) -> None:
    """An entry is committed as soon as any one voter has it (Q-10: acknowledged on append)."""
    plant(replication, "committed_index", max)


def majority_too_small(plant: Plant) -> None:
    """The majority of n is taken to be n // 2 (R-18)."""

    def too_small(matches: Any) -> int:
        ordered = sorted(matches, reverse=True)
        return ordered[max(len(ordered) // 2 - 1, 0)] if ordered else 0

    plant(replication, "committed_index", too_small)


def commit_not_verified(plant: Plant) -> None:
    """A follower commits as far as its leader says, also what it was not sent (I-8's own bug)."""
    original = acceptance.accept_append

    def accept(state: State, now: float, sender: str, append: Any) -> None:
        original(state, now, sender, append)
        if append.term == state.term:
            state.commit_to(min(append.commit, state.log.last_index))

    plant(acceptance, "accept_append", accept)


def answer_before_write(plant: Plant) -> None:
    """An append is acknowledged before it is durable (D-1, B-1)."""

    def send(self: State, to: str, message: Any, index: int) -> None:
        self.out.append((to, message))

    plant(State, "send_when_written", send)


def vote_before_write(plant: Plant) -> None:
    """What depends on term and vote leaves before they are durable (E-1)."""

    def send(self: State, to: str, message: Any) -> None:
        self.out.append((to, message))

    plant(State, "send", send)


def match_of_old_store(plant: Plant) -> None:
    """What was known of a store is believed of the one that took its place (D-10)."""

    def observe(self: Progress, store: bytes, last_index: int) -> None:
        self.store = store

    plant(Progress, "observe_store", observe)


def old_term_committed(plant: Plant) -> None:
    """Entries of older terms are committed by counting (R-1: Figure 8)."""

    def advance(state: State, leading: Any) -> None:
        matches = []
        for voter, store in state.membership.voters.items():
            if voter == state.node:
                matches.append(state.writes.persisted if store == state.store else 0)
            else:
                peer = leading.peers.get(voter)
                matches.append(peer.match if peer is not None and peer.store == store else 0)
        index = committed_index(matches)
        if index > state.commit:
            state.commit_to(index)
            leading.own_term_committed = True
            leading.changed = True

    plant(replication, "advance_commit", advance)


def configuration_kept(plant: Plant) -> None:
    """A configuration stays in force after its entry is cut from the log (S-5)."""

    def truncate(self: Membership, index: int) -> bool:
        return False

    plant(Membership, "truncate", truncate)


def reads_without_quorum(plant: Plant) -> None:
    """A leader answers reads without asking a majority (Q-2)."""

    def confirm(state: State, leading: Any) -> None:
        while leading.reads_in_round:
            round_ = leading.reads_in_round.popleft()
            for origin, request in round_.reads:
                state.answer_read(origin, request, round_.index)

    plant(reads, "confirm", confirm)


def clock_of_process(plant: Plant) -> None:
    """Election time-outs come from a source that the seed does not name."""
    elsewhere = random.SystemRandom()

    def arm(self: State, now: float) -> None:
        self.timeout = elsewhere.uniform(self.timing.election_min, self.timing.election_max)
        self.election_at = now + self.timeout

    plant(State, "arm", arm)


def sticks_for_ever(plant: Plant) -> None:
    """Who has ever heard a leader grants no vote until its link breaks (E-17 in kind)."""

    def sticks(state: State, now: float) -> bool:
        return state.heard_at is not None or state.leading is not None

    plant(election, "_sticks", sticks)


def refusal_ignored(plant: Plant) -> None:
    """A leader does not step back when a follower refuses an append (R-10, R-16 in kind)."""

    def refused(self: Progress, index: int, guess: int) -> bool:
        return False

    plant(Progress, "refused", refused)


def no_pre_vote(plant: Plant) -> None:
    """A node that hears nobody enters term after term (L-1)."""

    def ask(state: State, now: float) -> None:
        election.campaign(state, now, transfer=False)

    plant(election, "ask_before", ask)


def hasty_campaigns(plant: Plant) -> None:
    """Campaigns follow one another without waiting: terms race ahead."""

    def ask(state: State, now: float) -> None:
        election.campaign(state, now, transfer=False)
        state.election_at = now + state.timing.election_min / 50

    def arm(self: State, now: float) -> None:
        self.timeout = self.timing.election_min / 20
        self.election_at = now + self.timeout

    plant(election, "ask_before", ask)
    plant(State, "arm", arm)


def no_check_quorum(plant: Plant) -> None:
    """A leader that hears nobody goes on leading (L-2)."""

    def heard(state: State, leading: Any, now: float) -> float:
        return now

    plant(leadership, "quorum_heard_at", heard)


def hung_disk_leads(plant: Plant) -> None:
    """A leader whose disk hangs goes on leading."""

    plant(Writes, "oldest_issued_at", None)


def clock_stands(plant: Plant) -> None:
    """A leader whose disk hangs asks to be woken at once, again and again."""

    def hangs(self: State, now: float) -> bool:
        return False

    plant(State, "disk_hangs", hangs)


def transfer_without_end(plant: Plant) -> None:
    """A leadership transfer is never given up (L-7 in kind)."""

    def transfer(target: str, gives_up_at: float) -> Transfer:
        return Transfer(target, float("inf"))

    plant(leadership, "Transfer", transfer)
