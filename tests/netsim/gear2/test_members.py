"""Members that change and disks that are lost: what is done, what is looked at, what is found."""

from __future__ import annotations

from random import Random

import pytest
import trio

from govchaind import node
from govchaind.base.encoding import encode
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.replica.store import APPLIED, HARD_STATE, store_batch
from govchaind.runtime.drive import Drive
from netsim.gear2.disk import Disk
from netsim.gear2.run import draw, run
from netsim.gear2.standing import enough
from netsim.gear2.world import World

LOST = ("wipe", "restore", "crash", "membership")


def promised(height: int) -> WriteBatch:
    """Return what a node writes that has voted, logged and applied so far."""
    batch = WriteBatch()
    batch.put(HARD_STATE, encode([height, "n1"]))
    batch.put(height_key(Table.LOG, height), b"block")
    batch.put(APPLIED, encode(height))
    return batch


async def test_a_disk_set_back_promises_what_its_copy_does(autojump_clock: object) -> None:
    disk = Disk(Random(1), guard=b"guard")
    await disk.open().write(promised(1))
    copy = disk.copy()
    await disk.open().write(promised(2))
    assert (disk.votes, disk.log_end, disk.applied) == ({1: "n1", 2: "n1"}, 2, 2)
    disk.set_back(copy)
    assert (disk.votes, disk.log_end, disk.applied) == ({1: "n1"}, 1, 1)
    assert disk.get(APPLIED) == encode(1)
    assert copy.reader().get(APPLIED) == encode(1)
    assert disk.guard == b"guard"


@pytest.mark.parametrize("keep", [True, False])
async def test_a_wiped_disk_is_empty(keep: bool, autojump_clock: object) -> None:
    disk = Disk(Random(1), guard=b"guard")
    await disk.open().write(promised(3))
    disk.wipe(keep_guard=keep)
    assert (disk.votes, disk.log_end, disk.applied, disk.writes) == ({}, 0, 0, 0)
    assert (disk.get(APPLIED), disk.used_bytes) == (None, 0)
    assert disk.guard == (b"guard" if keep else None)


@pytest.mark.parametrize(
    ("voters", "intact", "holds"), [(3, 2, True), (3, 1, False), (4, 2, False), (4, 3, True)]
)
def test_quorums_are_of_votes_and_of_signatures(voters: int, intact: int, holds: bool) -> None:
    configured = {f"n{number}": b"s" for number in range(voters)}
    stores = {f"n{number}": b"s" if number < intact else b"t" for number in range(voters)}
    assert enough(configured, stores) is holds


def test_no_store_is_lost_that_a_quorum_needs() -> None:
    """Of two voters neither may go; of three one, and then no other."""
    for voters, may in ((2, False), (3, True)):
        world = World(draw(1, nodes=voters, only=("wipe",)))
        for machine in world.machines.values():
            batch = store_batch(world.chain.genesis, machine.identity.first_store)
            machine.disk.apply(batch)
        first, second, *_ = world.machines.values()
        assert world.standing.may_lose(first) is may
        first.disk.wipe(keep_guard=True)
        assert world.standing.may_lose(second) is False


def test_members_come_and_go_and_lost_stores_come_back() -> None:
    reached: set[str] = set()
    for seed in (3, 13):
        verdict = run(draw(seed, only=LOST))
        assert (verdict.violation, verdict.tail) == (None, [])
        reached |= verdict.marks
    assert reached >= {
        "voter-added",
        "voter-removed",
        "leader-removed",
        "store-wiped",
        "store-behind-guard",
        "store-readmitted",
        "trust-over-a-change",
    }


class _Unborn:
    """Equal to any guard: a node that takes each of its stores for its first."""

    def __init__(self, store: bytes) -> None:
        self.store = store

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # it is only compared


def test_a_wiped_node_that_comes_back_as_if_nothing_had_been_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node, "unborn", _Unborn)
    violation = run(draw(24, only=LOST)).violation
    assert violation is not None
    assert violation[0] == "L-c"


def test_what_a_process_leaves_open_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a snapshot, of a node that is asked to stop."""
    run_parts = node._run_parts

    async def forgetful(*arguments: object) -> None:
        await run_parts(*arguments)  # type: ignore[arg-type]  # as they came
        running = arguments[2]
        assert isinstance(running, node.Running)
        context = running.context
        context.storage.snapshot()

    monkeypatch.setattr(node, "_run_parts", forgetful)
    violation = run(draw(1, only=("stop",))).violation
    assert violation is not None
    assert violation[0] == "N-4"
    assert violation[2] == "a process has ended and left snapshot"


async def _lingers(self: object, seconds: float) -> bool:
    await trio.sleep(10 * seconds)
    return True


def test_a_process_that_lingers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drive, "hand_over", _lingers)
    violation = run(draw(1, only=("stop",))).violation
    assert violation is not None
    assert violation[0] == "L-i"


_KEPT: list[object] = []


def test_a_process_that_stays_in_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run_parts = node._run_parts

    async def kept(*arguments: object) -> None:
        _KEPT.append(arguments)
        await run_parts(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(node, "_run_parts", kept)
    violation = run(draw(1, seconds=10.0, only=("crash",))).violation
    _KEPT.clear()
    assert violation is not None
    assert violation[0] == "N-4"
