"""Whole replicas: what a network of them does when nodes crash, hang, fill up and change."""

from __future__ import annotations

import pytest

from govchaind.base.limits import ELECTION_TIMEOUT_SECONDS_MIN, LIFETIME_MAX_MILLISECONDS
from govchaind.ledger.outcomes import Code
from govchaind.raft.messages import AppendReply, Vote
from govchaind.replica.events import (
    CertificateAwaited,
    Certified,
    Committed,
    Expired,
    OfferAnswered,
    Offered,
    ReadAsked,
    ReadReady,
)
from govchaind.replica.messages import Attest
from govchaind.replica.patience import PATIENCE_SECONDS
from govchaind.replica.store import hard_state
from tests.replica.cluster import EPOCH, Cluster, agreed, follower_of, signed, started


def told(cluster: Cluster, name: str, kind: type[object]) -> list[object]:
    return [notice for notice in cluster.nodes[name].notices if isinstance(notice, kind)]


def outcomes(cluster: Cluster, name: str) -> list[tuple[bytes, int]]:
    return [
        (identifier, code)
        for notice in cluster.nodes[name].notices
        if isinstance(notice, Committed)
        for identifier, code, _ in notice.outcomes
    ]


@pytest.mark.parametrize("validators", ["a", "ab", "abc", "abcd", "abcde"])
@pytest.mark.parametrize("at", ["leader", "follower", "observer"])
def test_a_lone_transaction_that_is_awaited_certifies_without_any_timer(
    validators: str, at: str
) -> None:
    cluster = started(validators, "o")
    cluster.run(2)  # whoever was in haste is so no longer
    node = {"leader": cluster.leader(), "follower": sorted(validators)[-1], "observer": "o"}[at]
    cluster.step(node, [CertificateAwaited()])
    cluster.settle()
    assert cluster.offer(node, [cluster.put(1)]) == [0]
    if node == "o":  # it passes transactions on in its own time
        cluster.run(0.01)
    cluster.settle()
    heights = [notice.height for notice in told(cluster, node, Certified)]  # type: ignore[attr-defined]
    assert heights[-1] == 2


def test_signatures_that_nobody_awaits_go_together() -> None:
    cluster = started("abc")
    cluster.run(2)
    leader = cluster.leader()
    cluster.said.clear()
    for number in range(4):
        assert cluster.offer(leader, [cluster.put(number)]) == [0]
        cluster.settle()
        assert not [said for _, said in cluster.said if type(said) is Attest]
    assert cluster.certified()[leader] == 1
    cluster.run(PATIENCE_SECONDS * 1.5)
    sent = [
        said.height for sender, said in cluster.said if sender == leader and type(said) is Attest
    ]
    assert sorted(set(sent)) == [2, 3, 4, 5]
    cluster.run(PATIENCE_SECONDS * 1.5)  # the certificates' rows wait a moment of their own
    assert set(cluster.certified().values()) == {5}


@pytest.mark.parametrize("validators", ["a", "ab", "abc", "abcd", "abcde"])
def test_a_lone_transaction_commits_and_certifies(validators: str) -> None:
    cluster = started(validators)
    item = cluster.put(1)
    assert cluster.offer(cluster.leader(), [item]) == [0]
    cluster.settle()
    assert outcomes(cluster, cluster.leader()) == [(item.id, 0)]  # without any timer
    for name in cluster.nodes:
        cluster.run(0.5)
        assert outcomes(cluster, name) == [(item.id, 0)]
        assert len(cluster.nodes[name].replica.pool) == 0
    assert agreed(cluster) >= 2


@pytest.mark.parametrize("where", ["follower", "observer"])
def test_a_transaction_is_taken_anywhere(where: str) -> None:
    cluster = started("abc", "o")
    at = "o" if where == "observer" else follower_of(cluster)
    item = cluster.put(1)
    assert cluster.offer(at, [item]) == [0]
    cluster.run(2)
    assert all(outcomes(cluster, name) == [(item.id, 0)] for name in cluster.nodes)
    agreed(cluster)


def test_blocks_in_flight_survive_their_leader() -> None:
    cluster = started()
    old = cluster.leader()
    items = [cluster.put(number) for number in range(10)]
    cluster.offer(follower_of(cluster), items)
    cluster.settle()
    cluster.offer(old, [cluster.put(10)])
    for _ in range(3):
        sender, receiver, message = cluster.messages.popleft()
        cluster.messages.append((sender, receiver, message))
    cluster.drop(old)
    cluster.crash(old)
    cluster.run(6)
    assert cluster.leader() != old
    cluster.heal(old)
    cluster.run(6)
    agreed(cluster)
    assert sorted(code for _, code in outcomes(cluster, cluster.leader())) == [0] * len(
        outcomes(cluster, cluster.leader())
    )


def test_a_restart_in_the_middle_of_a_write_loses_only_what_was_not_said() -> None:
    cluster = started()
    follower = follower_of(cluster)
    cluster.hold_writes = {follower}
    cluster.offer(cluster.leader(), [cluster.put(1)])
    cluster.settle()
    assert cluster.nodes[follower].write is not None
    before = hard_state(cluster.nodes[follower].disk)
    cluster.crash(follower)
    cluster.hold_writes = set()
    assert hard_state(cluster.nodes[follower].disk) == before
    cluster.run(5)
    assert agreed(cluster) >= 2


def test_nothing_that_depends_on_a_write_leaves_before_it() -> None:
    cluster = started()
    leader, follower = cluster.leader(), follower_of(cluster)
    cluster.hold_writes = {follower}
    cluster.said.clear()
    cluster.nodes[follower].notices.clear()
    cluster.offer(leader, [cluster.put(1)])
    cluster.run(1)
    assert cluster.certified()[leader] >= 2

    def depends(message: object) -> bool:
        if isinstance(message, Attest):
            return message.height >= 2
        return isinstance(message, AppendReply) and message.success and message.index >= 2

    said = [message for name, message in cluster.said if name == follower]
    assert said
    assert not any(depends(message) for message in said)
    assert told(cluster, follower, Committed) + told(cluster, follower, Certified) == []
    cluster.hold_writes = set()
    cluster.run(1)
    assert any(depends(message) for name, message in cluster.said if name == follower)
    assert agreed(cluster) >= 2


def test_what_gathers_during_a_write_is_one_more_write() -> None:
    cluster = started("a")
    cluster.hold_writes = {"a"}
    tickets = []
    for number in range(6):
        work = cluster.step("a", [Offered(number, [cluster.put(number)])])
        answer = next(item for item in work.notices if isinstance(item, OfferAnswered))
        assert (answer.token, answer.codes) == (number, [0])
        tickets.append(work.ticket)
    assert tickets[1:] == [0] * 5
    cluster.hold_writes = set()
    cluster.run(1)
    assert agreed(cluster) >= 3
    assert len(outcomes(cluster, "a")) == 6


def test_a_hung_disk_costs_the_leadership() -> None:
    cluster = started()
    old = cluster.leader()
    cluster.hold_writes = {old}
    cluster.offer(old, [cluster.put(1)])
    cluster.run(ELECTION_TIMEOUT_SECONDS_MIN + 5)
    assert cluster.leader() != old
    assert cluster.nodes[old].replica.role() == "follower"
    assert cluster.nodes[old].replica.status(cluster.now).write_pending_seconds > 1
    cluster.hold_writes = set()
    cluster.run(3)
    agreed(cluster)


def test_a_clock_far_ahead_at_a_follower_or_behind_changes_nothing() -> None:
    cluster = started()
    follower = follower_of(cluster)
    for offset in (73 * 365 * 86_400_000, -1_000_000):
        cluster.wall_offset[follower] = offset if offset > 0 else 0
        height = cluster.heights()[follower]
        cluster.offer(cluster.leader(), [cluster.put(offset % 97)])
        cluster.run(1)
        assert agreed(cluster) > height
    assert "block.refused" not in cluster.happened(follower)


def test_a_follower_that_is_far_behind_in_time_takes_what_is_committed() -> None:
    cluster = started()
    follower = follower_of(cluster)
    cluster.wall_offset[follower] = -3_600_000
    cluster.offer(cluster.leader(), [cluster.put(1)])
    cluster.run(3)
    assert "block.refused" in cluster.happened(follower)
    agreed(cluster)
    assert cluster.leader() != follower


# --- the pool's door ------------------------------------------------------------------------------


def test_a_copy_is_known_in_the_pool_and_a_duplicate_after_its_block() -> None:
    cluster = started()
    leader = cluster.leader()
    item = cluster.put(1)
    assert cluster.offer(leader, [item, item]) == [0, 0]
    cluster.run(1)
    assert cluster.offer(leader, [item, item]) == [Code.DUPLICATE] * 2
    cluster.run(1)
    assert outcomes(cluster, leader) == [(item.id, 0)]


def test_what_cannot_be_included_is_refused_and_what_is_late_expires() -> None:
    cluster = started()
    leader = cluster.leader()
    put: list[tuple[int, list[object]]] = [(10, ["r", "R", [], "clear", []])]
    late = signed(cluster.genesis, "dept-a", put, valid_until=EPOCH - 1)
    far = signed(cluster.genesis, "dept-a", put, valid_until=EPOCH + 2 * LIFETIME_MAX_MILLISECONDS)
    stranger = signed(cluster.genesis, "nobody", put)
    assert cluster.offer(leader, [late, far, stranger]) == [
        Code.EXPIRED,
        Code.VALID_TOO_FAR_AHEAD,
        Code.UNKNOWN_INSTITUTION,
    ]
    follower = follower_of(cluster)
    cluster.cut = {(follower, other) for other in cluster.nodes}
    soon = signed(cluster.genesis, "dept-a", put, valid_until=cluster.wall(leader) + 500)
    assert cluster.offer(follower, [soon]) == [0]
    cluster.run(0.7)
    cluster.cut.clear()
    cluster.offer(leader, [cluster.put(7)])
    cluster.run(1)
    assert told(cluster, follower, Expired) == [Expired([soon.id])]
    assert len(cluster.nodes[follower].replica.pool) == 0


def test_a_full_disk_refuses_and_another_leads() -> None:
    cluster = started()
    full = cluster.leader()
    cluster.room(full, False)
    cluster.run(2)
    assert cluster.offer(full, [cluster.put(1)]) == [Code.STORAGE_FULL]
    assert cluster.leader() != full
    assert not cluster.nodes[full].replica.status(cluster.now).room
    assert cluster.offer(cluster.leader(), [cluster.put(2)]) == [0]
    cluster.run(1)
    cluster.room(full, True)
    assert cluster.offer(full, [cluster.put(1)]) == [0]
    cluster.run(1)
    assert len(outcomes(cluster, full)) == 2
    agreed(cluster)


def test_when_all_are_full_nothing_is_ordered_until_there_is_room() -> None:
    cluster = started("a")
    height = cluster.heights()["a"]
    assert cluster.offer("a", [cluster.put(1)]) == [0]
    cluster.settle()
    assert cluster.heights()["a"] > height
    cluster.room("a", False)
    height = cluster.heights()["a"]
    cluster.run(120)
    assert cluster.heights()["a"] == height
    cluster.room("a", True)
    cluster.run(1)
    assert cluster.heights()["a"] > height


# --- reads ----------------------------------------------------------------------------------------


def reads(cluster: Cluster, name: str) -> list[ReadReady]:
    return [notice for notice in cluster.nodes[name].notices if isinstance(notice, ReadReady)]


def test_a_read_sees_what_was_committed_before_it() -> None:
    cluster = started("abc", "o")
    leader, follower = cluster.leader(), follower_of(cluster)
    cluster.offer(leader, [cluster.put(1)])
    cluster.settle()
    height = cluster.heights()[leader]
    for request, name in enumerate((leader, follower, "o")):
        cluster.step(name, [ReadAsked(request)])
    cluster.settle()
    assert reads(cluster, leader) == [ReadReady(0, height)]
    assert reads(cluster, follower) == [ReadReady(1, height)]
    assert reads(cluster, "o") == [ReadReady(2, None)]


def test_a_read_waits_until_its_index_is_durable_here() -> None:
    cluster = started()
    leader, follower = cluster.leader(), follower_of(cluster)
    cluster.hold_writes = {follower}
    cluster.offer(leader, [cluster.put(1)])
    cluster.settle()
    cluster.step(follower, [ReadAsked(1)])
    cluster.settle()
    assert reads(cluster, follower) == []
    cluster.hold_writes = set()
    cluster.run(1)
    assert [item.request for item in reads(cluster, follower)] == [1]
    assert (reads(cluster, follower)[0].height or 0) >= 2


def test_a_deposed_leader_answers_no_read() -> None:
    cluster = started()
    old = cluster.leader()
    cluster.drop(old)
    cluster.step(old, [ReadAsked(1)])
    cluster.run(6)
    assert reads(cluster, old) == [ReadReady(1, None)]
    assert cluster.leader() != old


# --- crashes of votes -----------------------------------------------------------------------------


def test_a_vote_leaves_only_when_it_is_durable() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.hold_writes = set("abc")
    cluster.run(4)
    assert not any(
        isinstance(message, Vote) and message.granted and not message.pre
        for _, _, message in cluster.messages
    )
    assert all(node.replica.role() != "leader" for node in cluster.nodes.values())
    cluster.hold_writes = set()
    cluster.run(6)
    assert agreed(cluster) >= 1
