"""Receipts and state proofs, judged from files alone: true ones in one sentence, false ones not."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.api.sentence import Sentence
from govchaind.cli.main import INVALID, OK
from govchaind.cli.reading import state_name, state_sentence, state_value
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.receipt import build_receipt
from govchaind.ledger.state_keys import (
    HOLDING,
    asset_totals_key,
    holding_key,
    institution_key,
    motion_key,
    node_key,
    office_key,
    record_key,
    register_key,
)
from govchaind.ledger.state_proof import VerifiedState, build_state_proof
from govchaind.ledger.statement import read_statement
from tests.cli.command import Command
from tests.ledger.chain import Chain, with_register

KEY = record_key("divisions", b"110101")


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Return a chain with one record, its genesis lying in the test's folder."""
    made = with_register()
    for _ in range(3):
        made.apply()
    made.do(Kind.PUT, "divisions", b"110101", ["东城区", 42], None)
    made.do(Kind.PUT, "divisions", b"110101", ["too few"], None)
    made.apply()
    (tmp_path / "genesis.bin").write_bytes(made.genesis.bytes)
    return made


def receipt_of(chain: Chain, height: int) -> bytes:
    block = chain.step(height).block
    top = chain.certificate(len(chain.steps))
    return build_receipt(chain.store, block.transactions[0].id, block.raw, top)


def proof_of(chain: Chain, key: bytes) -> bytes:
    height = max(
        step.block.height
        for step in chain.steps
        if read_statement(step.applied.statement).state_root is not None
    )
    top = chain.certificate(len(chain.steps))
    return build_state_proof(chain.store, key, height, chain.step(height).block.header, top)


def test_a_receipt_is_one_sentence(chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 5))

    ended = govchaind("verify-receipt", "r.cbor", "--genesis", "genesis.bin")
    as_json = govchaind("verify-receipt", "r.cbor", "--genesis", "genesis.bin", "--json").json

    assert ended.code == OK
    assert ended.output.startswith("Proved: transaction ")
    assert "of registry/head was included at height 5" in ended.output
    assert "and took effect. A quorum of validators has signed this at height" in ended.output
    english, chinese = ended.output.splitlines()[:2]
    assert as_json["sentence"] == {"english": english, "chinese": chinese}
    assert chinese.startswith("已证明：registry/head 的交易 ")
    assert (as_json["holds"], as_json["outcome"], as_json["height"]) == (True, "applied", 5)
    assert as_json["operations"] == "1 put"


def test_a_receipt_of_a_refusal_says_so(chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 6))

    ended = govchaind("verify-receipt", "r.cbor", "--genesis", "genesis.bin")

    assert ended.code == OK
    assert (
        "was refused (value-does-not-fit-schema: The value does not fit the schema). "
        in ended.output
    )
    assert "被拒绝（value-does-not-fit-schema：该值不符合模式）。" in ended.output


def test_a_value_and_an_absence_are_proved(chain: Chain, govchaind: Command) -> None:
    Path("a").write_bytes(proof_of(chain, KEY))
    Path("b").write_bytes(proof_of(chain, record_key("divisions", b"999999")))

    present = govchaind("verify-receipt", "a", "--genesis", "genesis.bin")
    absent = govchaind("verify-receipt", "b", "--genesis", "genesis.bin", "--json")

    assert 'record "110101" of register "divisions" was in force' in present.output
    assert "东城区, 42" in present.output
    assert (absent.code, absent.json["present"]) == (OK, False)


def test_another_record_than_the_one_asked_for_is_refused(chain: Chain, govchaind: Command) -> None:
    """One path can prove the absence of many keys, so whoever asked for one compares it."""
    Path("here").write_bytes(proof_of(chain, KEY))
    Path("gone").write_bytes(proof_of(chain, record_key("divisions", b"\xff9")))
    trusted = ("--genesis", "genesis.bin")
    wanted = ("--register", "divisions", "--key", "110101")

    held = govchaind("verify-receipt", "here", *trusted, *wanted, "--json")
    in_hex = govchaind(
        "verify-receipt", "gone", *trusted, "--register", "divisions", "--key", "ff39", "--hex"
    )
    other = govchaind("verify-receipt", "gone", *trusted, *wanted)
    elsewhere = govchaind(
        "verify-receipt", "here", *trusted, "--register", "division", "--key", "s110101"
    )

    assert (held.code, held.json["record"]) == (OK, 'record "110101" of register "divisions"')
    assert (in_hex.code, 'no record ff39 of register "divisions"' in in_hex.output) == (OK, True)
    for ended in (other, elsewhere):
        assert (ended.code, ended.output) == (INVALID, "")
        assert ended.errors.startswith("error[other-key]")
    assert 'is of record ff39 of register "divisions"' in other.errors


def test_a_receipt_is_not_taken_for_a_record(chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 5))
    trusted = ("verify-receipt", "r.cbor", "--genesis", "genesis.bin")

    ended = govchaind(*trusted, "--register", "divisions", "--key", "110101")

    assert (ended.code, "error[other-key]" in ended.errors) == (INVALID, True)
    for half in (("--register", "divisions"), ("--key", "110101"), ("--hex",)):
        assert "--register NAME and --key KEY" in govchaind(*trusted, *half).errors


def test_every_changed_byte_is_refused(chain: Chain, govchaind: Command) -> None:
    whole = receipt_of(chain, 5)
    for place in range(0, len(whole), 37):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        Path("r.cbor").write_bytes(spoilt)

        ended = govchaind("verify-receipt", "r.cbor", "--genesis", "genesis.bin")

        assert (place, ended.code) == (place, INVALID)
        assert (ended.output, ended.errors.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "invalid-encoding"), (b"hello", "invalid-encoding"), (b"\x80", "not-a-proof"),
     (b"\x81\x65trust", "not-a-proof"), (b"\x00" * 5_000_000, "too-large")],
)  # fmt: skip
def test_what_is_no_proof_is_refused(
    data: bytes, code: str, chain: Chain, govchaind: Command
) -> None:
    Path("x").write_bytes(data)

    ended = govchaind("verify-receipt", "x", "--genesis", "genesis.bin")

    assert (ended.code, ended.errors.partition("]")[0]) == (INVALID, f"error[{code}")


def test_another_chains_receipt_is_refused(chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 5))
    govchaind("init", "network", "--directory", "other")

    ended = govchaind("verify-receipt", "r.cbor", "--genesis", "other/genesis.bin")

    assert (ended.code, "error[other-chain]" in ended.errors) == (INVALID, True)


def test_a_trust_file_serves_as_well_as_genesis(chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 5))

    made = govchaind("trust", "new", "t", "--genesis", "genesis.bin")
    shown = govchaind("trust", "show", "t", "--json").json
    again = govchaind("trust", "new", "t", "--genesis", "genesis.bin")
    ended = govchaind("verify-receipt", "r.cbor", "--trust", "t")

    assert (made.code, made.output.strip()) == (OK, chain.genesis.chain_id.hex())
    assert (shown["head_height"], shown["changes"]) == (0, 0)
    assert "already-there" in again.errors
    assert (ended.code, "nothing after genesis is known" in ended.output) == (OK, True)


@pytest.mark.parametrize("trust", [[], ["--genesis", "genesis.bin", "--trust", "t"]])
def test_exactly_one_thing_is_trusted(trust: list[str], chain: Chain, govchaind: Command) -> None:
    Path("r.cbor").write_bytes(receipt_of(chain, 5))

    ended = govchaind("verify-receipt", "r.cbor", *trust)

    assert (ended.code, "--trust FILE or --genesis FILE" in ended.errors) == (INVALID, True)


def test_a_missing_file_is_named(chain: Chain, govchaind: Command) -> None:
    ended = govchaind("verify-receipt", "none.cbor", "--genesis", "genesis.bin")

    assert (ended.code, "none.cbor" in ended.errors) == (INVALID, True)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (institution_key("bank"), 'institution "bank"'),
        (office_key("bank", "head"), 'office "head" of institution "bank"'),
        (register_key("r"), 'register "r"'),
        (record_key("r", b"\xff"), 'record ff of register "r"'),
        (node_key("n"), 'node "n"'),
        (asset_totals_key("a"), 'totals of asset "a": issued'),
        (holding_key("a", "b", "c", "d"), 'holding of asset "a" by "b/c" for "d"'),
        (HOLDING + b"odd", "the state key 1a6f6464"),
        (motion_key(bytes(32)), "the state key 07"),
    ],
)
def test_state_keys_have_names(key: bytes, expected: str) -> None:
    assert state_name(key).english.startswith(expected)


def test_state_values_are_readable_whatever_they_are() -> None:
    assert state_value(None) is None
    assert state_value(b"\x82\x41\xff\xf6") == ["ff", None]
    assert state_value(b"\xff\xff") == "ffff"
    proved = VerifiedState(
        key=node_key("n"), value=b"\x01", height=3, time=0, state_root=bytes(32), certified_height=4
    )
    assert state_sentence(proved) == Sentence(
        'Proved: at height 3, on 1 January 1970, 08:00:00 (UTC+8), node "n" had the value below. '
        "A quorum of validators has signed this at height 4.",
        '已证明：在高度 3（1970年1月1日08:00:00（UTC+8）），节点 "n" 的值如下所示。'
        "达到法定人数的验证节点已在高度 4 对此签名。",
    )
