"""How institutions decide, from the command line: a daemon, and the keys of four institutions."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from datetime import date
from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import PeerError
from govchaind.cli.main import INVALID, OK, REFUSED
from govchaind.cli.motions import moved
from govchaind.cli.voting import details
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.working_days import MILLISECONDS_A_DAY, working_days
from tests.cli.command import Command, Ended
from tests.cli.test_network import NETWORK, network

__all__ = ["network"]  # a fixture
INSTITUTIONS = ("civil-affairs", "statistics", "railways", "savings-bank")
PROPOSE_MANDATE = (
    "propose", "mandate", "law", "--title", "共享条例", "--number", "第809号", "--issuer", "国务院",
    "--document", "law.txt", "--from", "2026-03-01", "--until", "2998-12-31",
)  # fmt: skip


def key(institution: str) -> tuple[str, ...]:
    return ("--key", f"net/keys/{institution}.key", *NETWORK)


def read_key(institution: str) -> tuple[str, ...]:
    """Return what has a command read as an institution's governing office."""
    return ("--read-key", f"net/keys/{institution}.key", *NETWORK)


def digest_of(ended: Ended) -> str:
    """Return the digest of the motion for which a command has voted."""
    found = re.search(r"Motion ([0-9a-f]{64})", ended.errors)
    assert ended.code == OK, ended.errors
    assert found is not None, ended.errors
    return found[1]


def decide(govchaind: Command, *proposal: object) -> str:
    """Have three of the four vote for something; return the motion's digest."""
    digest = digest_of(govchaind(*proposal, *key("civil-affairs")))
    for other in ("statistics", "railways"):
        assert digest_of(govchaind("motions", "vote", digest, *key(other))) == digest
    return digest


@pytest.mark.process
def test_a_mandate_from_its_first_ballot_to_its_repeal(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "law.txt").write_text("Article 1")
    first = govchaind(*PROPOSE_MANDATE, *key("civil-affairs"), "--json")
    digest = digest_of(first)
    opened = govchaind("motions", "--state", "open", *NETWORK)
    shown = govchaind("motions", "show", digest, *NETWORK)
    again = govchaind("motions", "vote", digest, *key("civil-affairs"))
    early = govchaind("motions", "enact", digest, *key("statistics"))
    assert govchaind("motions", "withdraw", digest, *key("civil-affairs")).code == OK
    empty = govchaind("motions", "show", digest, *NETWORK, "--json")
    assert decide(govchaind, *PROPOSE_MANDATE) == digest
    listed = govchaind("mandates", "--state", "in-force", *NETWORK, "--json")
    table = govchaind("mandates", *NETWORK)
    one = govchaind("mandates", "show", "law", *NETWORK)
    decide(govchaind, "propose", "repeal", "law", "--from", "2997-01-01")
    soon = ("propose", "mandate", "soon", *PROPOSE_MANDATE[3:-1], _tomorrow())
    decide(govchaind, *soon)
    warned = govchaind("mandates", *NETWORK)
    ends = govchaind("mandates", *NETWORK, "--json").json["mandates"][0]["ends"]

    assert [(fate["outcome"], fate["motion"]) for fate in first.json] == [("applied", digest)]
    assert "Voting to adopt the mandate law (共享条例; 第809号, 国务院), in force" in first.errors
    assert "from 1 March 2026 to the end of 31 December 2998.\n" in first.errors
    assert "投票赞成通过依据文件 law" in first.errors
    assert opened.output.splitlines()[1].split("\t")[:2] == ["open", "1 of 3"]
    assert opened.output.rstrip().endswith(digest)
    assert "1 of 3; 2 missing" in shown.output
    assert "civil-affairs" in shown.output
    document = hashlib.sha256(b"Article 1").hexdigest()
    assert f"  document: {document}\n" in shown.output
    assert f"  document: {document}\n" in first.errors
    assert (again.code, again.errors.splitlines()[-1].partition("]")[0]) == (
        REFUSED, "error[already-voted")  # fmt: skip
    assert early.errors.startswith("error[not-carried]")
    assert empty.json["voted"] == []
    assert [row["name"] for row in listed.json["mandates"]] == ["law"]
    assert listed.json["mandates"][0]["document"] == hashlib.sha256(b"Article 1").hexdigest()
    assert table.output.splitlines()[1].split("\t")[3:6] == [
        "in-force", "1 March 2026", "to the end of 31 December 2998"]  # fmt: skip
    assert "第809号" in one.output
    assert warned.errors == "WARNING: these end soon and nothing takes their place: soon\n"
    assert table.errors == ""
    assert ends == "2996-12-31T16:00:00.000Z"


def _tomorrow() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 32 * 3600))


@pytest.mark.process
def test_rules_calendars_and_lost_keys(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    decide(govchaind, "propose", "calendar", "china-2026")
    calendars = govchaind("calendars", *NETWORK)
    year = govchaind("calendars", "show", "china", 2026, *NETWORK)
    due = ("calendars", "deadline", "china", "--from", "2026-02-13", *NETWORK)
    working, every = govchaind(*due, "--days", 5), govchaind(*due, "--days", 5, "--every-day")
    missing = govchaind("calendars", "show", "china", 2027, *NETWORK)

    new = ("--institution", "railways", "--office", "governing", "--title", "Head")
    govchaind("keys", "new", *new, "-o", "fresh.key")
    office = govchaind("keys", "show", "net/keys/railways.key", "--json").json["office"]
    govchaind("keys", "new", *new[:2], "--office", office, *new[4:], "-o", "fresh.key")
    recover = ("propose", "recover", "railways", office, "--card", "fresh.card")
    decide(govchaind, *recover)
    lost = govchaind("propose", "calendar", "china-2025", *key("railways"))
    found = govchaind("propose", "calendar", "china-2025", "--key", "fresh.key", *NETWORK)

    rule = ("propose", "rule", "adopt-calendar", "--more-than", "2/3", "--notice-days", 7)
    digest = digest_of(govchaind(*rule, *key("civil-affairs")))
    for more in (key("statistics"), ("--key", "fresh.key", *NETWORK)):
        assert govchaind("motions", "vote", digest, *more).code == OK
    rules = govchaind("motions", "rules", *NETWORK, "--json").json["rules"]
    table = govchaind("motions", "rules", *NETWORK)

    assert calendars.output.splitlines()[1] == "china\t2026\t1\t248\t480"
    assert "2026-02-16  not worked\n" in year.output
    assert "2026-10-10  worked\n" in year.output
    assert working.output == "2026-02-27\n"  # 14 is worked; 24, 25, 26, 27
    assert every.output == "2026-02-18\n"
    assert (missing.code, missing.errors.count("\n")) == (REFUSED, 1)
    assert (lost.code, found.code) == (REFUSED, OK)
    assert "key-not-of-office" in lost.errors
    told = {row["name"]: row for row in rules}
    assert told["adopt-calendar"]["notice_ms"] == 7 * MILLISECONDS_A_DAY
    assert told["set-rule"]["share"]["english"] == "more than 2/3 of all institutions"
    assert "adopt-calendar\tmore than 2/3 of all institutions\t3\t7 days of notice\tset" in (
        table.output
    )


def test_what_people_compare_is_told_whole() -> None:
    days = working_days(2026, {date(2026, 1, 1), date(2026, 1, 2)}, {date(2026, 1, 4)})
    assert details(7, ["china", 2026, 1, 480, days]) == [
        "name: china",
        "year: 2026",
        "version: 1",
        "offset: 480",
        "not worked: 2026-01-01 2026-01-02",
        "worked: 2026-01-04",
    ]
    seat = [b"\xab" * 32, "Head", 0, None]
    assert details(6, ["bank", "head", 1, [seat, seat]])[-1] == (
        f"keys: [{'ab' * 32} Head 0 –] [{'ab' * 32} Head 0 –]"
    )


def test_what_others_wrote_cannot_hide_what_is_voted_on() -> None:
    told = details(1, ["rail", "Rail\x1b[2K\u202eliaR\n", "voluntary", []])
    assert told[1] == "title: Rail⟨U+001B⟩[2K⟨U+202E⟩liaR⟨U+000A⟩"


def test_a_node_that_tells_another_motion_gets_no_vote() -> None:
    told = {"kind": 3, "round": 0, "arguments_cbor": encode(["node-a"]).hex()}
    digest = motion_digest(0, 3, ["node-a"])
    assert moved(told, digest) == (3, ["node-a"], 0)
    for wrong in (
        {**told, "round": 1},
        {**told, "kind": 4},
        {**told, "kind": None},
        {**told, "arguments_cbor": encode(["node-b"]).hex()},
        {**told, "arguments_cbor": "zz"},
        {**told, "arguments_cbor": "ff"},
        {},
    ):
        with pytest.raises(PeerError) as caught:
            moved(wrong, digest)
        assert caught.value.code == "wrong-motion"


def test_what_cannot_be_voted_on_is_said_before_it_is_signed(
    govchaind: Command, tmp_path: Path
) -> None:
    (tmp_path / "law.txt").write_text("Article 1")
    nobody = ("--key", "none.key", "--url", "127.0.0.1:1")
    govchaind("keys", "new", "--institution", "bank", "--office", "head", "--title", "Head")
    rule = ("propose", "rule", "set-node", "--more-than")
    recover = ("propose", "recover", "court", "head", "--card", "bank.head.card")
    ended = {
        "bad-share": govchaind(*rule, "1/3", *nobody),
        "bad-date": govchaind(*PROPOSE_MANDATE[:-1], "2026-02-28", *nobody),
        "bad-motion": govchaind("propose", "mandate", "No Name", *PROPOSE_MANDATE[3:], *nobody),
        "bad-calendar-file": govchaind("propose", "calendar", "nowhere", *nobody),
        "wrong-key": govchaind(*recover, *nobody),
        "bad-hex": govchaind("motions", "vote", "abc", *nobody),
        "usage": govchaind("propose", "recover", "bank", "head", "--card", "bank.head.card",
                           "--threshold", 2, *nobody),
    }  # fmt: skip
    wrong = [govchaind(*rule, share, *nobody) for share in ("3/2", "2", "51/101", "0/1", "1/0")]

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in (*ended.values(), *wrong)} == {INVALID}
    assert all(end.errors.count("\n") == 1 for end in ended.values())
    assert all(end.errors.startswith("error[bad-share]") for end in wrong)


def test_a_first_ballot_can_be_signed_by_several_and_sent_later(
    govchaind: Command, tmp_path: Path
) -> None:
    made = govchaind("init", "network", "--directory", "net", "--validators", 1, "--observers", 0)
    signed = govchaind("propose", "calendar", "china-2025", *key("railways"), "-o", "ballot.tx")

    assert (made.code, signed.code) == (OK, OK)
    assert (tmp_path / "ballot.tx").stat().st_size > 100
    assert len(signed.output.strip()) == 64
    assert digest_of(signed) != signed.output.strip()
    assert json.loads(govchaind("keys", "show", "net/keys/railways.key", "--json").output)
