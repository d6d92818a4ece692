"""An export that was changed is found out, whoever vouches for it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from govchaind.base.errors import GovchaindError, Invalid, InvalidProof
from tests.export.exported import export, text, verify, verify_by_node
from tests.ledger.chain import filled, with_register


def rewrite(path: Path, change: Any) -> None:
    """Change a file's table, and let the manifest vouch for what it then is."""
    table = pyarrow.parquet.read_table(path, partitioning=None)
    pyarrow.parquet.write_table(change(table), path)
    manifest_path = path.parents[2] / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    data = path.read_bytes()
    for part in manifest["parts"]:
        if f"heights={part['first']:012}-{part['last']:012}" == path.parents[1].name:
            for file in part["files"]:
                if file[0] == path.parent.name:
                    rows = pyarrow.parquet.read_metadata(path).num_rows
                    file[1:] = [rows, len(data), hashlib.sha256(data).hexdigest()]
    manifest_path.write_text(json.dumps(manifest))


def one_more(column: str) -> Any:
    def change(table: Any) -> Any:
        place = table.schema.get_field_index(column)
        values = table.column(column).to_pylist()
        changed = [None if one is None else one + 1 for one in values]
        field = table.schema.field(place)
        return table.set_column(place, field, pyarrow.array(changed, field.type))

    return change


@pytest.mark.parametrize(
    ("folder", "change"),
    [
        ("register=divisions", one_more("area")),
        ("register=divisions", lambda table: table.slice(1)),
        ("table=transactions", one_more("code")),
        ("table=operations", lambda table: table.drop_columns(["english"])),
        ("table=blocks", one_more("bytes")),
        ("table=chain", one_more("height")),
    ],
)
async def test_a_changed_row_is_found_though_the_manifest_vouches_for_it(
    tmp_path: Path, folder: str, change: Any
) -> None:
    chain, _ = filled()
    place = tmp_path / "facts"
    await export(chain, place)
    [path] = place.glob(f"heights=*/{folder}/rows.parquet")
    rewrite(path, lambda table: table)
    assert (await verify(chain, place)).height == 8

    rewrite(path, change)

    for judge in (verify, verify_by_node):
        with pytest.raises(InvalidProof) as caught:
            await judge(chain, place)
        assert caught.value.code == "export-does-not-hold"


async def test_other_blocks_are_found(tmp_path: Path) -> None:
    chain, _ = filled()
    other = with_register("others")
    for _ in range(7):
        other.apply()
    assert other.genesis == chain.genesis
    await export(other, tmp_path / "facts")

    assert (await verify(chain, tmp_path / "facts")).height == 8  # certified too, of another day
    with pytest.raises(InvalidProof):
        await verify_by_node(chain, tmp_path / "facts")


def no_file(folder: Path) -> None:
    next(folder.glob("heights=*/register=divisions/rows.parquet")).unlink()


def more_file(folder: Path) -> None:
    place = next(folder.glob("heights=*"))
    (place / "register=made-up").mkdir()
    shutil.copy(place / "table=blocks" / "rows.parquet", place / "register=made-up")


def other_byte(folder: Path) -> None:
    path = next(folder.glob("heights=*/register=divisions/rows.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def more_part(folder: Path) -> None:
    shutil.copytree(next(folder.glob("heights=*")), folder / "heights=000000000009-000000000010")


def other_genesis(folder: Path) -> None:
    (folder / "genesis.bin").write_bytes(b"x")


@pytest.mark.parametrize("damage", [no_file, more_file, other_byte, more_part, other_genesis])
async def test_damage_is_found(tmp_path: Path, damage: Any) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"
    await export(chain, folder)
    damage(folder)
    with pytest.raises(GovchaindError) as caught:
        await verify(chain, folder)
    assert caught.value.code == "export-damaged"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"version": 2},
        {"height": 7},
        {"block_hash": "00"},
        {"registers": 5},
        {"parts": [{"first": 2, "last": 8, "files": []}]},
        {"parts": [{"first": 1, "last": 8, "files": [["table=../../x", 1, 1, "00" * 32]]}]},
        {"membership": "xyz"},
    ],
)
async def test_a_manifest_that_is_none_is_told(tmp_path: Path, changes: dict[str, Any]) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"
    await export(chain, folder)
    text(folder, **changes)
    with pytest.raises(Invalid) as caught:
        await export(chain, folder)
    assert caught.value.code == "not-an-export"


async def test_a_manifest_that_is_too_deep_is_none(tmp_path: Path) -> None:
    chain, _ = filled()
    await export(chain, tmp_path / "facts")
    (tmp_path / "facts" / "manifest.json").write_text("[" * 200_000)
    with pytest.raises(Invalid) as caught:
        await export(chain, tmp_path / "facts")
    assert caught.value.code == "not-an-export"


async def test_a_manifest_that_promises_other_things_does_not_hold(tmp_path: Path) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"
    await export(chain, folder)
    lies: list[dict[str, Any]] = [{"block_hash": "00" * 32}, {"registers": []}]
    for changes in lies:
        whole = (folder / "manifest.json").read_text()
        text(folder, **changes)
        with pytest.raises(InvalidProof) as caught:
            await verify_by_node(chain, folder)
        assert caught.value.code == "export-does-not-hold"
        (folder / "manifest.json").write_text(whole)
