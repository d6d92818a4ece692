"""Old blocks are removed in small steps; what is needed stays, and who lacks one is told."""

from __future__ import annotations

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import Pruned, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.limits import PRUNE_STEP_HEIGHTS
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state import check_state
from govchaind.ledger.state_tree import StateTree
from govchaind.raft.messages import AppendEntries
from govchaind.replica import pruning
from govchaind.replica.events import Happened, LinkUp, Prune, Received
from govchaind.replica.inspection import check_chain
from govchaind.replica.marker import FIRST, Marker, check_kept, first_height, stored_marker
from govchaind.replica.messages import CertifiedBlocks, PrunedBelow
from govchaind.replica.pruning import may_go_below
from govchaind.replica.store import BEGINS_LATER, FORMAT_KEY, check_store
from govchaind.replica.stored_certificates import certificate_at
from tests.replica.cluster import Cluster, agreed, follower_of, member

FIRST_WANTED = 60
KEPT = 30  # always; fewer than a real node keeps, so that a test need not make as many
BLOCKS = 100


def grow(cluster: Cluster, blocks: int, salt: int = 0) -> None:
    """Have so many blocks ordered, one transaction each."""
    for number in range(salt, salt + blocks):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.run(0.02)
    cluster.run(3)


@pytest.fixture(autouse=True)
def little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "KEEP_BLOCKS_MIN", KEPT)


@pytest.fixture(name="cluster")
def a_cluster_with_many_blocks() -> Cluster:
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    o = member("o")
    wanted: list[object] = [
        "o",
        o.institution,
        "learner",
        o.attestation_key,
        o.tls_key,
        o.store,
        [],
    ]
    cluster.vote(MotionKind.SET_NODE, wanted)
    grow(cluster, BLOCKS)
    return cluster


def prune(cluster: Cluster, *names: str, before: int = FIRST_WANTED) -> None:
    for name in names:
        cluster.step(name, [Prune(before, 40, "shelf 12")])
    cluster.run(3)


def events(cluster: Cluster, name: str, event: str) -> list[dict[str, object]]:
    return [
        {**notice.values}
        for notice in cluster.nodes[name].notices
        if isinstance(notice, Happened) and notice.name == event
    ]


def test_blocks_go_and_the_rest_holds(cluster: Cluster) -> None:
    prune(cluster, "a")
    disk = cluster.nodes["a"].disk
    assert first_height(disk) == FIRST_WANTED
    check_store(disk, cluster.genesis)
    assert cluster.nodes["a"].replica.status(cluster.now).first == FIRST_WANTED
    configured = cluster.nodes["a"].replica.memberships
    gone = [
        height
        for height in range(1, FIRST_WANTED)
        if disk.get(height_key(Table.LOG, height)) is None
    ]
    assert gone == [height for height in range(1, FIRST_WANTED) if height not in configured]
    assert len(gone) < FIRST_WANTED - 1
    last = cluster.nodes["a"].replica.ledger.height
    assert list(check_chain(disk, cluster.genesis, 1)) == list(range(FIRST_WANTED, last + 1))
    assert next(check_chain(disk, cluster.genesis, last - 5)) == last - 5
    assert check_state(disk, StateTree()) > 0
    assert events(cluster, "a", "store.pruned") == [{"first": FIRST_WANTED}]
    cluster.crash("a")
    grow(cluster, 3, salt=10_000)
    agreed(cluster)


def test_a_write_removes_few_and_moves_the_marker_with_them(cluster: Cluster) -> None:
    cluster.hold_writes.add("a")
    cluster.step("a", [Prune(FIRST_WANTED)])
    cluster.run(1)
    node = cluster.nodes["a"]
    assert node.write is not None
    batch = node.write[1]
    removed = [
        key for key, value in batch.changes.items() if value is None and key[:1] == Table.LOG
    ]
    assert 0 < len(removed) <= PRUNE_STEP_HEIGHTS
    marker = batch.changes[FIRST]
    assert marker is not None
    assert batch.changes[FORMAT_KEY] == encode(BEGINS_LATER)  # in the very write that makes it so
    assert all(int.from_bytes(key[1:9], "big") < 1 + PRUNE_STEP_HEIGHTS for key in removed)


def test_what_must_stay_stays_whatever_is_asked_for(cluster: Cluster) -> None:
    prune(cluster, "a", "b", "c", "o", before=1 << 40)
    for node in cluster.nodes.values():
        certified = node.replica.attestations.certified
        first = first_height(node.disk)
        assert 1 < first <= certified - KEPT + 1
        assert first <= may_go_below(node.disk)
        for height in range(first, certified + 1):
            assert certificate_at(node.disk, height) is not None
    grow(cluster, 3, salt=20_000)
    agreed(cluster)


def test_whoever_asks_for_a_removed_block_is_told_where_it_is(cluster: Cluster) -> None:
    prune(cluster, "a")
    disk = cluster.nodes["a"].disk
    with pytest.raises(
        Pruned, match="block 40 is gone here; the first height here is 60; archived"
    ):
        check_kept(disk, 40)
    with pytest.raises(Pruned) as raised:
        check_kept(disk, 41)
    assert (raised.value.first_height, raised.value.archived_at) == (FIRST_WANTED, None)
    check_kept(disk, FIRST_WANTED)


def test_a_marker_that_names_another_block_is_found(cluster: Cluster) -> None:
    prune(cluster, "a")
    disk = cluster.nodes["a"].disk
    marker = stored_marker(disk)
    assert marker is not None
    batch = WriteBatch()
    batch.put(FIRST, Marker(marker.first, marker.term, bytes(32), marker.time, 0, None).encode())
    disk.apply(batch)
    with pytest.raises(StorageCorrupt, match="begins at 60"):
        list(check_chain(disk, cluster.genesis, 1))


def test_a_removed_result_still_speaks_for_the_tree_of_heights(cluster: Cluster) -> None:
    prune(cluster, "a")
    disk = cluster.nodes["a"].disk
    other = disk.get(height_key(Table.RESULT, 30))
    assert other is not None
    batch = WriteBatch()
    batch.put(height_key(Table.RESULT, 31), other)
    disk.apply(batch)
    with pytest.raises(StorageCorrupt, match="height"):
        list(check_chain(disk, cluster.genesis, 1))


def test_an_append_that_begins_before_the_first_block_is_taken(cluster: Cluster) -> None:
    """A leader may not know yet how far this node is, and send it what it has had for long."""
    name, leader = follower_of(cluster), cluster.leader()
    prune(cluster, name)
    cluster.drop(name)
    cluster.crash(name)  # what it knew in memory is gone
    cluster.offer(leader, [cluster.put(40_000)])
    cluster.run(1)
    node, log = cluster.nodes[name], cluster.nodes[leader].log()
    last = log.last_index()
    entries = [log.entry(index) for index in range(31, last + 1)]
    term = cluster.nodes[leader].replica.raft.term
    message = AppendEntries(term, 30, log.term(30), entries, last)
    cluster.step(name, [LinkUp(leader, cluster.nodes[leader].store), Received(leader, message)])
    cluster.settle()
    assert node.replica.ledger.height == last
    cluster.heal(name)
    cluster.run(3)
    agreed(cluster)


def test_an_observer_gets_from_others_what_one_has_removed() -> None:
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    cluster.drop("o")
    grow(cluster, BLOCKS)
    prune(cluster, "a", "b")
    cluster.said.clear()
    cluster.heal("o")
    cluster.run(8)
    agreed(cluster)
    assert any(isinstance(m, PrunedBelow) for by, m in cluster.said if by in ("a", "b"))
    fed = {by for by, m in cluster.said if isinstance(m, CertifiedBlocks)}
    assert "c" in fed
    assert not events(cluster, "o", "blocks.lacking")


def test_an_observer_says_what_it_lacks_while_nobody_has_it() -> None:
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    cluster.drop("o")
    grow(cluster, BLOCKS)
    prune(cluster, "a", "b")
    cluster.cut |= {("o", "c"), ("c", "o")}
    o, height = cluster.nodes["o"], cluster.nodes["o"].replica.ledger.height
    cluster.cut = {pair for pair in cluster.cut if "c" in pair}
    for name in "ab":
        o.inbox.append(cluster.link_up(name))
        cluster.nodes[name].inbox.append(cluster.link_up("o"))
    cluster.run(8)
    assert o.replica.status(cluster.now).lacking == height + 1
    assert events(cluster, "o", "blocks.lacking") == [{"height": height + 1}]
    cluster.heal("o")
    cluster.run(8)
    agreed(cluster)
    assert o.replica.status(cluster.now).lacking == 0
    assert events(cluster, "o", "blocks.lacking")[-1] == {"height": 0}


def test_a_voter_gets_from_others_what_its_leader_has_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pruning, "KEEP_FOR_SLOW_BLOCKS_MAX", 10)
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    slow, leader = follower_of(cluster), cluster.leader()
    cluster.deaf.add((slow, AppendEntries))  # it hears who leads, and no block
    grow(cluster, BLOCKS)
    prune(cluster, leader)
    assert first_height(cluster.nodes[leader].disk) == FIRST_WANTED
    cluster.said.clear()
    cluster.deaf.clear()
    cluster.run(8)
    agreed(cluster)
    assert events(cluster, slow, "blocks.elsewhere") == [{"peer": leader, "first": FIRST_WANTED}]
    [other] = set("abc") - {slow, leader}
    assert (cluster.leader(), cluster.nodes[slow].replica.role()) == (leader, "follower")
    assert {by for by, m in cluster.said if isinstance(m, CertifiedBlocks)} == {other}
    told = [m for by, m in cluster.said if by == leader and isinstance(m, PrunedBelow)]
    assert 0 < len(told) < 20
    probes = [m for by, m in cluster.said if by == leader and isinstance(m, AppendEntries)]
    assert len(probes) < 400
    grow(cluster, 3, salt=10_000)
    agreed(cluster)


def test_a_leader_keeps_what_a_peer_lacks(cluster: Cluster) -> None:
    leader, slow = cluster.leader(), follower_of(cluster)
    cluster.drop(slow)
    height = cluster.nodes[slow].replica.ledger.height
    grow(cluster, KEPT + 20, salt=30_000)
    prune(cluster, leader, before=1 << 40)
    assert first_height(cluster.nodes[leader].disk) <= height + 1
    cluster.said.clear()
    cluster.heal(slow)
    cluster.run(8)
    agreed(cluster)
    sent = [m for by, m in cluster.said if by == leader and isinstance(m, AppendEntries)]
    assert any(m.entries for m in sent)


def image_of(disk: MemoryReader) -> MemoryReader:
    batch = WriteBatch()
    for row, value in disk.values.items():
        batch.put(row, value)
    image = MemoryReader()
    image.apply(batch)
    return image


def test_a_crash_at_any_write_leaves_a_whole_store(cluster: Cluster) -> None:
    node = cluster.nodes["a"]
    cluster.step("a", [Prune(FIRST_WANTED)])
    firsts: set[int] = set()
    while first_height(node.disk) < FIRST_WANTED:
        cluster.hold_writes.add("a")
        cluster.run(0.1)
        assert node.write is not None
        kept, written = image_of(node.disk), image_of(node.disk)  # it is lost, or it is not
        written.apply(node.write[1])
        for image in (kept, written):
            last = len(list(check_chain(image, cluster.genesis, 1))) + first_height(image) - 1
            assert last >= node.replica.ledger.height - 1
            firsts.add(first_height(image))
        cluster.hold_writes.discard("a")
        cluster.run(0.05)
    assert firsts >= {1, 1 + PRUNE_STEP_HEIGHTS}
    node.write = None
    cluster.crash("a")
    cluster.run(3)
    agreed(cluster)
