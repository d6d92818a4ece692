"""A whole store checked offline: every row, link, signature, result, certificate, and the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.limits import START_CHECK_BLOCKS, START_CHECK_BYTES
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.replica.inspection import check_chain, check_every_state
from govchaind.replica.store import applied_height, check_store, last_index
from govchaind.runtime.environment import Storage


@dataclass(frozen=True, slots=True)
class Report:
    """What held."""

    blocks: int
    applied: int
    rows: int
    keys: int

    def __str__(self) -> str:
        return (
            f"The store holds: {self.blocks} blocks ({self.applied} applied), {self.keys} keys of "
            f"state, {self.rows} rows; every checksum, link, signature, result and certificate "
            "was checked."
        )


def verify_store(
    storage: Storage, genesis: Genesis, progress: Callable[[int], None] = lambda _: None
) -> Report:
    """Check everything. `progress` is called with each number of further blocks.

    Raises:
        StorageCorrupt: something does not hold; the message names it.
        InvalidSetting: the store is of another chain or format.
    """
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        rows = sum(1 for _ in snapshot.scan(b"", b"\xff" * 16))
        blocks = 0
        for _ in check_chain(snapshot, genesis, 1):
            blocks += 1
            progress(1)
        keys = check_every_state(snapshot)
        return Report(blocks, applied_height(snapshot), rows, keys)
    finally:
        snapshot.close()


def check_newest(storage: Storage, genesis: Genesis) -> int:
    """Check the newest blocks at a start, without signatures; return how many held."""
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        first = _first_to_check(snapshot)
        return sum(
            1 for _ in check_chain(snapshot, genesis, first, verify=None, certificates=False)
        )
    finally:
        snapshot.close()


def _first_to_check(snapshot: KeyValueReader) -> Height:
    """Return the lowest height that a start checks: bounded in blocks and in bytes."""
    first, size = last_index(snapshot) + 1, 0
    lowest = max(1, first - START_CHECK_BLOCKS)
    start = Table.LOG.value
    for key, row in snapshot.scan(start, prefix_end(start), reverse=True):
        size += len(row)
        if size > START_CHECK_BYTES or first == lowest:
            break
        first = int.from_bytes(key[1:9], "big")
    return first
