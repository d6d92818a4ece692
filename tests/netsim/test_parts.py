"""The simulator's own parts: heap, disk, clock, partitions, signatures, options."""

from __future__ import annotations

import random

import pytest

from govchaind.base.crypto import Domain
from netsim.clock import EPOCH_MILLISECONDS, Clock
from netsim.disk import Disk
from netsim.heap import Heap
from netsim.options import FAULTS, draw
from netsim.partitions import SHAPES, cut_out
from netsim.signing import Signatures
from tests.netsim.batches import batch


def test_the_heap_keeps_time_and_the_order_of_asking() -> None:
    heap, told = Heap(), list[str]()
    heap.after(2.0, told.append, "late")
    heap.after(1.0, told.append, "first")
    heap.after(1.0, told.append, "second")
    while heap.step():
        pass
    assert told == ["first", "second", "late"]
    assert heap.now == 2.0


def test_the_heap_does_nothing_that_is_due_later() -> None:
    heap, told = Heap(), list[str]()
    heap.after(2.0, told.append, "later")
    assert not heap.step(1.0)
    assert (told, heap.now) == ([], 0.0)
    assert heap.step(2.0)
    assert told == ["later"]


def test_what_was_not_durable_is_gone_whole_or_kept_whole() -> None:
    sides = set()
    for seed in range(20):
        disk = Disk(b"s", batch(a=b"1", b=b"1"))
        disk.begin(batch(a=b"2", b=None, c=b"2"), 1)
        disk.crash(random.Random(seed))
        sides.add(tuple(sorted(disk.image.values.items())))
        assert disk.boundary(len(disk.batches)) == disk.image.values
    assert sides == {((b"a", b"1"), (b"b", b"1")), ((b"a", b"2"), (b"c", b"2"))}


def test_a_disk_is_set_back_to_a_boundary() -> None:
    disk = Disk(b"s", batch(a=b"1"))
    for value in (b"2", b"3"):
        disk.begin(batch(a=value), 1)
        assert disk.complete() == 1
    disk.set_back(2)
    assert disk.image.values == {b"a": b"2"}


def test_a_clock_that_steps_and_drifts() -> None:
    clock = Clock()
    assert clock.wall_ms(10.0) == EPOCH_MILLISECONDS + 10_000
    clock.set_ahead(3600)
    assert clock.wall_ms(10.0) == EPOCH_MILLISECONDS + 3_610_000
    clock.disturb(random.Random(1), 5.0, 10.0)
    assert abs(clock.wall_ms(10.0) - EPOCH_MILLISECONDS - 10_000) <= 5_000


@pytest.mark.parametrize("shape", SHAPES)
def test_a_partition_cuts_between_different_nodes(shape: str) -> None:
    names = ["a", "b", "c", "d", "e"]
    cut = cut_out(shape, names, random.Random(3))
    assert cut
    assert all(left != right for left, right in cut)


def test_a_star_and_a_bridge_leave_one_node_whole() -> None:
    names = ["a", "b", "c", "d", "e"]
    for shape in ("star", "bridge"):
        cut = cut_out(shape, names, random.Random(3))
        whole = [name for name in names if not any(name in pair for pair in cut)]
        assert len(whole) == 1


@pytest.mark.parametrize("real", [False, True])
def test_signatures_tell_messages_keys_and_domains_apart(real: bool) -> None:
    signatures = Signatures(1, real=real)
    told: list[tuple[Domain, bytes]] = []
    key = signatures.key("one", lambda domain, message: told.append((domain, message)))
    signature = key.sign(Domain.ATTESTATION, b"m")
    assert told == [(Domain.ATTESTATION, b"m")]
    assert signatures.verify(Domain.ATTESTATION, key.public, b"m", signature)
    assert not signatures.verify(Domain.ATTESTATION, key.public, b"n", signature)
    assert not signatures.verify(Domain.HELLO, key.public, b"m", signature)
    other = signatures.key("two")
    assert not signatures.verify(Domain.ATTESTATION, other.public, b"m", signature)


def test_leaving_out_a_fault_changes_nothing_else() -> None:
    seed = next(seed for seed in range(50) if draw(seed).on("crash"))
    whole, less = draw(seed), draw(seed, without=("crash",))
    assert less.faults == tuple(fault for fault in whole.faults if fault != "crash")
    assert [line for line in less.lines() if not line.startswith("faults")] == [
        line for line in whole.lines() if not line.startswith("faults")
    ]


def test_every_fault_is_on_in_some_seeds_and_off_in_others() -> None:
    drawn = [draw(seed) for seed in range(60)]
    for fault in FAULTS:
        assert {options.on(fault) for options in drawn} == {True, False}
