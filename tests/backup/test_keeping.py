"""A running node archives and removes old blocks; without a whole archive it removes none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from govchaind.backup.folder import part_files
from govchaind.backup.keeping import FIRST_LOOK_SECONDS, LOOK_SECONDS, Keeping, Kept, wanted_first
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.limits import KEEP_BLOCKS_MIN
from govchaind.ledger.operations.costs import Kind
from govchaind.replica.events import Prune
from govchaind.replica.marker import first_height
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.removal import check_before, remove_blocks
from govchaind.runtime.system import InlineThreads
from tests.backup.chains import parts_of, restore
from tests.exit_pack.packed import DAY, eventful, store
from tests.ledger.chain import Chain

MORE = 330


@pytest.fixture(name="chain", scope="module")
def a_long_chain() -> Chain:
    chain = eventful()
    for number in range(MORE):
        chain.do(Kind.PUT, "divisions", b"new %d" % number, ["x", number], None)
    return store(chain)


class Node:
    """A store, and what its keeper asks for."""

    def __init__(self, chain: Chain, path: Path) -> None:
        self.chain = chain
        self.storage = LmdbStorage(path / "store")
        self.asked: list[Prune] = []
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def fill(self) -> None:
        batch = WriteBatch()
        for key, value in self.chain.store.scan(b"", b"\xff" * 64):
            batch.put(key, value)
        await self.storage.write(batch)

    def keeping(self, kept: Kept) -> Keeping:
        return Keeping(
            storage=self.storage,
            genesis=self.chain.genesis,
            kept=kept,
            threads=InlineThreads(),
            prune=self.asked.append,
            report=lambda name, **values: self.told.append((name, values)),
        )


@pytest.fixture(name="node")
async def its_node(chain: Chain, tmp_path: Path) -> Any:
    node = Node(chain, tmp_path)
    await node.fill()
    yield node
    node.storage.close()


async def test_old_blocks_are_archived_and_then_asked_to_go(node: Node, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    height = node.chain.ledger.height
    keeping = node.keeping(Kept(blocks=300, archive_directory=archive, archived_at="shelf 12"))
    await keeping.look()
    before = height - 300 + 1
    assert node.asked == [Prune(before, before - 1, "shelf 12")]
    [(name, values)] = node.told
    assert (name, values["first"], values["last"]) == ("store.archived", 1, before - 1)
    restored = await restore(parts_of(archive), node.chain.genesis, tmp_path / "restored")
    assert restored.height == before - 1
    await remove_blocks(node.storage, node.asked[0])
    await keeping.look()
    assert len(node.asked) == 1


async def test_it_waits_until_a_tenth_more_has_gathered(node: Node) -> None:
    height = node.chain.ledger.height
    await node.keeping(Kept(blocks=height - 10)).look()
    assert node.asked == []
    await node.keeping(Kept(blocks=height - 40)).look()
    assert node.asked == [Prune(41)]


async def test_what_must_stay_is_not_asked_for(node: Node) -> None:
    await node.keeping(Kept(blocks=1)).look()
    [asked] = node.asked
    height = node.chain.ledger.height
    assert 1 < asked.before <= height - KEEP_BLOCKS_MIN + 1
    check_before(node.storage, node.chain.genesis, asked.before)


@pytest.mark.parametrize("spoilt", ["no-folder", "damaged", "gap"])
async def test_without_an_archive_nothing_goes(node: Node, tmp_path: Path, spoilt: str) -> None:
    archive = tmp_path / "archive"
    if spoilt == "no-folder":
        archive.write_text("a file")
    elif spoilt == "damaged":
        await node.keeping(Kept(blocks=320, archive_directory=archive)).look()
        [part] = part_files(archive)
        part.write_bytes(part.read_bytes()[:-1])
    else:
        await remove_blocks(node.storage, Prune(20))
    node.asked.clear()
    node.told.clear()
    await node.keeping(Kept(blocks=280, archive_directory=archive)).look()
    assert node.asked == []
    [(name, values)] = node.told
    codes = {"no-folder": "archive-unusable", "damaged": "backup-damaged", "gap": "archive-gap"}
    assert (name, values["code"]) == ("store.archive_failed", codes[spoilt])


async def test_days_count_back_from_the_newest_block(node: Node) -> None:
    with node.storage.snapshot() as snapshot:
        height = node.chain.ledger.height
        newest = node.chain.step(height).block.time
        first = wanted_first(snapshot, Kept(days=0.5))
        assert newest - node.chain.step(first).block.time <= DAY // 2
        assert newest - node.chain.step(first - 1).block.time > DAY // 2
        both = wanted_first(snapshot, Kept(blocks=height - first + 11, days=0.5))
        assert both == first - 10
        assert wanted_first(snapshot, Kept()) == 1
        assert first_height(snapshot) == 1
    assert wanted_first(MemoryReader(), Kept(blocks=5)) == 1


async def test_it_looks_again_and_again_or_ends_where_all_is_kept(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    await node.keeping(Kept()).run()
    assert trio.current_time() < FIRST_LOOK_SECONDS
    with trio.move_on_after(FIRST_LOOK_SECONDS + LOOK_SECONDS * 2 + 1):
        await node.keeping(Kept(blocks=300)).run()
    assert len(node.asked) == 3
