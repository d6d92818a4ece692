"""What commands on deliveries refuse before they ask anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.cli.main import INVALID, OK
from govchaind.client.delivery_keyfile import read_delivery_key
from tests.cli.command import Command

NEW = ("delivery-keys", "new", "--institution", "bank", "--office", "branch")
NODE = ("--url", "http://127.0.0.1:1", "--key", "a.key")


def test_a_delivery_key_is_made_once(govchaind: Command, tmp_path: Path) -> None:
    made = govchaind(*NEW)
    assert made.code == OK
    path = tmp_path / "bank.branch.delivery-key"
    assert made.output.strip() == read_delivery_key(path).key.public.hex()
    assert path.stat().st_mode & 0o077 == 0
    again = govchaind(*NEW)
    assert (again.code, "error[already-there]" in again.errors) == (INVALID, True)


def test_a_delivery_key_is_published_by_its_own_office(govchaind: Command, tmp_path: Path) -> None:
    assert govchaind(*NEW).code == OK
    signing = ("keys", "new", "--institution", "bank", "--office", "head", "--title", "Head")
    assert govchaind(*signing, "-o", "a.key").code == OK
    publish = ("delivery-keys", "publish", "bank.branch.delivery-key", *NODE)
    other = govchaind(*publish)
    assert (other.code, "error[wrong-key]" in other.errors) == (INVALID, True)
    key = govchaind("delivery-keys", "publish", "a.key", *NODE)
    assert (key.code, "error[bad-key]" in key.errors) == (INVALID, True)
    missing = govchaind("delivery-keys", "publish", "nothing", *NODE)
    assert (missing.code, "error[no-key-file]" in missing.errors) == (INVALID, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("deliver", "f", "--grant", "bank"),
        ("deliver", "f", "--grant", "bank/../x"),
        ("deliver", "f", "--grant", "bank/r-1", "--corrects", "1", "--return-flow"),
        ("receive", "bank/r-1", "-o", "out"),
        ("receive", "bank/r-1/0", "-o", "out"),
        ("receive", "bank/r-1/x", "-o", "out"),
        ("receive", "bank/r-1/4294967296", "-o", "out"),
        ("receive", "bank/r-1/٣", "-o", "out"),
        ("erase", "bank"),
        ("deliveries", "dispute", "bank/r-1/1", "--ground", "because", "--details", "x"),
        ("deliveries", "lost", "bank/r-1/1", "--ground", "gone"),
        ("deliveries", "order-erasure", "bank/r-1/1", "--within-days", "0", "--holder", "a/b"),
    ],
)
def test_a_name_or_choice_that_is_none_is_said_at_once(
    govchaind: Command, arguments: tuple[str, ...]
) -> None:
    ended = govchaind(*arguments, *NODE)
    assert ended.code == INVALID
    assert ended.errors.startswith("error[usage]")


def test_what_would_be_overwritten_is_said_before_anything_is_sealed(
    govchaind: Command, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("")
    (tmp_path / "f").write_text("")
    ended = govchaind("deliver", "f", "--grant", "bank/r-1", "--to-file", "there", *NODE)
    assert (ended.code, "error[already-there]" in ended.errors) == (INVALID, True)
