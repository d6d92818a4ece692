"""`govchaind backup` and `restore`: what they refuse at once, and that nothing is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from govchaind.cli.main import INVALID, OK, REFUSED, UNREACHABLE
from tests.backup.chains import Node, back_up
from tests.cli.command import Command
from tests.exit_pack.packed import eventful

NODE = "net/nodes/civil-affairs-1"
NOBODY = ("--node", "http://127.0.0.1:1", "--timeout", 0.5)


@pytest.fixture(name="net", autouse=True)
def a_network(govchaind: Command) -> None:
    """Make a network of which no node has ever run."""
    made = govchaind("init", "network", "--directory", "net", "--validators", 1, "--observers", 0)
    assert made.code == OK


def test_wrong_usage_of_backup_is_told_in_one_line(govchaind: Command, tmp_path: Path) -> None:
    ended = {
        "usage": govchaind("backup", "there"),
        "bad-hex": govchaind("backup", "there", "--chain-id", "xyz", *NOBODY),
        "other-chain": govchaind("backup", "there", "--from", NODE, "--chain-id", "00" * 32),
        "invalid-setting": govchaind("backup", "there", "--from", "nowhere"),
    }
    unreachable = govchaind("backup", "-", *NOBODY)

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in ended.values()} == {INVALID}
    assert all(end.errors.count("\n") == 1 for end in ended.values())
    assert not (tmp_path / "there").exists()
    assert (unreachable.code, unreachable.output) == (UNREACHABLE, "")


def test_what_cannot_be_restored_leaves_no_store(govchaind: Command, tmp_path: Path) -> None:
    chain = eventful()
    trio.run(back_up, Node(chain), chain.genesis, tmp_path / "other", 9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("not a backup, whatever its name is")
    ended = {
        "no-backup": govchaind("restore", "nowhere", NODE),
        "backup-incomplete": govchaind("restore", "empty", NODE),
        "not-a-backup": govchaind("restore", "text", NODE),
        "other-chain": govchaind("restore", "other", NODE),
    }
    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in ended.values()} == {INVALID}
    assert not list((tmp_path / NODE).glob("store*"))
    (tmp_path / NODE / "store").mkdir()
    (tmp_path / NODE / "store" / "data.mdb").write_bytes(b"somebody's")
    taken = govchaind("restore", "other", NODE)
    assert (taken.code, taken.errors.partition("]")[0]) == (REFUSED, "error[already-there")
    assert (tmp_path / NODE / "store" / "data.mdb").read_bytes() == b"somebody's"
