"""One part of an export while it is written: a Parquet file for each table and each register.

Rows go out in groups, so that memory is bounded; and a part ends before it holds more files open
than a process may. The second of two doors to pyarrow, the first being the exit pack's tables.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from govchaind.base.types import Height
from govchaind.bridge.changes import Created, Register, changes_of
from govchaind.bridge.feed import Verified
from govchaind.exit_pack.tables import arrow_types, load_pyarrow
from govchaind.export.layout import (
    CHAIN,
    ROWS,
    Row,
    chain_row,
    change_row,
    columns_of,
    folder_of,
    table_rows,
)
from govchaind.export.manifest import File

GROUP_ROWS_MAX = 20_000
GROUP_BYTES_MAX = 16 * 1024 * 1024  # of text and bytes in the rows of one group
FILES_MAX = 100  # open at the end of a height; one height adds at most as many as it has operations


class Rows:
    """The file of one table or register."""

    def __init__(self, path: Path, table: str, register: Register | None) -> None:
        pyarrow, parquet = load_pyarrow()
        types = arrow_types(pyarrow)
        path.mkdir(parents=True)
        self._make = pyarrow.Table.from_pylist
        self._schema = pyarrow.schema(
            [(name, types[kind]) for name, kind in columns_of(table, register)]
        )
        self._path = path / ROWS
        self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        self._waiting: list[Row] = []
        self._size = 0
        self._folder = table
        self.rows = 0

    def add(self, row: Row) -> None:
        self._waiting.append(row)
        self._size += sum(len(one) for one in row.values() if isinstance(one, str | bytes))
        self.rows += 1
        if len(self._waiting) >= GROUP_ROWS_MAX or self._size >= GROUP_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._make(self._waiting, schema=self._schema))
            self._waiting = []
            self._size = 0

    def end(self) -> File:
        """Write what is left, durably; return what the manifest says of the file."""
        self._flush()
        self._writer.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(self._folder, self.rows, self._path.stat().st_size, digest)

    def abandon(self) -> None:
        self._writer.close()


class PartWriter:
    """Writes a part into a folder that is not there yet.

    Args:
        registers: those that began before; what begins here is added to them.
    """

    def __init__(self, folder: Path, registers: dict[str, Register]) -> None:
        self._folder = folder
        self._registers = registers
        self._files: dict[str, Rows] = {}
        folder.mkdir()
        self.first: Height = 0
        self.last: Height = 0

    @property
    def is_wide(self) -> bool:
        """Whether so many files are open that the part should end here."""
        return len(self._files) > FILES_MAX

    def add(self, one: Verified) -> int:
        """Write a height; return how many changes of registers are in it."""
        self.first = self.first or one.height
        self._rows(CHAIN, None).add(chain_row(one))
        for table, row in table_rows(one):
            self._rows(table, None).add(row)
        count = 0
        for change in changes_of(one):
            count += 1
            if isinstance(change, Created):
                self._registers[change.register.name] = change.register
            else:
                register = self._registers[change.register]
                name = folder_of(change.register)
                self._rows(name, register).add(change_row(change, register))
        self.last = one.height
        return count

    def _rows(self, table: str, register: Register | None) -> Rows:
        found = self._files.get(table)
        if found is None:
            found = self._files[table] = Rows(self._folder / table, table, register)
        return found

    def end(self) -> tuple[File, ...]:
        """End all files; return them in order of names."""
        return tuple(self._files[table].end() for table in sorted(self._files))

    def abandon(self) -> None:
        for one in self._files.values():
            one.abandon()


def same_rows(one: Path, other: Path) -> bool:
    """Say whether two files have the same columns and rows, in the same order."""
    _, parquet = load_pyarrow()
    with parquet.ParquetFile(one) as left, parquet.ParquetFile(other) as right:
        if left.schema_arrow != right.schema_arrow:
            return False
        if left.metadata.num_rows != right.metadata.num_rows:
            return False
        mine, its = (_batches(file) for file in (left, right))
        one_rest, other_rest = next(mine, None), next(its, None)
        while one_rest is not None and other_rest is not None:
            count = min(one_rest.num_rows, other_rest.num_rows)
            if not one_rest.slice(0, count).equals(other_rest.slice(0, count)):
                return False
            one_rest = one_rest.slice(count) if count < one_rest.num_rows else next(mine, None)
            more = count < other_rest.num_rows
            other_rest = other_rest.slice(count) if more else next(its, None)
        return True  # both have as many rows


def _batches(file: Any) -> Iterator[Any]:
    """Yield a file's batches that have rows; where they are cut is the writer's affair."""
    return (batch for batch in file.iter_batches(GROUP_ROWS_MAX) if batch.num_rows)


def chain_rows(folder: Path) -> Iterator[Any]:
    """Yield the rows of a part's chain, as dictionaries, in their order."""
    _, parquet = load_pyarrow()
    with parquet.ParquetFile(folder / CHAIN / ROWS) as file:
        for batch in file.iter_batches(256):
            yield from batch.to_pylist()
