"""A whole store checked offline: every row, link, signature, result, certificate, and the state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from govchaind.base.errors import InvalidSignature, StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.limits import START_CHECK_BLOCKS, START_CHECK_BYTES, VERIFY_BATCH_MAX
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.transaction import Transaction, verify_transaction
from govchaind.replica.inspection import check_chain, check_every_state
from govchaind.replica.marker import first_height
from govchaind.replica.store import applied_height, check_store, last_index
from govchaind.runtime.environment import Storage

BATCHES_PER_THREAD = 4  # under way or waiting: what is read ahead of the threads stays bounded


@dataclass(frozen=True, slots=True)
class Report:
    """What held."""

    blocks: int
    applied: int
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
            f"The store holds: {self.blocks} blocks ({self.applied} applied), {self.keys} keys of "
            f"state, {self.rows} rows; every checksum, link, signature, result and certificate "
            f"was checked.{removed}"
        )


class _Signatures:
    """Verifies transactions' signatures on threads, while the caller reads on."""

    def __init__(self, threads: int) -> None:
        self.height: Height = 1  # of what is given next
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
        self._batch: list[tuple[Height, Transaction]] = []
        self._under_way: deque[Future[tuple[Height, str] | None]] = deque()

    def put(self, transaction: Transaction) -> None:
        """Have a transaction verified. Raises StorageCorrupt: an earlier one is signed wrongly."""
        self._batch.append((self.height, transaction))
        if len(self._batch) < VERIFY_BATCH_MAX:
            return
        if len(self._under_way) >= BATCHES_PER_THREAD * self._threads:
            self._settle()
        self._send()

    def end(self) -> None:
        """Wait until everything is verified. Raises StorageCorrupt: the lowest height's."""
        self._send()
        while self._under_way:
            self._settle()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        self._under_way.append(self._pool.submit(_first_wrong, self._batch))
        self._batch = []

    def _settle(self) -> None:
        wrong = self._under_way.popleft().result()
        if wrong is not None:
            raise StorageCorrupt(f"height {wrong[0]} does not hold: {wrong[1]}")


def _first_wrong(batch: Sequence[tuple[Height, Transaction]]) -> tuple[Height, str] | None:
    for height, transaction in batch:
        try:
            verify_transaction(transaction)
        except InvalidSignature as error:
            return height, error.message
    return None


def verify_store(
    storage: Storage,
    genesis: Genesis,
    progress: Callable[[int], None] = lambda _: None,
    *,
    threads: int = 1,
) -> Report:
    """Check everything, signatures on so many threads.

    `progress` is called with each number of further blocks.

    Raises:
        StorageCorrupt: something does not hold; the message names it.
        InvalidSetting: the store is of another chain or format.
    """
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        rows = sum(1 for _ in snapshot.scan(b"", b"\xff" * 16))
        blocks = _check_blocks(snapshot, genesis, progress, threads)
        keys = check_every_state(snapshot)
        return Report(blocks, applied_height(snapshot), rows, keys, first_height(snapshot))
    finally:
        snapshot.close()


def _check_blocks(
    reader: KeyValueReader, genesis: Genesis, progress: Callable[[int], None], threads: int
) -> int:
    signatures = _Signatures(threads)
    try:
        signatures.height = first = first_height(reader)
        for height in check_chain(reader, genesis, 1, verify=signatures.put):
            signatures.height = height + 1
            progress(1)
    except StorageCorrupt:
        signatures.end()  # what is wrong further down is told first
        raise
    else:
        signatures.end()
        return signatures.height - first
    finally:
        signatures.close()


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
    lowest = max(first_height(snapshot), first - START_CHECK_BLOCKS)
    start = Table.LOG.value
    for key, row in snapshot.scan(start, prefix_end(start), reverse=True):
        size += len(row)
        if size > START_CHECK_BYTES or first == lowest:
            break
        first = int.from_bytes(key[1:9], "big")
    return first
