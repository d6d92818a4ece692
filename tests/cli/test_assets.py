"""Assets from the command line: issued, settled with, frozen, given back, and proved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from govchaind.cli.main import INVALID, OK, REFUSED
from govchaind.ledger.commitment import make_commitment
from tests.cli.command import Command, Ended
from tests.cli.test_decisions import PROPOSE_MANDATE, decide, key, read_key
from tests.cli.test_exchange import wait_for_checkpoint
from tests.cli.test_network import NETWORK, network

__all__ = ["network"]  # a fixture
BANK, RAIL = "savings-bank/governing", "railways/governing"
CREATE = (
    "assets", "create", "vouchers", "--title", "Vouchers 代金券", "--unit", "answers",
    "--mandate", "law", "--supervisor", "statistics/governing", "--purpose", "lookups",
    "--purpose", "repairs", "--until", "2998-12-31",
)  # fmt: skip


def last_error(ended: Ended) -> str:
    assert (ended.code, ended.errors.splitlines()[-1][:6]) == (REFUSED, "error[")
    return ended.errors.splitlines()[-1].partition("]")[0].removeprefix("error[")


@pytest.mark.process
def test_an_asset_from_its_creation_to_the_proof_of_its_totals(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "law.txt").write_text("Article 1")
    (tmp_path / "order.txt").write_text("An order of the court.")
    decide(govchaind, *PROPOSE_MANDATE)
    created = govchaind(*CREATE, *key("civil-affairs"))
    issue = ("assets", "issue", "vouchers", 100, "--to", RAIL, "--for", "lookups")
    issued = govchaind(*issue, *key("civil-affairs"))
    stranger = govchaind(*issue, *key("railways"))
    pay = ("assets", "transfer", "vouchers", 30, "--to", BANK, "--for", "lookups")
    unowed = govchaind(*pay, "--settles", "railways/req-17/3", "--received", *key("railways"))
    paid = govchaind(*pay, *key("railways"))
    freeze = ("assets", "freeze", "vouchers", "--holder", RAIL, "--for", "lookups",
              "--amount", 60, "--ground", "court-order", "--reason", "order.txt")  # fmt: skip
    unopened = govchaind(*freeze, *key("statistics"))
    frozen = govchaind(*freeze, "--opening", "order.opening", *key("statistics"))
    refused = govchaind(*pay, *key("railways"))
    redeemed = govchaind(
        "assets", "redeem", "vouchers", 10, "--for", "lookups", *key("savings-bank")
    )
    table = govchaind("assets", *NETWORK)
    held = govchaind("assets", "holdings", "vouchers", *read_key("civil-affairs"))
    of_bank = govchaind("assets", "holdings", "--of", BANK, *read_key("savings-bank"), "--json")
    thawed = govchaind("assets", "thaw", "vouchers", "--holder", RAIL, "--for", "lookups",
                       "--ground", "court-order", "--amount", 20, *key("statistics"))  # fmt: skip
    wait_for_checkpoint(tmp_path)
    one = govchaind(
        "assets", "holding", "vouchers", RAIL, "lookups", "--proof", "rail.proof",
        *read_key("railways"),
    )  # fmt: skip
    shown = govchaind("assets", "show", "vouchers", "--proof", "totals.proof", *NETWORK)
    verify = ("verify-receipt", "totals.proof", "--genesis", "net/genesis.bin", "--json")
    proved = govchaind(*verify)

    for ended in (created, issued, paid, frozen, redeemed, thawed):
        assert ended.code == OK, ended.errors
    assert "What is signed: civil-affairs/governing created the asset vouchers" in created.errors
    assert "签名内容：railways/governing 向 savings-bank/governing 转让了资产 vouchers 30" in (
        paid.errors
    )
    assert "to settle delivery 3 under the request req-17 of railways, which was" in unowed.errors
    assert last_error(unowed) == "nothing-to-settle"
    assert last_error(stranger) == "not-asset-issuer"
    assert (unopened.code, "error[opening-needed]" in unopened.errors) == (INVALID, True)
    assert last_error(refused) == "holding-frozen"
    assert table.output.splitlines()[1].split("\t") == [
        "vouchers", "Vouchers 代金券", "100", "10", "90", "civil-affairs/governing", "open"
    ]  # fmt: skip
    assert held.output.splitlines()[1:] == [
        f"vouchers\t{RAIL}\tlookups\t70\t10\tcourt-order: 60",
        f"vouchers\t{BANK}\tlookups\t20\t20\t–",
    ]
    assert [row["balance"] for row in of_bank.json["holdings"]] == [20]
    assert "court-order: 40" in one.output
    assert "to the end of 31 December 2998" in shown.output
    assert proved.json["value"] == [100, 10, 90]
    opened = json.loads((tmp_path / "order.opening").read_text())
    [freeze_told] = govchaind(
        "assets", "holding", "vouchers", RAIL, "lookups", *read_key("railways"), "--json"
    ).json["freezes"]
    commitment = make_commitment(bytes.fromhex(opened["salt"]), opened["value"])
    assert freeze_told["reason"] == commitment.hex()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("issue", "v", 0, "--to", BANK, "--for", "p"), "0 is not in the range"),
        (("issue", "v", 2**64, "--to", BANK, "--for", "p"), "is not in the range"),
        (("issue", "v", 1, "--to", "bank", "--for", "p"), "an office is INSTITUTION/OFFICE"),
        (("transfer", "v", 1, "--to", BANK, "--for", "p", "--settles", "a/b"), "a delivery is"),
        (("transfer", "v", 1, "--to", BANK, "--for", "p", "--settles", f"a/b/{'1' * 64}"),
         "a delivery is"),
        (("transfer", "v", 1, "--to", BANK, "--for", "p", "--received"), "give --settles too"),
        (("holdings",), "give either NAME or --of"),
        (("holdings", "v", "--of", BANK), "give either NAME or --of"),
    ],
)  # fmt: skip
def test_wrong_words_are_refused_on_one_line(
    arguments: tuple[object, ...], told: str, govchaind: Command
) -> None:
    signs = () if arguments[0] == "holdings" else ("--key", "none.key")
    ended = govchaind("assets", *arguments, "--url", "http://127.0.0.1:1", *signs)
    assert ended.code == INVALID
    assert told in ended.errors


def test_a_name_that_cannot_be_is_refused_before_it_is_signed(
    govchaind: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"\xff")
    office = ("--institution", "rail", "--office", "governing", "--title", "Head")
    assert govchaind("keys", "new", *office, "-o", "rail.key").code == OK
    to = ("--to", BANK, "--for", "UPPER", "--url", "http://127.0.0.1:1", "--key", "rail.key")
    ended = govchaind("assets", "issue", "v", 1, *to)
    freeze = ("--holder", BANK, "--for", "p", "--ground", "g", "--reason", "empty.txt")
    unreadable = govchaind(
        "assets", "freeze", "v", *freeze, "--opening", "o", "--url", "http://127.0.0.1:1",
        "--key", "rail.key",
    )  # fmt: skip
    assert (ended.code, ended.errors.count("\n")) == (INVALID, 1)
    assert ended.errors.startswith("error[malformed-operation]")
    assert unreadable.errors.startswith("error[bad-value]")
