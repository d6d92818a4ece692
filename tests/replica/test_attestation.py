"""Signatures and certificates: never two statements, quorums, floors, gaps, restarts, lies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.crypto import Domain, HeldElsewhere, verify
from govchaind.base.errors import Invalid, InvalidProof, StateDiverged
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import Height
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.membership import Membership, membership_of
from govchaind.ledger.statement import Statement
from govchaind.replica.attestation import (
    AHEAD_MAX,
    ASK_AGAIN_SECONDS,
    RESEND_HEIGHTS_MAX,
    RESEND_SECONDS,
    Attestations,
    certificate_at,
    certificates_from,
)
from govchaind.replica.events import Signed
from govchaind.replica.memberships import Memberships
from govchaind.replica.messages import Attest
from tests.replica.cluster import key, member, store_id

FOUR = [member(name) for name in "abcd"]


def statement(height: Height, seed: int = 0) -> bytes:
    return Statement(
        bytes(32), height, bytes([seed]) * 32, bytes(32), None, bytes([seed]) * 32
    ).encode()


def attest(name: str, height: Height, seed: int = 0) -> Attest:
    stated = statement(height, seed)
    return Attest(height, stated, key(f"{name}-attest").sign(Domain.ATTESTATION, stated))


class Signer:
    """One node's attestations over a disk of its own."""

    def __init__(
        self,
        name: str = "a",
        memberships: list[tuple[Height, Membership]] | None = None,
        *,
        floor: Height = 0,
        store: bytes | None = None,
        disk: MemoryReader | None = None,
        elsewhere: bool = False,
    ) -> None:
        self.disk = MemoryReader() if disk is None else disk
        self.batch = WriteBatch()
        signer = key(f"{name}-attest")
        sets = memberships or [(0, membership_of(FOUR, 0))]
        known = Memberships([(at, value, None) for at, value in sets])
        self.attestations = Attestations(
            name=name,
            store=store_id(name) if store is None else store,
            signer=HeldElsewhere(signer.public) if elsewhere else signer,
            verify=verify,
            floor=floor,
            reader=self.disk,
            certifying=known.certifying,
        )

    def apply(self, height: Height, seed: int = 0) -> list[Height]:
        return self.attestations.applied(height, statement(height, seed), self.batch, 1.0)

    def write(self, height: Height) -> tuple[list[Attest], list[Height]]:
        """Make durable what was gathered, own attestations up to `height` among it."""
        self.disk.apply(self.batch)
        self.batch = WriteBatch()
        return self.attestations.written(height, self.batch)

    def receive(self, name: str, height: Height, seed: int = 0) -> list[Height]:
        return self.attestations.receive(name, attest(name, height, seed), self.batch)


def test_the_own_signature_counts_only_when_it_is_durable() -> None:
    node = Signer()
    node.apply(1)
    assert node.receive("b", 1) == []
    assert node.receive("c", 1) == []
    leaving, certified = node.write(1)
    assert leaving == [attest("a", 1)]
    assert certified == [1]


def test_a_quorum_without_the_own_signature_certifies() -> None:
    node = Signer("o")
    node.apply(1)
    assert [node.receive(name, 1) for name in "abc"] == [[], [], [1]]
    assert node.write(1) == ([], [])


def test_one_validator_counts_once() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    assert node.receive("b", 1) == []
    assert node.receive("b", 1) == []
    assert node.attestations.certified == 0
    assert node.receive("c", 1) == [1]


def test_only_validators_count() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    for name in ("o", "b", "b"):
        assert node.receive(name, 1) == []
    assert node.attestations.certified == 0


def test_certificates_come_without_gaps_and_are_stored() -> None:
    node = Signer()
    for height in (1, 2, 3):
        node.apply(height)
    node.write(3)
    for height in (3, 2):
        assert [node.receive(name, height) for name in "bc"] == [[], []]
    assert node.attestations.certified == 0
    assert [node.receive(name, 1) for name in "bc"] == [[], [1, 2, 3]]
    node.write(3)
    stored = certificates_from(node.disk, 1, 99)
    assert [certificate.height for certificate in stored] == [1, 2, 3]
    for certificate in stored:
        check_certificate(certificate, membership_of(FOUR, 0))
    assert [item.height for item in certificates_from(node.disk, 2, 1)] == [2]
    assert certificate_at(node.disk, 4) is None
    assert certificates_from(node.disk, (1 << 63) - 1, (1 << 63) - 1) == []


def test_after_a_restart_the_same_bytes_are_sent_again() -> None:
    node = Signer()
    node.apply(1)
    leaving, _ = node.write(1)
    again = Signer(disk=node.disk)
    again.apply(1, seed=9)  # cannot be; if it is, there is no second signature
    assert again.attestations.signed == 1
    again = Signer(disk=node.disk)
    assert again.attestations.resend(0.0) == []  # its height was applied long ago: at 0.0
    assert again.attestations.resend(RESEND_SECONDS) == leaving
    assert again.attestations.resend(RESEND_SECONDS + 0.1) == []


def test_no_second_statement_of_a_height_is_signed() -> None:
    node = Signer()
    node.apply(1)
    node.apply(1, seed=9)
    leaving, _ = node.write(1)
    assert leaving == []
    assert node.attestations.resend(99.0) == []


def test_a_restart_settles_what_is_gathered() -> None:
    alone = [(0, membership_of(FOUR[:1], 0))]
    node = Signer(memberships=alone)
    node.apply(1)
    node.disk.apply(node.batch)
    again = Signer(memberships=alone, disk=node.disk)
    assert again.attestations.settle(again.batch) == [1]


def test_nothing_at_or_below_the_floor_is_signed() -> None:
    node = Signer(floor=2)
    for height in (1, 2, 3):
        node.apply(height)
    leaving, _ = node.write(3)
    assert leaving == [attest("a", 3)]


def test_a_store_that_is_not_the_members_signs_nothing() -> None:
    node = Signer(store=b"x" * 16)
    node.apply(1)
    assert node.write(1) == ([], [])


def test_a_readmitted_member_signs_and_counts_above_its_readmission_only() -> None:
    again = [replace(FOUR[0], signs_above=5), replace(FOUR[1], signs_above=5), *FOUR[2:]]
    node = Signer(memberships=[(0, membership_of(again, 0))])
    for height in (5, 6):
        node.apply(height)
    leaving, _ = node.write(6)
    assert leaving == [attest("a", 6)]
    for name in "bcd":
        node.receive(name, 5)
    assert set(node.attestations._open[5].signatures) == {"c", "d"}


def test_a_configuration_block_needs_a_quorum_of_both_sets() -> None:
    """Of four, three sign; of the one set after it, its only member must."""
    before = membership_of(FOUR, 0)
    after = membership_of([replace(m, role="learner") for m in FOUR[:3]] + FOUR[3:], 1)
    node = Signer("o", [(0, before), (2, after)])
    node.apply(1)
    node.apply(2)
    assert [node.receive(name, 1) for name in "abc"] == [[], [], [1]]
    assert [node.receive(name, 2) for name in "abc"] == [[], [], []]
    assert node.receive("d", 2) == [2]


def test_in_each_set_only_those_count_that_may_sign_there() -> None:
    before = membership_of(FOUR, 0)
    after = membership_of([FOUR[0], replace(FOUR[1], signs_above=5), *FOUR[2:]], 1)
    node = Signer("o", [(0, before), (2, after)])
    node.apply(1)
    node.apply(2)
    assert [node.receive(name, 1) for name in "abc"] == [[], [], [1]]
    assert [node.receive(name, 2) for name in "abcd"] == [[], [], [], [2]]


def test_a_learner_signs_the_block_that_promotes_it() -> None:
    before = membership_of([replace(FOUR[0], role="learner"), *FOUR[1:]], 0)
    node = Signer("a", [(0, before), (2, membership_of(FOUR, 1))])
    node.apply(1)
    node.apply(2)
    leaving, _ = node.write(2)
    assert leaving == [attest("a", 2)]


def test_a_signature_that_does_not_verify_is_its_senders_fault() -> None:
    node = Signer()
    node.apply(1)
    wrong = attest("c", 1)
    with pytest.raises(Invalid, match="does not verify"):
        node.attestations.receive("b", wrong, node.batch)
    long = Attest(1, bytes(10_000), wrong.signature)
    with pytest.raises(Invalid, match="longer"):
        node.attestations.receive("b", long, node.batch)


def test_early_attestations_are_kept_for_later_within_bounds() -> None:
    node = Signer()
    for name in "bc":
        node.receive(name, 1)
    for height in range(10, 10 + 2 * AHEAD_MAX):
        node.receive("d", height)
        node.receive("stranger", height)
    assert {name: len(kept) for name, kept in node.attestations._early.items()} == {
        "b": 1,
        "c": 1,
        "d": AHEAD_MAX,
    }
    assert node.apply(1) == []
    assert node.write(1)[1] == [1]


def test_an_early_lie_does_not_stop_the_apply() -> None:
    node = Signer()
    node.attestations.receive("b", attest("c", 1), node.batch)
    assert node.apply(1) == []


def test_a_statement_that_differs_counts_for_nothing() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    for name in "bcd":
        assert node.receive(name, 1, seed=7) == []
    assert node.receive("b", 1) == []
    assert node.receive("c", 1) == [1]


def certificate(height: Height, names: str, seed: int = 0) -> Certificate:
    signed = tuple((name, attest(name, height, seed).signature) for name in names)
    return Certificate(statement(height, seed), signed)


def test_certificates_of_a_peer_are_judged() -> None:
    node = Signer()
    node.apply(1)
    node.apply(2)
    with pytest.raises(InvalidProof):
        node.attestations.accept([certificate(1, "ab")], node.batch)
    assert node.attestations.accept([certificate(2, "bcd")], node.batch) == []
    assert node.attestations.accept([certificate(9, "abcd")], node.batch) == []
    assert node.attestations.accept([certificate(1, "bcd")], node.batch) == [1, 2]
    assert node.attestations.accept([certificate(1, "ab")], node.batch) == []


def test_a_certificate_of_other_results_stops_the_node() -> None:
    node = Signer()
    node.apply(1)
    with pytest.raises(StateDiverged):
        node.attestations.accept([certificate(1, "bcd", seed=7)], node.batch)


def wanted(node: Signer, now: float) -> list[int]:
    return [asked.height for asked in node.attestations.unsigned(now)]


def answer(node: Signer, height: Height, seed: int = 0) -> tuple[list[Attest], list[Height]]:
    signed = attest("a", height, seed)
    answered = Signed(height, signed.statement, signed.signature)
    return node.attestations.answered(answered, node.batch)


def test_a_key_held_elsewhere_is_asked_for_once_the_results_are_durable() -> None:
    node = Signer(elsewhere=True)
    node.apply(1)
    node.apply(2)
    assert wanted(node, 1.0) == []
    assert node.write(2) == ([], [])
    assert wanted(node, 1.0) == [1, 2]
    assert wanted(node, 1.5) == []
    assert wanted(node, 1.0 + ASK_AGAIN_SECONDS) == [1, 2]
    assert answer(node, 1) == ([attest("a", 1)], [])
    assert node.batch.changes == {}  # its holder gives the same signature again
    assert wanted(node, 9.0) == [2]
    assert node.attestations.resend(9.0) == [attest("a", 1)]


def test_the_answer_makes_the_quorum() -> None:
    node = Signer(elsewhere=True)
    node.apply(1)
    node.write(1)
    assert node.receive("b", 1) == node.receive("c", 1) == []
    assert answer(node, 1) == ([attest("a", 1)], [1])
    assert answer(node, 1) == ([], [])  # late, and of a height that is certified


def test_an_answer_to_other_results_counts_for_nothing() -> None:
    node = Signer(elsewhere=True)
    node.apply(1)
    node.write(1)
    assert answer(node, 1, seed=7) == ([], [])
    assert answer(node, 2) == ([], [])
    assert wanted(node, 1.0) == [1]


def test_what_the_holder_refuses_is_not_asked_for_again_in_this_life() -> None:
    node = Signer(elsewhere=True)
    node.apply(1)
    node.write(1)
    assert wanted(node, 1.0) == [1]
    refused = Signed(1, statement(1), None)
    assert node.attestations.answered(refused, node.batch) == ([], [])
    assert wanted(node, 99.0) == []
    again = Signer(elsewhere=True, disk=node.disk)
    assert wanted(again, 1.0) == [1]


def test_a_holder_is_asked_for_no_height_that_this_node_may_not_sign() -> None:
    assert asked_after_apply(Signer(elsewhere=True, floor=1)) == [2]
    assert asked_after_apply(Signer(elsewhere=True, store=b"other".ljust(16))) == []
    assert asked_after_apply(Signer("o", elsewhere=True)) == []


def asked_after_apply(node: Signer) -> list[int]:
    for height in (1, 2):
        node.apply(height)
    node.write(2)
    return wanted(node, 1.0)


def test_no_more_is_asked_for_at_once_than_is_sent_again() -> None:
    node = Signer(elsewhere=True)
    for height in range(1, RESEND_HEIGHTS_MAX + 11):
        node.apply(height)
    node.write(RESEND_HEIGHTS_MAX + 10)
    assert wanted(node, 1.0) == list(range(1, RESEND_HEIGHTS_MAX + 1))


def test_the_newest_certificate_with_it_says_what_a_key_has_signed() -> None:
    node = Signer(elsewhere=True)
    assert node.attestations.known_signed(node.disk, key("a-attest").public) == 0
    for height in (1, 2):
        node.apply(height)
    node.write(2)
    node.receive("b", 1)
    node.receive("c", 1)
    answer(node, 1)
    for name in "bcd":
        node.receive(name, 2)
    node.write(2)
    assert node.attestations.certified == 2
    assert node.attestations.known_signed(node.disk, key("a-attest").public) == 1
