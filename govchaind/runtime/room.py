"""What a store's room goes to: rows and bytes by table, bytes a transaction, time until it is full.

Counted over one snapshot, every row read and its checksum judged. The bytes of a table are those of
its keys and values; what the file has besides is LMDB's pages, checksums, and room kept for reuse.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import newest_result
from govchaind.replica.store import applied_height
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.stopped_store import StoppedStore

MILLISECONDS_A_DAY = 24 * 60 * 60 * 1000
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class TableRoom:
    """One table's share."""

    table: str  # its name in base/keyspace.py
    rows: int
    bytes: int  # of keys and values


@dataclass(frozen=True, slots=True)
class Room:
    """What one store holds."""

    tables: tuple[TableRoom, ...]  # largest first, empty ones too
    file_bytes: int
    applied: Height
    transactions: int  # decided, refused ones too
    days: float  # from genesis to the newest block

    @property
    def bytes_a_transaction(self) -> float | None:
        """Bytes of the file for each transaction, all in all; None if there are none."""
        return self.file_bytes / self.transactions if self.transactions else None

    @property
    def transactions_a_day(self) -> float:
        """The pace since genesis."""
        return self.transactions / self.days if self.days > 0 else 0.0

    def years(self, room_bytes: int, transactions_a_day: float) -> float | None:
        """Return how long `room_bytes` last at a pace; None: there is none to count with."""
        each = self.bytes_a_transaction
        if each is None or each <= 0 or transactions_a_day <= 0:
            return None
        return room_bytes / each / transactions_a_day / DAYS_A_YEAR


def room_of(storage: LmdbStorage | StoppedStore, genesis: Genesis) -> Room:
    """Count one store. Raises StorageCorrupt where a row does not hold."""
    snapshot = storage.snapshot()
    try:
        tables = tuple(
            sorted((_table(snapshot, table) for table in Table), key=lambda one: -one.bytes)
        )
        newest = newest_result(snapshot)
        lived = 0 if newest is None else newest.time - genesis.time
        [made] = [one.rows for one in tables if one.table == Table.TRANSACTION.name]
        return Room(
            tables=tables,
            file_bytes=storage.used_bytes(),
            applied=applied_height(snapshot),
            transactions=made,
            days=lived / MILLISECONDS_A_DAY,
        )
    finally:
        snapshot.close()


def _table(reader: KeyValueReader, table: Table) -> TableRoom:
    rows = size = 0
    for key, value in reader.scan(table.value, prefix_end(table.value)):
        rows += 1
        size += len(key) + len(value)
    return TableRoom(table.name, rows, size)
