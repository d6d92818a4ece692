"""What a leader proposes, and when it stops."""

from __future__ import annotations

import pytest

from govchaind.base.limits import (
    CHECKPOINT_CALM_CHANGES_MAX,
    CHECKPOINT_INTERVAL_MILLISECONDS,
    CHECKPOINT_LOADED_INTERVAL_MILLISECONDS,
    REST_BLOCK_INTERVAL_SECONDS,
)
from govchaind.ledger.operations.motion import MotionKind
from govchaind.raft.core import Role
from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import Received, TransferAsked
from govchaind.replica.leadership import (
    CHECKPOINT_PATIENCE_MILLISECONDS,
    QUIET_SECONDS,
    Objections,
    best_follower,
    checkpoint_due,
)
from govchaind.replica.messages import Objection
from govchaind.replica.screening import CLOCK_AHEAD
from tests.raft.cluster import TIMING as RAFT_TIMING
from tests.raft.cluster import Cluster as RaftCluster
from tests.replica.cluster import EPOCH, Cluster, member

LONGEST_WAIT = CHECKPOINT_INTERVAL_MILLISECONDS + CHECKPOINT_PATIENCE_MILLISECONDS


def objection(height: int, term: int = 3) -> Objection:
    return Objection(term, height, CLOCK_AHEAD)


@pytest.mark.parametrize(("voters", "needed"), [(2, 1), (3, 2), (4, 2), (5, 3), (7, 4)])
def test_a_leader_steps_down_when_too_few_are_left_to_take_its_block(
    voters: int, needed: int
) -> None:
    objections = Objections()
    answers = [
        objections.add(f"n{i}", objection(5), term=3, voters=voters, undecided=range(5, 9))
        for i in range(needed)
    ]
    assert answers == [False] * (needed - 1) + [True]


def test_objections_count_once_in_their_term_and_for_undecided_blocks() -> None:
    objections = Objections()
    for _ in range(3):
        assert not objections.add("b", objection(5), term=3, voters=3, undecided=range(5, 9))
    assert not objections.add("c", objection(5, 2), term=3, voters=3, undecided=range(5, 9))
    assert not objections.add("c", objection(6), term=3, voters=3, undecided=range(5, 9))
    for height in range(1 << 20, (1 << 20) + 100):
        assert not objections.add("c", objection(height), term=3, voters=3, undecided=range(6, 9))
    assert sorted(objections._by_height) == [5, 6]
    assert not objections.add("b", objection(5), term=3, voters=3, undecided=range(6, 9))


def test_a_checkpoint_is_due_when_changes_have_waited() -> None:
    assert checkpoint_due(0, EPOCH, EPOCH + 1000) is None
    assert checkpoint_due(1, EPOCH, EPOCH + 20) == LONGEST_WAIT - 20
    assert checkpoint_due(1, EPOCH, EPOCH + 1000) == 0
    assert checkpoint_due(1, EPOCH, 0) == LONGEST_WAIT
    loaded = CHECKPOINT_LOADED_INTERVAL_MILLISECONDS + CHECKPOINT_PATIENCE_MILLISECONDS
    assert checkpoint_due(CHECKPOINT_CALM_CHANGES_MAX + 1, EPOCH, EPOCH + 20) == loaded - 20


def test_a_term_opens_with_an_empty_block_and_rest_makes_one_a_minute() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    assert set(cluster.heights().values()) == {1}
    cluster.run(REST_BLOCK_INTERVAL_SECONDS * 2)
    assert set(cluster.heights().values()) == {3}
    assert set(cluster.certified().values()) == {3}


@pytest.mark.parametrize("names", ["a", "abc"])
def test_machines_that_slept_bring_the_ledgers_time_on_at_once(names: str) -> None:
    """Seed 6130: for up to a minute nothing was taken that is valid by the wall clock."""
    cluster = Cluster(list(names))
    cluster.run(5)
    for name in names:
        cluster.wall_offset[name] = 26 * 3_600_000
    cluster.run(2)
    assert set(cluster.heights().values()) == {2}
    [time] = {cluster.nodes[name].replica.ledger.time for name in names}
    assert abs(time - cluster.wall(names[0])) < 3000
    cluster.run(20)
    assert set(cluster.heights().values()) == {2}


def test_a_lone_transaction_waits_for_no_timer_and_gets_a_checkpoint() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    leader = cluster.leader()
    cluster.offer(leader, [cluster.put(1)])
    cluster.settle()
    assert cluster.heights()[leader] == 2
    replica = cluster.nodes[leader].replica
    assert (replica.ledger.pending_changes == 0) == (replica.ledger.last_checkpoint == 2)
    cluster.run(0.2)
    assert replica.ledger.pending_changes == 0


def test_while_a_block_is_in_flight_a_further_one_waits_to_be_filled() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    leader = cluster.leader()
    raft = cluster.nodes[leader].replica.raft
    for number in range(5):
        cluster.offer(leader, [cluster.put(number)])
    assert raft.last_index == raft.commit + 1
    cluster.offer(leader, [cluster.put(number) for number in range(5, 260)])
    assert raft.last_index == raft.commit + 2
    cluster.settle()
    assert len(cluster.nodes[leader].replica.pool) == 0


def test_a_clock_far_ahead_costs_the_leadership() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    wrong = cluster.leader()
    height = cluster.heights()[wrong]
    cluster.wall_offset[wrong] = 73 * 365 * 24 * 3600 * 1000
    cluster.offer(wrong, [cluster.put(1)])
    cluster.run(8)
    assert "clock.wrong" in cluster.happened(wrong)
    assert cluster.leader() != wrong
    right = cluster.nodes[cluster.leader()].replica.ledger
    assert right.height > height
    assert abs(right.time - cluster.wall(cluster.leader())) < 60_000
    assert cluster.nodes[wrong].replica.ledger.last_hash == right.last_hash
    cluster.run(QUIET_SECONDS / 2)
    assert cluster.leader() != wrong


def test_objections_of_nodes_without_a_vote_count_for_nothing() -> None:
    cluster = Cluster(["a", "b", "c"], ["o", "p"])
    cluster.run(5)
    leader = cluster.leader()
    raft = cluster.nodes[leader].replica.raft
    cluster.offer(leader, [cluster.put(1)])
    for name in ("o", "p"):
        message = Objection(raft.term, raft.last_index, CLOCK_AHEAD)
        cluster.step(leader, [Received(name, message)])
    assert cluster.leader() == leader


def test_a_deposed_leader_gives_back_what_it_took() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    old = cluster.leader()
    cluster.drop(old)
    cluster.settle()
    cluster.offer(old, [cluster.put(1)])
    replica = cluster.nodes[old].replica
    assert replica.pool.waiting == 0
    cluster.run(6)
    assert replica.role() != "leader"
    assert replica.pool.waiting == 1
    cluster.heal(old)
    cluster.run(4)
    assert len(replica.pool) == 0
    assert len({node.replica.ledger.last_hash for node in cluster.nodes.values()}) == 1
    log = cluster.nodes[old].log()
    committed = [log.block(height) for height in range(1, replica.ledger.height + 1)]
    assert sum(len(block.transactions) for block in committed) == 1


def test_leadership_is_handed_over_when_asked() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    old = cluster.leader()
    target = next(name for name in cluster.nodes if name != old)
    cluster.step(old, [TransferAsked("nobody")])
    assert "raft.transfer_refused" in cluster.happened(old)
    cluster.step(old, [TransferAsked(target)])
    cluster.settle()
    assert cluster.leader() == target


def test_a_leader_that_is_to_leave_hands_over_first() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    leaving = cluster.leader()
    cluster.vote(MotionKind.REMOVE_NODE, [leaving])
    cluster.run(4)
    assert cluster.leader() != leaving
    replica = cluster.nodes[cluster.leader()].replica
    assert leaving not in replica.raft.configuration.voter_ids()
    assert replica.attestations.certified == replica.ledger.height


def test_a_wanted_validator_learns_first_and_then_votes() -> None:
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    leader = cluster.leader()
    replica = cluster.nodes[leader].replica
    o = member("o")
    arguments: list[object] = [
        *("o", o.institution, "validator", o.attestation_key, o.tls_key, o.store, [])
    ]
    cluster.vote(MotionKind.SET_NODE, arguments)
    cluster.run(5)
    memberships = cluster.nodes[leader].log().memberships()
    assert [len(membership.members) for _, membership, _ in memberships] == [3, 4, 4]
    assert "o" in replica.raft.configuration.voter_ids()


def test_a_configuration_waits_until_nothing_is_in_flight_and_new_blocks_wait_for_it() -> None:
    """What is in flight may order something else, and then no follower could judge the step."""
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    leader = cluster.leader()
    replica = cluster.nodes[leader].replica
    cluster.offer(leader, [cluster.put(1)])
    assert replica.raft.last_index == replica.raft.commit + 1
    replica._executor.wanted = [*cluster.genesis.nodes[:3], member("o", "learner")]
    cluster.offer(leader, [cluster.put(number) for number in range(2, 300)])
    term = replica.raft.term
    cluster.step(leader, [Received("o", Heartbeat(term, 0, 0))])
    assert replica.raft.last_index == replica.raft.commit + 1
    assert replica.raft.configuration_index == 0


def test_the_best_follower_is_one_that_answers() -> None:
    """Seed 8897: one that was down held all there was, and was handed over to again and again."""
    cluster = RaftCluster(["n1", "n2", "n3"])
    cluster.elect("n1")
    cluster.propose("n1", "x")
    cluster.settle()
    raft = cluster.nodes["n1"]
    assert best_follower(raft, cluster.now) == "n2"
    cluster.isolate("n2")
    cluster.pass_time(RAFT_TIMING.election_max + 1)
    assert (raft.role, raft.matched("n2"), raft.matched("n3")) == (Role.LEADER, 2, 2)
    assert best_follower(raft, cluster.now) == "n3"
    cluster.isolate("n3")
    cluster.pass_time(RAFT_TIMING.election_min)
    cluster.now += RAFT_TIMING.election_max
    assert best_follower(raft, cluster.now) is None
