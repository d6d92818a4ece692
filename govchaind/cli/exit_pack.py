"""`govchaind exit-pack`: everything that a network has recorded, in a folder that outlives it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.base.errors import Conflict, InvalidSetting, StorageCorrupt
from govchaind.cli.options import FOLDER, hex_bytes, json_option, node_options, shown_token
from govchaind.cli.output import note, print_json, progress, say
from govchaind.cli.read_key import shown_reader
from govchaind.ledger.genesis import Genesis, read_genesis

if TYPE_CHECKING:
    from govchaind.exit_pack.pack import Written
    from govchaind.runtime.lmdb_storage import LmdbStorage

UNFINISHED = ".unfinished"  # beside the pack, while it is made


@click.command("exit-pack", short_help="Write everything that is on the ledger into a folder.")
@click.argument("folder", type=FOLDER)
@click.option("--from", "directory", type=FOLDER, metavar="DIRECTORY",
              help="The directory of a node that does not run.")  # fmt: skip
@node_options
@click.option("--until", type=click.IntRange(1), metavar="HEIGHT",
              help="End at this height.  [default: the newest]")  # fmt: skip
@click.option("--without-tables", is_flag=True, help="Leave the Parquet tables out.")
@json_option
def exit_pack(
    *,
    folder: Path,
    directory: Path | None,
    urls: tuple[str, ...],
    timeout_seconds: float,
    chain_id: str | None,
    until: int | None,
    without_tables: bool,
    as_json: bool,
) -> None:
    """Write all blocks, certificates, keys, mandates and tables of a network into FOLDER.

    For the day when a network ends, an institution leaves, or an auditor wants to hold everything.
    The pack checks itself with one file, `verify.py`, that needs Python and PyNaCl alone; this
    command runs it before it ends. No private key enters the pack.

    FOLDER must not be there, or be empty. While it is made, it is in FOLDER.unfinished; a fetch
    from a running node that was cut short goes on from there when the command is run again.

    \b
    Example:
      govchaind exit-pack pack --from my-network/nodes/civil-affairs-1
      govchaind exit-pack pack --node http://127.0.0.1:7500
      python pack/verify.py
    """
    if (directory is None) == (not urls):
        raise click.UsageError("give either --from DIRECTORY or --node URL")
    wanted = None if chain_id is None else hex_bytes(chain_id, "a chain id", 32)
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(
            f"{folder} is not empty",
            code="already-there",
            remedy="Name a folder that is not there yet; a pack is never written over another.",
        )
    if not without_tables:
        from govchaind.exit_pack.tables import load_pyarrow

        load_pyarrow()  # say so now, not after hours
    beside = folder.with_name(folder.name + UNFINISHED)
    asked = _Asked(urls, timeout_seconds, until, wanted)
    opened = _fetched(asked, beside) if directory is None else _stopped(directory)
    with opened as (storage, genesis):
        if wanted is not None and genesis.chain_id != wanted:
            raise _other_chain(genesis)
        written = _write(storage, genesis, beside, until, tables=not without_tables)
    _check(beside / "pack")
    _publish(beside, folder)
    if as_json:
        print_json(asdict(written))
        return
    say(
        f"Wrote {folder}, which holds: {written.blocks} blocks, the newest certified one "
        f"{written.certified}; {written.transactions} transactions; {written.files} files, "
        f"{written.bytes:,} bytes."
    )
    note(f"Compare the chain id with one that you have from elsewhere: {written.chain_id}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which running nodes are asked, and for how much of which chain."""

    urls: tuple[str, ...]
    timeout_seconds: float
    until: int | None
    chain_id: bytes | None


@contextmanager
def _stopped(directory: Path) -> Iterator[tuple[LmdbStorage, Genesis]]:
    """Open the store of a node that does not run."""
    from govchaind.node import load
    from govchaind.runtime.lmdb_storage import LmdbStorage

    config, _, genesis = load(directory)
    storage = LmdbStorage(config.store_directory)
    try:
        yield storage, genesis
    finally:
        storage.close()


@contextmanager
def _fetched(asked: _Asked, beside: Path) -> Iterator[tuple[LmdbStorage, Genesis]]:
    """Fetch a running node's blocks into a store of our own."""
    import trio

    from govchaind.runtime.lmdb_storage import LmdbStorage

    (beside / "store").mkdir(parents=True, exist_ok=True)
    storage = LmdbStorage(beside / "store")
    try:
        yield storage, trio.run(_fetch, asked, storage)
    finally:
        storage.close()


async def _fetch(asked: _Asked, storage: LmdbStorage) -> Genesis:
    from govchaind.client.client import connect
    from govchaind.runtime.replay import Replay

    wanted, until = asked.chain_id, asked.until
    async with connect(
        asked.urls,
        token=shown_token(),
        reader=shown_reader(),
        deadline_seconds=asked.timeout_seconds,
    ) as client:
        genesis = read_genesis(await client.genesis())
        if wanted is not None and genesis.chain_id != wanted:
            raise _other_chain(genesis)
        certified = (await client.status()).get("certified")
        newest = certified if isinstance(certified, int) else 0
        if until is not None and until > newest:
            raise InvalidSetting(
                f"height {until} is not certified; the newest that is, is {newest}",
                code="height-ahead",
                remedy="Name a height that is there, or leave --until out.",
            )
        replay = await Replay.prepare(storage, genesis)
        last = newest if until is None else until
        if replay.height:
            note(f"Going on after height {replay.height}.")
        with progress("fetching", last, "blocks") as ticks:
            ticks.advance(replay.height)
            await replay.follow(client.blocks, last, ticks.advance)
    return genesis


def _other_chain(genesis: Genesis) -> InvalidSetting:
    return InvalidSetting(
        f"this is chain {genesis.chain_id.hex()}, not the one named",
        code="other-chain",
        remedy="Check the id, and which node you name.",
    )


def _write(
    storage: LmdbStorage, genesis: Genesis, beside: Path, until: int | None, *, tables: bool
) -> Written:
    from govchaind.exit_pack.pack import PackWriter
    from govchaind.exit_pack.source import Source

    unfinished = beside / "pack"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    snapshot = storage.snapshot()
    try:
        source = Source(snapshot, genesis, until)
        writer = PackWriter(source, unfinished, tables=tables)
        with progress("blocks", source.height, "blocks") as ticks:
            writer.blocks(ticks.advance)
        with progress("state", None, "changes") as ticks:
            writer.state(ticks.advance)
        return writer.end()
    finally:
        snapshot.close()


def _check(pack: Path) -> None:
    """Run the pack's own program on it, and show what it tells as it tells it."""
    command = [sys.executable, "-I", str(pack / "verify.py")]
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        for told in running.stdout or ():
            last = told.rstrip()
            note(last)
    if running.returncode:
        raise StorageCorrupt(
            f"the pack that was written does not hold: {last[-500:]}",
            code="pack-does-not-hold",
            remedy="Run `govchaind verify` on the store, and make the pack from another node's.",
        )


def _publish(beside: Path, folder: Path) -> None:
    """Put the finished pack in its place, at once, and clear what was beside it."""
    os.sync()
    (beside / "pack").rename(folder)
    shutil.rmtree(beside)
