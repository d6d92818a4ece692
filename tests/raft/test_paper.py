"""Each test names the section of the paper (Ongaro and Ousterhout 2014) or thesis (Ongaro 2014)
that it proves."""

from __future__ import annotations

import pytest

from govchaind.raft.core import Role
from govchaind.raft.messages import (
    NO_ANSWER,
    AppendEntries,
    AppendReply,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    TimeoutNow,
    Vote,
)
from tests.raft.alone import Alone, append, log
from tests.raft.cluster import TIMING, Cluster
from tests.raft.disk import Text, configuration, store_of


def test_paper_5_1_a_newer_term_is_adopted_and_ends_leadership() -> None:
    alone = Alone()
    alone.lead()
    alone.receive("n3", HeartbeatReply(9, store_of("n3"), 0))
    assert (alone.raft.role, alone.raft.term, alone.raft.leader) == (Role.FOLLOWER, 9, None)
    assert alone.disk.durable_hard == HardState(9, None)


def test_paper_5_1_a_request_of_an_older_term_is_refused_with_the_newer_one() -> None:
    alone = Alone(term=5)
    alone.receive("n2", append(4, 0, 0, [4]))
    assert alone.take(AppendReply) == [AppendReply(5, store_of("n1"), False, 0)]
    alone.receive("n2", Heartbeat(4, 0, 77))
    # The round is not echoed: its sender may lead term 5 by now, and count it there.
    assert alone.take(HeartbeatReply) == [HeartbeatReply(5, store_of("n1"), 0)]
    alone.receive("n2", RequestVote(4, 9, 4, pre=False))
    assert alone.take(Vote) == [Vote(5, False, False, store_of("n1"))]
    assert alone.raft.last_index == 0


def test_paper_5_2_a_follower_that_hears_its_leader_does_not_campaign() -> None:
    alone = Alone(term=1)
    for _ in range(20):
        alone.now += 1.0
        alone.raft.expire(alone.now)
        alone.receive("n2", Heartbeat(1, 0, 1))
    assert (alone.raft.role, alone.raft.leader) == (Role.FOLLOWER, "n2")
    assert alone.take(RequestVote) == []


def test_paper_5_2_a_majority_of_votes_makes_a_leader_that_announces_itself() -> None:
    alone = Alone(members=configuration(["n1", "n2", "n3", "n4", "n5"]))
    alone.time_out()
    for node in ("n2", "n3"):
        alone.receive(node, Vote(1, True, True, store_of(node)))
    assert (alone.raft.role, alone.raft.term) == (Role.CANDIDATE, 1)
    alone.receive("n2", Vote(1, True, False, store_of("n2")))
    alone.receive("n2", Vote(1, True, False, store_of("n2")))
    assert alone.role() is Role.CANDIDATE
    alone.receive("n3", Vote(1, True, False, store_of("n3")))
    assert alone.role() is Role.LEADER
    assert len(alone.take(AppendEntries)) == 4


def test_paper_5_2_a_candidate_yields_to_the_leader_of_its_term() -> None:
    alone = Alone()
    alone.time_out()
    alone.receive("n2", Vote(1, True, True, store_of("n2")))
    alone.receive("n3", Heartbeat(1, 0, 1))
    assert (alone.raft.role, alone.raft.leader) == (Role.FOLLOWER, "n3")
    assert alone.disk.durable_hard == HardState(1, "n1")  # the vote of the term stays


def test_paper_5_2_one_vote_a_term_also_after_a_restart() -> None:
    alone = Alone(term=3, vote="n2")
    alone.receive("n3", RequestVote(3, 9, 3, pre=False))
    alone.receive("n2", RequestVote(3, 9, 3, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [False, True]


def test_paper_5_2_a_vote_once_given_is_given_again_whatever_the_log_holds_by_now() -> None:
    alone = Alone([1, 3], term=3, vote="n2")
    alone.receive("n2", RequestVote(3, 1, 1, pre=False))
    assert alone.take(Vote) == [Vote(3, True, False, store_of("n1"))]


def test_paper_5_2_stepping_down_in_a_term_keeps_its_vote() -> None:
    alone = Alone()
    alone.time_out()
    alone.receive("n2", Vote(1, True, True, store_of("n2")))
    alone.raft.step_down(alone.now, 0.0)
    alone.receive("n3", RequestVote(1, 5, 1, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [False]
    assert alone.disk.durable_hard == HardState(1, "n1")


def test_paper_5_2_a_term_that_has_a_leader_needs_no_other() -> None:
    alone = Alone(term=1)
    alone.receive("n2", Heartbeat(1, 0, 1))
    alone.now += TIMING.election_min + 0.1
    alone.receive("n3", RequestVote(1, 5, 1, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [False]
    assert alone.disk.durable_hard.vote is None


def test_paper_5_2_time_outs_are_spread() -> None:
    deadlines = set()
    cluster = Cluster(["n1", "n2", "n3", "n4", "n5"])
    for raft in cluster.nodes.values():
        assert TIMING.election_min <= raft.deadline <= TIMING.election_max
        deadlines.add(raft.deadline)
    assert len(deadlines) == 5


@pytest.mark.parametrize(
    ("term", "index", "granted"),
    [(2, 9, False), (3, 1, False), (3, 2, True), (3, 3, True), (4, 1, True)],
)
def test_paper_5_4_1_votes_go_to_logs_at_least_as_up_to_date(
    term: int, index: int, granted: bool
) -> None:
    alone = Alone([1, 3])
    alone.receive("n2", RequestVote(5, index, term, pre=True))
    alone.receive("n2", RequestVote(5, index, term, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [granted, granted]


def test_paper_5_3_the_entry_before_must_agree() -> None:
    alone = Alone([1, 1, 2])
    alone.receive("n2", append(3, 3, 3, [3]))
    assert alone.take(AppendReply) == [AppendReply(3, store_of("n1"), False, 3, 2, 1)]
    alone.receive("n2", append(3, 9, 3, [3]))
    assert alone.take(AppendReply) == [AppendReply(3, store_of("n1"), False, 9, 3, 2)]
    assert alone.raft.last_index == 3


def test_paper_5_3_a_conflict_removes_the_whole_tail() -> None:
    alone = Alone([1, 2, 2, 2])
    alone.receive("n2", append(3, 1, 1, [3]))
    assert [entry.term for entry in alone.disk.durable_entries] == [1, 3]
    assert alone.raft.last_index == 2


def test_paper_5_3_an_append_that_agrees_removes_nothing() -> None:
    alone = Alone([1, 1, 1])
    alone.receive("n2", append(1, 0, 0, [1]))
    assert alone.raft.last_index == 3
    assert alone.take(AppendReply) == [AppendReply(1, store_of("n1"), True, 1)]


def test_paper_5_3_a_refusal_skips_a_whole_term() -> None:
    follower = Alone([1, 1, 2, 2, 2, 2])
    follower.receive("n2", append(5, 6, 4, []))
    reply = follower.take(AppendReply)[0]
    assert (reply.hint_index, reply.hint_term) == (5, 2)
    leader = Alone([1, 1, 3, 3, 4, 4])
    leader.lead()
    leader.take(AppendEntries)
    leader.receive("n2", AppendReply(leader.raft.term, store_of("n2"), False, 6, 5, 2))
    probe = leader.take(AppendEntries, "n2")[0]
    assert (probe.previous_index, probe.previous_term) == (2, 1)


def test_paper_5_3_commit_follows_the_leader_as_far_as_the_request_verified() -> None:
    alone = Alone([1, 1, 1, 1])
    alone.receive("n2", append(2, 1, 1, [1], commit=4))
    assert alone.raft.commit == 2
    alone.receive("n2", Heartbeat(2, 4, 1))
    assert alone.raft.commit == 2
    alone.receive("n2", append(2, 1, 1, [], commit=1))
    assert alone.raft.commit == 2


def test_paper_5_4_2_only_entries_of_the_own_term_are_committed_by_counting() -> None:
    alone = Alone([1, 2])
    alone.lead(propose=False)
    alone.acknowledge("n2", 2)
    alone.acknowledge("n3", 2)
    assert alone.raft.commit == 0
    alone.raft.propose(alone.now, Text("open"))
    alone.turn()
    alone.acknowledge("n2", 3)
    assert alone.raft.commit == 3


def test_paper_5_5_repeated_and_reordered_answers_do_no_harm() -> None:
    alone = Alone()
    alone.lead()
    for _ in range(3):
        alone.raft.propose(alone.now, Text("x"))
        alone.turn()
    alone.acknowledge("n2", 4)
    alone.acknowledge("n2", 1)
    alone.receive("n2", AppendReply(1, store_of("n2"), False, 2, 0, 0))
    assert (alone.raft.commit, alone.raft.matched("n2")) == (4, 4)


def test_thesis_3_10_timeout_now_campaigns_without_a_pre_vote_and_past_stickiness() -> None:
    target = Alone([1])
    target.receive("n2", Heartbeat(1, 0, 1))
    target.receive("n2", TimeoutNow(1))
    requests = target.take(RequestVote)
    assert [(request.term, request.pre, request.transfer) for request in requests] == [
        (2, False, True)
    ] * 2
    voter = Alone([1])
    voter.receive("n2", Heartbeat(1, 0, 1))
    voter.receive("n3", RequestVote(2, 1, 1, pre=False, transfer=True))
    assert [vote.granted for vote in voter.take(Vote)] == [True]


def test_thesis_3_10_timeout_now_is_for_voters_of_the_same_term() -> None:
    for alone, term in ((Alone([1], term=2), 1), (Alone([1]), 5), (Alone([1], life=1), 1)):
        alone.receive("n3", TimeoutNow(term))
        assert alone.role() is Role.FOLLOWER
        assert alone.take(RequestVote) == []


def test_thesis_4_1_a_configuration_is_in_force_on_append() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.raft.propose(alone.now, Text("c"), configuration(["n1", "n2", "n3", "n4"]))
    alone.turn()
    alone.acknowledge("n2", 2)
    assert alone.raft.commit == 1  # two of four
    alone.acknowledge("n4", 2)
    assert alone.raft.commit == 2


def test_thesis_4_2_2_a_leader_without_a_vote_does_not_count_itself() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.raft.propose(alone.now, Text("c"), configuration(["n2", "n3"]))
    alone.turn()
    alone.acknowledge("n2", 2)
    assert (alone.raft.commit, alone.raft.role) == (1, Role.LEADER)
    alone.sent.clear()
    alone.acknowledge("n3", 2)
    assert (alone.raft.commit, alone.raft.role) == (2, Role.FOLLOWER)
    assert {(sent.commit, sent.round) for sent in alone.take(Heartbeat)} == {(2, NO_ANSWER)}
    assert len(alone.take(TimeoutNow)) == 1


def test_thesis_4_2_2_a_candidate_without_a_vote_does_not_count_itself() -> None:
    entry = Entry(1, 1, Text("c"), configuration(["n2", "n3"]))
    alone = Alone()
    alone.receive("n2", AppendEntries(1, 0, 0, [entry], 0))
    alone.time_out()
    assert alone.role() is Role.PRE_CANDIDATE
    alone.receive("n2", Vote(2, True, True, store_of("n2")))
    assert alone.role() is Role.PRE_CANDIDATE
    alone.receive("n3", Vote(2, True, True, store_of("n3")))
    assert alone.role() is Role.CANDIDATE


def test_thesis_4_2_3_a_voter_that_hears_a_leader_refuses_and_keeps_its_term() -> None:
    alone = Alone([1])
    alone.receive("n2", Heartbeat(1, 0, 1))
    alone.now += TIMING.election_min - 0.01
    alone.receive("n3", RequestVote(7, 9, 6, pre=True))
    alone.receive("n3", RequestVote(7, 9, 6, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [False, False]
    assert alone.raft.term == 1
    alone.now += 0.02
    alone.receive("n3", RequestVote(7, 9, 6, pre=False))
    assert [vote.granted for vote in alone.take(Vote)] == [True]


def test_thesis_6_2_a_leader_that_no_majority_answers_steps_down() -> None:
    alone = Alone()
    alone.lead()
    while alone.now < 100 and alone.role() is Role.LEADER:
        alone.time_out()
        if alone.now < 20:
            alone.receive("n3", HeartbeatReply(1, store_of("n3"), 1))
    assert 20 < alone.now < 20 + TIMING.election_max + 2 * TIMING.heartbeat


def test_thesis_6_4_a_read_waits_for_a_later_round_of_a_majority() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.take(Heartbeat)  # which pass the commit index on
    alone.raft.read(alone.now, 1)
    alone.turn()
    round_ = alone.take(Heartbeat, "n2")[0].round
    alone.receive("n3", HeartbeatReply(1, store_of("n3", 1), round_))
    alone.receive("n2", HeartbeatReply(1, store_of("n2"), round_ - 1))
    assert alone.reads == []
    alone.receive("n2", HeartbeatReply(1, store_of("n2"), round_))
    assert alone.reads == [(1, 1)]


def test_thesis_6_4_many_reads_share_a_round_and_followers_are_answered() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.take(Heartbeat)  # which pass the commit index on
    for request in range(50):
        alone.raft.read(alone.now, request)
    alone.raft.receive(alone.now, "n3", ReadIndex(1, 99))
    alone.turn()
    assert len(alone.take(Heartbeat, "n2")) == 1
    alone.receive("n2", HeartbeatReply(1, store_of("n2"), 1))
    assert alone.reads == [(request, 1) for request in range(50)]
    assert alone.take(ReadIndexReply, "n3") == [ReadIndexReply(1, 99, 1)]


def test_a_commit_index_passed_on_is_taken_and_not_answered() -> None:
    """As far as this term's leader has verified the log, and no further (paper section 5.3)."""
    follower = Alone()
    entry = Entry(1, 1, Text("a"))
    follower.receive("n2", AppendEntries(1, 0, 0, [entry], 0))
    follower.sent.clear()
    follower.receive("n2", Heartbeat(1, 5, NO_ANSWER))
    assert (follower.raft.commit, follower.sent) == (1, [])
    follower.receive("n2", Heartbeat(1, 5, 1))
    assert [sent.round for sent in follower.take(HeartbeatReply)] == [1]


def test_thesis_9_6_granting_a_pre_vote_changes_nothing() -> None:
    alone = Alone([1])
    before = (alone.raft.term, alone.raft.deadline, alone.raft.role)
    alone.now = 0.5
    alone.receive("n2", RequestVote(2, 1, 1, pre=True))
    assert alone.take(Vote) == [Vote(2, True, True, store_of("n1"))]
    assert (alone.raft.term, alone.raft.deadline, alone.raft.role) == before
    assert alone.disk.durable_hard == HardState(1, None)


def test_thesis_9_6_pre_votes_are_never_votes() -> None:
    alone = Alone()
    alone.time_out()
    alone.receive("n2", Vote(1, True, True, store_of("n2")))
    assert alone.role() is Role.CANDIDATE
    alone.receive("n3", Vote(1, True, True, store_of("n3")))
    alone.receive("n3", Vote(2, True, True, store_of("n3")))
    assert (alone.raft.role, alone.raft.term) == (Role.CANDIDATE, 1)


def test_thesis_10_2_1_the_leader_sends_before_its_write_and_counts_itself_after() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.acknowledge("n3", 1)
    alone.take(AppendEntries)
    alone.raft.propose(alone.now, Text("x"))
    alone.turn(write=False)
    assert [len(sent.entries) for sent in alone.take(AppendEntries)] == [1, 1]
    alone.receive("n2", AppendReply(1, store_of("n2"), True, 2), write=False)
    assert (alone.raft.commit, alone.raft.persisted) == (1, 1)
    alone.sync()
    assert (alone.raft.commit, alone.raft.persisted) == (2, 2)


def test_thesis_10_2_1_a_follower_answers_after_its_write() -> None:
    alone = Alone()
    alone.receive("n2", append(1, 0, 0, [1, 1]), write=False)
    alone.receive("n2", Heartbeat(1, 0, 1), write=False)
    assert alone.sent == []
    alone.sync()
    alone.turn()
    assert alone.sent == [
        ("n2", HeartbeatReply(1, store_of("n1"), 1)),
        ("n2", AppendReply(1, store_of("n1"), True, 2)),
    ]


def test_figure_2_a_vote_leaves_after_it_is_durable() -> None:
    alone = Alone()
    alone.receive("n2", RequestVote(1, 0, 0, pre=False), write=False)
    assert alone.sent == []
    # A newer term meanwhile: the older vote is never told.
    alone.receive("n3", RequestVote(2, 0, 0, pre=False), write=False)
    alone.sync(1)
    alone.turn(write=False)
    assert alone.sent == []
    alone.sync()
    alone.turn()
    assert alone.sent == [("n3", Vote(2, True, False, store_of("n1")))]


def test_figure_2_log_is_given_back_as_it_was_taken() -> None:
    alone = Alone()
    alone.receive("n2", append(1, 0, 0, [1, 1, 1], commit=2))
    assert [alone.raft.entry(index) for index in (1, 2, 3)] == log([1, 1, 1])
    assert [alone.raft.term_of(index) for index in (0, 1, 3)] == [0, 1, 1]
