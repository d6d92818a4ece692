"""The Parquet tables: their columns, and that they tell what the chain and the lists tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from govchaind.base.encoding import decode
from govchaind.base.limits import AMOUNT_MAX
from govchaind.data.exit.verify import LISTS
from govchaind.exit_pack import tables
from govchaind.exit_pack.kinds import KINDS, TYPES, WITHOUT_TABLE, names_in
from govchaind.exit_pack.rows import moment
from govchaind.exit_pack.tables import TABLES, ParquetTables
from govchaind.ledger import state_keys
from govchaind.ledger.block import recovery_block
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state import State
from tests.exit_pack.packed import DAY, eventful, pack, store, verify_here
from tests.ledger.accused import report, two_of
from tests.ledger.chain import START, Chain, key
from tests.ledger.delivering import deliver, order, publish, receive
from tests.ledger.exchange import grant, use, with_request
from tests.ledger.recovering import record as record_of_recovery
from tests.ledger.set_aside import suspended
from tests.ledger.set_beside import record
from tests.ledger.vouchers import issued


@pytest.fixture(scope="module", name="chain")
def the_chain() -> Chain:
    return store(eventful())


@pytest.fixture(scope="module", name="folder")
def the_pack(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "pack"
    pack(chain, folder)
    return folder


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.read_table(
        folder / "tables" / f"{table}.parquet"
    ).to_pylist()
    return found


def test_every_table_has_its_columns(folder: Path) -> None:
    names = {path.stem for path in (folder / "tables").iterdir()}
    assert names == set(TABLES)
    for name, columns in TABLES.items():
        schema = parquet.read_schema(folder / "tables" / f"{name}.parquet")
        assert schema.names == [column for column, _ in columns]
        assert {kind for _, kind in columns} <= set(TYPES)
        assert len(set(schema.names)) == len(columns)


def test_blocks_and_transactions(chain: Chain, folder: Path) -> None:
    blocks, transactions = rows(folder, "blocks"), rows(folder, "transactions")
    lines = [json.loads(line) for line in (folder / "transactions.jsonl").read_text().splitlines()]

    assert [row["hash"] for row in blocks] == [step.block.hash.hex() for step in chain.steps]
    assert [row["time"] for row in blocks] == [moment(step.block.time) for step in chain.steps]
    assert sum(row["configuration"] for row in blocks) == 1
    assert all(row["certified"] and len(row["signers"]) >= 2 for row in blocks)
    same = ("height", "position", "id", "identity", "institution", "office", "operations", "code")
    assert [{name: row[name] for name in same} for row in transactions] == [
        {name: line[name] for name in same} for line in lines
    ]
    first = transactions[0]
    assert first["english"] == "The registry created the register divisions (Divisions)."
    assert first["chinese"] == "The registry 创建了登记册 divisions（Divisions）。"
    refused = next(row for row in transactions if row["code"] == 105)
    assert (refused["outcome"], refused["refused_operation"]) == ("revision-conflict", 0)
    assert refused["english"].startswith("Refused, and not done: ")
    two = next(row for row in transactions if row["operations"] == 2)
    assert two["english"].endswith(" And 1 more.")
    assert two["chinese"].endswith("另有 1 项操作。")


def test_operations(chain: Chain, folder: Path) -> None:
    operations = rows(folder, "operations")
    kinds = [kind for step in chain.steps for item in step.block.transactions
             for kind, _ in item.operations]  # fmt: skip
    assert [row["kind"] for row in operations] == kinds
    rotated = next(row for row in operations if row["name"] == "rotate-key")
    assert json.loads(rotated["arguments"])[1:3] == [
        key("court one").public.hex(),
        key("court new").public.hex(),
    ]
    assert all(row["applied"] for row in operations if row["name"] == "vote")


def test_registers_and_records_with_their_history(folder: Path) -> None:
    registers = {row["register"]: row for row in rows(folder, "registers")}
    seven = [row for row in rows(folder, "records") if row["key"] == "7"]
    odd = [row for row in rows(folder, "records") if row["key"] is None]

    assert json.loads(registers["divisions"]["writers"]) == [["court", "head"]]
    assert [(row["revision"], json.loads(row["value"])) for row in seven] == [
        (1, ["7", 7]),
        (2, ["7", 8]),
    ]
    assert seven[0]["height"] < seven[1]["height"]
    assert seven[0]["time"] < seven[1]["time"]
    assert odd == []
    assert [row["revision"] for row in rows(folder, "records") if row["retired"]] == [2]


def test_seats_with_their_times(chain: Chain, folder: Path) -> None:
    seats = [row for row in rows(folder, "seats")
             if (row["institution"], row["office"]) == ("court", "pair")]  # fmt: skip
    told = [(row["holder"], row["valid_until_ms"], row["revoked_at_ms"] is not None,
             row["until_height"] is None) for row in seats]  # fmt: skip
    assert len(told) == 6
    assert set(told) == {
        ("Holder court one", None, False, False),  # until it was handed over
        ("Holder court three", None, False, False),  # until it was revoked
        ("Holder court one", START + DAY, False, True),
        ("Holder court two", None, False, True),
        ("Holder court three", None, True, True),
        ("New holder", None, False, True),
    }
    assert {row["key"] for row in seats} == {
        key(f"court {name}").public.hex() for name in ("one", "two", "three", "new")
    }


def test_decisions(chain: Chain, folder: Path) -> None:
    motions, ballots = rows(folder, "motions"), rows(folder, "ballots")
    digest = motion_digest(0, MotionKind.REMOVE_NODE, ["node-c"]).hex()
    votes = [row["institution"] for row in ballots if row["motion"] == digest]
    newest = [row for row in motions if row["motion"] == digest][-1]

    assert votes == ["bank", "court", "ministry"]
    assert (newest["name"], newest["ballots"]) == ("remove-node", 3)
    assert newest["enacted_at"] == newest["height"]
    assert "node-c" in newest["english"]
    assert [row["title"] for row in rows(folder, "mandates")] == ["共享条例"]
    assert [(row["calendar"], row["year"]) for row in rows(folder, "calendars")] == [
        ("china", 2026)
    ]
    assert rows(folder, "rules") == []
    removed = [row for row in rows(folder, "nodes") if row["removed"]]
    assert [row["node"] for row in removed] == ["node-c"]
    state = rows(folder, "state")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len(state) == manifest["state_changes"]


def test_rows_come_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "GROUP_ROWS_MAX", 10)
    made = ParquetTables(tmp_path / "tables")
    for number in range(25):
        made.add("ballots", {"motion": f"{number}", "unknown": 1})
    made.close()
    file = parquet.ParquetFile(tmp_path / "tables" / "ballots.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [10, 10, 5]
    assert file.read()["motion"].to_pylist() == [f"{number}" for number in range(25)]


def test_every_place_of_every_kind_has_a_column(chain: Chain) -> None:
    """A new kind of state gets a table (kinds.py), or is named as one that has none."""
    sharing = with_request(delivery=None)
    assert grant(sharing, "no-copies", uses=2) == 0
    assert use(sharing, 1) == 0
    assert publish(sharing) == 0
    assert deliver(sharing) == 0
    assert receive(sharing) == 0
    assert order(sharing) == 0
    assert record(sharing) == 0
    rule = [int(MotionKind.REMOVE_NODE), 2, 3, DAY]
    assert sharing.vote(MotionKind.SET_RULE, rule, "bank", "court", "ministry")[-1] == 0
    for motion, arguments in (
        (MotionKind.SET_PARAMETER, ["quiet-days", 30]),
        (MotionKind.SUSPEND_INSTITUTION, ["ministry", "merger", None]),
    ):
        assert sharing.vote(motion, arguments, "bank", "court", "registry")[-1] == 0
    assert report(sharing, *two_of(sharing)) == 0
    signers = ("bank", "court", "registry")
    made = record_of_recovery(sharing, signers, certified=sharing.ledger.height)
    sharing.take(recovery_block(made))
    found: dict[bytes, tuple[bytes, Any]] = {}
    for one in (chain, sharing, issued(10)):
        for state_key, _, value in State().every_change(one.store, one.ledger.height):
            if value is not None:
                found[state_key[:1]] = (state_key, decode(value, bytes_max=len(value)))
    constants = {
        value for name, value in vars(state_keys).items() if name.isupper() and len(value) == 1
    }
    assert constants == {*KINDS, *WITHOUT_TABLE}
    assert set(found) == constants
    for kind, (state_key, value) in found.items():
        if kind in KINDS:
            assert set(names_in(state_key)) == {name for name, _ in KINDS[kind].names}
            places = value if isinstance(value, list) else []
            assert len(places) == len(KINDS[kind].places), KINDS[kind].table


def test_the_lists_and_the_tables_have_the_same_names() -> None:
    for number, (name, parts, places) in LISTS.items():
        kind = KINDS[bytes((number,))]
        assert kind.table == name.removesuffix(".jsonl")
        assert tuple(column for column, _ in kind.names) == parts
        assert tuple(column for column, _ in kind.places) == places


def test_what_institutions_share(tmp_path: Path) -> None:
    sharing = with_request()
    assert grant(sharing, "no-copies") == 0
    pack(store(sharing), tmp_path / "pack")
    folder = tmp_path / "pack"

    assert verify_here(folder).code == 0
    told = [(row["status"], row["requester"], row["provider"]) for row in rows(folder, "requests")]
    assert told == [("open", "bank", "registry"), ("granted", "bank", "registry")]
    [given] = rows(folder, "grants")
    assert (given["reference"], json.loads(given["conditions"])) == ("r-1", ["no-copies"])
    assert [row["class"] for row in rows(folder, "data_sets")] == ["conditional"]
    asked = {(row["year"], row["month"], row["asked"]) for row in rows(folder, "accounts")}
    assert asked == {(2026, 9, 1)}


def test_who_is_suspended_and_what_was_set(tmp_path: Path) -> None:
    made = suspended()
    assert made.vote(MotionKind.SET_PARAMETER, ["quiet-days", 30], "bank", "court") == [0, 0]
    for _ in range(3):
        made.apply()
    pack(store(made), tmp_path / "pack")
    folder = tmp_path / "pack"

    assert verify_here(folder).code == 0
    [standing] = rows(folder, "standings")
    assert [standing[name] for name in ("institution", "standing", "ground", "since")] == [
        "registry",
        1,
        "silence",
        3,
    ]
    [parameter] = rows(folder, "parameters")
    assert (parameter["parameter"], parameter["value"]) == ("quiet-days", 30)
    acts = [(row["institution"], row["office"]) for row in rows(folder, "last_acts")]
    assert acts == [("bank", "head"), ("court", "head"), ("ministry", "head")]


def test_the_largest_amount_of_an_asset_is_told_whole(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    pack(store(issued(AMOUNT_MAX)), folder)
    newest = rows(folder, "asset_totals")[-1]
    assert [newest[name] for name in ("issued", "redeemed", "in_circulation")] == [
        AMOUNT_MAX, 0, AMOUNT_MAX]  # fmt: skip
    assert [row["balance"] for row in rows(folder, "holdings")] == [AMOUNT_MAX]
    assert verify_here(folder).code == 0
