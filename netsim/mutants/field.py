"""Bugs that others have met in the field, planted here: elections, progress, changes of members."""

from __future__ import annotations

from typing import Any

from govchaind.raft import acceptance, election, leadership, replication
from govchaind.raft.core import Raft, Role
from govchaind.raft.messages import RequestVote, Vote
from govchaind.raft.progress import Progress
from govchaind.raft.state import State
from govchaind.replica import leadership as proposing
from govchaind.replica.gossip import Gossiper
from govchaind.replica.replica import Replica
from netsim.mutants.plant import Plant

_election: Any = election
_leadership: Any = leadership
_acceptance: Any = acceptance
_replication: Any = replication


def vote_erased(plant: Plant) -> None:
    """A leader that steps down forgets its vote of the term (E-6)."""

    def become(self: State, now: float, term: int) -> None:
        led = self.leading
        original(self, now, term)
        if led is not None and term == self.term:
            self.vote = self.term_leader = None
            self.writes.hard_changed = True

    original = State.become_follower
    plant(State, "become_follower", become)


def erased_vote_given_again(plant: Plant) -> None:
    """A leader that steps down forgets its vote, and votes again whatever its log holds (E-6)."""

    # A leader opens its term with an entry, so its log alone would refuse all other candidates of
    # that term: two rules hold here, and both have to go.
    def answer(state: State, now: float, sender: str, request: RequestVote) -> None:
        if not request.pre and request.term == state.term:
            flattered = RequestVote(request.term, 1 << 40, 1 << 40, request.pre, request.transfer)
            original(state, now, sender, flattered)
        else:
            original(state, now, sender, request)

    original = election.answer_request
    vote_erased(plant)
    plant(election, "answer_request", answer)


def own_vote_always_counts(plant: Plant) -> None:
    """A candidate counts its own vote while it is not in its configuration (E-11)."""

    def ballots(state: State, *, granted: bool) -> int:
        voters = state.membership.voters
        return sum(
            1
            for voter, (answer, store) in state.ballots.items()
            if answer is granted and (voters.get(voter) == store or voter == state.node)
        )

    def may(state: State, now: float) -> bool:
        return not state.disk_hangs(now) and now >= state.quiet_until

    plant(election, "_ballots", ballots)
    plant(election, "_may_campaign", may)


def own_pre_vote_refused(plant: Plant) -> None:
    """A node does not grant itself its own pre-vote (E-13)."""

    def ask(state: State, now: float) -> None:
        original(state, now)
        if state.role is Role.PRE_CANDIDATE:
            state.ballots.pop(state.node, None)

    original = election.ask_before
    plant(election, "ask_before", ask)


def removed_node_shouts(plant: Plant) -> None:
    """A node that was removed campaigns on, and opens term after term (E-18)."""

    def may(state: State, now: float) -> bool:
        return not state.disk_hangs(now)

    def ask(state: State, now: float) -> None:
        if state.is_voter():
            original(state, now)
        else:
            election.campaign(state, now, transfer=False)

    original = election.ask_before
    plant(election, "_may_campaign", may)
    plant(election, "ask_before", ask)
    plant(election, "_sticks", lambda state, now: False)


def pre_vote_is_a_vote(plant: Plant) -> None:
    """A pre-vote that comes late is counted as a vote (E-19)."""

    def count(state: State, now: float, sender: str, vote: Vote) -> None:
        if vote.pre and vote.granted and state.role is Role.CANDIDATE:
            vote = Vote(state.term, True, False, vote.store)
        original(state, now, sender, vote)

    original = election.count
    plant(election, "count", count)


def pre_vote_quiets(plant: Plant) -> None:
    """Whoever grants a pre-vote waits again, as if it had heard a leader (E-20)."""

    def answer(state: State, now: float, sender: str, request: RequestVote) -> None:
        before = len(state.out)
        original(state, now, sender, request)
        if request.pre and any(
            isinstance(message, Vote) and message.granted for _, message in state.out[before:]
        ):
            state.heard_at = now
            state.arm(now)

    original = election.answer_request
    plant(election, "answer_request", answer)


def match_goes_back(plant: Plant) -> None:
    """A stale answer takes a follower's match back (R-4)."""

    def matched(self: Progress, index: int) -> bool:
        changed = original(self, index)
        self.match = min(self.match, index)
        return changed

    original = Progress.matched
    plant(Progress, "matched", matched)


def known_entries_cut(plant: Plant) -> None:
    """A follower cuts off what it already has and takes it from the message again (R-7)."""

    def known(state: State, append: Any) -> Any:
        first = max(append.entries[0].index, state.commit + 1)
        state.verified = min(state.verified, first - 1)
        left = [entry for entry in append.entries if entry.index >= first]
        if not left or first > state.log.last_index:
            return original(state, append)
        state.log.truncate(first)
        state.writes.truncate(first)
        state.membership.truncate(first)
        return left

    original = _acceptance._without_known
    plant(acceptance, "_without_known", known)


def always_probing(plant: Plant) -> None:
    """A leader sends one append a heartbeat and never gets beyond probing (R-13)."""

    def matched(self: Progress, index: int) -> bool:
        changed = original(self, index)
        self.probing, self.paused = True, True
        return changed

    original = Progress.matched
    plant(Progress, "matched", matched)


def next_below_match(plant: Plant) -> None:
    """A refusal takes `next` below `match` (R-14)."""

    def refused(self: Progress, index: int, guess: int) -> bool:
        self.probe(min(guess + 1, index))
        self.next = max(1, min(guess + 1, index))
        return True

    plant(Progress, "refused", refused)


def change_in_a_new_term(plant: Plant) -> None:
    """A leader changes members before an entry of its term is committed (M-6)."""

    def may(self: Raft) -> bool:
        leading = self._state.leading
        membership = self._state.membership
        return (
            leading is not None
            and leading.transfer is None
            and membership.index <= self._state.commit
        )

    def lead(self: Any, now: float, wall: int, **known: Any) -> bool:
        if self._raft.role is Role.LEADER and not self._raft.own_term_committed():
            wanted, ordered_at = known["wanted"], known["ordered_at"]
            if may(self._raft) and self._change_membership(now, wall, wanted, ordered_at):
                return True
        result: bool = original(self, now, wall, **known)
        return result

    original = proposing.Proposer.lead
    plant(Raft, "may_change_configuration", may)
    plant(proposing.Proposer, "lead", lead)


def votes_by_name(plant: Plant) -> None:
    """A vote counts for a name, whichever store it comes from (M-8 in kind)."""

    def ballots(state: State, *, granted: bool) -> int:
        voters = state.membership.voters
        return sum(1 for voter, (answer, _) in state.ballots.items()
                   if answer is granted and voter in voters)  # fmt: skip

    plant(election, "_ballots", ballots)


def voter_at_once(plant: Plant) -> None:
    """A learner becomes a voter before it has caught up (M-9)."""

    def promoted(current: Any, step: Any) -> None:
        return None

    plant(proposing, "_promoted", promoted)


def reads_in_a_new_term(plant: Plant) -> None:
    """A new leader answers reads before an entry of its term is committed (Q-1)."""
    made = _leadership.Leading

    def leading(**arguments: Any) -> Any:
        found = made(**arguments)
        found.own_term_committed = True
        return found

    plant(leadership, "Leading", leading)


def reads_unwritten(plant: Plant) -> None:
    """A read is answered of what is applied and not yet durable (Q-11 in kind)."""

    def answer(self: Replica) -> None:
        self._durable = self.ledger.height
        original(self)

    original = Replica._answer_reads
    plant(Replica, "_answer_reads", answer)


def restarted_waits_for_ever(plant: Plant) -> None:
    """A node that was started again in a later term waits to be told, and never campaigns."""

    def init(self: State, **known: Any) -> None:
        original(self, **known)
        if known["hard_state"].term > 0 and len(self.membership.voters) > 1:
            self.quiet_until = float("inf")

    original = State.__init__
    plant(State, "__init__", init)


def lone_voter_waits(plant: Plant) -> None:
    """A network of one never campaigns after its process was started again (L-9)."""

    def may(state: State, now: float) -> bool:
        alone = len(state.membership.voters) == 1
        return original(state, now) and not (alone and state.term > 0)

    original = _election._may_campaign
    plant(election, "_may_campaign", may)


def any_term_deposes(plant: Plant) -> None:
    """A leader steps down for a newer term in any message; nobody asks before (L-10)."""

    def ask(state: State, now: float) -> None:
        election.campaign(state, now, transfer=False)

    plant(election, "ask_before", ask)
    plant(election, "_sticks", lambda state, now: False)


def steps_past_signers(plant: Plant) -> None:
    """Whoever could commit without one more is let go, though too few are left to sign."""

    def may_step(voters: int, answering: int, *, signs: bool) -> bool:
        return original(voters, answering, signs=False)

    original = proposing.may_step
    plant(proposing, "may_step", may_step)


# Where a bug needs so many voters: a third more sign for six than for five.
VOTERS = {lone_voter_waits: 1, steps_past_signers: 6}


def probes_without_a_pause(plant: Plant) -> None:
    """A leader that probes a follower asks again at each step, before that has answered."""

    def probe(state: State, leading: Any, node: str, peer: Progress, *, empty: bool) -> None:
        original(state, leading, node, peer, empty=empty)
        peer.paused = False

    original = _replication._probe
    plant(replication, "_probe", probe)


def everybody_passes_on(plant: Plant) -> None:
    """A validator pushes to all others what it has from a validator, too."""

    def targets(self: Gossiper, source: Any, voters: Any, links: Any) -> list[str]:
        return original(self, None, voters, links)

    original = Gossiper.targets
    plant(Gossiper, "targets", targets)


MUTANTS = (
    (probes_without_a_pause, "L-e"),
    (everybody_passes_on, "L-e"),
    (steps_past_signers, "L-b"),
    (vote_erased, "I-7"),
    (erased_vote_given_again, "I-2"),
    (own_vote_always_counts, "I-14"),
    (own_pre_vote_refused, "L-a"),
    (removed_node_shouts, "L-d"),
    (pre_vote_is_a_vote, "I-1"),
    (pre_vote_quiets, "L-a"),
    (match_goes_back, "I-11"),
    (known_entries_cut, "I-11"),
    (always_probing, "L-c"),
    (next_below_match, "I-11"),
    (change_in_a_new_term, "I-13"),
    (votes_by_name, "I-14"),
    (voter_at_once, "L-b"),
    (reads_in_a_new_term, "I-20"),
    (reads_unwritten, "I-20"),
    (lone_voter_waits, "L-a"),
    (restarted_waits_for_ever, "L-i"),
    (any_term_deposes, "L-d"),
)
