"""Sharing data from the command line: a daemon, and the keys of four institutions."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from govchaind.cli.catalogue_file import read_data_set
from govchaind.cli.main import INVALID, OK, REFUSED
from govchaind.client.network import read_network
from govchaind.ledger.commitment import make_commitment
from tests.cli.command import Command
from tests.cli.test_decisions import PROPOSE_MANDATE, decide, key, read_key
from tests.cli.test_network import NETWORK, network

__all__ = ["network"]  # a fixture
MARRIAGES = """
name = "marriages"
title = "Marriages 婚姻登记信息"
duty = "marriages"
mandate = "law"
cycle = "daily"
sharing = "conditional"
[[fields]]
name = "status"
title = "Marriage status"
type = "text"
[[conditions]]
name = "no-copies"
text = "The answer is not kept"
"""
TERMS = (
    "propose", "terms", "law", "--reply", "10w", "--extension", "5w", "--appeal", "7", "--ruling",
    "20w", "--ground", "no-basis", "--calendar", "china",
)  # fmt: skip


def prepare(govchaind: Command, tmp_path: Path) -> None:
    """Adopt a mandate and terms; assign a duty and publish a data set."""
    (tmp_path / "law.txt").write_text("Article 1")
    (tmp_path / "marriages.toml").write_text(MARRIAGES)
    decide(govchaind, *PROPOSE_MANDATE)
    office = govchaind("keys", "show", "net/keys/statistics.key", "--json").json["office"]
    decide(govchaind, *TERMS, "--supervisor", f"statistics/{office}")
    own = key("civil-affairs")
    home = govchaind("keys", "show", "net/keys/civil-affairs.key", "--json").json["office"]
    duty = ("duties", "assign", "marriages", "--title", "Marriages", "--office", home)
    assert govchaind(*duty, "--mandate", "law", *own).code == OK
    assert govchaind("catalogue", "publish", "marriages.toml", *own).code == OK


@pytest.mark.process
def test_from_a_duty_to_an_account(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    prepare(govchaind, tmp_path)
    own, bank = key("civil-affairs"), key("savings-bank")
    asked = ("requests", "ask", "r-1", "civil-affairs/marriages", "--field", "status", "--mandate",
             "law", "--details", "Loan 4711")  # fmt: skip
    without = govchaind(*asked, *bank)
    assert govchaind(*asked, "--opening", "r-1.opening", *bank).code == OK
    again = govchaind(*asked, "--opening", "r-1.opening", *bank)
    late = govchaind("requests", "appeal", "r-1", "--details", "x", "--opening", "a.opening", *bank)
    extended = govchaind("requests", "extend", "bank/r-1", *key("statistics"))
    extended = govchaind("requests", "extend", "savings-bank/r-1", *key("statistics"))
    opened = govchaind("requests", "show", "savings-bank/r-1", *read_key("savings-bank"))
    grant = ("requests", "grant", "savings-bank/r-1", "--until", "2998-01-01")
    thought_up = govchaind(*grant, "--condition", "pays-ten", *own)
    assert govchaind(*grant, "--condition", "no-copies", "--uses", 1, *own).code == OK
    use = ("requests", "use", "r-1", "--query", "4711", "--opening")
    assert govchaind(*use, "u1.opening", "--number", 1, *bank).code == OK
    over = govchaind(*use, "u2.opening", "--number", 2, *bank)
    shown = govchaind("requests", "show", "savings-bank/r-1", *read_key("savings-bank"))
    listed = govchaind("requests", "--provider", "civil-affairs", *read_key("civil-affairs"))
    told = govchaind("requests", "show", "savings-bank/r-1", "--json", *read_key("civil-affairs"))
    details = told.json["details"]
    month = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m}"
    account = govchaind("accounts", month, *read_key("railways"))
    table = govchaind("catalogue", "--text", "婚姻", *NETWORK)
    one = govchaind("catalogue", "show", "civil-affairs/marriages", *NETWORK)
    duties = govchaind("duties", *NETWORK)
    exported = govchaind("catalogue", "export", "-o", "c.jsonld", *NETWORK)
    revoke = ("requests", "revoke", "savings-bank/r-1", "--ground", "no-basis")
    assert govchaind(*revoke, *own).code == OK

    assert without.errors.startswith("error[opening-needed]")
    assert again.errors.startswith("error[opening-exists]")
    assert (late.code, late.errors.split("]")[0]) == (REFUSED, "error[nothing-to-appeal")
    assert extended.code == OK
    assert "waits for an answer, which is due on" in opened.output
    assert "v0" in opened.output  # nobody has adopted the year's calendar
    assert thought_up.errors.startswith("error[unknown-condition]")
    assert (over.code, over.errors.split("]")[0]) == (REFUSED, "error[grant-used-up")
    assert "the request was granted." in shown.output
    assert "1 of 1" in shown.output
    assert "to deliver until    no clock" in shown.output
    row = listed.output.splitlines()[1].split("\t")
    assert row[:3] == ["savings-bank/r-1", "civil-affairs/marriages", "granted"]
    opening = json.loads((tmp_path / "r-1.opening").read_text())
    salt = bytes.fromhex(opening["salt"])
    assert make_commitment(salt, opening["value"]).hex() == details
    assert opening["value"] == ["Loan 4711"]
    cells = dict(zip(*(line.split("\t") for line in account.output.splitlines()), strict=True))
    assert (cells["asked"], cells["granted"], cells["in time"], cells["used"]) == ("1",) * 4
    assert table.output.splitlines()[1].startswith("civil-affairs/marriages\tMarriages 婚姻")
    assert "condition           no-copies: The answer is not kept" in one.output
    assert duties.output.splitlines()[1].split("\t")[:2] == ["civil-affairs", "marriages"]
    assert exported.code == OK
    assert json.loads((tmp_path / "c.jsonld").read_text())["@type"] == "dcat:Catalog"


def wait_for_checkpoint(tmp_path: Path) -> None:
    """Wait until everything so far can be proved."""
    url = read_network(tmp_path / "net" / "network.json").urls()[0]
    height = httpx.get(f"{url}/v1/status").json()["height"]
    while True:
        status = httpx.get(f"{url}/v1/status").json()
        if height <= status["checkpoint"] <= status["certified"]:
            return
        time.sleep(0.05)


@pytest.mark.process
def test_a_statement_is_made_and_verified(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    prepare(govchaind, tmp_path)
    asked = ("requests", "ask", "r-1", "civil-affairs/marriages", "--field", "status", "--mandate",
             "law", "--details", "Loan 4711", "--opening", "r-1.opening")  # fmt: skip
    assert govchaind(*asked, *key("savings-bank")).code == OK
    grant = ("requests", "grant", "savings-bank/r-1", "--until", "2998-01-01")
    assert govchaind(*grant, *key("civil-affairs"), "--wait", "certified").code == OK
    month = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m}"
    wait_for_checkpoint(tmp_path)
    made = govchaind(
        "statement", "make", "civil-affairs", month, "-o", "s", *read_key("civil-affairs")
    )
    again_made = govchaind(
        "statement", "make", "civil-affairs", month, "-o", "s", *read_key("civil-affairs")
    )
    genesis = ("--genesis", "net/genesis.bin")
    verified = govchaind("statement", "verify", "s/statement.json", *genesis)
    statement = (tmp_path / "s" / "statement.json").read_text()
    (tmp_path / "spoilt.json").write_text(statement.replace('"savings-bank"', '"railways"'))
    spoilt = govchaind("statement", "verify", "spoilt.json", *genesis)
    none = govchaind("statement", "verify", "marriages.toml", *genesis)

    assert made.code == OK, made.errors
    assert "civil-affairs received 1 and answered 1 in time and 0 late; it made 0" in made.errors
    assert again_made.errors.startswith("error[folder-exists]")
    assert (verified.code, verified.output.split(":")[0]) == (OK, "Proved")
    assert "  asked        gave        1   took        0\n" in verified.output
    assert (spoilt.code, spoilt.errors.split("]")[0]) == (INVALID, "error[other-key")
    assert none.code == INVALID
    assert "savings-bank" in (tmp_path / "s" / "statement.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('cycle = "daily"', 'cycle = "hourly"', "`cycle`"),
        ('cycle = "daily"\n', "", "has no 'cycle'"),
        ('duty = "', 'duties = 1\nduty = "', "unknown entry 'duties'"),
        ('type = "text"', 'kind = "text"', "not name, title, type"),
        ("[[fields]]", "[fields]", "[[fields]]"),
    ],
)
def test_a_file_that_is_no_data_set_is_told_where(
    govchaind: Command, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    (tmp_path / "m.toml").write_text(MARRIAGES.replace(old, new))
    (tmp_path / "k.key").write_text("x")
    url = ("--url", "http://127.0.0.1:1")
    ended = govchaind("catalogue", "publish", "m.toml", "--key", "k.key", *url)
    assert ended.code == INVALID
    assert ended.errors.startswith("error[bad-data-set-file]: m.toml ")
    assert problem in ended.errors


def test_a_data_set_s_file_is_the_operation(tmp_path: Path) -> None:
    file = tmp_path / "marriages.toml"
    file.write_text(MARRIAGES)
    assert read_data_set(file) == [
        "marriages", "Marriages 婚姻登记信息", "marriages", [["status", "Marriage status", "text"]],
        "daily", "conditional", [["no-copies", "The answer is not kept"]], None, "law",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("requests", "show", "r-1"), INVALID, "INSTITUTION/NAME"),
        (("accounts", "2026-13"), INVALID, "a month is written as 2026-09"),
        ((*TERMS[:4], "ten", *TERMS[5:], "--supervisor", "a/b"), INVALID, "error[bad-clock]"),
        ((*TERMS[:-2], "--supervisor", "a/b"), INVALID, "working days are those of a calendar"),
    ],
)
def test_what_is_mistyped_is_told(
    govchaind: Command, tmp_path: Path, words: tuple[str, ...], code: int, problem: str
) -> None:
    (tmp_path / "k.key").write_text("x")
    key_file = ("--key", "k.key") if words[0] == "propose" else ()
    ended = govchaind(*words, *key_file, "--url", "http://127.0.0.1:1")
    assert ended.code == code, ended.errors
    assert problem in ended.errors
