"""What a stopped node's store holds, read without the node, judged by what clients were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from govchaind.base.encoding import read
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.base.types import Hash
from govchaind.ledger.block import read_block
from govchaind.replica.store import ROW_BYTES_MAX, applied_height
from govchaind.runtime.lmdb_storage import LmdbStorage


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """Blocks up to the applied height: how often each transaction is in them, and their hashes."""

    height: int
    times: Counter[Hash]
    hashes: tuple[Hash, ...]


def read_ledger(folder: Path) -> StoredLedger:
    """Read the store of a node's folder; the node must not run."""
    storage = LmdbStorage(folder / "store")
    try:
        with storage.snapshot() as snapshot:
            height = applied_height(snapshot)
            times: Counter[Hash] = Counter()
            hashes = []
            start = Table.LOG.value
            for _, row in snapshot.scan(start, prefix_end(start)):
                _, raw = read(row, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
                block = read_block(raw, lambda _: None)
                if block.height <= height:
                    times.update(transaction.id for transaction in block.transactions)
                    hashes.append(block.hash)
            return StoredLedger(height, times, tuple(hashes))
    finally:
        storage.close()


def lost_or_doubled(ledger: StoredLedger, acknowledged: Iterable[Hash]) -> dict[str, int]:
    """Return id → how often it is there, of what is not there exactly once."""
    wrong = {item.hex(): ledger.times[item] for item in acknowledged if ledger.times[item] != 1}
    wrong.update({item.hex(): n for item, n in ledger.times.items() if n != 1})
    return wrong
