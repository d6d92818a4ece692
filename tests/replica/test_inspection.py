"""Judging a store by itself: whatever was changed in it is found, with its height."""

from __future__ import annotations

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state import check_state
from govchaind.ledger.state_tree import StateTree
from govchaind.replica.inspection import check_chain
from govchaind.replica.store import APPLIED
from tests.replica.cluster import Cluster, member


def grown() -> tuple[MemoryReader, Genesis]:
    """Return the disk of a node with transactions and steps of membership, certified."""
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    for number in range(3):
        cluster.offer(cluster.leader(), [cluster.put(number)])
        cluster.run(0.2)
    o = member("o")
    cluster.vote(
        MotionKind.SET_NODE,
        ["o", o.institution, "learner", o.attestation_key, o.tls_key, o.store, []],
    )
    cluster.run(3)
    return cluster.nodes["a"].disk, cluster.genesis


def change(disk: MemoryReader, key: bytes, value: bytes | None) -> None:
    batch = WriteBatch()
    if value is None:
        batch.delete(key)
    else:
        batch.put(key, value)
    disk.apply(batch)


def test_what_a_node_wrote_holds() -> None:
    disk, genesis = grown()
    heights = list(check_chain(disk, genesis, 1))
    assert heights == list(range(1, heights[-1] + 1))
    assert heights[-1] > 6
    assert list(check_chain(disk, genesis, 4)) == heights[3:]
    assert check_state(disk, StateTree()) > 0


def test_an_observers_store_holds_too() -> None:
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    cluster.offer("o", [cluster.put(1)])
    cluster.run(3)
    disk = cluster.nodes["o"].disk
    assert list(check_chain(disk, cluster.genesis, 1)) == [1, 2] + (
        [3] if cluster.heights()["o"] == 3 else []
    )


@pytest.mark.parametrize("table", [Table.LOG, Table.RESULT, Table.CERTIFICATE])
def test_a_row_of_another_height_is_found(table: Table) -> None:
    disk, genesis = grown()
    other = disk.get(height_key(table, 3))
    assert other is not None
    change(disk, height_key(table, 2), other)
    with pytest.raises(StorageCorrupt, match="2"):
        list(check_chain(disk, genesis, 1))


@pytest.mark.parametrize("table", [Table.LOG, Table.RESULT, Table.CERTIFICATE])
def test_every_changed_byte_is_found(table: Table) -> None:
    disk, genesis = grown()
    key = height_key(table, 2)
    row = disk.get(key)
    assert row is not None
    for place in range(0, len(row), 7):
        flipped = bytearray(row)
        flipped[place] ^= 1
        change(disk, key, bytes(flipped))
        with pytest.raises(StorageCorrupt):
            list(check_chain(disk, genesis, 1))
    change(disk, key, row)
    assert list(check_chain(disk, genesis, 1))


def test_a_log_with_a_hole_or_too_short_is_found() -> None:
    disk, genesis = grown()
    change(disk, height_key(Table.LOG, 2), None)
    with pytest.raises(StorageCorrupt, match="no entry 2"):
        list(check_chain(disk, genesis, 1))
    disk, genesis = grown()
    change(disk, APPLIED, encode(99))
    with pytest.raises(StorageCorrupt, match="99"):
        list(check_chain(disk, genesis, 1))


def test_another_membership_than_the_blocks_is_found() -> None:
    disk, genesis = grown()
    start = Table.MEMBERSHIP.value
    key = max(key for key in disk.values if key.startswith(start))
    fields = decode(disk.values[key], bytes_max=10_000)
    fields[2] += 1
    change(disk, key, encode(fields))
    with pytest.raises(StorageCorrupt, match="membership"):
        list(check_chain(disk, genesis, 1))


def test_a_certificate_may_be_missing_but_not_be_wrong() -> None:
    disk, genesis = grown()
    heights = list(check_chain(disk, genesis, 1))
    change(disk, height_key(Table.CERTIFICATE, heights[-1]), None)
    assert list(check_chain(disk, genesis, 1)) == heights
