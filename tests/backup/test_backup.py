"""Backups of a chain: whole, in parts, one on the other; and what is restored of them."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from govchaind.backup import folder
from govchaind.backup.folder import UNFINISHED, opened, part_files
from govchaind.base.errors import Conflict, Invalid, InvalidProof, PeerError, Refused
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.ledger.genesis import make_genesis
from govchaind.replica.store import signing_floor, stored_store_id
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.verify_store import verify_store
from tests.backup.chains import STORE, Node, back_up, parts_of, restore
from tests.exit_pack.packed import eventful
from tests.ledger.chain import START, Chain

Row = Callable[[Any], tuple[bytes, bytes | None]]


@pytest.fixture(scope="module", name="chain")
def the_chain() -> Chain:
    return eventful()


async def test_what_is_restored_is_what_was_there(chain: Chain, tmp_path: Path) -> None:
    height = chain.ledger.height
    first = await back_up(Node(chain), chain.genesis, tmp_path / "backup", 20)
    second = await back_up(Node(chain), chain.genesis, tmp_path / "backup", height)
    third = await back_up(Node(chain), chain.genesis, tmp_path / "backup", height)
    parts = parts_of(tmp_path / "backup")

    restored = await restore(parts, chain.genesis, tmp_path / "store")
    as_stream = await restore([b"".join(parts)], chain.genesis, tmp_path / "streamed")

    assert (first.first, first.last, second.first, second.last) == (1, 20, 21, height)
    assert (third.first, third.last, third.parts) == (height + 1, height, 0)
    assert first.parts > 1
    assert len(parts) == first.parts + second.parts
    assert restored == as_stream
    assert (restored.height, restored.parts) == (height, len(parts))
    assert restored.block_hash == chain.steps[-1].block.hash.hex()
    assert restored.transactions == sum(len(step.block.transactions) for step in chain.steps)
    storage = LmdbStorage(tmp_path / "store")
    report = verify_store(storage, chain.genesis)
    with storage.snapshot() as snapshot:
        assert (stored_store_id(snapshot), signing_floor(snapshot)) == (STORE, height)
        start = Table.CERTIFICATE.value
        assert sum(1 for _ in snapshot.scan(start, prefix_end(start))) == height
    storage.close()
    assert (report.blocks, report.applied) == (height, height)


async def test_each_part_names_the_sha256_of_the_file_before(chain: Chain, tmp_path: Path) -> None:
    await back_up(Node(chain), chain.genesis, tmp_path, chain.ledger.height)
    parts = parts_of(tmp_path)
    for before, part in pairwise(parts):
        assert hashlib.sha256(before).digest() in part[:200]
    assert part_files(tmp_path)[0].name.startswith("blocks-000000000001-")


async def test_a_full_disk_leaves_whole_parts_only(chain: Chain, tmp_path: Path) -> None:
    node = Node(chain)

    async def page(first: int, limit: int) -> bytes:
        if first > 14:
            raise OSError(errno.ENOSPC, "No space left on device")
        return await Node(chain).page(first, limit)

    node.page = page  # type: ignore[method-assign]  # as if a write had met it
    with pytest.raises(Refused, match="no room for the backup: No space left") as caught:
        await back_up(node, chain.genesis, tmp_path, chain.ledger.height)
    left = part_files(tmp_path)
    (tmp_path / UNFINISHED).write_bytes(b"as a killed one leaves it")
    made = await back_up(Node(chain), chain.genesis, tmp_path, chain.ledger.height)

    assert caught.value.code == "backup-no-room"
    assert left
    assert 1 < made.first <= 15
    assert all(name.endswith(".backup") for name in os.listdir(tmp_path))
    restored = await restore(parts_of(tmp_path), chain.genesis, tmp_path / "store")
    assert restored.height == chain.ledger.height


async def test_two_backups_do_not_write_to_one_folder(chain: Chain, tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Conflict) as caught:
        await back_up(Node(chain), chain.genesis, tmp_path, 5)
    assert caught.value.code == "backup-under-way"


async def test_nothing_is_built_on_a_damaged_part(chain: Chain, tmp_path: Path) -> None:
    await back_up(Node(chain), chain.genesis, tmp_path, 20)
    newest = part_files(tmp_path)[-1]
    whole = newest.read_bytes()
    for data in (whole + b"x", whole[:-1], whole[:900] + b"\x00" + whole[901:]):
        newest.write_bytes(data)
        with pytest.raises(Invalid) as caught:
            await back_up(Node(chain), chain.genesis, tmp_path, 25)
        assert caught.value.code == "backup-damaged"


@pytest.mark.parametrize(
    ("place", "row", "error", "said"),
    [
        (9, lambda rows: (rows[9][0], None), PeerError, "gave no certificate of block 10"),
        (9, lambda rows: (rows[9][0], rows[8][1]), InvalidProof, "of another block"),
        (9, lambda rows: rows[10], InvalidProof, "a block of height 11 where 10 is next"),
        (9, lambda rows: (rows[9][0], rows[9][1][:-1] + b"\x00"), InvalidProof, "block 10"),
        (9, lambda rows: (rows[9][0][:-1], rows[9][1]), InvalidProof, "block 10 does not hold"),
    ],
)
async def test_what_no_quorum_has_signed_is_not_backed_up(
    chain: Chain, tmp_path: Path, place: int, row: Row, error: type[Exception], said: str
) -> None:
    node = Node(chain)
    node.rows[place] = row(node.rows)
    with pytest.raises(error, match=said):
        await back_up(node, chain.genesis, tmp_path, 20, part_bytes_max=1 << 20)
    assert os.listdir(tmp_path) == []


async def test_a_node_that_ends_early_is_told_of(chain: Chain, tmp_path: Path) -> None:
    node = Node(chain)
    del node.rows[12:]
    with pytest.raises(PeerError, match="gave no block 13, though it has 20"):
        await back_up(node, chain.genesis, tmp_path, 20)


async def test_another_chain_is_refused(chain: Chain, tmp_path: Path) -> None:
    old = chain.genesis
    other = make_genesis(name="other", time=START, institutions=old.institutions, nodes=old.nodes)
    await back_up(Node(chain), chain.genesis, tmp_path / "backup", 20)
    with pytest.raises(Invalid) as caught:
        await restore(parts_of(tmp_path / "backup"), other, tmp_path / "store")
    assert caught.value.code == "other-chain"


def test_a_folder_that_is_made_is_durable_with_all_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(folder, "sync_folder", synced.append)
    for _ in range(2):
        with opened(tmp_path / "of" / "blocks"):
            pass
    assert synced == [tmp_path / "of", tmp_path]
