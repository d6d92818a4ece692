"""A node's keys change in place: who signs what with which key, and what is believed afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.crypto import Domain
from govchaind.base.errors import InvalidProof
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.membership import Membership, membership_of, next_steps
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.receipt import build_receipt, verify_receipt
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.versions import KNOWN_VERSION
from tests.ledger.chain import Chain, filled, key, member
from tests.ledger.test_trust import steps_from

NEW = [key("attest node-a again").public, key("tls node-a again").public]
MAJORITY = ("bank", "court", "ministry")


def steps(chain: Chain) -> list[Membership]:
    wanted, ordered_at = chain.ledger.wanted_members(chain.store)
    return next_steps(chain.membership, wanted, ordered_at)


def changed() -> tuple[Chain, list[bytes], int]:
    """Return a chain on which node-a's keys have changed in its newest block, and that height."""
    chain, raws = filled(version=KNOWN_VERSION)
    assert chain.vote(MotionKind.CHANGE_NODE_KEYS, ["node-a", *NEW], *MAJORITY) == [0, 0, 0]
    [step] = steps(chain)
    chain.apply(membership=step)
    return chain, raws, chain.ledger.height


def signed(chain: Chain, height: int, **labels: str) -> Certificate:
    """Return a certificate signed by keys of these labels, for node-LETTER each."""
    statement = chain.step(height).applied.statement
    signatures = [
        (f"node-{letter}", key(label).sign(Domain.ATTESTATION, statement))
        for letter, label in sorted(labels.items())
    ]
    return Certificate(statement, tuple(signatures))


OLD, AGAIN, B, C = "attest node-a", "attest node-a again", "attest node-b", "attest node-c"


def test_a_change_of_keys_is_one_step_in_which_the_node_stays_what_it_is() -> None:
    chain, _, _ = changed()
    before, now = chain.genesis.membership(), chain.membership
    own = before.member("node-a")
    assert own is not None
    assert now.member("node-a") == replace(own, attestation_key=NEW[0], tls_key=NEW[1])
    assert [m for m in now.members if m.name != "node-a"] == [
        m for m in before.members if m.name != "node-a"
    ]
    assert steps(chain) == []


def test_the_block_of_the_change_is_signed_with_the_old_key_and_the_next_with_the_new() -> None:
    chain, _, height = changed()
    before, after = chain.step(height).membership, chain.membership
    check_certificate(signed(chain, height, a=OLD, b=B), before, after)
    with pytest.raises(InvalidProof, match="node-a"):
        check_certificate(signed(chain, height, a=AGAIN, b=B), before, after)
    chain.apply()
    check_certificate(signed(chain, height + 1, a=AGAIN, b=B), after)
    with pytest.raises(InvalidProof, match="node-a"):
        check_certificate(signed(chain, height + 1, a=OLD, b=B), after)


def test_receipts_are_believed_across_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, raws, height = changed()
    name, block = read_transaction(raws[0]).id, chain.step(5).block.raw
    certificates = {height: signed(chain, height, a=OLD, b=B)}
    monkeypatch.setattr(chain, "certificate", certificates.__getitem__)
    at_change = chain.trust().advance(steps_from(chain, chain.trust()))
    assert (at_change.era, at_change.head_height) == (height, height)
    receipt = build_receipt(chain.store, name, block, certificates[height])
    with pytest.raises(InvalidProof) as early:  # only the set before could judge node-a's
        verify_receipt(receipt, at_change)
    assert early.value.code == "earlier-membership"
    chain.apply()
    certificates[height + 1] = signed(chain, height + 1, a=AGAIN, b=B)
    later = chain.trust().advance(steps_from(chain, chain.trust()))
    assert later.head_height == height + 1
    newest = build_receipt(chain.store, name, block, certificates[height + 1])
    assert verify_receipt(newest, later).height == 5
    with pytest.raises(InvalidProof) as refused:  # only the set before could judge node-a's
        verify_receipt(receipt, later)
    assert (refused.value.code, "Fetch it again" in refused.value.remedy) == (
        "earlier-membership",
        True,
    )
    whole = build_receipt(chain.store, name, block, signed(chain, height, b=B, c=C))
    assert verify_receipt(whole, later).height == 5


def test_another_history_at_the_height_of_the_change_is_a_fork(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain, _, height = changed()
    certificate = signed(chain, height, a=OLD, b=B)
    monkeypatch.setattr(chain, "certificate", {height: certificate}.__getitem__)
    trust = chain.trust().advance(steps_from(chain, chain.trust()))
    other = replace(certificate.read, log_root=bytes(32)).encode()
    with pytest.raises(InvalidProof) as refused:
        trust.check(Certificate(other, certificate.signatures))
    assert refused.value.code == "fork"


def test_what_a_change_of_keys_is_refused_for() -> None:
    def outcome(*arguments: object) -> int:
        return Chain(version=KNOWN_VERSION).vote(
            MotionKind.CHANGE_NODE_KEYS, list(arguments), *MAJORITY
        )[-1]

    present = member("node-a", "bank")
    assert outcome("nobody", *NEW) == Code.UNKNOWN_NODE
    same = (present.attestation_key, present.tls_key)
    assert outcome("node-a", *same) == Code.NOTHING_CHANGES
    assert outcome("node-a", NEW[0], NEW[0]) == Code.NODE_KEY_IN_USE
    assert outcome("node-a", NEW[0], key("tls node-b").public) == Code.NODE_KEY_IN_USE
    assert outcome("node-a", present.attestation_key, NEW[1]) == 0


def test_a_ledger_of_the_version_before_knows_no_change_of_keys() -> None:
    votes = Chain().vote(MotionKind.CHANGE_NODE_KEYS, ["node-a", *NEW], *MAJORITY)
    assert votes == [Code.UNKNOWN_MOTION] * 3


def test_old_keys_are_free_and_new_ones_are_not() -> None:
    chain, _, _ = changed()
    taken = ["node-b", *NEW]
    assert chain.vote(MotionKind.CHANGE_NODE_KEYS, taken, *MAJORITY)[-1] == Code.NODE_KEY_IN_USE
    free = ["node-b", key(OLD).public, key("tls node-a").public]
    assert chain.vote(MotionKind.CHANGE_NODE_KEYS, free, *MAJORITY)[-1] == 0


def test_a_key_that_is_still_in_force_elsewhere_is_waited_for() -> None:
    a, b, c = (member(f"node-{letter}", "bank") for letter in "abc")
    current = membership_of([a, b, c], 3)
    heir = replace(a, attestation_key=c.attestation_key, tls_key=c.tls_key)
    found = [step.members for step in next_steps(current, [heir, b], 9)]
    assert found == [(a, b)]
    assert [s.members for s in next_steps(membership_of([a, b], 9), [heir, b], 9)] == [(heir, b)]


def test_a_node_that_comes_with_another_memory_is_still_replaced() -> None:
    a, b, c = (member(f"node-{letter}", "bank") for letter in "abc")
    stranger = replace(a, attestation_key=NEW[0], tls_key=NEW[1], signs_above=8)
    [first, *_] = next_steps(membership_of([a, b, c], 3), [stranger, b, c], 9)
    assert first.members == (b, c)
