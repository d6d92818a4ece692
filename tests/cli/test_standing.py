"""Suspensions, parameters, versions and offices from the command line: a daemon and four keys."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from govchaind.base.crypto import Domain, SigningKey
from govchaind.cli.main import FATAL, INVALID, OK, REFUSED, UNREACHABLE
from govchaind.client.contradiction import certificate_in
from govchaind.identity import read_seed
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.commitment import check_commitment
from govchaind.ledger.statement import read_statement
from govchaind.ledger.versions import KNOWN_VERSION
from tests.cli.command import Command
from tests.cli.test_decisions import decide, key
from tests.cli.test_network import NETWORK, network

__all__ = ["network"]  # a fixture
NODE = "civil-affairs-1"
NEXT = KNOWN_VERSION + 1


@pytest.mark.process
def test_an_institution_is_suspended_restored_and_removed(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "why.txt").write_text("It has merged.")
    why = ("--ground", "merger", "--reasons", "why.txt", "--opening", "why.opening")
    decide(govchaind, "propose", "suspend", "savings-bank", *why)
    refused = govchaind("propose", "calendar", "china-2026", *key("savings-bank"))
    rules = govchaind("motions", "rules", *NETWORK, "--json").json
    shown = govchaind("offices", *NETWORK, "--json").json["outlook"]
    restore = ("propose", "restore", "savings-bank")
    two = [govchaind(*restore, *key(name)) for name in ("civil-affairs", "statistics")]
    back = govchaind("propose", "calendar", "china-2026", *key("savings-bank"))
    decide(govchaind, "propose", "suspend", "savings-bank", "--ground", "merger", "--round", 1)
    remove = ("propose", "remove", "savings-bank", "--ground", "merger")
    gone = [govchaind(*remove, *key(name)) for name in ("civil-affairs", "statistics")]
    late = govchaind("propose", "calendar", "china-2025", *key("savings-bank"))

    assert (refused.code, "error[institution-suspended]" in refused.errors) == (REFUSED, True)
    assert rules["institutions"] == shown["institutions"] == 3
    assert [ended.code for ended in (*two, back, *gone)] == [OK] * 5
    assert "Voting to remove the suspended institution savings-bank for good" in gone[0].errors
    assert "error[institution-removed]" in late.errors
    opening = json.loads((tmp_path / "why.opening").read_text())
    assert opening["value"] == ["It has merged."]
    assert (tmp_path / "why.opening").stat().st_mode & 0o077 == 0


@pytest.mark.process
def test_an_office_from_its_creation_to_its_hand_over(
    govchaind: Command, network: subprocess.Popen[bytes]
) -> None:
    def new(name: str) -> None:
        ended = govchaind("keys", "new", "--institution", "railways", "--office", "desk",
                          "--title", f"The {name}", "-o", f"{name}.key")  # fmt: skip
        assert ended.code == OK

    for name in ("first", "deputy", "second", "third"):
        new(name)
    sign = ("submit", "create-register", "--title", "R", *NETWORK, "--key")
    create = govchaind(
        "offices", "create", "desk", "--title", "Desk", "--card", "first.card", *key("railways")
    )
    acting = ("offices", "acting", "desk", "--for", "first.card", "--card", "deputy.card")
    wrong = govchaind(*acting, "--from", "2999-01-02", "--until", "2999-01-01", *key("railways"))
    far = govchaind(*acting, "--until", "2999-01-01", *key("railways"))
    named = govchaind(*acting, "--until", _in_days(30), "--key", "first.key", *NETWORK)
    by_deputy = govchaind(*sign, "deputy.key", "one")
    revoked = govchaind("offices", "revoke", "desk", "--card", "deputy.card", *key("railways"))
    after = govchaind(*sign, "deputy.key", "two")
    handed = govchaind(
        "offices", "hand-over", "desk", "--old", "first.key", "--card", "second.card",
        "--until", _in_days(60), "--overlap-days", 10, "--key", "first.key", *NETWORK,
    )  # fmt: skip
    both = [govchaind(*sign, f"{name}.key", f"by-{name}").code for name in ("first", "second")]
    table = govchaind("offices", "--ending-within-days", 90, *NETWORK)
    listed = govchaind("offices", "--ending-within-days", 90, *NETWORK, "--json").json
    strange = govchaind("offices", "revoke", "desk", "--card", "net/keys/railways.key",
                        *key("railways"))  # fmt: skip

    assert [ended.code for ended in (create, named, by_deputy, revoked, handed)] == [OK] * 5
    assert "The deputy acts for The first of railways/desk until" in named.errors
    assert (wrong.code, "error[bad-date]" in wrong.errors) == (INVALID, True)
    assert "error[bad-policy]" in far.errors
    assert (after.code, "error[key-revoked]" in after.errors) == (REFUSED, True)
    assert "From now on The second signs on a seat of railways/desk, until" in handed.errors
    assert "The key of The first may sign in its place until" in handed.errors
    assert both == [OK, OK]
    assert "error[wrong-key]" in strange.errors
    [desk] = listed["offices"]
    assert (desk["institution"], desk["office"], desk["quiet"]) == ("railways", "desk", False)
    assert [(end["title"], end["days_left"], end["covered"]) for end in desk["endings"]] == [
        ("The first", 9, True),
        ("The second", 60, False),
    ]
    assert "railways/desk" in table.output
    assert "The first in 9 days (covered), The second in 60 days" in table.output
    assert listed["outlook"]["level"] == "fine"
    assert table.errors == ""


def _in_days(days: int) -> str:
    """Return the day that is so many days from today, in the zone of UTC+8."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 + days * 86_400))


@pytest.mark.process
def test_parameters_versions_and_warnings(
    govchaind: Command, network: subprocess.Popen[bytes]
) -> None:
    decide(govchaind, "propose", "parameter", "quiet-days", 30)
    declare = ("members", "ready", NODE, "--ledger-version", NEXT)
    unknown = govchaind(*declare, *key("civil-affairs"))
    nowhere = govchaind("members", "ready", "x", *declare[3:], *key("civil-affairs"))
    ready = govchaind(*declare, "--unchecked", *key("civil-affairs"))
    back = govchaind(*declare[:-1], KNOWN_VERSION, *key("civil-affairs"))
    assert govchaind(*declare, "--unchecked", *key("civil-affairs")).code == OK
    other = govchaind(*declare, "--unchecked", *key("railways"))
    shown = govchaind("parameters", *NETWORK, "--json").json
    table = govchaind("parameters", *NETWORK)
    digest = [
        govchaind("propose", "upgrade", NEXT, "--ready", 2, *key(name))
        for name in ("civil-affairs", "statistics", "railways")
    ]
    office = govchaind("keys", "show", "net/keys/railways.key", "--json").json["office"]
    policy = ("offices", "hand-over", office, "--old", "net/keys/railways.key")
    govchaind("keys", "new", "--institution", "railways", "--office", office, "--title", "Next",
              "-o", "next.key")  # fmt: skip
    term = govchaind(*policy, "--card", "next.card", "--until", _in_days(20), "--overlap-days", 0,
                     *key("railways"))  # fmt: skip
    warned = govchaind("offices", *NETWORK)

    assert (unknown.code, "error[version-unknown]" in unknown.errors) == (INVALID, True)
    assert (nowhere.code, "error[no-node-named]" in nowhere.errors) == (INVALID, True)
    assert (ready.code, back.code, "error[node-of-another]" in other.errors) == (OK, OK, True)
    told = {row["name"]: row["value"] for row in shown["parameters"]}
    assert (told["quiet-days"], told["warning-days"]) == (30, 90)
    assert (shown["ready"], shown["ready_needed"]) == (1, 1)
    assert "quiet-days\t30\t7 to 3660\tset\tthe days without an act" in table.output
    assert f"version {KNOWN_VERSION} of the ledger; ready for the next: 1 " in table.output
    assert f"{NODE}\tvalidator\t{NEXT}" in table.output
    assert [ended.code for ended in digest] == [OK, OK, REFUSED]
    assert "error[not-ready]" in digest[2].errors
    assert term.code == OK
    assert warned.errors.startswith("WARNING governance near: admit-institution, set-node")
    assert "set-node\t3\t4\t3\t3\t4\tnear" in warned.output


@pytest.mark.process
def test_a_mandate_returns_only_by_its_own_motion(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "law.txt").write_text("Article 1")
    law = ("--title", "A", "--number", "1", "--issuer", "B", "--document", "law.txt")
    decide(govchaind, "propose", "mandate", "old", *law, "--from", "2026-03-01")
    decide(govchaind, "propose", "mandate", "new", *law, "--from", "2990-01-01", "--after", "old")
    back = ("propose", "restore-mandate", "old", "--from", "2995-01-01")
    early = [govchaind(*back, *key(name)) for name in ("civil-affairs", "statistics", "railways")]
    decide(govchaind, "propose", "repeal", "new", "--from", "2995-01-01")
    ended = govchaind("mandates", "show", "old", *NETWORK, "--json").json
    again = govchaind("motions", "vote", _digest(early[0].errors), *key("railways"))
    found = govchaind("mandates", "show", "old", *NETWORK, "--json").json

    assert "error[mandate-line-in-force]" in early[2].errors
    assert (ended["ends"], ended["successor"]) == ("2989-12-31T16:00:00.000Z", "new")
    assert again.code == OK
    assert (found["effect"], found["ends"], found["successor"]) == (
        "2994-12-31T16:00:00.000Z", None, None)  # fmt: skip


@pytest.mark.process
def test_a_node_that_does_not_know_a_version_stops_and_says_what_to_install(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    declare = ("members", "ready", NODE, "--ledger-version", NEXT, "--unchecked")
    assert govchaind(*declare, *key("civil-affairs")).code == OK
    upgrade = ("propose", "upgrade", NEXT)
    for name in ("civil-affairs", "statistics"):
        assert govchaind(*upgrade, *key(name)).code == OK
    last = govchaind(*upgrade, *key("railways"), "--timeout", 3)
    code = network.wait(30)
    run = [sys.executable, "-m", "govchaind", "run", "net/nodes/civil-affairs-1"]
    again = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    verified = govchaind("verify", "net/nodes/civil-affairs-1")

    assert last.code == UNREACHABLE
    assert (code, again.returncode) == (FATAL, FATAL)
    log = (tmp_path / "node.log").read_text()
    for told in (log, again.stderr):
        assert f"error[upgrade-needed]: the ledger has version {NEXT} from here on" in told
        assert "Install a release of govchaind that knows this version" in told
    assert verified.code == OK
    blocks, applied = map(int, re.findall(r"(\d+) (?:blocks|applied)", verified.output))
    assert applied < blocks  # the block that activates it is in the log, and not applied


def _digest(errors: str) -> str:
    return errors.partition("Motion ")[2][:64]


def test_what_cannot_be_moved_is_said_before_it_is_signed(
    govchaind: Command, tmp_path: Path
) -> None:
    (tmp_path / "why.txt").write_text("Why")
    (tmp_path / "why.bin").write_bytes(b"\xff\xfe")
    nobody = ("--key", "none.key", "--url", "127.0.0.1:1")
    suspend = ("propose", "suspend", "bank", "--ground")
    mandate = ("propose", "restore-mandate", "law", "--from", "2026-03-01", "--until")
    ended = {
        "opening-needed": govchaind(*suspend, "merger", "--reasons", "why.txt", *nobody),
        "bad-reasons": govchaind(*suspend, "merger", "--reasons", "why.bin", "--opening", "o",
                                 *nobody),
        "bad-motion": govchaind(*suspend, "Two Words", *nobody),
        "bad-parameter": govchaind("propose", "parameter", "quiet-days", 6, *nobody),
        "bad-date": govchaind(*mandate, "2026-02-01", *nobody),
    }  # fmt: skip
    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in ended.values()} == {INVALID}
    assert all(end.errors.count("\n") == 1 for end in ended.values())


def test_reasons_can_be_shown_by_their_opening(govchaind: Command, tmp_path: Path) -> None:
    (tmp_path / "why.txt").write_text("It has merged.")
    made = govchaind("init", "network", "--directory", "net", "--validators", 1, "--observers", 0)
    signed = govchaind(
        "propose", "suspend", "railways", "--ground", "merger", "--reasons", "why.txt",
        "--opening", "why.opening", *key("statistics"), "-o", "ballot.tx",
    )  # fmt: skip
    assert (made.code, signed.code) == (OK, OK)
    commitment = signed.errors.partition("commitment: ")[2][:64]
    opening = json.loads((tmp_path / "why.opening").read_text())
    salt = bytes.fromhex(opening["salt"])
    check_commitment(bytes.fromhex(commitment), salt, opening["value"])


@pytest.mark.process
def test_a_node_that_signed_twice_is_reported(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    put = govchaind("propose", "calendar", "china-2026", *key("statistics"), "--json")
    identifier = put.json[0]["id"]
    assert govchaind("receipt", identifier, "-o", "mine.receipt", *NETWORK).code == OK
    mine = certificate_in((tmp_path / "mine.receipt").read_bytes())
    said = read_statement(mine.statement)
    theirs = replace(said, log_root=bytes(32)).encode()
    seed = read_seed(next((tmp_path / "net").rglob("attestation.key")))
    signature = SigningKey(seed).sign(Domain.ATTESTATION, theirs)
    (tmp_path / "theirs").write_bytes(Certificate(theirs, ((NODE, signature),)).encode())
    (tmp_path / "junk").write_text("junk")

    none = govchaind("evidence", *NETWORK)
    brought = govchaind("evidence", "bring", "mine.receipt", "theirs", *NETWORK)
    for _ in range(100):
        waiting = govchaind("evidence", *NETWORK)
        if "nobody has reported" in waiting.errors:
            break
        time.sleep(0.1)
    done = govchaind("evidence", "report-kept", *key("statistics"))
    nothing = govchaind("evidence", "report-kept", *key("statistics"))
    again = govchaind("evidence", "report", "mine.receipt", "theirs", *key("civil-affairs"))
    same = govchaind("evidence", "report", "mine.receipt", "mine.receipt", *key("statistics"))
    junk = govchaind("evidence", "report", "mine.receipt", "junk", *key("statistics"))
    table = govchaind("evidence", *NETWORK)
    listed = govchaind("evidence", *NETWORK, "--json").json["evidence"]

    assert none.errors.startswith("On the ledger no node is known to have signed two different")
    assert brought.output == f"The node keeps what {NODE} signed twice.\n"
    assert f"and nobody has reported: 1, against {NODE}. Report them: " in waiting.errors
    assert done.code == OK
    assert done.errors.startswith("committed at height ")
    assert (nothing.code, "error[nothing-to-report]" in nothing.errors) == (REFUSED, True)
    assert (again.code, "error[already-reported]" in again.errors) == (REFUSED, True)
    assert (same.code, "error[no-contradiction]" in same.errors) == (INVALID, True)
    assert (junk.code, "error[not-a-proof]: junk is no proof" in junk.errors) == (INVALID, True)
    assert table.output.splitlines()[1].split("\t")[0] == NODE
    assert [each["signed_height"] for each in listed] == [said.height]
