"""The tables of a pack, column by column, and how they become Parquet.

Rules: a table holds what is on the ledger and what follows from it, and nothing else; hashes and
keys are lower-case hex; what has no fixed shape is JSON; moments that others wrote are integers of
milliseconds (they may lie beyond any calendar), block time is a timestamp in UTC. Rows are written
in groups, so that memory is bounded. The one door to pyarrow, which is an extra of the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from govchaind.base.errors import InvalidSetting
from govchaind.exit_pack.kinds import AT, CHANGED, KINDS, Columns, columns

GROUP_ROWS_MAX = 20_000
GROUP_TEXT_MAX = 16 * 1024 * 1024  # characters in the rows of one group

TABLES: Mapping[str, Columns] = MappingProxyType(
    {
        "blocks": columns(
            f"{AT} hash previous term:integer leader transactions:integer operations:integer "
            "bytes:integer configuration:boolean certified:boolean signers:texts outcomes_root "
            "state_root"
        ),
        "transactions": columns(
            f"{AT} position:integer id identity institution office signers:texts "
            "operations:integer valid_until_ms:integer code:integer outcome outcome_text "
            "refused_operation:integer certified:boolean english chinese"
        ),
        "operations": columns(
            f"{AT} position:integer place:integer transaction institution office kind:integer "
            "name applied:boolean arguments:json english chinese"
        ),
        **{kind.table: kind.columns for kind in KINDS.values()},
        "seats": columns(
            "institution office seat:integer key holder valid_from_ms:integer "
            "valid_until_ms:integer revoked_at_ms:integer from_height:integer "
            "until_height:integer"
        ),
        "state": columns(f"key_hex kind:integer {CHANGED} value:json"),
    }
)


def load_pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module. Raises InvalidSetting where it is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InvalidSetting(
            "tables of Parquet need pyarrow, which is not installed",
            code="no-pyarrow",
            remedy="Install govchaind with its extra `exit` (pip install 'govchaind[exit]'). An "
            "exit pack holds everything --without-tables too.",
        ) from None
    return pyarrow, parquet


def arrow_types(pyarrow: Any) -> dict[str, Any]:
    """Return the types of columns, by what `kinds.py` calls them."""
    return {
        "integer": pyarrow.int64(),
        "amount": pyarrow.uint64(),  # of an asset: it may be beyond 64 bits with a sign
        "text": pyarrow.string(),
        "json": pyarrow.string(),
        "boolean": pyarrow.bool_(),
        "time": pyarrow.timestamp("ms", tz="UTC"),
        "texts": pyarrow.list_(pyarrow.string()),
        "bytes": pyarrow.binary(),
        "integers": pyarrow.list_(pyarrow.int64()),
    }


class ParquetTables:
    """One Parquet file a table in a folder, each written as its rows come."""

    def __init__(self, folder: Path) -> None:
        """Begin every table. Raises InvalidSetting where pyarrow is missing."""
        pyarrow, parquet = load_pyarrow()
        folder.mkdir()
        types = arrow_types(pyarrow)
        self._make = pyarrow.Table.from_pylist
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._text = dict.fromkeys(TABLES, 0)
        self._schemas = {
            name: pyarrow.schema([(column, types[kind]) for column, kind in columns])
            for name, columns in TABLES.items()
        }
        self._columns = {name: frozenset(dict(columns)) for name, columns in TABLES.items()}
        self._writers = {
            name: parquet.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd")
            for name, schema in self._schemas.items()
        }

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Append a row; columns that it leaves out are null, and what is no column is left out."""
        columns = self._columns[table]
        kept = {name: value for name, value in row.items() if name in columns}
        self._rows[table].append(kept)
        self._text[table] += sum(len(value) for value in kept.values() if isinstance(value, str))
        if len(self._rows[table]) >= GROUP_ROWS_MAX or self._text[table] >= GROUP_TEXT_MAX:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if self._rows[table]:
            made = self._make(self._rows[table], schema=self._schemas[table])
            self._writers[table].write_table(made)
            self._rows[table] = []
            self._text[table] = 0

    def close(self) -> None:
        """Write what is left and end the files."""
        for table, writer in self._writers.items():
            self._flush(table)
            writer.close()
