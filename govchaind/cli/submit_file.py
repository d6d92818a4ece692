"""`govchaind submit file`: a whole table of records, many operations under one signature."""

from __future__ import annotations

import csv
import io
import lzma
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSetting, NotFound
from govchaind.base.limits import TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX
from govchaind.cli.options import FILE, Target, json_option, key_option, target_options
from govchaind.cli.output import Ticks, note, print_json, progress, say
from govchaind.cli.sending import failure
from govchaind.cli.values import RegisterShape, convert_all, shape_of
from govchaind.client.keyfile import Author, author_of
from govchaind.client.submission import Fate
from govchaind.ledger.operations.costs import Kind

if TYPE_CHECKING:
    from govchaind.client.client import Client

FILE_BYTES_MAX = 256 * 1024 * 1024
OPERATIONS_BYTES_MAX = TRANSACTION_BYTES_MAX - 4096  # the rest: head and signatures
TRANSACTIONS_EACH = 20  # in one request

Operation = tuple[int, list[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a file: the key of each, and its other columns."""

    columns: tuple[str, ...]
    rows: list[tuple[str, list[str]]]


@dataclass(slots=True)
class Load:
    """What was loaded, while it is being loaded."""

    fates: list[Fate] = field(default_factory=list)
    records: int = 0


@click.command("file", short_help="Submit a table (CSV) of records.")
@click.argument("file", type=FILE)
@click.option("--register", required=True, help="Register to put the records into.")
@click.option("--key-column", help="Column that is the record's key.  [default: the first]")
@click.option("--create", "title", metavar="TITLE", help="Create the register if there is none.")
@click.option(
    "--operations",
    type=click.IntRange(1, TRANSACTION_OPERATIONS_MAX),
    default=50,
    show_default=True,
    help="Records in one transaction.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Requests under way at once, through different nodes.",
)
@key_option
@target_options
@json_option
def submit_file(
    *,
    file: Path,
    register: str,
    key_column: str | None,
    title: str | None,
    operations: int,
    parallel: int,
    key_files: tuple[Path, ...],
    target: Target,
    as_json: bool,
) -> None:  # fmt: skip
    """Put each row of FILE (CSV with a head; also .csv.xz) as a record.

    Columns go to the register's fields by name (`provinceCode` is the field `province-code`).
    Rows may arrive in any order; so a key may stand only once in a file. If something fails
    midway, run it again: what is there already only gets a new revision.

    \b
    Example:
      govchaind submit file counties.csv --register counties --create "Counties" \\
          --key my-network/keys/civil-affairs.key --network my-network/network.json
    """
    import trio

    table = read_table(file, key_column)
    author = author_of(key_files)
    began = time.monotonic()
    load = trio.run(_run, target, author, table, register, title, operations, parallel)
    seconds = time.monotonic() - began
    heights = [fate.height for fate in load.fates if fate.height is not None]
    if as_json:
        print_json(
            {
                "records": load.records,
                "transactions": [fate.id.hex() for fate in load.fates],
                "seconds": round(seconds, 3),
                "records_per_second": round(load.records / seconds, 1),
                "first_height": min(heights, default=None),
                "last_height": max(heights, default=None),
            }
        )
        return
    say(
        f"{load.records:,} records, {len(load.fates):,} signed transactions, {seconds:.1f} s: "
        f"{load.records / seconds:,.0f} records/s, heights {min(heights, default=0)} to "
        f"{max(heights, default=0)}"
    )


async def _run(
    target: Target,
    author: Author,
    table: Table,
    register: str,
    title: str | None,
    operations: int,
    parallel: int,
) -> Load:
    import trio

    async with target.client() as client:
        shape = await _shape(client, author, table, register, title)
        groups = grouped(records(table, shape, register), operations)
        load = Load()
        send_channel, receive_channel = trio.open_memory_channel[list[list[Operation]]](0)
        with progress(register, len(table.rows), "records") as ticks:
            async with trio.open_nursery() as nursery:
                for place in range(parallel):
                    work = receive_channel.clone()
                    nursery.start_soon(_worker, client, author, work, load, ticks, place)
                receive_channel.close()
                async with send_channel:
                    for batch in _chunks(groups, TRANSACTIONS_EACH):
                        await send_channel.send(batch)
    return load


async def _worker(
    client: Client,
    author: Author,
    work: Any,
    load: Load,
    ticks: Ticks,
    place: int,
) -> None:
    """Sign and submit what comes, beginning with the node of this place."""
    async with work:
        async for batch in work:
            raws = [client.sign(author, group) for group in batch]
            for fate, group in zip(
                await client.submit(raws, wait="committed", first_node=place), batch, strict=True
            ):
                if not fate.applied:
                    raise failure(fate)
                load.fates.append(fate)
                load.records += len(group)
                ticks.advance(len(group))


async def _shape(
    client: Client, author: Author, table: Table, register: str, title: str | None
) -> RegisterShape:
    """Return the register's shape, creating the register if that was asked for."""
    try:
        shape = shape_of(await client.register(register))
    except NotFound:
        if title is None:
            raise
        fields = [[name, "text"] for name in table.columns]
        arguments = [register, title, fields, "clear", []]
        raw = client.sign(author, [(int(Kind.CREATE_REGISTER), arguments)])
        fate = (await client.submit([raw]))[0]
        if not fate.applied:
            raise failure(fate) from None
        note(f"created register {register} at height {fate.height}")
        return RegisterShape("clear", tuple((name, "text") for name in table.columns))
    if shape.mode != "clear":
        raise InvalidSetting(
            f"register {register} holds commitments; a table cannot go into it",
            remedy="Put its records one by one with `govchaind submit put --opening`.",
        )
    return shape


def field_name(column: str) -> str:
    """Return a column's name as a field's: `provinceCode` and `Province Code` → province-code."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", column.strip())
    return re.sub(r"[^a-z0-9]+", "-", parted.lower()).strip("-")


def read_table(file: Path, key_column: str | None) -> Table:
    """Read a CSV file with a head. Raises InvalidSetting."""
    try:
        open_file = lzma.open if file.suffix == ".xz" else open
        with open_file(file, "rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise InvalidSetting(f"{file} is larger than {FILE_BYTES_MAX} bytes; split it")
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except OSError as error:
        raise InvalidSetting(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, csv.Error, lzma.LZMAError) as error:
        raise InvalidSetting(f"{file} is not a table in CSV and UTF-8: {error}") from None
    if not rows:
        raise InvalidSetting(f"{file} is empty; its first line names the columns")
    head = [field_name(column) for column in rows[0]]
    wanted = field_name(key_column) if key_column else head[0]
    if wanted not in head or len(set(head)) != len(head):
        raise InvalidSetting(
            f"{file} has no column {key_column!r}, or one twice: {', '.join(head)}"
        )
    place = head.index(wanted)
    keyed: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(head):
            raise InvalidSetting(f"{file}, row {number}: {len(row)} cells, not {len(head)}")
        if row[place] in keyed or not row[place]:
            raise InvalidSetting(f"{file}, row {number}: the key {row[place]!r} is empty or twice")
        keyed[row[place]] = [*row[:place], *row[place + 1 :]]
    return Table((*head[:place], *head[place + 1 :]), list(keyed.items()))


def records(table: Table, shape: RegisterShape, register: str) -> Iterator[Operation]:
    """Yield one operation for each row; columns are put into the schema's order."""
    order: Sequence[int] = range(len(table.columns))
    if shape.fields:
        names = [name for name, _ in shape.fields]
        if sorted(names) != sorted(table.columns):
            raise InvalidSetting(
                f"register {register} has the fields {', '.join(names)}; the table has "
                f"{', '.join(table.columns)}",
                code="bad-value",
                remedy="Name the columns as the fields, or choose --key-column.",
            )
        order = [table.columns.index(name) for name in names]
    for key, cells in table.rows:
        value = convert_all([cells[place] for place in order], shape, register)
        yield int(Kind.PUT), [register, key.encode(), value, None]


def grouped(items: Iterator[Operation], count_max: int) -> Iterator[list[Operation]]:
    """Yield operations in groups that fit one transaction."""
    group: list[Operation] = []
    length = 0
    for item in items:
        size = len(encode(list(item)))
        if group and (len(group) >= count_max or length + size > OPERATIONS_BYTES_MAX):
            yield group
            group, length = [], 0
        group.append(item)
        length += size
    if group:
        yield group


def _chunks(groups: Iterator[list[Operation]], count: int) -> Iterator[list[list[Operation]]]:
    chunk: list[list[Operation]] = []
    for group in groups:
        chunk.append(group)
        if len(chunk) == count:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
