"""`govchaind db`: what a node's store takes, and how long its room lasts."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.options import FOLDER, json_option
from govchaind.cli.output import note, print_json, print_table

GIGABYTE = 1_000_000_000
PLANNED_BYTES = 100 * GIGABYTE


@click.group(short_help="Show what a node's store takes, and how long its room lasts.")
def db() -> None:
    """Show what a node's store takes, and how long its room lasts.

    \b
    Example:
      govchaind db stats my-network/nodes/civil-affairs-1
    """


@db.command(short_help="Count rows and bytes by table; say how long 100 GB last.")
@click.argument("directory", type=FOLDER)
@click.option(
    "--transactions-a-day", type=click.FloatRange(min=0, min_open=True), metavar="COUNT",
    help="The pace to plan with.  [default: that of this store since genesis]",
)  # fmt: skip
@json_option
def stats(directory: Path, transactions_a_day: float | None, as_json: bool) -> None:
    """Count the store of DIRECTORY: rows and bytes by table, bytes a transaction, years per 100 GB.

    The node must not be running: a running one shows its file's size in `govchaind status --json`
    and its growth in its metrics. Every row is read and its checksum judged, at some 100,000 rows
    a second.

    \b
    Example:
      govchaind db stats my-network/nodes/civil-affairs-1
      govchaind db stats my-network/nodes/civil-affairs-1 --transactions-a-day 20000 --json
    """
    from dataclasses import asdict

    from govchaind.node import load
    from govchaind.runtime.lmdb_storage import LmdbStorage
    from govchaind.runtime.room import room_of

    config, _, genesis = load(directory)
    storage = LmdbStorage(config.store_directory)
    try:
        found = room_of(storage, genesis)
    finally:
        storage.close()
    pace = found.transactions_a_day if transactions_a_day is None else transactions_a_day
    years = found.years(PLANNED_BYTES, pace)
    each = found.bytes_a_transaction
    if as_json:
        print_json(
            asdict(found)
            | {"bytes_a_transaction": each, "transactions_a_day": pace, "years_per_100_gb": years}
        )
        return
    whole = sum(table.bytes for table in found.tables)
    rows = [
        [table.table, str(table.rows), str(table.bytes), f"{100 * table.bytes / whole:.1f} %"]
        for table in found.tables
    ]
    rows.append(["all rows", str(sum(t.rows for t in found.tables)), str(whole), "100.0 %"])
    rows.append(["file", "", str(found.file_bytes), f"{100 * found.file_bytes / whole:.1f} %"])
    print_table("", ["table", "rows", "bytes", "share"], rows)
    if each is None:
        note("There is no transaction yet to count with.")
        return
    note(f"{found.transactions} transactions, {each:.0f} bytes of the file for each.")
    if years is not None:
        note(f"100 GB last {_plain(years)} years at {_plain(pace)} transactions a day.")


def _plain(number: float) -> str:
    """Return a number with as many digits as somebody reads: 0.042, 2.1, 17, 20,000."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
