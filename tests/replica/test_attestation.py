"""Signatures and certificates: never two statements, quorums, floors, gaps, restarts, lies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.crypto import Domain, HeldElsewhere, verify
from govchaind.base.errors import Invalid, InvalidProof, StateDiverged
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import Height
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.contradiction import Contradiction, check_contradiction
from govchaind.ledger.membership import Membership, membership_of
from govchaind.ledger.statement import Statement
from govchaind.replica.attestation import (
    AHEAD_MAX,
    RESEND_SECONDS,
    Attestations,
)
from govchaind.replica.memberships import Memberships
from govchaind.replica.messages import Attest
from govchaind.replica.stored_certificates import certificate_at, certificates_from
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
        self.accused: list[tuple[bytes, Contradiction]] = []
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
            accuse=lambda public, found: self.accused.append((public, found)),
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


def accused(node: Signer) -> list[tuple[str, Height]]:
    """Return who was accused of what; each accusation must be proved by itself."""
    for public, found in node.accused:
        assert public == key(f"{found.node}-attest").public
        check_contradiction(found, public, bytes(32))
    return [(found.node, found.height) for _, found in node.accused]


def test_who_signs_another_thing_than_before_is_accused() -> None:
    node = Signer()
    node.apply(1)
    assert node.receive("b", 1) == []
    assert node.receive("b", 1, seed=9) == []
    assert node.receive("b", 1, seed=8) == []
    assert accused(node) == [("b", 1)]


def test_who_signs_another_thing_first_is_accused_when_it_signs_what_all_do() -> None:
    node = Signer()
    node.apply(1)
    assert node.receive("c", 1, seed=9) == []
    assert accused(node) == []  # it may only have come to other results
    assert node.receive("c", 1) == []
    assert accused(node) == [("c", 1)]


def test_who_signs_another_thing_when_the_height_is_certified_is_accused() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    for name in "bc":
        node.receive(name, 1)
    assert node.attestations.certified == 1
    assert node.receive("c", 1, seed=9) == []
    assert node.receive("d", 1, seed=9) == []  # it has signed nothing else that is known
    assert accused(node) == [("c", 1)]


def test_who_signs_two_things_while_a_certified_height_waits_for_those_below_is_accused() -> None:
    """Found by netsim: its certificate was there, and not yet among those compared with."""
    node = Signer()
    for height in (1, 2):
        node.apply(height)
    node.write(2)
    for name in "bc":
        node.receive(name, 2)
    assert node.attestations.certified == 0
    assert node.receive("c", 2, seed=9) == []  # stands in the certificate
    assert node.receive("d", 2, seed=9) == []
    assert node.receive("d", 2) == []  # does not
    other = attest("b", 2, 9)
    node.attestations.accept([Certificate(other.statement, (("b", other.signature),))], node.batch)
    assert accused(node) == [("c", 2), ("d", 2), ("b", 2)]
    assert [node.receive(name, 1) for name in "bc"] == [[], [1, 2]]


def test_a_certificate_that_contradicts_one_accuses_those_who_signed_both() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    for name in "bc":
        node.receive(name, 1)
    other = attest("b", 1, 9), attest("d", 1, 9)
    pairs = (("b", other[0].signature), ("c", bytes(64)), ("d", other[1].signature))
    assert node.attestations.accept([Certificate(statement(1, 9), pairs)], node.batch) == []
    assert accused(node) == [("b", 1)]


def test_another_tale_that_is_not_signed_or_of_another_height_ends_the_link() -> None:
    node = Signer()
    node.apply(1)
    forged = Attest(1, statement(1, 9), bytes(64))
    with pytest.raises(Invalid):
        node.attestations.receive("b", forged, node.batch)
    later = attest("b", 2, 9)
    with pytest.raises(Invalid):
        node.attestations.receive("b", Attest(1, later.statement, later.signature), node.batch)
    assert accused(node) == []


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
