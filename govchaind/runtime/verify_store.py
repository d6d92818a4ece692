"""A whole store checked offline: every row, link, signature, result, certificate, and the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.limits import START_CHECK_BLOCKS, START_CHECK_BYTES
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.replica.inspection import check_chain
from govchaind.replica.marker import first_height
from govchaind.replica.store import applied_height, check_store, last_index
from govchaind.replica.stored_certificates import last_certified
from govchaind.replica.whole_check import Found, Part, check_piece, judge, pieces
from govchaind.runtime.environment import Storage
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.stopped_store import StoppedStore
from govchaind.runtime.store_beside import check_beside, jobs_for


@dataclass(frozen=True, slots=True)
class Report:
    """What held."""

    blocks: int
    applied: int
    certified: int  # the newest height for which enough validators' signatures are here
    rows: int
    keys: int
    first: int  # from which height on every block is here

    def __str__(self) -> str:
        removed = ""
        if self.first > 1:
            removed = (
                f" Blocks below {self.first} were removed here: of them what stayed was checked, "
                "and that the certificates of the others speak for it."
            )
        return (
            f"The store holds: {self.blocks} blocks ({self.applied} applied, the newest certified: "
            f"{self.certified}), {self.keys} keys of state, {self.rows} rows; every checksum, "
            f"link, signature, result and certificate was checked.{removed}"
        )


def verify_store(
    storage: LmdbStorage | StoppedStore,
    genesis: Genesis,
    progress: Callable[[int], None] = lambda _: None,
    *,
    jobs: int | None = None,
) -> Report:
    """Check everything.

    Args:
        progress: called with each number of further blocks.
        jobs: how many processes; None: as many as it is worth. For one, no other is begun.

    Raises:
        StorageCorrupt: something does not hold; the message names it.
        InvalidSetting: the store is of another chain or format.
        StorageFailed: another process ended before it had said what it found.
    """
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        wanted = pieces(snapshot)
        processes = jobs or jobs_for(storage)
        if processes > 1:
            work = check_beside(storage.path, genesis, wanted, processes)
        else:
            work = map(partial(check_piece, snapshot, genesis), wanted)
        blocks, keys, rows = judge(snapshot, _until_wrong(work, progress))
        applied, certified = applied_height(snapshot), last_certified(snapshot)
        return Report(blocks, applied, certified, rows, keys, first_height(snapshot))
    finally:
        snapshot.close()


def _until_wrong(work: Iterator[Found], progress: Callable[[int], None]) -> Iterator[Found]:
    """Yield what is found; no block is looked at above one that does not hold."""
    for found in work:
        yield found
        if found.piece.part is Part.BLOCKS:
            if found.wrong is not None:
                return
            progress(found.count)


def check_newest(storage: Storage, genesis: Genesis) -> int:
    """Check the newest blocks at a start, without signatures; return how many held."""
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        first = _first_to_check(snapshot)
        return sum(1 for _ in check_chain(snapshot, genesis, first, signatures=False))
    finally:
        snapshot.close()


def _first_to_check(snapshot: KeyValueReader) -> Height:
    """Return the lowest height that a start checks: bounded in blocks and in bytes."""
    first, size = last_index(snapshot) + 1, 0
    lowest = max(first_height(snapshot), first - START_CHECK_BLOCKS)
    start = Table.LOG.value
    for key, row in snapshot.scan(start, prefix_end(start), reverse=True):
        size += len(row)
        if size > START_CHECK_BYTES or first == lowest:
            break
        first = int.from_bytes(key[1:9], "big")
    return first
