"""A folder of Parquet: whole after each crash, read by DuckDB, and every row held to its block."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from govchaind.base.errors import Conflict, Invalid, InvalidProof, Refused
from govchaind.export import exporting
from govchaind.export.checking import own_genesis
from govchaind.export.exporting import ExportSink
from govchaind.export.manifest import read_manifest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.trust import TrustRoot
from tests.exit_pack.packed import SECRET_NAME, eventful
from tests.export.exported import ask, export, text, verify, verify_by_node
from tests.ledger.chain import Chain, filled


async def test_duckdb_reads_registers_over_all_parts(tmp_path: Path) -> None:
    chain = eventful()
    folder = tmp_path / "facts"

    reached = await export(chain, folder, part_heights=5)

    assert reached.height == len(chain.steps)
    sevens = ask(
        folder,
        "SELECT code, area, _height, _transaction, heights FROM read_parquet("
        "'FOLDER/heights=*/register=divisions/*.parquet', hive_partitioning = true, "
        "union_by_name = true) WHERE _key = '7' ORDER BY _height, _position, _place",
    )
    assert [row[:2] for row in sevens] == [("7", 7), ("7", 8)]
    for _, _, height, identifier, part in sevens:
        assert identifier in {one.id.hex() for one in chain.step(height).block.transactions}
        first, last = part.split("-")
        assert int(first) <= height <= int(last)
    standing = ask(
        folder,
        "SELECT _key FROM read_parquet('FOLDER/heights=*/register=divisions/*.parquet') QUALIFY "
        "row_number() OVER (PARTITION BY _key_bytes ORDER BY _height DESC, _position DESC, "
        "_place DESC) = 1 AND _retired",
    )
    assert standing == [("3",)]
    [[commitment]] = ask(
        folder, "SELECT commitment FROM 'FOLDER/heights=*/register=cases/*.parquet'"
    )
    assert len(commitment) == 32
    refused = ask(
        folder,
        "SELECT outcome, count(*) FROM 'FOLDER/heights=*/table=transactions/*.parquet' "
        "WHERE code = 105 GROUP BY 1",
    )
    assert refused == [("revision-conflict", 1)]
    heights = ask(
        folder, "SELECT count(*), max(height) FROM 'FOLDER/heights=*/table=blocks/*.parquet'"
    )
    assert heights == [(len(chain.steps), len(chain.steps))]
    for path in folder.rglob("*"):
        assert path.is_dir() or SECRET_NAME.encode() not in path.read_bytes()


async def test_what_is_new_is_a_part_more(tmp_path: Path) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"
    await export(chain, folder, certified=5)
    before = {path: path.read_bytes() for path in folder.glob("heights=*/**/*.parquet")}

    more = await export(chain, folder)
    none = await export(chain, folder)

    assert (more.heights, none.heights, none.height) == (3, 0, 8)
    assert sorted(path.name for path in folder.glob("heights=*")) == [
        "heights=000000000001-000000000005", "heights=000000000006-000000000008",
    ]  # fmt: skip
    assert {path: path.read_bytes() for path in before} == before
    assert (await verify(chain, folder)).height == 8


async def test_an_export_holds_by_itself_and_by_a_node(tmp_path: Path) -> None:
    chain = eventful()
    folder = tmp_path / "facts"
    await export(chain, folder, part_heights=7)
    seen = chain.certificate(9).read
    root = TrustRoot(chain.genesis.chain_id, "trial", 9, seen.log_root, 0, chain.membership, 0)

    found = await verify(chain, folder, root)

    assert found == await verify_by_node(chain, folder)
    assert (found.height, found.since) == (len(chain.steps), 1)
    assert found.block_hash == chain.steps[-1].block.hash.hex()
    assert found.parts == -(-len(chain.steps) // 7)
    other = TrustRoot(chain.genesis.chain_id, "trial", 9, bytes(32), 0, chain.membership, 0)
    with pytest.raises(InvalidProof):
        await verify(chain, folder, other)
    with pytest.raises(Invalid) as caught:
        own_genesis(folder, bytes(32))
    assert caught.value.code == "other-chain"


@pytest.mark.parametrize("step", ["rename", "manifest"])
async def test_a_crash_leaves_the_last_whole_state(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash leaves is what stands when the step after it is never done."""
    chain, _ = filled()
    folder = tmp_path / "facts"
    await export(chain, folder, certified=4)
    before = read_manifest(folder)

    def die(*_: object) -> None:
        raise KeyError("the machine is gone")

    with monkeypatch.context() as patched:
        if step == "manifest":
            patched.setattr(exporting, "write_manifest", die)
        else:
            patched.setattr(exporting, "part_name", die)
        with pytest.raises(KeyError):
            await export(chain, folder)

    assert read_manifest(folder) == before
    assert len(list(folder.glob("heights=*"))) == (2 if step == "manifest" else 1)
    reached = await export(chain, folder)
    assert (reached.heights, reached.height) == (4, 8)
    assert sorted(path.name for path in folder.iterdir()) == [
        "genesis.bin", "heights=000000000001-000000000004", "heights=000000000005-000000000008",
        "manifest.json",
    ]  # fmt: skip
    assert (await verify(chain, folder)).height == 8


async def test_a_full_disk_is_told_and_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "write_manifest", full)
        with pytest.raises(Refused) as caught:
            await export(chain, folder)
    assert caught.value.code == "export-no-room"
    assert (await export(chain, folder)).heights == 8


async def test_a_folder_may_begin_later(tmp_path: Path) -> None:
    chain, _ = filled()
    folder = tmp_path / "facts"
    reached = await export(chain, folder, since=5)

    assert reached.changes == 4  # the register began before
    assert [path.name for path in folder.glob("heights=*")] == ["heights=000000000005-000000000008"]
    assert (await verify_by_node(chain, folder)).since == 5
    with pytest.raises(Invalid) as late:
        await verify(chain, folder)
    with pytest.raises(Conflict) as other:
        await export(chain, folder, since=6)
    assert (late.value.code, other.value.code) == ("export-begins-late", "already-there")
    assert chain.do(Kind.PUT, "divisions", b"9", ["9", 9], None) == 0
    assert (await export(chain, folder)).heights == 1


async def test_a_folder_of_something_else_or_of_another_chain_is_left_alone(tmp_path: Path) -> None:
    chain, _ = filled()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("somebody's")
    with pytest.raises(Conflict) as taken:
        await export(chain, tmp_path / "taken")
    await export(chain, tmp_path / "facts")
    text(tmp_path / "facts", chain_id="00" * 32)
    with pytest.raises(Conflict) as other:
        await export(chain, tmp_path / "facts")
    assert (taken.value.code, other.value.code) == ("already-there", "other-chain")
    assert (tmp_path / "taken" / "x").read_text() == "somebody's"

    sink = ExportSink(tmp_path / "two")
    await sink.open(chain.genesis)
    (tmp_path / "two" / ".unfinished").mkdir()  # as while it writes
    with pytest.raises(Conflict) as under_way:
        await export(chain, tmp_path / "two")
    assert (tmp_path / "two" / ".unfinished").exists()
    await sink.close()
    assert under_way.value.code == "export-under-way"


async def test_fields_that_are_called_as_the_path_is_are_told_apart(tmp_path: Path) -> None:
    chain = Chain()
    fields = [["register", "text"], ["heights", "integer"], ["a-b", "bytes"], ["key", "boolean"]]
    assert chain.do(Kind.CREATE_REGISTER, "odd", "Odd", fields, "clear", []) == 0
    assert chain.do(Kind.CREATE_REGISTER, "free", "Free", [], "clear", []) == 0
    value = ["a\0b", -(1 << 63), b"\x00", True]
    assert chain.do(Kind.PUT, "odd", b"\xff", value, None) == 0
    assert chain.do(Kind.PUT, "free", b"k", ["x", b"\x01", 1], None) == 0
    folder = tmp_path / "odd"
    await export(chain, folder)
    rows = ask(
        folder,
        'SELECT "register~", "heights~", a_b, key, register, _key, _key_bytes FROM read_parquet('
        "'FOLDER/heights=*/register=odd/*.parquet', hive_partitioning = true)",
    )
    assert rows == [(*value, "odd", None, b"\xff")]
    assert ask(folder, "SELECT value FROM 'FOLDER/heights=*/register=free/*.parquet'") == [
        ('["x","01",1]',)
    ]
    assert (await verify(chain, folder)).height == 4


async def test_a_part_ends_before_too_many_files_are_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govchaind.export.part.FILES_MAX", 5)
    chain = Chain()
    for name in ("a", "b", "c", "d"):
        assert chain.do(Kind.CREATE_REGISTER, name, "N", [], "clear", []) == 0
        assert chain.do(Kind.PUT, name, b"k", [1], None) == 0
    folder = tmp_path / "facts"
    await export(chain, folder)
    assert len(list(folder.glob("heights=*"))) == 2
    assert (await verify(chain, folder)).rows > 20
