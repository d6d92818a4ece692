"""Validators that lie together can sign whatever they like. What they cannot sign for others, or
what contradicts the rest, is refused all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.merkle import SUITE_1, root
from govchaind.data.exit.verify import Heights, json_line
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.receipt import build_receipt_at
from govchaind.ledger.results import read_result
from govchaind.ledger.trust import TrustRoot
from tests.exit_pack.packed import eventful, pack, seal, store, verify_here
from tests.exit_pack.test_damage import records, refused, write_records
from tests.ledger.chain import key, with_register

PUT = int(Kind.PUT)


class Liars:
    """All validators of a chain of five blocks, and the pack that they make of it."""

    def __init__(self, folder: Path) -> None:
        self.chain = with_register()
        for number in range(3):
            assert self.put(b"%d" % number) == [0]
        self.folder = folder

    def put(self, name: bytes, **author: Any) -> list[int]:
        return self.chain.codes(
            self.chain.raw((PUT, ["divisions", name, ["x", 1], None]), **author)
        )

    def make(self, change: Callable[[list[Any]], None] = lambda record: None) -> None:
        """Write the pack, its last block changed, and sign everything anew that they can sign.

        A record is here [header's fields, transactions, membership, state root, outcomes].
        """
        pack(store(self.chain), self.folder, tables=False)
        path = max((self.folder / "blocks").iterdir())
        found = records(path)
        block, _, state_root, outcomes = found[-1]
        raw, transactions, membership = decode(block, bytes_max=len(block))
        record = [decode(raw, bytes_max=len(raw)), transactions, membership, state_root, outcomes]
        change(record)
        found[-1] = self._signed(record)
        write_records(path, found)

    def _signed(self, record: list[Any]) -> list[Any]:
        header, transactions, membership, state_root, outcomes = record
        raw = encode(header)
        height, block_hash = self.chain.ledger.height, digest(Domain.BLOCK, raw)
        leaves = []
        lines = (self.folder / "transactions.jsonl").read_text().splitlines(keepends=True)
        for place, (item, outcome) in enumerate(zip(transactions, outcomes, strict=True)):
            body, _ = decode(item, bytes_max=len(item))
            identity = digest(Domain.TRANSACTION, item)
            name = digest(Domain.TRANSACTION_BODY, body)
            leaves.append(SUITE_1.leaf(encode([name, identity, *outcome])))
            line = {**json.loads(lines[-1]), "identity": identity.hex(), "id": name.hex()}
            lines[place - len(transactions)] = json_line({**line, "code": outcome[0],
                                                          "operation": outcome[1]})  # fmt: skip
        (self.folder / "transactions.jsonl").write_text("".join(lines))
        heights = Heights()
        for earlier in range(1, height):
            heights.append(SUITE_1.leaf(read_result(self.chain.store, earlier).leaf()))
        result = [height, block_hash, root(leaves), state_root]
        heights.append(SUITE_1.leaf(encode(result)))
        statement = encode([1, self.chain.genesis.chain_id, *result, heights.root()])
        signatures = [
            [voter.name, key(f"attest {voter.name}").sign(Domain.ATTESTATION, statement)]
            for voter in self.chain.membership.voters()
        ]
        trust = TrustRoot(
            self.chain.genesis.chain_id,
            self.chain.genesis.name,
            height,
            heights.root(),
            0,
            self.chain.membership,
            0,
        )
        (self.folder / "trust.file").write_bytes(trust.encode())
        self.facts = {"block_hash": block_hash.hex(), "log_root": heights.root().hex()}
        certificate = encode([statement, signatures])
        return [encode([raw, transactions, membership]), certificate, state_root, outcomes]

    def seal(self) -> None:
        seal(self.folder, **self.facts)


@pytest.fixture(name="liars")
def the_liars(tmp_path: Path) -> Liars:
    return Liars(tmp_path / "pack")


def test_what_they_sign_anew_holds_while_it_is_true(liars: Liars) -> None:
    assert liars.put(b"true") == [0]
    liars.make()
    liars.seal()
    done = verify_here(liars.folder)
    assert (done.code, done.errors) == (0, "")


def test_an_office_that_has_not_signed(liars: Liars) -> None:
    raw = bytearray(liars.chain.raw((PUT, ["divisions", b"forged", ["x", 1], None])))
    raw[-5] ^= 1
    assert liars.chain.codes(bytes(raw)) == [0]  # whoever applies has checked signatures before
    liars.make()
    liars.seal()
    assert "the signature of key" in refused(liars.folder, where="height 5: ")


@pytest.mark.parametrize(
    "author",
    [
        {"signers": ["bank head"]},
        {"office_name": "pair", "signers": ["registry one"]},
        {"office_name": "nobody"},
        {"institution": "nobody", "signers": ["registry head"]},
    ],
)
def test_an_act_without_the_offices_keys(liars: Liars, author: dict[str, Any]) -> None:
    assert liars.put(b"theirs", **author) != [0]

    def say_that_it_took_effect(record: list[Any]) -> None:
        record[4][0] = [0, None]

    liars.make(say_that_it_took_effect)
    liars.seal()
    assert "transaction 0 was applied, but" in refused(liars.folder, where="height 5: ")


def test_an_act_for_another_chain(liars: Liars) -> None:
    assert liars.put(b"elsewhere", chain_id=bytes(32)) != [0]

    def say_that_it_took_effect(record: list[Any]) -> None:
        record[4][0] = [0, None]

    liars.make(say_that_it_took_effect)
    liars.seal()
    assert "transaction 0 is of another chain" in refused(liars.folder)


# What a header says, by its place, and what is told of another value there.
HEADERS: dict[str, tuple[int, Callable[[Any], Any], str]] = {
    "version": (0, lambda _: 2, "of another chain or version"),
    "chain": (1, lambda _: bytes(32), "of another chain or version"),
    "height": (2, lambda height: height + 1, "block 6 stands where 5 is due"),
    "previous": (3, lambda _: bytes(32), "it does not follow block 4"),
    "transactions": (4, lambda _: bytes(32), "its transactions are not those"),
    "term": (5, lambda _: 0, "not later than the block before"),
    "time": (7, lambda time: time - 1000, "not later than the block before"),
    "membership": (8, lambda _: bytes(32), "another membership than the one in force"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_contradicts_the_rest(liars: Liars, name: str) -> None:
    place, value, said = HEADERS[name]
    assert liars.put(b"true") == [0]

    def change(record: list[Any]) -> None:
        record[0][place] = value(record[0][place])

    liars.make(change)
    liars.seal()
    assert said in refused(liars.folder, where="height 5: ")


def test_a_state_that_nobody_has_written(liars: Liars) -> None:
    assert liars.put(b"true") == [0]

    def change(record: list[Any]) -> None:
        record[3] = bytes(32)

    liars.make(change)
    liars.seal()
    assert "the state has not the root that was signed" in refused(liars.folder)


def test_a_receipt_of_another_history(tmp_path: Path) -> None:
    """Both histories have the same validators' signatures: that is their guilt, and no receipt."""
    folder = tmp_path / "pack"
    pack(store(eventful()), folder, until=3, tables=False)
    other = with_register()
    for number in range(5):
        assert other.do(PUT, "divisions", b"%d" % number, ["other", 0], None) == 0
    for height, certified in ((2, 3), (2, 6)):
        block = other.step(height).block.raw
        receipt = build_receipt_at(other.store, (height, 0), block, other.certificate(certified))
        (tmp_path / "receipt").write_bytes(receipt)
        done = verify_here(folder, "--receipt", tmp_path / "receipt")
        assert (done.code, "the receipt: the pack has another result" in done.errors) == (1, True)
