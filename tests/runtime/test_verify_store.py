"""A whole store checked in pieces, by one process and by several: what is wrong is told."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import StorageCorrupt, StorageFailed
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger.beginning import BEGINS
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.results import subtree_key
from govchaind.ledger.transaction import assemble, read_transaction
from govchaind.replica.marker import FIRST, Marker
from govchaind.replica.store import APPLIED
from govchaind.replica.whole_check import HEIGHTS_MIN
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.verify_store import Report, verify_store
from tests.exit_pack.packed import store
from tests.ledger.chain import Chain, with_register

BLOCKS, EACH = 12, 60  # several batches of signatures


def chain_of(*, wrong: tuple[int, ...] = (), text: str = "x", blocks: int = BLOCKS) -> Chain:
    """Return a stored chain of BLOCKS blocks after the register's; `wrong` ones are signed so."""
    chain = with_register()
    first = chain.ledger.height + 1
    for height in range(first, first + blocks):
        put = [(int(Kind.PUT), ["divisions", b"%d %d" % (height, i), [text, i], None])
               for i in range(EACH)]  # fmt: skip
        raws = [chain.raw(operation) for operation in put]
        if height in wrong:
            raws[7] = forged(raws[7])
        chain.apply(*raws)
    return store(chain)


def forged(raw: bytes) -> bytes:
    transaction = read_transaction(raw)
    return assemble(transaction.body, [(key, bytes(64)) for key, _ in transaction.signatures])


async def verified(
    chain: Chain,
    path: Path,
    jobs: int,
    *,
    without: int | None = None,
    instead: Mapping[bytes, bytes | None] | None = None,
) -> Report:
    """Return what is said of a store of the chain.

    `without` the block of a height, or with other rows `instead`, whose checksums hold, or none.
    """
    batch = WriteBatch()
    for key, value in chain.store.scan(b"", b"\xff" * 16):
        batch.put(key, value)
    for key, changed in (instead or {}).items():
        if changed is None:
            batch.delete(key)
        else:
            batch.put(key, changed)
    if without is not None:
        batch.put(height_key(Table.LOG, without), b"\x80")
    storage = LmdbStorage(path)
    try:
        await storage.write(batch)
        return verify_store(storage, chain.genesis, jobs=jobs)
    finally:
        storage.close()


@pytest.mark.parametrize("jobs", [1, 3])
async def test_a_whole_store_holds(tmp_path: Path, jobs: int) -> None:
    chain = chain_of()
    report = await verified(chain, tmp_path, jobs)
    assert (report.blocks, report.applied) == (chain.ledger.height, chain.ledger.height)
    assert f"the newest certified: {chain.ledger.height}" in str(report)


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("wrong", [(3,), (5, 9), (13,)])
async def test_the_lowest_wrong_signature_is_told(
    tmp_path: Path, jobs: int, wrong: tuple[int, ...]
) -> None:
    with pytest.raises(StorageCorrupt, match=rf"^height {wrong[0]} does not hold: .*signature"):
        await verified(chain_of(wrong=wrong), tmp_path, jobs)


async def test_what_is_lower_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(StorageCorrupt, match=r"^height 4 does not hold: "):
        await verified(chain_of(wrong=(4,)), tmp_path, 2, without=6)
    other = tmp_path / "other"
    with pytest.raises(StorageCorrupt, match=r"^height 6 does not hold: |log entry 6"):
        await verified(chain_of(wrong=(8,)), other, 2, without=6)


def rows(chain: Chain, *tables: Table) -> dict[bytes, bytes]:
    heads = tuple(table.value for table in tables)
    return {key: value for key, value in chain.store.scan(b"", b"\xff" * 16)
            if key.startswith(heads)}  # fmt: skip


@pytest.mark.parametrize("jobs", [1, 2])
async def test_a_state_that_is_whole_and_not_the_certified_one_is_told(
    tmp_path: Path, jobs: int
) -> None:
    chain = chain_of()
    other = chain_of(text="y")
    assert other.ledger.height == chain.ledger.height
    state = (Table.STATE, Table.HISTORY, Table.CHANGED)
    tree = (Table.TREE_NODE, Table.TREE_GARBAGE, Table.CHECKPOINT)
    key, node = max(rows(chain, Table.TREE_NODE).items())
    turned = {key: node[:-1] + bytes((node[-1] ^ 1,))}
    with pytest.raises(StorageCorrupt, match=r"the state root of height \d+ is not what its"):
        await verified(chain, tmp_path / "both", jobs, instead=rows(other, *state, *tree))
    with pytest.raises(StorageCorrupt, match=r"the stored value of state key .* is not the tree's"):
        await verified(chain, tmp_path / "values", jobs, instead=rows(other, *state))
    with pytest.raises(StorageCorrupt, match=r"the state tree's bucket at path .* is wrong"):
        await verified(chain, tmp_path / "tree", jobs, instead=turned)


async def test_the_tree_of_heights_is_told_apart_where_pieces_meet(tmp_path: Path) -> None:
    chain = chain_of()
    nodes = rows(chain, Table.HEIGHT_TREE)
    assert len(nodes) > 2 * HEIGHTS_MIN
    edge = subtree_key(3, 0)  # the first eight heights: the second piece begins with it
    with pytest.raises(StorageCorrupt, match=f"stored for {HEIGHTS_MIN} heights is not their"):
        await verified(chain, tmp_path, 2, instead={edge: bytes(32)})


async def test_processes_that_end_early_are_no_verdict(tmp_path: Path) -> None:
    chain = chain_of()
    await verified(chain, tmp_path, 1)
    storage = LmdbStorage(tmp_path)

    def kill() -> None:
        while not (begun := multiprocessing.active_children()):
            time.sleep(0.01)
        for each in begun:
            each.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(StorageFailed, match="a process that checked the store was ended"):
            verify_store(storage, chain.genesis, jobs=2)
    finally:
        killer.join()
        storage.close()


def forged_value(chain: Chain) -> dict[bytes, bytes | None]:
    """Return rows by which a value seems to have changed since the newest checkpoint."""
    key, row = next((k, v) for k, v in rows(chain, Table.STATE).items() if b"3 7" in k)
    past = Table.HISTORY.value + bytes((len(key) - 1,)) + key[1:] + row[:8]
    later = (chain.ledger.height + 1).to_bytes(8, "big")
    return {past: row[8:], key: later + b"\x01forged"}


def older_state(chain: Chain) -> dict[bytes, bytes | None]:
    """Return rows by which the state, with its tree, is the one of an earlier height."""
    before = chain_of(blocks=BLOCKS - 4)
    assert before.ledger.height == chain.ledger.height - 4
    state = (Table.STATE, Table.HISTORY, Table.CHANGED)
    tree = (Table.TREE_NODE, Table.TREE_GARBAGE, Table.CHECKPOINT)
    return {**dict.fromkeys(rows(chain, *state, *tree)), **rows(before, *state, *tree)}


MARKER = Marker(10**6, 1, bytes(32), 0, 0, None).encode()


@pytest.mark.parametrize(
    ("told", "forge"),
    [
        (
            r"height 13 is applied but the log ends",
            lambda c: dict.fromkeys(rows(c, Table.LOG)),
        ),
        (r"the store begins at 1000000 but its log", lambda _: {FIRST: MARKER}),
        (r"the store begins at 1000000 but its log", lambda _: {BEGINS: encode(10**6)}),
        (r"height 0 is applied, but the newest result", lambda _: {APPLIED: encode(0)}),
        (r"no list of changes tells that .* changed at 14", forged_value),
        (r"the state tree is older than the root of height 10", older_state),
    ],
)
async def test_what_would_switch_a_check_off_is_told(
    tmp_path: Path, told: str, forge: Callable[[Chain], dict[bytes, bytes | None]]
) -> None:
    chain = chain_of()
    with pytest.raises(StorageCorrupt, match=told):
        await verified(chain, tmp_path, 1, instead=forge(chain))
