"""Reading histories, and the command that judges them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from netsim.__main__ import main
from netsim.checker.jepsen import HistoryError, read_history

GOOD = """\
INFO  jepsen.core - Worker 0 starting
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0   :ok     :write  3

12:01:07.113 [jepsen-worker-1] INFO  jepsen.util - 1 :invoke :read nil
2026-01-01 12:01:07,114{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:ok\t:read\t3
  2 :invoke :cas [3, 4]
INFO [2026-01-01 12:01:08,001] jepsen worker 2 - jepsen.util 2 :info :cas [3 4] :timed-out
INFO jepsen.util - 1 :invoke :write "a b"
INFO jepsen.util - 1 :fail :write :timed-out
INFO jepsen.util - 3 :invoke :read
INFO jepsen.util - 4 :invoke :write [true 1.5]
WARN  jepsen.util - 9 :ok :read 1
"""


def test_all_forms_of_lines_are_read() -> None:
    calls = read_history(GOOD.split("\n"))
    assert [(each.process, str(each), each.lines, each.outcome) for each in calls] == [
        (0, ":write 3", "2-4", "ok"),
        (1, ":read 3", "6-7", "ok"),
        (2, ":cas [3 4]", "8-", "info"),
        (1, ':write "a b"', "10-11", "fail"),
        (3, ":read", "12-", "open"),
        (4, ":write 1.5", "13-", "open"),
    ]


def test_a_process_may_go_on_after_info() -> None:
    lines = ["0 :invoke :write 1", "0 :info :write :timed-out", "0 :invoke :read nil"]
    assert len(read_history(lines)) == 2


@pytest.mark.parametrize(
    ("line", "column", "text"),
    [
        ("0 :start :write 1", 3, "none of :invoke"),
        ("0 :invoke :append 1", 11, "none of :read"),
        ("0 :invoke", 10, "the operation is missing"),
        ("0 :invoke :write", 17, "the value is missing"),
        ("0 :invoke :write x", 18, "'x' is no value"),
        ("INFO  jepsen.util - 0 :invoke :write x", 38, "'x' is no value"),
        ('0 :invoke :write "x', 18, "a string without an end"),
        ("0 :invoke :cas 3", 16, "[expected new]"),
        ("0 :invoke :cas [3 4", 16, "without its ]"),
        ("0 :invoke :cas [3 4 5]", 16, "[expected new]"),
        ("0 :invoke :write [1 2 3]", 18, "[key value]"),
        ("0 :invoke :write [[[[1]]]]", 21, "vectors in vectors"),
        ("0 :invoke :write :timed-out", 18, "is an error"),
        ("1 :invoke :read nil", 1, "before its call of line 1 ended"),
        ("2 :ok :read 1", 1, "no call that could end"),
        ("1 :ok :read 1", 7, "line 1 began a :write"),
        ("1 :ok :write 2", 14, "another value"),
        ("1 :ok :write [5 1]", 14, "line 1 names nil"),
    ],
)
def test_a_line_that_cannot_be_understood_is_told(line: str, column: int, text: str) -> None:
    with pytest.raises(HistoryError) as raised:
        read_history(["1 :invoke :write 1", "", line])
    assert (raised.value.line, raised.value.column) == (3, column)
    assert text in raised.value.text


BAD_READ = "0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :ok :read 2\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "history.log"


def test_exit_codes(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert main(["history", str(log)]) == 0
    assert capsys.readouterr().out == (
        "register: yes, 5 calls, 1 steps\nkey true: yes, 1 calls, 0 steps\nverdict: linearizable\n"
    )
    log.write_text(BAD_READ)
    assert main(["history", str(log)]) == 1
    said = capsys.readouterr().out
    assert "no order gets past line 4, the end of this call:" in said
    assert "3-4  process 1    :read 2" in said
    assert "longest linearizable prefix, 1 calls:" in said
    assert said.endswith("verdict: NOT linearizable\n")
    writes = [f"{n} :{end} :write {n}\n" for end in ("invoke", "ok") for n in range(9)]
    log.write_text("".join(writes) + "9 :invoke :read nil\n9 :ok :read nil\n")
    assert main(["history", str(log), "--budget", "3"]) == 3
    assert capsys.readouterr().out.endswith("verdict: unknown\n")


@pytest.mark.parametrize("text", ["", "nothing here\n", "0 :invoke :write x\n", "\xff\xfe"])
def test_a_wrong_file_exits_with_2(
    log: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(text.encode("latin-1"))
    assert main(["history", str(log)]) == 2
    told = capsys.readouterr().err
    assert re.fullmatch(r"error\[wrong-file\]: .+ — .+\.\n", told)
    assert (f"{log}:1:" in told) is text.startswith("0")
    assert str(log) in told
    assert main(["history", str(log.parent / "nowhere")]) == 2


def test_a_register_has_no_compare_and_set(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(GOOD)
    assert main(["history", str(log), "--model", "register"]) == 2
    assert f"{log}:8:1: the model register has no :cas" in capsys.readouterr().err


def test_the_verdict_as_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(BAD_READ)
    assert main(["history", str(log), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["answer"], told["model"]) == ("no", "cas-register")
    (key,) = told["keys"]
    assert key["stuck"] == {
        "process": 1, "operation": "read", "value": 2, "begun_line": 3, "ended_line": 4,
        "outcome": "ok",
    }  # fmt: skip
    assert [call["begun_line"] for call in key["order"]] == [1]
    assert key["state"] == 1
