"""`govchaind export`: wrong usage in one line, and verifying without any node."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from govchaind.cli.main import INVALID, OK, REFUSED, UNREACHABLE
from tests.cli.command import Command
from tests.export.exported import export
from tests.ledger.chain import filled

NOBODY = ("--node", "http://127.0.0.1:1", "--timeout", 0.3)


@pytest.fixture(name="chain_id")
def an_export(tmp_path: Path) -> str:
    """Make the export `facts` of a chain in memory, whose genesis lies beside it."""
    chain, _ = filled()
    trio.run(export, chain, tmp_path / "facts")
    (tmp_path / "genesis.bin").write_bytes(chain.genesis.bytes)
    return chain.genesis.chain_id.hex()


def test_an_export_is_verified_offline(govchaind: Command, chain_id: str, tmp_path: Path) -> None:
    made = govchaind("trust", "new", "trust.file", "--genesis", "genesis.bin")
    told = govchaind("export", "verify", "facts", "--chain-id", chain_id)
    as_json = govchaind("export", "verify", "facts", "--trust", "trust.file", "--json")

    assert (made.code, told.code, as_json.code) == (OK, OK, OK)
    assert "facts holds: heights 1 to 8" in told.output
    assert (as_json.json["height"], as_json.json["parts"]) == (8, 1)

    path = next((tmp_path / "facts").glob("heights=*/register=divisions/rows.parquet"))
    path.write_bytes(b"PAR1")
    damaged = govchaind("export", "verify", "facts", "--genesis", "genesis.bin")
    assert (damaged.code, damaged.errors.partition("]")[0]) == (INVALID, "error[export-damaged")
    assert damaged.errors.count("\n") == 1


def test_wrong_usage_is_told_in_one_line(govchaind: Command, chain_id: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text("{}")
    known = ("--genesis", "genesis.bin")
    ended = {
        "usage": govchaind("export", "verify", "facts"),
        "other-chain": govchaind("export", "verify", "facts", "--chain-id", "00" * 32),
        "not-an-export": govchaind("export", "verify", "odd", *known),
        "no-export": govchaind("export", "verify", "empty", *known),
        "unreachable": govchaind("export", "parquet", "new", *NOBODY, *known),
    }
    without_node = govchaind("export", "parquet", "new", *known)
    both = govchaind("export", "verify", "facts", *known, "--chain-id", "00" * 32)

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert [end.code for end in ended.values()] == [
        INVALID, INVALID, INVALID, REFUSED, UNREACHABLE,
    ]  # fmt: skip
    assert (without_node.code, both.code) == (INVALID, INVALID)
    assert all(end.errors.count("\n") == 1 for end in ended.values())
    assert not (tmp_path / "new").exists()


def test_without_pyarrow_it_says_what_to_install(
    govchaind: Command, chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = govchaind("export", "parquet", "new", *NOBODY, "--chain-id", chain_id)
    assert (ended.code, ended.errors.partition("]")[0]) == (INVALID, "error[no-pyarrow")
