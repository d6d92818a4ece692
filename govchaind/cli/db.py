"""`govchaind db`: what a node's store takes, how long its room lasts, and how to make room."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.cli.options import FOLDER, json_option
from govchaind.cli.output import note, print_json, print_table, progress, word

if TYPE_CHECKING:
    from govchaind.backup.making import Made
    from govchaind.ledger.genesis import Genesis
    from govchaind.replica.events import Prune
    from govchaind.runtime.lmdb_storage import LmdbStorage

GIGABYTE = 1_000_000_000
PLANNED_BYTES = 100 * GIGABYTE


@click.group(short_help="Show what a node's store takes, and make room.")
def db() -> None:
    """Show what a node's store takes, and how long its room lasts; make room.

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
    from govchaind.node import load
    from govchaind.runtime.room import room_of
    from govchaind.runtime.stopped_store import StoppedStore

    config, _, genesis = load(directory)
    storage = StoppedStore(config.store_directory)
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
    rows.append([word("all rows"), str(sum(t.rows for t in found.tables)), str(whole), "100.0 %"])
    rows.append(
        [word("file"), "", str(found.file_bytes), f"{100 * found.file_bytes / whole:.1f} %"]
    )
    print_table("", ["table", "rows", "bytes", "share"], rows)
    if each is None:
        note("There is no transaction yet to count with.")
        return
    note(f"{found.transactions} transactions, {each:.0f} bytes of the file for each.")
    if years is not None:
        note(f"100 GB last {_plain(years)} years at {_plain(pace)} transactions a day.")


@db.command(short_help="Archive old blocks of a stopped node, and remove them.")
@click.argument("directory", type=FOLDER)
@click.option("--before", required=True, type=click.IntRange(min=2), metavar="HEIGHT",
              help="Remove the blocks below this height.")  # fmt: skip
@click.option("--archive", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Put them there first, as `govchaind backup` does.")  # fmt: skip
@click.option("--archived-at", metavar="TEXT",
              help="What is told to who asks for one.  [default: the setting]")  # fmt: skip
@json_option
def prune(
    *, directory: Path, before: int, archive: Path | None, archived_at: str | None, as_json: bool
) -> None:
    """Remove the blocks below --before from the store of DIRECTORY.

    The node must not be running; a running one does it by itself, see storage.keep_blocks. The
    state, its history, and what trust files need stay. Receipts that were fetched stay good; new
    ones of removed blocks need another node. Without --archive the blocks are gone from here for
    good. The file keeps its size and uses the room again: `govchaind db compact` gives it back.

    \b
    Example:
      govchaind db prune my-network/nodes/civil-affairs-1 --before 90000 --archive /archive/ledger
    """
    import trio

    from govchaind.config import check_archived_at
    from govchaind.node import load
    from govchaind.replica.events import Prune
    from govchaind.runtime.lmdb_storage import LmdbStorage

    config, _, genesis = load(directory)
    where = config.storage.archived_at if archived_at is None else archived_at
    if where is not None:
        check_archived_at(where, "--archived-at")
    storage = LmdbStorage(config.store_directory, map_bytes_max=config.storage.map_bytes_max)
    asked = Prune(before, 0 if archive is None else before - 1, where)
    try:
        first, made = trio.run(_prune, storage, genesis, asked, archive)
    finally:
        storage.close()
    first_now = max(first, before)
    if as_json:
        written = None if made is None else asdict(made)
        print_json(
            {"first_before": first, "first": first_now, "archived": written, "archived_at": where}
        )
        return
    if made is not None:
        click.echo(f"Archived blocks {made.first} to {made.last}, {made.bytes:,} bytes.")
    if first_now == first:
        click.echo(f"Nothing to remove: the first height here is {first}.")
        return
    click.echo(f"Removed blocks {first} to {first_now - 1}: the first height here is {first_now}.")
    note("The file keeps its size, and uses the room again; `govchaind db compact` gives it back.")


async def _prune(
    storage: LmdbStorage, genesis: Genesis, asked: Prune, archive: Path | None
) -> tuple[int, Made | None]:
    """Archive, if it is asked for, and remove; return where the store began before."""
    from govchaind.backup.archive import Archive
    from govchaind.runtime.removal import check_before, remove_blocks

    first, last = check_before(storage, genesis, asked.before), asked.before - 1
    made = None
    if archive is not None and last >= first:
        with progress("archiving", last, "blocks") as ticks:
            made = await Archive(archive, storage, genesis).reach(last, ticks.advance)
    with progress("removing", max(0, asked.before - first), "blocks") as ticks:
        await remove_blocks(storage, asked, ticks.advance)
    return first, made


@db.command(short_help="Make the file of a stopped node as small as what is in it.")
@click.argument("directory", type=FOLDER)
@json_option
def compact(directory: Path, as_json: bool) -> None:
    """Make the store's file of DIRECTORY as small as its rows: give back the room of removed ones.

    The node must not be running. A copy is written beside the file and takes its place when it is
    whole and synced, so there must be room for it; without room nothing is changed, and how much is
    needed is said. Broken off, it leaves the store as it was.

    \b
    Example:
      govchaind db compact my-network/nodes/civil-affairs-1
    """
    from govchaind.node import load
    from govchaind.runtime.compaction import compact as compact_store

    config, _, _ = load(directory)
    with progress("copying", None, "rows") as ticks:
        found = compact_store(config.store_directory, ticks.advance)
    if as_json:
        print_json(asdict(found))
        return
    saved = found.before_bytes - found.after_bytes
    click.echo(
        f"The file had {found.before_bytes:,} bytes and has {found.after_bytes:,} now, with the "
        f"same {found.rows:,} rows: {saved:,} bytes were given back."
    )


def _plain(number: float) -> str:
    """Return a number with as many digits as somebody reads: 0.042, 2.1, 17, 20,000."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
