"""Certificates: a quorum of the right validators, and nothing else in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import InvalidProof
from govchaind.ledger.certificate import (
    Certificate,
    build_certificate,
    check_attestation,
    check_certificate,
    read_certificate,
)
from govchaind.ledger.membership import Membership
from tests.ledger.chain import signed, with_register


def test_a_certificate_comes_back_and_holds() -> None:
    chain = with_register()
    certificate = chain.certificate(1)
    assert read_certificate(certificate.encode()) == certificate
    assert certificate.height == 1
    check_certificate(certificate, chain.membership)
    check_certificate(certificate, chain.membership, chain.membership)


@pytest.mark.parametrize(
    "names",
    [
        ("node-a",),
        ("node-b", "node-a"),
        ("node-a", "node-a"),
        ("node-a", "node-d"),  # an observer
        ("node-a", "node-b", "node-d"),
        ("node-a", "node-b", "node-z"),
    ],
)
def test_a_certificate_without_quorum_or_with_strangers_is_refused(
    names: tuple[str, ...],
) -> None:
    chain = with_register()
    with pytest.raises(InvalidProof):
        check_certificate(signed(chain, 1, *names), chain.membership)


def test_one_wrong_signature_spoils_a_certificate() -> None:
    chain = with_register()
    good = signed(chain, 1, "node-a", "node-b", "node-c")
    other = signed(with_register("other"), 1, "node-c").signatures[0]
    check_certificate(good, chain.membership)
    spoilt = Certificate(good.statement, (*good.signatures[:2], other))
    with pytest.raises(InvalidProof):
        check_certificate(spoilt, chain.membership)


def test_a_readmitted_node_certifies_only_above_its_height() -> None:
    chain = with_register()
    nodes = [replace(node, signs_above=1) for node in chain.membership.members]
    late = Membership(tuple(nodes), 0)
    with pytest.raises(InvalidProof):
        check_certificate(signed(chain, 1, "node-a", "node-b"), late)
    chain.apply()
    check_certificate(signed(chain, 2, "node-a", "node-b"), late)


def test_attestations_are_gathered_into_a_certificate() -> None:
    chain = with_register()
    statement = chain.step(1).applied.statement
    all_signed = dict(signed(chain, 1, "node-a", "node-b", "node-d").signatures)
    for name in ("node-a", "node-b"):
        check_attestation(name, statement, all_signed[name], chain.membership)
    with pytest.raises(InvalidProof):
        check_attestation("node-d", statement, all_signed["node-d"], chain.membership)
    with pytest.raises(InvalidProof):
        check_attestation("node-a", statement, all_signed["node-b"], chain.membership)
    one = {"node-a": all_signed["node-a"], "node-d": all_signed["node-d"]}
    assert build_certificate(statement, one, chain.membership) is None
    made = build_certificate(statement, all_signed, chain.membership)
    assert made is not None
    assert [name for name, _ in made.signatures] == ["node-a", "node-b"]
