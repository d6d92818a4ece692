"""Commands that print tables: outcomes and settings; reading a CSV file into operations."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import TRANSACTION_BYTES_MAX
from govchaind.cli.main import INVALID, OK, REFUSED
from govchaind.cli.members import (
    CHANGE_NODE_KEYS,
    DECLARE_READY,
    READMIT_NODE,
    REMOVE_NODE,
    SET_NODE,
    VOTE,
)
from govchaind.cli.submit_file import field_name, grouped, read_table, records
from govchaind.cli.values import RegisterShape, convert_all
from govchaind.config import settings
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import OUTCOMES
from tests.cli.command import Command


def test_all_outcomes_are_listed(govchaind: Command) -> None:
    plain, as_json = govchaind("outcomes"), govchaind("outcomes", "--json")

    assert [row["code"] for row in as_json.json] == list(OUTCOMES)
    assert plain.output.count("\n") == len(OUTCOMES) + 1


@pytest.mark.parametrize("which", ["105", "revision-conflict"])
def test_one_outcome_is_explained(which: str, govchaind: Command) -> None:
    ended = govchaind("outcomes", which)

    assert (ended.code, ended.output.startswith("105 revision-conflict")) == (OK, True)
    assert OUTCOMES[105].remedy in ended.output


def test_an_unknown_outcome_is_refused(govchaind: Command) -> None:
    assert govchaind("outcomes", "9999").code == REFUSED


def test_every_setting_is_explained(govchaind: Command) -> None:
    lines = govchaind("config", "--explain").output.splitlines()[1:]

    assert [line.split("\t")[0] for line in lines] == [setting.path for setting in settings()]


def test_a_nodes_settings_are_shown_and_checked(govchaind: Command) -> None:
    Path("govchaind.toml").write_text('[log]\nlevel = "debug"\n')

    shown = govchaind("config", "govchaind.toml", "--json").json
    Path("govchaind.toml").write_text("[lgo]\n")
    refused = govchaind("config", ".")

    assert [row["value"] for row in shown if row["path"] == "log.level"] == ["debug"]
    assert (refused.code, "did you mean the section [log]?" in refused.errors) == (INVALID, True)


def test_what_the_settings_name_is_checked_too(govchaind: Command) -> None:
    settings_file, key = Path("govchaind.toml"), Path("tls.key")
    settings_file.write_text("")
    key.write_text("00" * 32)
    key.chmod(0o644)
    assert "error[key-readable]" in govchaind("config", ".").errors
    key.chmod(0o600)
    assert govchaind("config", ".").code == OK
    settings_file.write_text('[api]\ntoken_file = "tokens"\n')
    refused = govchaind("config", ".")
    assert (refused.code, "error[bad-tokens]" in refused.errors) == (INVALID, True)


def test_config_without_anything_is_a_wrong_use(govchaind: Command) -> None:
    assert "--explain" in govchaind("config").errors


def test_the_motions_numbers_are_the_ledgers() -> None:
    assert (SET_NODE, REMOVE_NODE, READMIT_NODE, CHANGE_NODE_KEYS) == (
        MotionKind.SET_NODE,
        MotionKind.REMOVE_NODE,
        MotionKind.READMIT_NODE,
        MotionKind.CHANGE_NODE_KEYS,
    )
    assert (Kind.VOTE, Kind.DECLARE_READY) == (VOTE, DECLARE_READY)


@pytest.mark.parametrize(
    ("column", "expected"),
    [("provinceCode", "province-code"), ("Province Code", "province-code"), ("name", "name")],
)
def test_a_column_becomes_a_field(column: str, expected: str) -> None:
    assert field_name(column) == expected


def table(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(lzma.compress(text.encode()) if name.endswith(".xz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.xz"])
def test_rows_become_puts_in_the_schemas_order(tmp_path: Path, name: str) -> None:
    read = read_table(table(tmp_path, '\ufeffcode,name,area\n1,"A, B",5\n2,C,6\n', name), None)
    shape = RegisterShape("clear", (("area", "integer"), ("name", "text")))

    assert list(records(read, shape, "r")) == [
        (11, ["r", b"1", [5, "A, B"], None]),
        (11, ["r", b"2", [6, "C"], None]),
    ]


def test_another_column_can_be_the_key(tmp_path: Path) -> None:
    read = read_table(table(tmp_path, "name,areaCode\nA,1\n"), "areaCode")

    assert (read.columns, read.rows) == (("name",), [("1", ["A"])])


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("", None, "is empty"),
        ("code,name\n1\n", None, "row 2: 1 cells"),
        ("code,name\n1,a\n1,b\n", None, "'1' is empty or twice"),
        ("code,name\n,a\n", None, "'' is empty or twice"),
        ("code,name\n1,a\n", "zip", "no column 'zip'"),
        ("code,Code\n1,a\n", None, "one twice"),
        ('code,name\n1,"a\n', None, "not a table"),
    ],
)
def test_a_spoilt_table_is_refused(
    tmp_path: Path, text: str, key: str | None, expected: str
) -> None:
    with pytest.raises(InvalidSetting, match=expected):
        read_table(table(tmp_path, text), key)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidSetting, match="not a table"):
        read_table(tmp_path / "t.csv", None)


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    read = read_table(table(tmp_path, "code,name\n1,a\n"), None)

    with pytest.raises(InvalidSetting, match="has the fields size"):
        list(records(read, RegisterShape("clear", (("size", "text"),)), "r"))


def test_groups_fit_a_transaction_in_count_and_bytes() -> None:
    small = [(11, ["r", bytes([n]), ["x"], None]) for n in range(120)]
    large = [(11, ["r", bytes([n]), ["x" * 15_000], None]) for n in range(10)]

    assert [len(group) for group in grouped(iter(small), 50)] == [50, 50, 20]
    groups = list(grouped(iter(large), 50))
    assert sum(map(len, groups)) == 10
    assert max(map(len, groups)) * 15_000 < TRANSACTION_BYTES_MAX


def test_values_are_read_by_type() -> None:
    shape = RegisterShape(
        "clear", (("a", "text"), ("b", "integer"), ("c", "boolean"), ("d", "bytes"))
    )

    assert convert_all(["1", "-2", "Yes", "00ff"], shape, "r") == ["1", -2, True, b"\x00\xff"]
    assert convert_all(["1", "2"], RegisterShape("clear", ()), "r") == ["1", "2"]
    for wrong in (["1", "x", "yes", ""], ["1", "1", "maybe", ""], ["1", "1", "no", "0"], ["1"]):
        with pytest.raises(InvalidSetting) as caught:
            convert_all(wrong, shape, "r")
        assert caught.value.code == "bad-value"
