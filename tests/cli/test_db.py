"""`govchaind db stats`: a store of a node that does not run is counted, for people and scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from govchaind.base.keyvalue import WriteBatch
from govchaind.cli.db import PLANNED_BYTES
from govchaind.cli.main import OK, REFUSED
from govchaind.node import load
from govchaind.replica.store import store_batch
from govchaind.runtime.lmdb_storage import LmdbStorage
from tests.cli.command import Command
from tests.exit_pack.packed import eventful, store


@pytest.fixture(name="directory")
def a_node_that_has_run(govchaind: Command, tmp_path: Path) -> Path:
    ended = govchaind("init", "network", "--directory", "net", "--validators", "1")
    assert ended.code == OK, ended.errors
    [directory] = (tmp_path / "net" / "nodes").glob("civil-affairs-1")
    batch = WriteBatch()
    for key, value in store(eventful()).store.scan(b"", b"\xff" * 64):
        batch.put(key, value)
    fill(directory, batch)
    return directory


def fill(directory: Path, batch: WriteBatch) -> None:
    async def write() -> None:
        storage = LmdbStorage(load(directory)[0].store_directory)
        await storage.write(batch)
        storage.close()

    trio.run(write)


def test_scripts_read_rows_bytes_and_years(govchaind: Command, directory: Path) -> None:
    ended = govchaind("db", "stats", directory, "--transactions-a-day", "1000", "--json")
    assert ended.code == OK, ended.errors
    found = ended.json
    assert found["transactions"] > 10
    assert found["bytes_a_transaction"] == found["file_bytes"] / found["transactions"]
    years = PLANNED_BYTES / found["bytes_a_transaction"] / 1000 / 365.25
    assert found["years_per_100_gb"] == pytest.approx(years)
    assert {"table", "rows", "bytes"} == set(found["tables"][0])


def test_people_read_a_table_and_two_sentences(govchaind: Command, directory: Path) -> None:
    ended = govchaind("db", "stats", directory, "--transactions-a-day", "1000")
    assert ended.code == OK
    assert ended.output.splitlines()[0] == "table\trows\tbytes\tshare"
    assert "\nall rows\t" in ended.output
    assert "\nfile\t\t" in ended.output
    assert "bytes of the file for each" in ended.errors
    assert "100 GB last " in ended.errors


def test_a_store_without_transactions_plans_nothing(govchaind: Command, directory: Path) -> None:
    storage = load(directory)[0].store_directory
    for file in storage.iterdir():
        file.unlink()
    fill(directory, store_batch(load(directory)[2], bytes(16)))
    ended = govchaind("db", "stats", directory, "--json")
    assert ended.code == OK, ended.errors
    assert (ended.json["transactions"], ended.json["years_per_100_gb"]) == (0, None)
    assert "no transaction yet" in govchaind("db", "stats", directory).errors


@pytest.mark.parametrize("command", [["db", "stats"], ["verify"]])
def test_where_there_is_no_store_none_is_made(
    govchaind: Command, directory: Path, command: list[str]
) -> None:
    folder = load(directory)[0].store_directory
    for file in folder.iterdir():
        file.unlink()
    ended = govchaind(*command, directory)
    assert ended.code == REFUSED
    assert f"error[no-store]: there is no store in {folder}" in ended.errors
    assert list(folder.iterdir()) == []
    folder.rmdir()
    assert govchaind(*command, directory).code == REFUSED
    assert not folder.exists()


@pytest.mark.process
def test_a_store_on_a_disk_that_is_mounted_read_only_is_read(directory: Path) -> None:
    script = (
        f"mount --bind {directory} {directory} && mount -o remount,bind,ro {directory} && "
        f"exec {sys.executable} -m govchaind db stats {directory} --json"
    )
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == OK, ran.stderr
    assert json.loads(ran.stdout)["transactions"] > 10


def test_a_running_node_keeps_its_store(govchaind: Command, directory: Path) -> None:
    async def refuse() -> int:
        storage = LmdbStorage(load(directory)[0].store_directory)
        try:
            return govchaind("db", "stats", directory).code
        finally:
            storage.close()

    assert trio.run(refuse) != OK
