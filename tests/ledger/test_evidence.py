"""Reports of double signing: only what is proved is kept, and it is kept whole."""

from __future__ import annotations

import pytest

from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.client.contradiction import certificate_in
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.contradiction import contradictions
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import evidence_key
from govchaind.ledger.statement import read_statement
from tests.ledger.accused import NODE, report, signed, statement, two_of
from tests.ledger.chain import Chain, key, with_register
from tests.ledger.exchange import value


def test_what_a_node_signed_twice_is_kept_with_both_signatures() -> None:
    chain = Chain()
    one, other = two_of(chain)
    assert report(chain, one, other) == 0
    kept = value(chain, evidence_key(key(f"attest {NODE}").public, 7))
    first, second = sorted((one, other))
    assert kept == [NODE, "bank", first, second, ["registry", "head"], chain.ledger.height]
    assert report(chain, *two_of(chain, 8)) == 0  # another height is another matter


def test_statements_that_do_not_contradict_are_refused() -> None:
    chain = Chain()
    one, other = two_of(chain)
    descending = max(one, other), min(one, other)
    alien = signed(NODE, statement(chain, chain_id=bytes(32)))
    aliens = alien, signed(NODE, statement(chain, chain_id=bytes(32), log_root=bytes(32)))
    later = signed(NODE, statement(chain, 8))
    for first, second in (descending, sorted(aliens), sorted((one, alien)), sorted((one, later))):
        code = chain.do(Kind.REPORT_DOUBLE_SIGNING, NODE, *first, *second)
        assert code == Code.NOT_CONTRADICTORY
    assert report(chain, one, other, "nobody") == Code.UNKNOWN_NODE
    assert value(chain, evidence_key(key(f"attest {NODE}").public, 7)) is None


def test_a_signature_of_anybody_else_proves_nothing() -> None:
    chain = Chain()
    one, other = two_of(chain)
    for wrong in (
        signed("node-b", other[0]),
        [other[0], bytes(64)],
        [other[0], one[1]],
        [other[0], other[1][:-1] + bytes((other[1][-1] ^ 1,))],
    ):
        assert report(chain, one, wrong) == Code.EVIDENCE_NOT_SIGNED
    for misshapen in (b"junk", other[0] + b"\x00", other[0][:-1]):
        assert report(chain, one, [misshapen, other[1]]) == Code.MALFORMED_OPERATION


def test_two_certificates_show_who_signed_both() -> None:
    chain = with_register()
    chain.apply()
    honest = chain.certificate(chain.ledger.height)
    said = read_statement(honest.statement)
    other = statement(chain, said.height, block_hash=b"\x09" * 32)
    names = ("node-a", "node-c")
    forged = Certificate(other, tuple((name, signed(name, other)[1]) for name in names))
    found = contradictions(honest, certificate_in(forged.encode()))
    assert [each.node for each in found] == [name for name, _ in honest.signatures if name in names]
    assert [chain.do(Kind.REPORT_DOUBLE_SIGNING, *each.arguments()) for each in found] == [
        0 for _ in found
    ]
    with pytest.raises(InvalidProof, match="say the same of height"):
        contradictions(honest, honest)
    with pytest.raises(InvalidProof, match="no contradiction"):
        contradictions(honest, chain.certificate(1))
    for junk in (b"\x80", b"\x01", b"\x82\x67receipt\x01", b"\xff"):
        with pytest.raises(InvalidEncoding):
            certificate_in(junk)
