"""`govchaind restore`: a node's store, made of a backup and checked as it is made."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.base.errors import Conflict, InvalidSetting
from govchaind.cli.options import FOLDER, json_option
from govchaind.cli.output import moment, note, print_json, progress, say

if TYPE_CHECKING:
    from govchaind.backup.restoring import Restored, Source
    from govchaind.base.types import StoreId
    from govchaind.config import Config
    from govchaind.identity import Identity
    from govchaind.ledger.genesis import Genesis
    from govchaind.replica.events import Guard

STREAM = "-"
UNFINISHED = ".restoring"  # beside the store, while it is made
_LEFT_BY_A_NODE = "in-use"  # a lock file, which says nothing of what was stored


@click.command(short_help="Make a node's store from a backup.")
@click.argument("backup", metavar="BACKUP|-")
@click.argument("directory", type=FOLDER)
@click.option("--threads", type=click.IntRange(1, 64), default=lambda: os.cpu_count() or 1,
              metavar="COUNT", help="Verify so many signatures at once.  [default: one a core]",
              show_default=False)  # fmt: skip
@click.option("--check", is_flag=True,
              help="Only rehearse it: the store is thrown away, and the node may run.")  # fmt: skip
@json_option
def restore(*, backup: str, directory: Path, threads: int, check: bool, as_json: bool) -> None:
    """Make the store of the node in DIRECTORY from BACKUP: a folder, one file, or a stream.

    DIRECTORY has the node's keys, its settings and genesis.bin, and no store. Every block is
    carried out again: signatures, links, certificates, outcomes and state roots are checked against
    that genesis. What is not whole is refused, and then no store is left. If the node's `guard`
    file is there, leave it there.

    The store is a new one: the node follows the others at once, and votes and signs again when the
    institutions have re-admitted it (`govchaind members readmit`). A node that has never run needs
    no such vote.

    \b
    Example:
      govchaind restore /backup/ledger my-network/nodes/civil-affairs-1
      govchaind restore --check /backup/ledger my-network/nodes/civil-affairs-1
      ssh elsewhere cat ledger.backup | govchaind restore - my-network/nodes/civil-affairs-1
    """
    from govchaind.node import load
    from govchaind.runtime.guard import remembered
    from govchaind.runtime.system import GuardFile

    config, identity, genesis = load(directory)
    store = config.store_directory
    if not check:
        _refuse_taken(store)
    beside = store.with_name(store.name + UNFINISHED)
    shutil.rmtree(beside, ignore_errors=True)
    guard = remembered(GuardFile(identity.guard_path).read())
    store_id = _store_id(identity, guard)
    try:
        restored = _restore(backup, config, genesis, beside, store_id, guard, threads)
        if not check:
            _publish(beside, store)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if as_json:
        print_json(asdict(restored))
        return
    what = (
        f"{restored.height} blocks, {restored.transactions} transactions, from "
        f"{restored.parts} parts; every signature, link, certificate and result was checked."
    )
    say(f"Could restore {what}" if check else f"Restored {what}")
    say(f"The backup reaches height {restored.height} of {moment(restored.time_ms)}.")
    if check:
        return
    if store_id == identity.first_store:
        note("Start the node: it has never run, and takes part as any new node does.")
        return
    note(
        "Start the node; it follows the others by itself. It votes and signs again when a majority "
        f"of institutions has said:\n  govchaind members readmit {identity.name} "
        f"--store {restored.store} --key FILE"
    )


def _store_id(identity: Identity, guard: Guard | None) -> StoreId:
    """Return the id of the store that is to be made, by the rule that `node.open_store` keeps.

    The id that the node was announced with, but only if the guard file says that it never lived.
    """
    from govchaind.identity import STORE_ID_BYTES
    from govchaind.runtime.guard import unborn
    from govchaind.runtime.system import entropy

    first = guard == unborn(identity.first_store)
    return identity.first_store if first else entropy(STORE_ID_BYTES)


def _refuse_taken(store: Path) -> None:
    if store.exists() and any(one.name != _LEFT_BY_A_NODE for one in store.iterdir()):
        raise Conflict(
            f"{store} is not empty",
            code="already-there",
            remedy="Stop the node and move its store away first; a store is never written over.",
        )


def _sources(backup: str) -> Generator[Source, None, None]:
    """Yield what the parts are called and what reads them, each open while it is read."""
    from govchaind.backup.folder import part_files

    if backup == STREAM:
        yield "standard input", sys.stdin.buffer.read
        return
    path = Path(backup)
    if not path.exists():
        raise InvalidSetting(
            f"{path} is not there",
            code="no-backup",
            remedy="Name the folder or the file that `govchaind backup` wrote.",
        )
    for one in part_files(path) if path.is_dir() else [path]:
        with one.open("rb") as file:
            yield one.name, file.read


def _last_height(backup: str) -> int | None:
    """Return how far a folder's names say that it reaches, for the progress bar."""
    from govchaind.backup.folder import NAME, part_files

    if backup == STREAM or not Path(backup).is_dir():
        return None
    named = [NAME.fullmatch(one.name) for one in part_files(Path(backup))[-1:]]
    return next((int(one[2]) for one in named if one is not None), None)


def _restore(
    backup: str,
    config: Config,
    genesis: Genesis,
    beside: Path,
    store_id: StoreId,
    guard: Guard | None,
    threads: int,
) -> Restored:
    import trio

    from govchaind.backup.restoring import Restorer
    from govchaind.runtime.lmdb_storage import LmdbStorage
    from govchaind.runtime.system import WorkerThreads, favour_worker_threads

    favour_worker_threads()
    workers = WorkerThreads("verify", threads)
    storage = LmdbStorage(beside, map_bytes_max=config.storage.map_bytes_max)
    with closing(workers), closing(storage), closing(_sources(backup)) as sources:
        restorer = Restorer(storage, genesis, store_id, workers, threads, guard)
        with progress("restoring", _last_height(backup), "blocks") as ticks:
            return trio.run(restorer.run, sources, ticks.advance)


def _publish(beside: Path, store: Path) -> None:
    """Put the whole store in its place, at once."""
    from govchaind.runtime.system import sync_folder

    if store.exists():
        _refuse_taken(store)
        shutil.rmtree(store)
    beside.rename(store)
    sync_folder(store.parent)
