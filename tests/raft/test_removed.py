"""What a leader still tells a node that is no member any more."""

from __future__ import annotations

from tests.raft.cluster import TIMING, Cluster
from tests.raft.disk import configuration


def test_a_removed_peer_is_told_and_then_let_go() -> None:
    cluster = Cluster(["n1", "n2", "n3"])
    cluster.elect("n1")
    cluster.propose("n1", "c", configuration(["n1", "n2"]))
    cluster.settle()
    assert not cluster.nodes["n3"].is_voter()
    assert cluster.nodes["n3"].commit == 2
    cluster.pass_time(TIMING.election_max + 1)
    cluster.propose("n1", "x")
    cluster.settle()
    assert cluster.nodes["n3"].last_index == 2
    cluster.pass_time(20)
    assert (cluster.leader(), cluster.nodes["n1"].term) == ("n1", 1)


def test_a_removed_peer_is_told_by_every_leader_as_long_as_it_is_wanted() -> None:
    cluster = Cluster(["n1", "n2", "n3"])
    cluster.elect("n1")
    cluster.propose("n1", "c", configuration(["n1", "n2"]))
    for name in ("n1", "n2"):
        cluster.nodes[name].keep_telling(cluster.now, {"n3"})
    cluster.settle()
    cluster.pass_time(TIMING.election_max + 1)
    cluster.propose("n1", "x")
    cluster.settle()
    assert cluster.nodes["n3"].commit == 3
    cluster.elect("n2")
    cluster.propose("n2", "y")
    cluster.settle()
    assert cluster.nodes["n3"].commit == 5
    cluster.nodes["n2"].keep_telling(cluster.now, ())
    cluster.pass_time(TIMING.election_max + 1)
    cluster.propose("n2", "z")
    cluster.settle()
    assert cluster.nodes["n3"].last_index == 5
