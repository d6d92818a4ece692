"""`govchaind db prune` and `compact`: room is made on a node that does not run, and all holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio

from govchaind.api.network import trust_steps
from govchaind.base.keyvalue import WriteBatch
from govchaind.cli.main import OK
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.trust import TrustRoot, read_advance
from govchaind.node import load
from govchaind.replica.events import Prune
from govchaind.runtime import compaction, removal
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_files import COMPACTED_FILE, DATA_FILE
from tests.cli.command import Command
from tests.cli.test_db import fill
from tests.exit_pack.packed import eventful, store

BLOCKS = 330  # besides what `eventful` makes; 256 of all always stay
BEFORE = 70


@pytest.fixture(name="filled", scope="module")
def rows_of_a_long_chain() -> tuple[bytes, WriteBatch]:
    chain = eventful()
    for number in range(BLOCKS):
        chain.do(Kind.PUT, "divisions", b"new %d" % number, ["x" * 300, number], None)
    batch = WriteBatch()
    for key, value in store(chain).store.scan(b"", b"\xff" * 64):
        batch.put(key, value)
    return chain.genesis.bytes, batch


@pytest.fixture(name="directory")
def a_node_of_it(govchaind: Command, tmp_path: Path, filled: tuple[bytes, WriteBatch]) -> Path:
    ended = govchaind("init", "network", "--directory", "net", "--validators", "1")
    assert ended.code == OK, ended.errors
    [directory] = (tmp_path / "net" / "nodes").glob("civil-affairs-1")
    load(directory)[1].genesis_path.write_bytes(filled[0])
    fill(directory, filled[1])
    return directory


def test_old_blocks_are_archived_and_go_and_everything_holds(
    govchaind: Command, directory: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    ended = govchaind(
        "db", "prune", directory, "--before", BEFORE, "--archive", archive, "--json",
        "--archived-at", "shelf 12",
    )  # fmt: skip
    assert ended.code == OK, ended.errors
    assert (ended.json["first_before"], ended.json["first"]) == (1, BEFORE)
    assert (ended.json["archived"]["first"], ended.json["archived"]["last"]) == (1, BEFORE - 1)
    held = govchaind("verify", directory, "--json")
    assert held.code == OK, held.errors
    assert (held.json["first"], held.json["blocks"]) == (BEFORE, held.json["applied"] - BEFORE + 1)
    assert f"Blocks below {BEFORE} were removed here" in govchaind("verify", directory).output

    again = govchaind("db", "prune", directory, "--before", BEFORE + 5, "--archive", archive)
    assert again.code == OK, again.errors
    assert again.output.splitlines() == [
        again.output.splitlines()[0],
        f"Removed blocks {BEFORE} to {BEFORE + 4}: the first height here is {BEFORE + 5}.",
    ]
    assert again.output.startswith(f"Archived blocks {BEFORE} to {BEFORE + 4}, ")
    nothing = govchaind("db", "prune", directory, "--before", BEFORE, "--archive", archive)
    assert nothing.output == f"Nothing to remove: the first height here is {BEFORE + 5}.\n"


def test_a_removal_that_was_broken_off_leaves_a_whole_store(
    govchaind: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write at a time is lost: what the disk has then is what was there before it."""
    monkeypatch.setattr(removal, "WRITE_HEIGHTS", 30)
    folder = load(directory)[0].store_directory

    async def broken_off() -> None:
        def enough(_: int) -> None:
            raise KeyboardInterrupt

        storage = LmdbStorage(folder)
        try:
            with pytest.raises(KeyboardInterrupt):
                await removal.remove_blocks(storage, Prune(BEFORE), enough)
        finally:
            storage.close()

    for first in (31, 61):
        trio.run(broken_off)
        held = govchaind("verify", directory, "--json")
        assert held.code == OK, held.errors
        assert held.json["first"] == first
    assert govchaind("db", "prune", directory, "--before", BEFORE).code == OK
    assert govchaind("verify", directory, "--json").json["first"] == BEFORE


def test_what_is_archived_is_restored(govchaind: Command, directory: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert govchaind("db", "prune", directory, "--before", BEFORE, "--archive", archive).code == OK
    restored = govchaind("restore", archive, directory, "--check", "--json")
    assert restored.code == OK, restored.errors
    assert restored.json["height"] == BEFORE - 1


def test_what_is_needed_is_not_removed(govchaind: Command, directory: Path) -> None:
    ended = govchaind("db", "prune", directory, "--before", 10_000, "--json")
    assert ended.code == 2
    assert "only those below" in ended.errors
    assert "--before" in ended.errors
    assert govchaind("verify", directory, "--json").json["first"] == 1


def test_an_archive_without_a_beginning_is_not_made(
    govchaind: Command, directory: Path, tmp_path: Path
) -> None:
    assert govchaind("db", "prune", directory, "--before", BEFORE).code == OK
    ended = govchaind("db", "prune", directory, "--before", BEFORE + 1, "--archive", "late")
    assert ended.code == 1
    assert f"blocks below {BEFORE} are gone here" in ended.errors
    assert govchaind("verify", directory, "--json").json["first"] == BEFORE


def test_what_needs_all_blocks_says_so(govchaind: Command, directory: Path) -> None:
    assert govchaind("db", "prune", directory, "--before", BEFORE, "--archived-at", "x").code == OK
    ended = govchaind("exit-pack", "pack", "--from", directory)
    assert ended.code == 1
    assert f"block 1 is gone here; the first height here is {BEFORE}" in ended.errors


def test_a_trust_file_of_any_age_is_still_advanced(govchaind: Command, directory: Path) -> None:
    assert govchaind("db", "prune", directory, "--before", BEFORE).code == OK
    config, _, genesis = load(directory)

    async def steps() -> bytes:
        storage = LmdbStorage(config.store_directory)
        with storage.snapshot() as snapshot:
            found = trust_steps(snapshot, 0, 0)
        storage.close()
        return found

    trust = TrustRoot.from_genesis(genesis).advance(read_advance(trio.run(steps)))
    assert 0 < trust.era < BEFORE
    assert trust.changes == 1
    assert trust.head_height > BEFORE


def test_the_file_gets_as_small_as_its_rows(govchaind: Command, directory: Path) -> None:
    assert govchaind("db", "prune", directory, "--before", BEFORE).code == OK
    rows = _rows(directory)
    ended = govchaind("db", "compact", directory, "--json")
    assert ended.code == OK, ended.errors
    assert ended.json["after_bytes"] < ended.json["before_bytes"]
    assert ended.json["rows"] == len(rows)
    assert _rows(directory) == rows
    folder = load(directory)[0].store_directory
    assert (folder / DATA_FILE).stat().st_size == ended.json["after_bytes"]
    assert govchaind("verify", directory).code == OK


def test_without_room_nothing_is_changed_and_it_is_said_how_much_is_needed(
    govchaind: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(directory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    ended = govchaind("db", "compact", directory)
    assert ended.code == 1
    assert "1,000 are free" in ended.errors
    assert govchaind("verify", directory).code == OK


def test_a_compaction_that_was_broken_off_leaves_the_store_and_no_copy(
    govchaind: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = load(directory)[0].store_directory
    rows = _rows(directory)

    def broken_off(copy: Path, *_: int) -> None:
        assert copy.stat().st_size > 0
        shutil.copy(copy, folder / "kept")
        raise KeyboardInterrupt

    monkeypatch.setattr(compaction, "_check", broken_off)
    with pytest.raises(KeyboardInterrupt):
        compaction.compact(folder)
    (folder / "kept").rename(folder / COMPACTED_FILE)  # as a power cut leaves it
    assert _rows(directory) == rows
    assert not (folder / COMPACTED_FILE).exists()


def _rows(directory: Path) -> dict[bytes, bytes]:
    async def read() -> dict[bytes, bytes]:
        storage = LmdbStorage(load(directory)[0].store_directory)
        with storage.snapshot() as snapshot:
            found = dict(snapshot.scan(b"", b"\xff" * 64))
        storage.close()
        return found

    return trio.run(read)
