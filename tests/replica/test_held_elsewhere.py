"""A key that another process holds: what it is asked for, when, and what its answers make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from govchaind.base.types import Height
from govchaind.ledger.membership import membership_of
from govchaind.replica.attestation import ASK_AGAIN_SECONDS, RESEND_HEIGHTS_MAX, RESEND_SECONDS
from govchaind.replica.events import Signed
from govchaind.replica.messages import Attest
from tests.replica.cluster import key, member
from tests.replica.test_attestation import Signer, attest, statement


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


def moved_back(node: Signer, **facts: Any) -> Signer:
    """Start a node on the same disk with its key in itself again."""
    return Signer(disk=node.disk, **facts)


def left_unsigned(**facts: Any) -> Signer:
    """Return a node that has applied two heights while the holder of its key was away."""
    node = Signer(elsewhere=True, **facts)
    for height in (1, 2):
        node.apply(height)
    node.write(2)
    return node


def test_what_was_applied_meanwhile_is_signed_when_the_key_is_back_in_the_node() -> None:
    again = moved_back(left_unsigned())
    assert again.attestations.signed == 2
    assert again.attestations.resend(RESEND_SECONDS) == [attest("a", 1), attest("a", 2)]
    assert [again.receive(name, 1) for name in "bc"] == [[], [1]]
    third = moved_back(again)  # height 1 is certified only in the batch that was not written
    assert third.attestations.resend(RESEND_SECONDS) == [attest("a", 1), attest("a", 2)]


def test_only_one_who_is_the_whole_quorum_certifies_it_alone() -> None:
    alone = [(0, membership_of([member("a")], 0))]
    again = moved_back(left_unsigned(memberships=alone), memberships=alone)
    assert again.attestations.settle(again.batch) == [1, 2]


def test_signed_late_is_what_was_not_signed_before_and_nothing_above_goes_first() -> None:
    again = moved_back(left_unsigned())
    again.apply(3)
    again.write(3)
    third = moved_back(again)
    signed = third.attestations.resend(RESEND_SECONDS)
    assert signed == [attest("a", height) for height in (1, 2, 3)]


def test_nothing_is_signed_late_that_this_node_may_not_sign() -> None:
    assert signed_late(floor=1) == [attest("a", 2)]
    assert signed_late(store=b"other".ljust(16)) == []
    assert signed_late(name="o") == []
    assert signed_late(elsewhere=True) == []
    readmitted = [replace(member("a"), signs_above=1), *map(member, "bcd")]
    assert signed_late(memberships=[(0, membership_of(readmitted, 0))]) == [attest("a", 2)]
    others = [replace(member("a"), attestation_key=key("a-next").public), *map(member, "bcd")]
    assert signed_late(memberships=[(0, membership_of(others, 0))]) == []


def signed_late(**facts: Any) -> list[Attest]:
    node = left_unsigned(**{key: value for key, value in facts.items() if key != "elsewhere"})
    again = moved_back(node, **facts)
    return again.attestations.resend(RESEND_SECONDS)


def test_what_was_signed_is_never_written_over_by_what_could_be_signed_late() -> None:
    node = Signer()
    node.apply(1)
    node.write(1)
    node.apply(1, seed=9)  # cannot be
    node.write(1)
    assert moved_back(node).attestations.resend(RESEND_SECONDS) == [attest("a", 1)]
