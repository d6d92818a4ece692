"""What an export is as files, and what is in the columns of each.

    manifest.json                                    the last whole state: see `manifest.py`
    genesis.bin                                      whose hash is the chain id
    heights=FIRST-LAST/register=NAME/rows.parquet    changes of a register's records
    heights=FIRST-LAST/table=blocks/rows.parquet     as in an exit pack; so are
                       table=transactions            transactions, and
                       table=operations              their operations
                       table=chain                   blocks, certificates and outcomes to the byte

A part, the folder of a range of heights, appears at once and never changes. The bridge's own
columns of a register begin with '_', which no name on the ledger does; '-' in a field is '_'. A
field that is called as a part of the path is gets a '~', so that no reader takes one for the other.
"""

from __future__ import annotations

import re
from typing import Any

from govchaind.api.titles import Names
from govchaind.base.types import Height
from govchaind.bridge.changes import Changed, Register, text_of
from govchaind.bridge.feed import Verified
from govchaind.exit_pack.kinds import Columns, columns
from govchaind.exit_pack.rows import block_rows, json_text, moment
from govchaind.exit_pack.source import PackedBlock
from govchaind.exit_pack.tables import TABLES
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.results import Result

ROWS = "rows.parquet"
GENESIS = "genesis.bin"
PART = re.compile(r"heights=([0-9]{12,19})-([0-9]{12,19})")
CHAIN = "table=chain"
CHAIN_COLUMNS = columns(
    "height:integer block:bytes certificate:bytes codes:integers refused:integers"
)
NONE_REFUSED = -1  # in `refused`, where no operation was
_OWN = columns(
    "_height:integer _time:time _position:integer _place:integer _transaction _institution _office "
    "_key _key_bytes:bytes _retired:boolean"
)
_IN_PATHS = ("register", "heights", "table")
Row = dict[str, Any]


def part_name(first: Height, last: Height) -> str:
    return f"heights={first:012}-{last:012}"


def folder_of(register: str) -> str:
    return f"register={register}"


def column_of(field: str) -> str:
    return f"{field}~" if field in _IN_PATHS else field.replace("-", "_")


def columns_of(table: str, register: Register | None) -> Columns:
    """Return the columns of a folder of a part; `register` where it is one's."""
    if register is not None:
        return (*_OWN, *((column_of(name), kind) for name, kind in register.columns))
    return CHAIN_COLUMNS if table == CHAIN else TABLES[table.removeprefix("table=")]


def chain_row(one: Verified) -> Row:
    """Return what the rows of a height can be made of again, and verified by."""
    return {
        "height": one.height,
        "block": one.raw,
        "certificate": one.certificate,
        "codes": [code for code, _ in one.outcomes],
        "refused": [NONE_REFUSED if place is None else place for _, place in one.outcomes],
    }


def told_in(codes: list[int], refused: list[int]) -> tuple[tuple[int, int | None], ...]:
    """Return outcomes as `chain_row` has written them. Raises ValueError."""
    return tuple(
        (code, None if place == NONE_REFUSED else place)
        for code, place in zip(codes, refused, strict=True)
    )


def table_rows(one: Verified) -> list[tuple[str, Row]]:
    """Return (folder, row) of a height's block, transactions and operations."""
    block, statement = one.block, one.statement
    outcomes = tuple(
        (each.id, each.identity, code, place)
        for each, (code, place) in zip(block.transactions, one.outcomes, strict=True)
    )
    result = Result(
        block.height,
        block.hash,
        statement.outcomes_root,
        statement.state_root,
        outcomes,
        block.time,
    )
    packed = PackedBlock(block, result, read_certificate(one.certificate))
    return [(f"table={table}", row) for table, row in block_rows(packed, Names())]


def change_row(change: Changed, register: Register) -> Row:
    """Return the row of one change of a record; of one that is retired, without a value."""
    at = change.at
    row: Row = {
        "_height": at.height,
        "_time": moment(at.time),
        "_position": at.position,
        "_place": at.place,
        "_transaction": at.transaction.hex(),
        "_institution": at.institution,
        "_office": at.office,
        "_key": text_of(change.key),
        "_key_bytes": change.key,
        "_retired": change.retires,
    }
    if change.value is not None:
        for (name, kind), value in zip(register.columns, register.row(change.value), strict=True):
            row[column_of(name)] = json_text(value) if kind == "json" else value
    return row
