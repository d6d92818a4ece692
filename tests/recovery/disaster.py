"""Clusters that lose their quorum for good, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence

from govchaind.base.errors import InvalidProof
from govchaind.ledger.recovery import Recovery
from govchaind.recovery.applying import Applied, apply_record
from govchaind.recovery.preparing import Prepared, prepare
from govchaind.recovery.survivor import Survivor, read_survivor
from govchaind.recovery.tail import Tail
from govchaind.replica.messages import Attest
from tests.replica.cluster import EPOCH, Cluster, key, started


def uncertified() -> Cluster:
    """Return a cluster of five with six certified registers and four that only committed."""
    cluster = started("abcde", "o")
    for number in range(6):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.run(1)
    cluster.deaf = {(name, Attest) for name in cluster.nodes}
    for number in range(6, 10):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.run(0.3)
    return cluster


def lose(cluster: Cluster, *names: str) -> None:
    """Destroy nodes, disks and all; stop the others."""
    for name in names:
        cluster.drop(name)
        del cluster.nodes[name]
    for node in cluster.nodes.values():
        node.guard = node.replica.guard()
    cluster.messages.clear()
    cluster.deaf.clear()


def survivor(cluster: Cluster, name: str) -> Survivor:
    node = cluster.nodes[name]
    return read_survivor(name, node.disk, cluster.genesis, node.guard)


def clock(cluster: Cluster) -> int:
    """Return the clock of whoever recovers a cluster that was stopped a minute ago."""
    return EPOCH + int(cluster.now * 1000) + 60_000


def prepared(cluster: Cluster, *names: str, seen: int = 0, accept_loss: bool = False) -> Prepared:
    survivors = [survivor(cluster, name) for name in names]
    return prepare(
        survivors, cluster.genesis, now=clock(cluster), seen=seen, accept_loss=accept_loss
    )


def signed(recovery: Recovery, departments: Sequence[str]) -> Recovery:
    for name in departments:
        recovery = recovery.signed(f"dept-{name}", key(f"dept-{name}"))
    return recovery


def carry_out(cluster: Cluster, name: str, recovery: Recovery, tail: Tail | None) -> Applied:
    """Carry a record out on one node's disk."""
    now = clock(cluster)
    applied = apply_record(survivor(cluster, name), cluster.genesis, recovery, tail, now=now)
    if applied.batch is not None:
        cluster.nodes[name].disk.apply(applied.batch)
    return applied


def start(cluster: Cluster, *names: str) -> None:
    """Start these again from their disks, with the rest of the cluster as it is."""
    cluster.now += 60
    for name in names:
        cluster.crash(name)


def recovered(cluster: Cluster, *names: str, departments: str = "abcd") -> Recovery:
    """Recover with these nodes, and start them."""
    made = prepared(cluster, *names)
    recovery = signed(made.recovery, departments)
    for name in names:
        if recovery.body.membership.member(name) is not None:
            assert carry_out(cluster, name, recovery, made.tail).batch is not None
    start(cluster, *names)
    return recovery


def refusal(cluster: Cluster, name: str, recovery: Recovery, tail: Tail | None) -> str:
    """Return why a record is not carried out; the store must not change."""
    disk = cluster.nodes[name].disk
    before = list(disk.scan(b"", b"\xff" * 16))
    code = ""
    try:
        carry_out(cluster, name, recovery, tail)
    except InvalidProof as error:
        code = error.code
    assert list(disk.scan(b"", b"\xff" * 16)) == before
    return code
