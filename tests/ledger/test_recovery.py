"""A lost quorum: office keys alone lead over it, nothing kept changes, and it is seen for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidBlock, InvalidEncoding, InvalidProof
from govchaind.ledger.block import block_parts, make_block, read_block, recovery_block
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.membership import membership_of
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.receipt import build_receipt, verify_receipt
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.recovery_proof import check_record
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import NETWORK, recovery_key
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import build_steps, encode_advance, read_advance, read_trust
from tests.ledger.chain import Chain, filled, key, member
from tests.ledger.recovering import (
    of_survivors,
    record,
    recovered,
    steps_over,
    survivors,
    went_on,
)


def refused(chain: Chain, made: Recovery) -> str:
    """Return why the ledger does not take a record; nothing of it may stay."""
    before = list(chain.store.scan(b"", b"\xff" * 16))
    height = chain.ledger.height
    with pytest.raises(InvalidProof) as error:
        recovered(made, chain)
    assert (list(chain.store.scan(b"", b"\xff" * 16)), chain.ledger.height) == (before, height)
    return error.value.code


def test_a_recovery_leaves_the_survivors_in_force_and_the_lost_without_a_vote() -> None:
    chain, made, _ = went_on()
    assert [each.name for each in chain.membership.voters()] == ["node-c"]
    members, ordered_at = chain.ledger.wanted_members(chain.store)
    assert {each.name: each.role for each in members} == {
        "node-a": "observer",
        "node-b": "observer",
        "node-c": "validator",
        "node-d": "observer",
    }
    assert ordered_at == 9
    network = State().get(chain.store, NETWORK)
    assert network is not None
    assert decode(network, bytes_max=99) == [4, 4, 1, 9]
    kept = State().get(chain.store, recovery_key(9))
    assert kept is not None
    assert decode(kept, bytes_max=999) == [
        8,
        chain.step(8).block.hash,
        6,
        None,
        made.body.time,
        made.digest,
        ["bank", "court", "ministry"],
        ["node-a", "node-b"],
    ]


def test_whoever_carries_the_record_out_makes_the_same_block() -> None:
    chain, _ = filled()
    three, four = record(chain), record(chain, ("bank", "court", "ministry", "registry"))
    one, other = recovery_block(three), recovery_block(four)
    assert one.hash == other.hash
    assert one.raw != other.raw
    again = read_block(one.raw)
    assert (again.hash, again.recovery, again.membership) == (one.hash, three, one.membership)
    assert block_parts(one.raw)[1] == []


def test_signatures_may_be_gathered_apart_and_put_together() -> None:
    chain, _ = filled()
    apart = [record(chain, (name,)) for name in ("court", "bank", "ministry")]
    together = record(chain, ())
    for each in apart:
        together = together.with_signatures(each.signatures)
    assert together == record(chain)
    assert read_recovery(together.encode()) == together
    assert recovered(together, chain).height == 9


def test_too_few_institutions_recover_nothing() -> None:
    chain, _ = filled()
    assert refused(chain, record(chain, ("bank", "court"))) == "recovery-quorum"
    assert refused(chain, record(chain, ())) == "recovery-quorum"


def test_the_rule_for_nodes_says_how_many() -> None:
    chain, _ = filled()
    rule = [int(MotionKind.REMOVE_NODE), 4, 5, 0]
    assert chain.vote(MotionKind.SET_RULE, rule, "bank", "court", "ministry") == [0, 0, 0]
    certified = chain.ledger.height
    three = record(chain, certified=certified)
    assert refused(chain, three) == "recovery-quorum"
    with pytest.raises(InvalidProof, match="4 are needed"):
        check_record(three, chain.trust().check)
    four = three.signed("registry", key("registry head"))
    assert check_record(four, chain.trust().check) == ["bank", "court", "ministry", "registry"]
    assert recovered(four, chain).height == certified + 1


def test_keys_of_machines_of_other_offices_and_of_nobody_count_for_nothing() -> None:
    chain, _ = filled()
    two = record(chain, ("bank", "court"))
    for stranger in ("attest node-a", "registry one", "nobody"):
        assert refused(chain, two.signed("registry", key(stranger))) == "recovery-key"
    assert refused(chain, two.signed("no-such", key("registry head"))) == "invalid-proof"


def test_a_key_revoked_since_the_proofs_were_made_counts_for_nothing() -> None:
    chain, _ = filled()
    more = [[key("new").public, "New", 0, None]]
    assert chain.do(Kind.SET_KEY_POLICY, "head", 1, more, institution="ministry") == 0
    stale = record(chain)
    assert check_record(stale, chain.trust().check) == ["bank", "court", "ministry"]
    assert refused(chain, stale) == "recovery-key"


def test_a_signature_of_something_else_makes_the_record_invalid() -> None:
    chain, _ = filled()
    good = record(chain)
    other = record(chain, lost=20)
    mixed = replace(good, signatures=other.signatures)
    assert refused(chain, mixed) == "recovery-signature"


def test_a_suspended_institution_neither_signs_nor_counts() -> None:
    chain, _ = filled()
    motion = ["bank", "silent", None]
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, motion, "court", "ministry", "registry") == [
        0, 0, 0,
    ]  # fmt: skip
    certified = chain.ledger.height
    assert refused(chain, record(chain, certified=certified)) == "invalid-proof"
    two = record(chain, ("court", "ministry"), certified=certified)
    assert recovered(two, chain).height == certified + 1


def test_a_recovery_brings_in_no_node_that_nobody_has_decided_on() -> None:
    chain, _ = filled()
    stranger = membership_of([member("node-x", "court")], 8)
    assert refused(chain, record(chain, membership=stranger)) == "invalid-proof"
    ours = survivors(chain, "node-c").members[0]
    turned = replace(ours, attestation_key=key("thief").public)
    assert refused(chain, record(chain, membership=membership_of([turned], 8))) == "invalid-proof"


def test_a_block_with_a_record_has_no_other_form() -> None:
    chain, _ = filled()
    made = record(chain)
    block = recovery_block(made)
    header, _, membership, said = decode(block.raw, bytes_max=len(block.raw))
    plain = chain.block(membership=made.body.membership)
    for wrong in (
        [header, [], membership, None],
        [header, [], membership],
        [header, [], None, said],
        [plain.header, [], membership, said],
        [header, [chain.raw((int(Kind.ENACT), [bytes(32)]))], membership, said],
    ):
        with pytest.raises((InvalidBlock, InvalidEncoding)):
            read_block(encode(wrong))
    assert made.body.encode() == made.raw


def test_a_record_has_one_form() -> None:
    chain, _ = filled()
    made = record(chain)
    body, proofs, signatures = decode(made.encode(), bytes_max=len(made.encode()))
    for wrong in (
        [body, proofs, list(reversed(signatures))],
        [body, proofs, [*signatures, signatures[-1]]],
        [body, proofs],
    ):
        with pytest.raises(InvalidEncoding):
            read_recovery(encode(wrong))
    said = decode(body, bytes_max=len(body))
    less = [*said[:3], 5, said[4], 6, *said[6:]]
    kept_and_left = [*said[:-1], ["node-c"]]
    for wrong in (less, kept_and_left, [*said[:-1], ["node-b", "node-a"]]):
        with pytest.raises(InvalidEncoding):
            read_recovery(encode([encode(wrong), proofs, []]))


def test_trust_goes_over_a_recovery_by_office_keys_and_says_so() -> None:
    chain, made, raws = went_on()
    old = chain.trust()
    steps = read_advance(encode_advance(steps_over(chain, made, old)))
    later = old.advance(steps)
    assert (later.head_height, later.era, later.changes) == (11, 9, 1)
    assert [(each.height, each.kept, each.lost) for each in later.recoveries] == [(9, 8, None)]
    assert "recovered at height 9 by the keys of its institutions" in later.describe()
    assert read_trust(later.encode()) == later
    name = read_transaction(raws[0]).id
    raw = chain.step(5).block.raw
    new = build_receipt(chain.store, name, raw, of_survivors(chain, 11))
    assert verify_receipt(new, later).height == 5
    with pytest.raises(InvalidProof):
        verify_receipt(new, old)
    before = build_receipt(chain.store, name, raw, chain.certificate(6))
    assert verify_receipt(before, old).height == 5


def test_trust_does_not_go_over_by_the_survivors_word_alone() -> None:
    chain, made, _ = went_on()
    old = chain.trust()
    over, newest = steps_over(chain, made, old)
    few = record_of(made, 2)
    with pytest.raises(InvalidProof, match="3 are needed"):
        old.advance([replace(over, recovery=few.encode())])
    with pytest.raises(InvalidProof):
        old.advance([replace(over, recovery=None)])
    with pytest.raises(InvalidProof):
        old.advance([newest])
    with pytest.raises(InvalidProof):
        old.advance([replace(over, certificate=of_survivors(chain, 9, "node-a", "node-b"))])


def record_of(made: Recovery, signatures: int) -> Recovery:
    return replace(made, signatures=made.signatures[:signatures])


def test_trust_that_has_seen_more_than_was_kept_refuses_the_recovery() -> None:
    chain, _ = filled()
    ahead, _ = filled()
    ahead.apply()
    newest = ahead.certificate(9)
    seen = ahead.trust().advance(
        build_steps(ahead.store, from_height=0, configurations=[], newest=newest)
    )
    made = record(chain)
    recovered(made, chain)
    with pytest.raises(InvalidProof) as lost:
        seen.advance(steps_over(chain, made, seen))
    assert lost.value.code == "recovery-lost-the-head"


def test_a_certificate_carries_the_record_and_no_receipt_does() -> None:
    chain, made, raws = went_on()
    bare = of_survivors(chain, 7)
    carrying = Certificate(bare.statement, bare.signatures, made.encode())
    again = read_certificate(carrying.encode())
    assert (again, again.recovery) == (bare, made.encode())
    with pytest.raises(InvalidEncoding):
        read_certificate(encode([bare.statement, [list(pair) for pair in bare.signatures], None]))
    name = read_transaction(raws[0]).id
    built = build_receipt(chain.store, name, chain.step(5).block.raw, carrying)
    assert built == build_receipt(chain.store, name, chain.step(5).block.raw, bare)
    with pytest.raises(InvalidProof, match="no record"):
        chain.trust().check(carrying)


def test_proofs_of_another_height_chain_or_value_do_not_hold() -> None:
    chain, _ = filled()
    made = record(chain)
    believed = chain.trust().check
    assert check_record(made, believed) == ["bank", "court", "ministry"]
    parts = decode(made.proofs, bytes_max=len(made.proofs))
    other = record(chain, certified=7)
    values = [list(item) for item in parts[5]]
    network = next(item for item in values if item[0] == NETWORK)
    network[1] = encode([1, 4, 3, 0])
    missing = [item for item in parts[5] if item[0] != NETWORK]
    for wrong in (
        other.proofs,
        encode([*parts[:5], values]),
        encode([*parts[:5], missing]),
        encode([parts[0], bytes(32), *parts[2:]]),
    ):
        forged = Recovery(made.raw, made.body, wrong, made.signatures)
        with pytest.raises(InvalidProof):
            check_record(forged, believed)


def test_a_configuration_block_cannot_pass_for_a_recovery() -> None:
    chain, _ = filled()
    made = record(chain)
    plain = make_block(
        chain_id=chain.genesis.chain_id,
        height=9,
        previous=chain.ledger.last_hash,
        term=9,
        leader="node-c",
        time=made.body.time,
        membership=made.body.membership,
    )
    assert (plain.recovery, recovery_block(made).recovery) == (None, made)
    assert plain.hash != recovery_block(made).hash
