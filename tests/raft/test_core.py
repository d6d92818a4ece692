"""The contract of `Raft` towards its caller, and what a lying peer cannot do."""

from __future__ import annotations

import math

import pytest

from govchaind.base.errors import Busy, Conflict, InvariantBroken, NotFound, PeerError
from govchaind.base.limits import APPENDS_IN_FLIGHT_MAX, READS_WAITING_MAX
from govchaind.raft.core import Role
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatReply,
    RaftMessage,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    TimeoutNow,
    Vote,
)
from tests.raft.alone import Alone, append, log
from tests.raft.cluster import TIMING
from tests.raft.disk import Text, configuration, store_of

N2, N3 = store_of("n2"), store_of("n3")


def entries(*pairs: tuple[int, int]) -> list[Entry]:
    return [Entry(index, term, Text("")) for index, term in pairs]


@pytest.mark.parametrize(
    "message",
    [
        AppendEntries(3, -1, 0, [], 0),
        AppendEntries(3, 0, 1, [], 0),
        AppendEntries(3, 4, -1, [], 0),
        AppendEntries(3, 4, 3, entries((6, 3)), 0),
        AppendEntries(3, 4, 3, entries((5, 3), (7, 3)), 0),
        AppendEntries(3, 4, 3, entries((5, 2)), 0),
        AppendEntries(3, 4, 3, entries((5, 4)), 0),
        AppendEntries(3, 4, 4, [], 0),
        AppendEntries(3, 1, 2, [], 0),  # contradicts a committed entry
        AppendEntries(3, 1, 1, entries((2, 3)), 0),  # likewise
    ],
)
def test_what_no_honest_leader_sends_changes_nothing(message: RaftMessage) -> None:
    alone = Alone([1, 1, 2, 3], commit=2)
    alone.receive("n3", Heartbeat(3, 0, 1))
    before = alone.disk.durable_hard
    with pytest.raises(PeerError):
        alone.raft.receive(alone.now, "n3", message)
    alone.turn()
    assert alone.disk.durable_entries == log([1, 1, 2, 3])
    assert (alone.raft.commit, alone.raft.leader, alone.disk.durable_hard) == (2, "n3", before)
    alone.receive("n3", Heartbeat(3, 4, 2))
    assert alone.raft.commit == 4


@pytest.mark.parametrize("message", [append(3, 4, 3, [3]), Heartbeat(3, 4, 0)])
def test_a_term_has_one_leader(message: RaftMessage) -> None:
    alone = Alone([1, 1, 2, 3], commit=2)
    alone.receive("n3", Heartbeat(3, 0, 1))
    with pytest.raises(PeerError) as error:
        alone.raft.receive(alone.now, "n2", message)
    assert error.value.code == "two-leaders"
    assert (alone.raft.commit, alone.raft.leader, alone.raft.last_index) == (2, "n3", 4)


def test_no_leader_of_any_term_truncates_what_is_committed() -> None:
    alone = Alone([1, 1, 2], commit=2)
    with pytest.raises(PeerError):
        alone.raft.receive(0.0, "n2", append(4, 1, 1, [3]))
    alone.turn()
    assert alone.disk.durable_entries == log([1, 1, 2])


def test_a_leader_does_not_contradict_its_own_entries() -> None:
    alone = Alone()
    alone.receive("n2", append(3, 0, 0, [1, 2]))
    with pytest.raises(PeerError):
        alone.raft.receive(0.0, "n2", append(3, 0, 0, [1, 3]))


@pytest.mark.parametrize(
    "message",
    [
        append(1, 0, 0, [1]),
        Heartbeat(1, 0, 0),
        AppendReply(1, N2, True, 2),
        AppendReply(1, N2, False, 1, 2, 1),
        HeartbeatReply(1, N2, 1),
    ],
)
def test_what_no_honest_peer_sends_to_the_leader_of_the_term(message: RaftMessage) -> None:
    alone = Alone()
    alone.lead()
    with pytest.raises(PeerError):
        alone.raft.receive(alone.now, "n2", message)
    assert (alone.raft.role, alone.raft.commit) == (Role.LEADER, 0)


def test_nobody_else_speaks_in_this_nodes_name() -> None:
    with pytest.raises(PeerError):
        Alone().raft.receive(0.0, "n1", Heartbeat(1, 0, 0))


def test_proposals_are_refused_with_a_code() -> None:
    alone = Alone()
    with pytest.raises(Conflict) as conflict:
        alone.raft.propose(0.0, Text("x"))
    assert conflict.value.code == "not-leader"
    with pytest.raises(Conflict) as conflict:
        alone.raft.transfer(0.0, "n2")
    assert conflict.value.code == "not-leader"
    alone.lead()
    assert not alone.raft.may_change_configuration()
    with pytest.raises(Busy) as busy:
        alone.raft.propose(alone.now, Text("c"), configuration(["n1", "n2"]))
    assert busy.value.code == "membership-not-now"
    assert (alone.raft.last_index, alone.raft.own_term_committed()) == (1, False)
    alone.acknowledge("n2", 1)
    assert alone.raft.may_change_configuration()
    assert alone.raft.own_term_committed()


def test_readable_facts() -> None:
    members = configuration(["n1", "n2", "n3"])
    alone = Alone([1, 1, 2], commit=2, members=members)
    raft = alone.raft
    assert (raft.node, raft.store, raft.term, raft.leader) == ("n1", store_of("n1"), 2, None)
    assert (raft.commit, raft.last_index, raft.last_term, raft.persisted) == (2, 3, 2, 3)
    assert (raft.configuration, raft.configuration_index) == (members, 0)
    assert raft.configuration_at(3) == members
    assert raft.matched("n1") is None
    assert raft.is_voter()
    assert not Alone(life=1).raft.is_voter()
    with pytest.raises(NotFound):
        raft.entry(4)
    alone.lead()
    assert [raft.matched(node) for node in ("n1", "n2", "n3", "n9")] == [4, None, None, None]
    alone.acknowledge("n2", 4)
    alone.acknowledge("n3", 4, life=1)
    assert [raft.matched(node) for node in ("n2", "n3")] == [4, None]
    assert raft.commit == 4


def test_what_is_committed_must_be_in_the_log() -> None:
    with pytest.raises(InvariantBroken):
        Alone([1], commit=2)
    with pytest.raises(InvariantBroken):
        Alone([3], term=2)


def test_a_strange_store_never_counts() -> None:
    alone = Alone()
    alone.time_out()
    alone.receive("n2", Vote(1, True, True, store_of("n2", 1)))
    assert alone.role() is Role.PRE_CANDIDATE
    alone.receive("n3", Vote(1, True, True, N3))
    alone.receive("n2", Vote(1, True, False, store_of("n2", 1)))
    assert alone.role() is Role.CANDIDATE
    alone.receive("n3", Vote(1, True, False, N3))
    assert alone.role() is Role.LEADER
    alone.raft.propose(alone.now, Text("open"))
    alone.turn()
    alone.acknowledge("n2", 1, life=1)
    assert alone.raft.commit == 0
    stranger = Alone(life=1)
    for _ in range(5):
        stranger.time_out()
    assert stranger.sent == []


def test_silent_deadlines_are_finite_and_move_on() -> None:
    for alone in (Alone(), Alone(life=1), Alone(members=configuration(["n2", "n3"]))):
        seen = []
        for _ in range(50):
            seen.append(alone.raft.deadline)
            alone.time_out()
        assert seen == sorted(set(seen))
        assert all(math.isfinite(at) for at in seen)


def test_expire_before_the_deadline_is_harmless() -> None:
    alone = Alone()
    alone.lead()
    before = alone.raft.deadline
    alone.sent.clear()
    alone.raft.expire(alone.now + 0.1)
    alone.turn()
    assert (alone.sent, alone.raft.deadline) == ([], before)


def test_a_lost_pipelined_append_is_asked_about_once_a_round() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.raft.propose(alone.now, Text("x"))
    alone.turn()
    alone.take(AppendEntries)
    alone.time_out()
    alone.receive("n2", HeartbeatReply(1, N2, 1))
    asked = alone.take(AppendEntries, "n2")
    assert [(sent.previous_index, sent.entries) for sent in asked] == [(2, [])]
    alone.receive("n2", AppendReply(1, N2, False, 2, 1, 1))
    again = alone.take(AppendEntries, "n2")
    assert [(sent.previous_index, len(sent.entries)) for sent in again] == [(1, 1)]


def test_the_pipeline_is_bounded_and_goes_on_with_answers() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.take(AppendEntries)
    for _ in range(APPENDS_IN_FLIGHT_MAX + 10):
        alone.raft.propose(alone.now, Text("x"))
        alone.turn()
    assert len(alone.take(AppendEntries, "n2")) == APPENDS_IN_FLIGHT_MAX
    assert len(alone.take(AppendEntries, "n3")) == 0  # it never answered: one probe is out
    alone.acknowledge("n2", 2)
    assert [len(sent.entries) for sent in alone.take(AppendEntries, "n2")] == [10]


def test_proposals_of_one_turn_go_together() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.take(AppendEntries)
    for _ in range(20):
        alone.raft.propose(alone.now, Text("x"))
    alone.turn()
    assert [len(sent.entries) for sent in alone.take(AppendEntries, "n2")] == [20]


def test_who_does_not_answer_is_sent_heartbeats_only() -> None:
    alone = Alone()
    alone.lead()
    for node in ("n2", "n3"):
        alone.acknowledge(node, 1)
    for round_ in range(1, 6):
        alone.time_out()
        alone.receive("n2", HeartbeatReply(1, N2, round_))
    alone.take(AppendEntries)
    alone.raft.propose(alone.now, Text("x"))
    alone.turn()
    assert [len(alone.take(AppendEntries, node)) for node in ("n2", "n3")] == [1, 0]
    alone.time_out()
    alone.receive("n3", HeartbeatReply(1, N3, 6))
    assert len(alone.take(AppendEntries, "n3")) == 1


def test_a_broken_link_to_a_peer_makes_the_leader_probe() -> None:
    alone = Alone()
    alone.lead()
    alone.acknowledge("n2", 1)
    alone.raft.link_broken(alone.now, "n2")
    alone.raft.link_broken(alone.now, "n9")
    alone.raft.propose(alone.now, Text("x"))
    alone.turn()
    alone.take(AppendEntries)
    alone.time_out()
    alone.receive("n2", HeartbeatReply(1, N2, 1))
    assert [sent.previous_index for sent in alone.take(AppendEntries, "n2")] == [1]


def test_a_broken_link_to_the_leader_campaigns_within_the_jitter() -> None:
    alone = Alone([1])
    alone.receive("n2", Heartbeat(1, 0, 1))
    alone.raft.read(alone.now, 5)
    alone.raft.link_broken(alone.now, "n3")
    assert alone.raft.deadline >= TIMING.election_min
    alone.raft.link_broken(alone.now, "n2")
    assert alone.raft.deadline <= TIMING.broken_link_jitter
    alone.receive("n3", RequestVote(2, 1, 1, pre=True))
    assert [vote.granted for vote in alone.take(Vote)] == [True]
    assert alone.reads == [(5, 0)]
    alone.receive("n2", Heartbeat(1, 0, 2))  # it is there after all
    assert alone.raft.deadline >= TIMING.election_min
    alone.receive("n3", RequestVote(2, 1, 1, pre=True))
    assert [vote.granted for vote in alone.take(Vote)] == [False]


def test_of_two_candidates_in_one_term_the_better_hurries() -> None:
    alone = Alone()
    alone.time_out()
    alone.receive("n2", Vote(1, True, True, N2))
    late = alone.raft.deadline
    alone.receive("n2", RequestVote(1, 0, 0, pre=False))  # n2's name comes after n1's
    assert alone.raft.deadline == late
    other = Alone([1])
    other.time_out()
    other.receive("n2", Vote(2, True, True, N2))
    other.receive("n2", RequestVote(2, 0, 0, pre=False))
    assert other.raft.deadline - other.now <= 0.2 * TIMING.election_min


def test_a_node_with_a_hung_disk_neither_leads_nor_campaigns() -> None:
    alone = Alone()
    alone.lead()
    alone.raft.propose(alone.now, Text("x"))
    alone.turn(write=False)
    end = alone.now + TIMING.election_min
    while alone.now < end:
        assert alone.role() is Role.LEADER
        alone.time_out(write=False)
    assert (alone.now, alone.role()) == (end, Role.FOLLOWER)
    alone.take(RequestVote)
    for _ in range(5):
        alone.time_out(write=False)
    assert alone.take(RequestVote) == []
    alone.sync()
    alone.time_out()
    assert alone.role() is Role.PRE_CANDIDATE


def test_step_down_keeps_quiet_and_refuses_reads() -> None:
    alone = Alone()
    alone.lead()
    alone.raft.read(alone.now, 1)
    alone.receive("n3", ReadIndex(1, 2))
    alone.raft.step_down(alone.now, 30.0)
    alone.turn()
    assert (alone.reads, alone.take(ReadIndexReply)) == ([(1, 0)], [ReadIndexReply(1, 2, 0)])
    end = alone.now + 30.0
    alone.receive("n2", TimeoutNow(1))
    alone.take(RequestVote)
    while alone.raft.deadline < end:
        alone.time_out()
    assert alone.take(RequestVote) == []
    alone.time_out()
    assert alone.role() is Role.PRE_CANDIDATE


def test_a_read_without_a_leader_is_refused_at_once() -> None:
    alone = Alone()
    alone.raft.read(0.0, 4)
    alone.receive("n3", ReadIndex(0, 9))
    assert alone.reads == [(4, 0)]
    assert alone.take(ReadIndexReply) == [ReadIndexReply(0, 9, 0)]


def test_waiting_reads_are_bounded() -> None:
    alone = Alone()
    alone.lead()
    for request in range(READS_WAITING_MAX + 2):
        alone.raft.read(alone.now, request)
    alone.turn()
    assert alone.reads == [(READS_WAITING_MAX, 0), (READS_WAITING_MAX + 1, 0)]


def test_a_read_is_answered_by_the_leader_only() -> None:
    alone = Alone([1])
    alone.receive("n2", Heartbeat(1, 0, 1))
    alone.raft.read(0.0, 4)
    alone.turn()
    alone.receive("n3", ReadIndexReply(1, 4, 1))
    assert alone.reads == []
    alone.receive("n2", ReadIndexReply(1, 4, 1))
    alone.receive("n2", ReadIndexReply(1, 4, 1))
    assert alone.reads == [(4, 1)]


def test_a_ready_asks_for_nothing_when_there_is_nothing() -> None:
    alone = Alone()
    ready = alone.raft.ready()
    assert (ready.messages, ready.entries, ready.truncate_from) == ([], [], None)
    assert (ready.hard_state, ready.ticket, ready.reads) == (None, 0, [])
    alone.raft.receive(0.0, "n2", Heartbeat(4, 0, 1))
    ready = alone.raft.ready()
    assert (ready.messages, ready.hard_state, ready.ticket) == ([], HardState(4, None), 1)
