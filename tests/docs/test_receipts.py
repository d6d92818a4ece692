"""The script in docs/receipts.md, exactly as it stands there, on real receipts and changed ones."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.ledger.receipt import build_receipt, build_receipt_at, verify_receipt
from govchaind.ledger.transaction import read_transaction
from tests.docs.tables import DOCS
from tests.ledger.chain import Chain, filled, signed
from tests.ledger.recovering import of_survivors, steps_over, went_on


@dataclass
class ByHand:
    """The script, and the files that it is given."""

    folder: Path
    chain: Chain
    raws: list[bytes]

    def receipt(self, position: int, height: int = 7, *signers: str) -> bytes:
        """Return the receipt of a transaction of height 5, certified at `height`."""
        return build_receipt(
            self.chain.store,
            read_transaction(self.raws[position]).id,
            self.chain.step(5).block.raw,
            self.chain.certificate(height, *(signers or ("node-a", "node-c"))),
        )

    def run(self, receipt: bytes, believed: bytes) -> subprocess.CompletedProcess[str]:
        (self.folder / "receipt").write_bytes(receipt)
        (self.folder / "believed").write_bytes(believed)
        return subprocess.run(
            ["bash", "by-hand", "receipt", "believed"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def refuses(self, receipt: bytes, believed: bytes | None = None) -> str:
        """Return why it does not hold; it must say so in one line, by itself."""
        done = self.run(receipt, self.chain.genesis.bytes if believed is None else believed)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"DOES NOT HOLD: .+\n", done.stderr), done.stderr
        return done.stderr.removeprefix("DOES NOT HOLD: ").rstrip("\n")


@pytest.fixture(name="hand")
def by_hand(tmp_path: Path) -> ByHand:
    found = re.findall(r"```bash\n(.*?)```", (DOCS / "receipts.md").read_text(), re.DOTALL)
    assert len(found) == 1
    (tmp_path / "by-hand").write_text(found[0])
    chain, raws = filled()
    return ByHand(tmp_path, chain, raws)


@pytest.mark.parametrize(("position", "height"), [(0, 5), (2, 6), (4, 7), (3, 8)])
def test_real_receipts_hold(hand: ByHand, position: int, height: int) -> None:
    data = hand.receipt(position, height)
    proved = verify_receipt(data, hand.chain.trust())
    done = hand.run(data, hand.chain.genesis.bytes)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"HOLDS: transaction {proved.transaction_id.hex()} of registry/head\n" in done.stdout
    assert f"height {proved.height}, block time {proved.time} ms, leader node-a" in done.stdout
    assert f"outcome code {proved.outcome.code}" in done.stdout
    assert f"signed by 2 of 3 validators at height {height}" in done.stdout


def test_a_trust_file_and_a_receipt_without_its_transaction(hand: ByHand) -> None:
    block = hand.chain.step(5).block.raw
    certificate = hand.chain.certificate(8)
    data = build_receipt_at(
        hand.chain.store, (5, 1), block, certificate, with_transaction=False
    )  # fmt: skip
    done = hand.run(data, hand.chain.trust().encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert "signed by 3 of 3 validators at height 8" in done.stdout


def test_a_trust_file_that_came_over_a_recovery_says_so(hand: ByHand) -> None:
    chain, made, raws = went_on()
    trust = chain.trust().advance(steps_over(chain, made, chain.trust()))
    name, block = read_transaction(raws[0]).id, chain.step(5).block.raw
    data = build_receipt(chain.store, name, block, of_survivors(chain, 11))
    done = hand.run(data, trust.encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert "signed by 1 of 1 validators at height 11" in done.stdout
    assert "RECOVERED by its institutions at height 9, kept up to height 8\n" in done.stdout
    assert hand.refuses(data, chain.trust().encode()).startswith("1 of 3 validators have signed")


def test_no_byte_may_be_changed(hand: ByHand) -> None:
    """A bit of every 20th byte and of each byte at a joint; every byte was tried once by hand."""
    data = hand.receipt(4)
    certificate = decode(data, bytes_max=len(data))[9][3]
    statement_end = len(data) - len(certificate) + 3 + len(decode(certificate, bytes_max=999)[0])
    places = {*range(0, len(data), 20), 1, 8, 9, len(data) - 1, statement_end, statement_end + 1}
    chance = Random(5)
    for place in sorted(places):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        assert hand.refuses(bytes(changed))


def test_cut_short_or_longer_is_refused(hand: ByHand) -> None:
    data = hand.receipt(0)
    assert hand.refuses(data[: len(data) // 2]) == "cut short"
    assert hand.refuses(b"") == "cut short"
    assert hand.refuses(data + b"\x00") == "bytes follow after the end"


def test_too_few_signatures_are_refused(hand: ByHand) -> None:
    fields = decode(hand.receipt(0), bytes_max=99_999)
    fields[9][3] = signed(hand.chain, 7, "node-b").encode()
    assert hand.refuses(encode(fields)) == "1 of 3 validators have signed; 2 are needed"


def test_an_observers_signature_counts_for_nothing(hand: ByHand) -> None:
    fields = decode(hand.receipt(0), bytes_max=99_999)
    fields[9][3] = signed(hand.chain, 7, "node-a", "node-d").encode()
    assert hand.refuses(encode(fields)) == "node-d is no validator"


def test_one_signer_does_not_count_twice(hand: ByHand) -> None:
    fields = decode(hand.receipt(0), bytes_max=99_999)
    statement, pairs = decode(signed(hand.chain, 7, "node-a").encode(), bytes_max=999)
    fields[9][3] = encode([statement, [pairs[0], pairs[0]]])
    assert hand.refuses(encode(fields)) == "signatures are sorted by name, none twice"


def test_another_chain_is_refused(hand: ByHand) -> None:
    other = decode(hand.chain.genesis.bytes, bytes_max=99_999)
    other[1] = "another"
    assert hand.refuses(hand.receipt(0), encode(other)) == "made for another chain"


def test_numbers_beyond_64_bits_and_lying_lengths_are_refused(hand: ByHand) -> None:
    data = hand.receipt(0)
    huge = data.replace(b"\x01\x58\x20", b"\x1b" + b"\xff" * 8 + b"\x58\x20", 1)
    assert hand.refuses(huge) == "a number is written in more bytes than it needs"
    lying = data.replace(b"\x58\x20", b"\x5b\x7f" + b"\xff" * 7, 1)
    assert hand.refuses(lying) == "cut short"
