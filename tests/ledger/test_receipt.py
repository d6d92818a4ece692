"""Receipts and state proofs: what they say, and that no bit of them may change."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import Invalid, InvalidEncoding, InvalidProof, NotFound
from govchaind.base.merkle import SUITE_1
from govchaind.base.types import Hash
from govchaind.ledger.height_proof import sided_path, sided_root
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code, Outcome
from govchaind.ledger.receipt import build_receipt, build_receipt_at, verify_receipt
from govchaind.ledger.state_keys import record_key
from govchaind.ledger.state_proof import build_state_proof, verify_state_proof
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import (
    TrustRoot,
    read_trust,
)
from tests.ledger.chain import filled

PUT = int(Kind.PUT)


@cache
def sample() -> tuple[bytes, bytes, bytes, TrustRoot]:
    """Return a receipt, a state proof of a value, one of an absence, and who believes them."""
    chain, raws = filled()
    certificate = chain.certificate(7, "node-a", "node-c")
    step = chain.step(5)
    receipt = build_receipt(chain.store, read_transaction(raws[4]).id, step.block.raw, certificate)
    proofs = [
        build_state_proof(
            chain.store, record_key("divisions", name), 5, step.block.header, certificate
        )
        for name in (b"3", b"nothing")
    ]
    return receipt, proofs[0], proofs[1], chain.trust()


def refused_flips(data: bytes, verify: Any) -> int:
    """Flip every bit once; return how many were refused with an error of the Invalid tree."""
    refused = 0
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            verify(bytes(changed))
        except Invalid:
            refused += 1
    return refused


def test_a_receipt_says_what_happened() -> None:
    chain, raws = filled()
    trust = chain.trust()
    for position, raw in enumerate(raws):
        transaction = read_transaction(raw)
        for height in (5, 6, 7, 8):
            data = build_receipt(
                chain.store, transaction.id, chain.step(5).block.raw, chain.certificate(height)
            )
            verified = verify_receipt(data, trust)
            expected = Outcome(0) if position < 4 else Outcome(Code.REVISION_CONFLICT, 0)
            assert verified.outcome == expected
            assert (verified.transaction_id, verified.identity) == (
                transaction.id,
                transaction.identity,
            )
            assert verified.transaction is not None
            assert verified.transaction.raw == raw
            assert (verified.height, verified.certified_height) == (5, height)
            assert verified.time == chain.step(5).block.time
            assert verified.block_hash == chain.step(5).block.hash


def test_a_receipt_without_the_transaction_holds_too() -> None:
    chain, raws = filled()
    block = chain.step(5).block.raw
    certificate = chain.certificate(5)
    data = build_receipt_at(chain.store, (5, 2), block, certificate, with_transaction=False)
    verified = verify_receipt(data, chain.trust())
    assert verified.transaction is None
    assert verified.identity == read_transaction(raws[2]).identity


def test_what_cannot_be_proved_is_not_found() -> None:
    chain, raws = filled()
    block = chain.step(5).block
    name = read_transaction(raws[0]).id
    with pytest.raises(NotFound):
        build_receipt(chain.store, bytes(32), block.raw, chain.certificate(7))
    with pytest.raises(NotFound):
        build_receipt(chain.store, name, block.raw, chain.certificate(4))
    with pytest.raises(NotFound):
        build_receipt_at(chain.store, (5, 5), block.raw, chain.certificate(7))


def test_a_state_proof_says_value_and_absence() -> None:
    _, value, absence, trust = sample()
    there, gone = verify_state_proof(value, trust), verify_state_proof(absence, trust)
    assert there.value == encode([1, False, ["3", 3]])
    assert gone.value is None
    assert (there.height, there.certified_height) == (5, 7)
    assert there.key == record_key("divisions", b"3")


def test_no_bit_of_a_receipt_may_change() -> None:
    receipt, _, _, trust = sample()
    verify_receipt(receipt, trust)
    assert refused_flips(receipt, lambda data: verify_receipt(data, trust)) == len(receipt) * 8


@pytest.mark.parametrize("place", [1, 2], ids=["value", "absence"])
def test_no_bit_of_a_state_proof_may_change(place: int) -> None:
    proof, trust = sample()[place], sample()[3]
    assert isinstance(proof, bytes)
    key_asked = verify_state_proof(proof, trust).key

    def verify(data: bytes) -> None:
        verify_state_proof(data, trust, key=key_asked)

    assert refused_flips(proof, verify) == len(proof) * 8


def test_a_path_proves_the_absence_of_neighbours_only_by_their_own_name() -> None:
    """A changed key of an absence proof may be absent too; then it is proved under that key."""
    absence, trust = sample()[2], sample()[3]
    asked = verify_state_proof(absence, trust).key
    at = absence.index(asked)
    other = absence[:at] + asked[:-1] + b"G" + absence[at + len(asked) :]
    assert verify_state_proof(other, trust).key == asked[:-1] + b"G"
    with pytest.raises(InvalidProof):
        verify_state_proof(other, trust, key=asked)


def test_no_bit_of_a_trust_file_may_change() -> None:
    trust = sample()[3]
    data = trust.encode()
    assert read_trust(data) == trust
    assert refused_flips(data, read_trust) == len(data) * 8


def test_cut_and_lengthened_files_are_refused() -> None:
    receipt, proof, _, trust = sample()
    for length in range(len(receipt)):
        with pytest.raises(Invalid):
            verify_receipt(receipt[:length], trust)
    for data, verify in ((receipt, verify_receipt), (proof, verify_state_proof)):
        with pytest.raises(InvalidEncoding):
            verify(data + b"\x00", trust)
    with pytest.raises(InvalidEncoding):
        verify_receipt(proof, trust)


def test_a_receipt_of_another_chain_is_refused() -> None:
    receipt, _, _, trust = sample()
    with pytest.raises(InvalidProof):
        verify_receipt(receipt, replace(trust, chain_id=bytes(32)))


def test_a_receipt_may_not_carry_another_transaction() -> None:
    receipt, _, _, trust = sample()
    fields = decode(receipt, bytes_max=1 << 20)
    fields[4] = filled()[1][0]
    with pytest.raises(InvalidProof):
        verify_receipt(encode(fields), trust)


def test_a_height_that_is_no_checkpoint_proves_no_state() -> None:
    chain, _ = filled()
    with pytest.raises(NotFound):
        build_state_proof(chain.store, b"\x06", 6, chain.step(6).block.header, chain.certificate(7))
    proof = decode(sample()[1], bytes_max=1 << 20)
    proof[6][1] = None
    with pytest.raises(InvalidProof):
        verify_state_proof(encode(proof), sample()[3])


# --- paths with sides ------------------------------------------------------------


def test_paths_with_sides_lead_to_the_root_from_every_leaf() -> None:
    for size in range(1, 34):
        leaves = [SUITE_1.leaf(bytes((number,))) for number in range(size)]
        root = _root(leaves)
        for index, leaf in enumerate(leaves):
            sides, path = sided_path(leaves, index)
            assert sided_root(leaf, sides, path) == root


def _root(leaves: list[Hash]) -> Hash:
    """RFC 9162 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return SUITE_1.node(_root(leaves[:split]), _root(leaves[split:]))
