"""A whole store checked with signatures on threads: what is wrong is told, with its height."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import assemble, read_transaction
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.verify_store import Report, verify_store
from tests.exit_pack.packed import store
from tests.ledger.chain import Chain, with_register

BLOCKS, EACH = 12, 60  # several batches of signatures


def chain_of(*, wrong: tuple[int, ...] = ()) -> Chain:
    """Return a stored chain of BLOCKS blocks after the register's; `wrong` ones are signed so."""
    chain = with_register()
    first = chain.ledger.height + 1
    for height in range(first, first + BLOCKS):
        put = [(int(Kind.PUT), ["divisions", b"%d %d" % (height, i), ["x", i], None])
               for i in range(EACH)]  # fmt: skip
        raws = [chain.raw(operation) for operation in put]
        if height in wrong:
            raws[7] = forged(raws[7])
        chain.apply(*raws)
    return store(chain)


def forged(raw: bytes) -> bytes:
    transaction = read_transaction(raw)
    return assemble(transaction.body, [(key, bytes(64)) for key, _ in transaction.signatures])


async def verified(chain: Chain, path: Path, threads: int, *, without: int | None = None) -> Report:
    batch = WriteBatch()
    for key, value in chain.store.scan(b"", b"\xff" * 16):
        batch.put(key, value)
    if without is not None:
        batch.put(height_key(Table.LOG, without), b"\x80")
    storage = LmdbStorage(path)
    try:
        await storage.write(batch)
        return verify_store(storage, chain.genesis, threads=threads)
    finally:
        storage.close()


@pytest.mark.parametrize("threads", [1, 3])
async def test_a_whole_store_holds(tmp_path: Path, threads: int) -> None:
    chain = chain_of()
    report = await verified(chain, tmp_path, threads)
    assert (report.blocks, report.applied) == (chain.ledger.height, chain.ledger.height)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("wrong", [(3,), (5, 9), (13,)])
async def test_the_lowest_wrong_signature_is_told(
    tmp_path: Path, threads: int, wrong: tuple[int, ...]
) -> None:
    with pytest.raises(StorageCorrupt, match=rf"^height {wrong[0]} does not hold: .*signature"):
        await verified(chain_of(wrong=wrong), tmp_path, threads)


async def test_what_is_lower_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(StorageCorrupt, match=r"^height 4 does not hold: "):
        await verified(chain_of(wrong=(4,)), tmp_path, 2, without=6)
    other = tmp_path / "other"
    with pytest.raises(StorageCorrupt, match=r"^height 6 does not hold: |log entry 6"):
        await verified(chain_of(wrong=(8,)), other, 2, without=6)
