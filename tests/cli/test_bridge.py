"""`govchaind bridge`: what it refuses at once, in one line, before anything is asked or written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from govchaind.bridge.following import Reached
from govchaind.cli.bridge_running import Manner, _Teller
from govchaind.cli.main import INVALID, OK, UNREACHABLE
from tests.cli.command import Command

NOBODY = ("--node", "http://127.0.0.1:1", "--timeout", 0.3)
DSN = ("--dsn", "postgresql://ann@localhost:1/facts")


@pytest.fixture(name="genesis", autouse=True)
def a_network(govchaind: Command) -> None:
    made = govchaind("init", "network", "--directory", "net", "--validators", 1, "--observers", 0)
    assert made.code == OK


def test_wrong_usage_is_told_in_one_line(govchaind: Command, tmp_path: Path) -> None:
    believed = ("--genesis", "net/genesis.bin")
    open_file = tmp_path / "password"
    open_file.write_text("word")
    open_file.chmod(0o644)
    call = ("bridge", "postgres")
    ended = {
        "usage": govchaind(*call, *DSN, *NOBODY),
        "bad-hex": govchaind(*call, *DSN, *NOBODY, "--chain-id", "xyz"),
        "bad-genesis": govchaind(*call, *DSN, *NOBODY, "--genesis", open_file),
        "bad-trust": govchaind(*call, *DSN, *NOBODY, "--trust", open_file),
        "other-chain": govchaind(*call, *DSN, *NOBODY, *believed, "--chain-id", "00" * 32),
        "password-in-address": govchaind(
            *call, "--dsn", "postgresql://a:word@localhost/b", *NOBODY, *believed
        ),
        "bad-password-file": govchaind(
            *call, *DSN, *NOBODY, *believed, "--password-file", open_file
        ),
        "bad-schema-name": govchaind(*call, *DSN, *NOBODY, *believed, "--schema", "a b"),
        "bad-address": govchaind("bridge", "nats", "--server", "x", *NOBODY, *believed),
        "bad-stream-name": govchaind(
            "bridge", "nats", "--server", "nats://h", *NOBODY, *believed, "--stream", "a b"
        ),
        "bad-listen-address": govchaind(*call, *DSN, *NOBODY, *believed, "--metrics", "nowhere"),
    }
    without_node = govchaind(*call, *DSN, *believed)

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in (*ended.values(), without_node)} == {INVALID}
    assert all(end.errors.count("\n") == 1 for end in ended.values())
    assert not any("word@" in end.errors for end in ended.values())


def test_nobody_there_is_exit_code_three(govchaind: Command) -> None:
    ended = govchaind("bridge", "postgres", *DSN, *NOBODY, "--genesis", "net/genesis.bin")
    assert (ended.code, ended.errors.count("\n")) == (UNREACHABLE, 1)


def test_without_the_driver_it_says_what_to_install(
    govchaind: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pg8000.exceptions", None)
    ended = govchaind("bridge", "postgres", *DSN, *NOBODY, "--genesis", "net/genesis.bin")
    assert (ended.code, ended.errors.partition("]")[0]) == (INVALID, "error[no-pg8000")
    assert "govchaind[bridges]" in ended.errors


def test_a_bridge_that_never_learned_where_it_stands_names_no_height(
    capsys: pytest.CaptureFixture[str],
) -> None:
    teller = _Teller(Manner(once=True, patience_seconds=1, metrics=None, as_json=False), "nats")
    teller.end(Reached())
    teller.end(Reached(height=7, time_ms=1_790_000_000_000, heights=2, changes=3))
    assert capsys.readouterr().out.splitlines() == [
        "nats: nothing was written since the start.",
        "nats stands at height 7 of 2026-09-21T14:13:20.000Z; "
        "2 heights with 3 changes written since the start.",
    ]
