"""Membership by votes: a node is added, removed, readmitted; certificates follow and catch up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.ledger.operations.motion import MotionKind
from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import Guard
from govchaind.replica.store import signing_floor
from tests.replica.cluster import Cluster, agreed, follower_of, member, started, store_id


def want_validator(cluster: Cluster, name: str, round_number: int = 0) -> None:
    node = member(name)
    arguments: list[object] = [name, node.institution, "validator"]
    arguments += [node.attestation_key, node.tls_key, node.store, []]
    cluster.vote(MotionKind.SET_NODE, arguments, round_number)
    cluster.run(5)


def test_an_observer_becomes_a_validator_and_is_needed() -> None:
    cluster = started("abc", "o")
    want_validator(cluster, "o")
    replica = cluster.nodes["o"].replica
    assert replica.role() == "follower"
    assert replica.raft.is_voter()
    agreed(cluster)
    cluster.drop("a" if cluster.leader() != "a" else "b")
    height = cluster.heights()["o"]
    cluster.offer("o", [cluster.put(1)])
    cluster.run(2)
    assert cluster.certified()["o"] > height


def test_a_removed_validator_observes() -> None:
    cluster = started("abcd")
    gone = follower_of(cluster)
    cluster.vote(MotionKind.REMOVE_NODE, [gone])
    cluster.run(3)
    names = cluster.nodes[cluster.leader()].replica.raft.configuration.voter_ids()
    assert gone not in names
    assert len(names) == 3
    assert cluster.nodes[gone].replica.role() == "observer"
    cluster.offer(cluster.leader(), [cluster.put(1)])
    cluster.run(3)
    agreed(cluster)


@pytest.mark.parametrize("leader_restarts", [False, True])
def test_a_removed_validator_hears_late_of_its_removal_and_signs_it(
    leader_restarts: bool,
) -> None:
    """Seed 2787: of two validators one took its removal, and was cut off before the commit."""
    cluster = started("ab")
    gone, stays = follower_of(cluster), cluster.leader()
    cluster.deaf.add((gone, Heartbeat))
    cluster.vote(MotionKind.REMOVE_NODE, [gone])
    cluster.drop(gone)
    cluster.deaf.clear()
    cluster.run(30)
    assert cluster.nodes[gone].replica.raft.commit < cluster.heights()[stays]
    assert cluster.certified()[stays] < cluster.heights()[stays]
    if leader_restarts:
        cluster.crash(stays)
        cluster.run(5)
    cluster.heal(gone)
    cluster.run(5)
    cluster.offer(stays, [cluster.put(1)])
    cluster.run(5)
    agreed(cluster)
    assert cluster.certified()[stays] == cluster.heights()[stays]
    assert cluster.nodes[gone].replica.role() == "observer"


def test_nobody_is_let_go_while_the_rest_could_not_commit() -> None:
    """Seed 286: with one store lost, the vote that lets another validator go must wait."""
    cluster = started()
    leader = cluster.leader()
    lost, other = (name for name in "abc" if name != leader)
    fresh = store_id(f"{lost}-2")
    cluster.crash(lost, store=fresh, keeps_guard=False)
    cluster.run(5)
    cluster.vote(MotionKind.REMOVE_NODE, [other])
    cluster.run(5)
    leader = cluster.leader()
    assert set(cluster.nodes[leader].replica.raft.configuration.voter_ids()) == set("abc")
    height = cluster.heights()[leader]
    cluster.offer(leader, [cluster.put(1)])
    cluster.run(1)
    assert cluster.heights()[leader] > height
    cluster.vote(MotionKind.READMIT_NODE, [lost, fresh])
    cluster.run(8)
    left = cluster.nodes[cluster.leader()].replica.raft.configuration.voter_ids()
    assert set(left) == set("abc") - {other}
    cluster.offer(cluster.leader(), [cluster.put(2)])
    cluster.run(1)
    agreed(cluster)


def test_nobody_is_let_go_while_the_rest_could_not_sign() -> None:
    """Seed 3953: five need four signatures, as six do; with two lost another comes first."""
    cluster = started("abcdef", "o")
    lost = [name for name in "abcdef" if name != cluster.leader()][:2]
    for name in lost:
        cluster.drop(name)
    cluster.run(10)
    leader = cluster.leader()
    gone = next(name for name in "abcdef" if name not in (leader, *lost))
    cluster.vote(MotionKind.REMOVE_NODE, [gone])
    cluster.run(5)
    assert gone in cluster.nodes[leader].replica.raft.configuration.voter_ids()
    assert cluster.certified()[leader] == cluster.heights()[leader]
    want_validator(cluster, "o", 1)
    cluster.run(5)
    voters = set(cluster.nodes[leader].replica.raft.configuration.voter_ids())
    assert voters == {*"abcdef", "o"} - {gone}
    cluster.offer(leader, [cluster.put(1)])
    cluster.run(5)
    assert cluster.certified()[leader] == cluster.heights()[leader]


def test_a_lost_store_comes_back_and_signs_only_above_its_readmission() -> None:
    cluster = started()
    for number in range(4):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.run(0.3)
    lost = follower_of(cluster)
    fresh = store_id(f"{lost}-2")
    cluster.crash(lost, store=fresh, keeps_guard=False)
    height = cluster.heights()[cluster.leader()]
    cluster.run(8)
    replica = cluster.nodes[lost].replica
    assert not replica.raft.is_voter()
    assert replica.attestations.signed == 0
    cluster.vote(MotionKind.READMIT_NODE, [lost, fresh])
    cluster.run(6)
    replica = cluster.nodes[lost].replica
    assert replica.raft.is_voter()
    own = replica.memberships.latest().member(lost)
    assert own is not None
    assert own.signs_above > height
    cluster.offer(cluster.leader(), [cluster.put(9)])
    cluster.run(1)
    assert agreed(cluster) == replica.attestations.signed > own.signs_above


def test_the_floor_outlives_restarts_of_the_store_that_has_it() -> None:
    cluster = started()
    name = follower_of(cluster)
    node = cluster.nodes[name]
    cluster.drop(name)
    node.guard = Guard(store_id("old"), 1, None, 50, 60)
    node.make_store(store_id("new"))
    node.start(cluster.now, cluster.wall(name))
    cluster.settle()
    assert node.replica.attestations.floor == 50
    assert signing_floor(node.disk) == 50
    assert node.replica.guard().signed_height == 50
    node.guard = replace(node.replica.guard())
    assert node.guard.store == store_id("new")
    node.start(cluster.now, cluster.wall(name))
    assert node.replica.attestations.floor == 50


def test_certificates_are_made_good_after_a_node_was_away() -> None:
    cluster = started("abcd")
    away = follower_of(cluster)
    cluster.drop(away)
    for number in range(30):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.settle()
    cluster.run(1)
    assert cluster.certified()[cluster.leader()] >= 30
    assert cluster.certified()[away] <= 2
    cluster.heal(away)
    cluster.run(5)
    agreed(cluster)


def test_certificates_lag_while_too_few_sign_and_catch_up() -> None:
    cluster = started("abcde")
    leader = cluster.leader()
    away = [name for name in cluster.nodes if name != leader][:2]
    for name in away:
        cluster.drop(name)
    before = cluster.certified()[leader]
    for number in range(5):
        cluster.offer(leader, [cluster.put(number)])
        cluster.run(0.3)
    assert cluster.heights()[leader] >= before + 5
    assert cluster.certified()[leader] == before
    cluster.heal(away[0])
    cluster.run(4)
    assert cluster.certified()[leader] == cluster.heights()[leader]
