"""`govchaind exit-pack`: what it refuses at once, and that it never puts a bad pack out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from govchaind.cli.main import FATAL, INVALID, OK, REFUSED, UNREACHABLE
from govchaind.exit_pack import pack
from tests.cli.command import Command

NODE = "net/nodes/civil-affairs-1"


@pytest.fixture(name="net")
def a_network(govchaind: Command) -> None:
    """Make a network of which no node has ever run, each with the store of its first moment."""
    made = govchaind("init", "network", "--directory", "net", "--validators", 1, "--observers", 0)
    assert made.code == OK


async def born(folder: Path) -> None:
    """Give a node the store that it makes at its first start."""
    from govchaind.node import load
    from govchaind.replica.store import store_batch
    from govchaind.runtime.lmdb_storage import LmdbStorage

    config, identity, genesis = load(folder)
    config.store_directory.mkdir(exist_ok=True)
    storage = LmdbStorage(config.store_directory)
    await storage.write(store_batch(genesis, identity.first_store))
    storage.close()


def test_wrong_usage_is_told_in_one_line(govchaind: Command, net: None, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    nobody = ("--node", "http://127.0.0.1:1", "--timeout", 0.5)
    ended = {
        "usage": govchaind("exit-pack", "pack"),
        "already-there": govchaind("exit-pack", "full", "--from", NODE),
        "bad-hex": govchaind("exit-pack", "pack", "--from", NODE, "--chain-id", "xyz"),
        "invalid-setting": govchaind("exit-pack", "pack", "--from", "nowhere"),
        "unreachable": govchaind("exit-pack", "pack", *nobody),
    }
    both = govchaind("exit-pack", "pack", "--from", NODE, *nobody)

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert [end.code for end in ended.values()] == [
        INVALID,
        REFUSED,
        INVALID,
        INVALID,
        UNREACHABLE,
    ]
    assert all(end.errors.count("\n") == 1 for end in (*ended.values(), both))
    assert (both.code, (tmp_path / "pack").exists()) == (INVALID, False)


def test_without_pyarrow_nothing_is_begun(
    govchaind: Command, net: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = govchaind("exit-pack", "pack", "--from", NODE)
    assert (ended.code, ended.errors.partition("]")[0]) == (INVALID, "error[no-pyarrow")
    assert "--without-tables" in ended.errors
    assert not list(tmp_path.glob("pack*"))


async def test_a_pack_takes_the_place_of_an_empty_folder(
    govchaind: Command, net: None, tmp_path: Path
) -> None:
    await born(tmp_path / NODE)
    (tmp_path / "pack").mkdir()
    ended = govchaind("exit-pack", "pack", "--from", NODE, "--json")
    other = govchaind("exit-pack", "other", "--from", NODE, "--chain-id", "00" * 32)
    ahead = govchaind("exit-pack", "other", "--from", NODE, "--until", 1)

    assert (ended.code, ended.json["blocks"]) == (OK, 0)
    assert "HOLDS" in ended.errors
    assert (tmp_path / "pack" / "verify.py").exists()
    assert "error[other-chain" in other.errors
    assert "error[height-ahead" in ahead.errors
    assert not (tmp_path / "other").exists()


async def test_a_pack_that_does_not_hold_is_not_put_out(
    govchaind: Command, net: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await born(tmp_path / NODE)
    monkeypatch.setattr(pack, "VERSION", 2)  # as a fault of ours would
    ended = govchaind("exit-pack", "pack", "--from", NODE)
    last = ended.errors.splitlines()[-1]
    assert (ended.code, last.partition("]")[0]) == (FATAL, "error[pack-does-not-hold")
    assert "it is a pack of version 2; this program" in last
    assert not (tmp_path / "pack").exists()
