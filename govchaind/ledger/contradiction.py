"""A contradiction: two different statements of one height, both signed by one node.

    contradiction = [node, statement, signature, statement, signature]       the lesser first

These are the arguments of `report-double-signing`, and how a node keeps one (replica/evidence.py).
Nobody signs two things about one height who keeps the rules of attestations, so it is a proof
of guilt, whoever brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from govchaind.base.crypto import Domain, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidProof
from govchaind.base.types import Hash, Height, NodeId, PublicKey, Signature
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.shapes import Name, Shape, Signature64, read_shape
from govchaind.ledger.statement import STATEMENT_BYTES_MAX, read_statement

CONTRADICTION_BYTES_MAX = 1024  # two statements and two signatures
SignedBytes = Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES_MAX)]


class _Row(Shape):
    node: Name
    first: SignedBytes
    first_signature: Signature64
    second: SignedBytes
    second_signature: Signature64


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements of one height, the lesser first, signed by one node."""

    node: NodeId
    height: Height
    first: bytes
    first_signature: Signature
    second: bytes
    second_signature: Signature

    def arguments(self) -> list[str | bytes]:
        """Return the arguments of `report-double-signing`."""
        return [self.node, self.first, self.first_signature, self.second, self.second_signature]

    def encode(self) -> bytes:
        return encode(self.arguments())


def of_two(
    node: NodeId, one: tuple[bytes, Signature], other: tuple[bytes, Signature]
) -> Contradiction:
    """Return what two signed statements make, the lesser first. Raises InvalidEncoding."""
    first, second = sorted((one, other))
    return Contradiction(node, read_statement(first[0]).height, *first, *second)


def read_contradiction(data: bytes) -> Contradiction:
    """Return what `data` encodes, not yet judged. Raises InvalidEncoding."""
    row = read_shape(data, _Row, bytes_max=CONTRADICTION_BYTES_MAX)
    height = read_statement(row.first).height
    return Contradiction(
        row.node, height, row.first, row.first_signature, row.second, row.second_signature
    )


def check_contradiction(found: Contradiction, key: PublicKey, chain_id: Hash) -> None:
    """Raise InvalidProof unless `key` has signed two things about one height of this chain.

    Raises InvalidEncoding: one of them is no statement.
    """
    first, second = read_statement(found.first), read_statement(found.second)
    if {first.chain_id, second.chain_id} != {chain_id}:
        raise InvalidProof("it is of another chain", code="other-chain")
    if first.height != second.height or found.first >= found.second:
        raise InvalidProof("they do not contradict each other", code="no-contradiction")
    signed = ((found.first, found.first_signature), (found.second, found.second_signature))
    if not all(verify(Domain.ATTESTATION, key, *each) for each in signed):
        raise InvalidProof(f"{found.node} has not signed both", code="not-signed-both")


def contradictions(one: Certificate, other: Certificate) -> list[Contradiction]:
    """Return what each node that signed both has signed; nothing is verified.

    Raises:
        InvalidProof: they are of two heights, or say the same.
    """
    if one.height != other.height:
        raise InvalidProof(
            f"they are of heights {one.height} and {other.height}: no contradiction",
            code="no-contradiction",
            remedy="Compare proofs whose certificates are of one height.",
        )
    if one.statement == other.statement:
        raise InvalidProof(
            f"both say the same of height {one.height}",
            code="no-contradiction",
            remedy="Nothing is wrong with these two.",
        )
    first, second = sorted((one, other), key=lambda each: each.statement)
    theirs = dict(second.signatures)
    return [
        Contradiction(node, one.height, first.statement, signature, second.statement, theirs[node])
        for node, signature in first.signatures
        if node in theirs
    ]


def proved(
    known: Certificate, other: Certificate, key_of: Callable[[NodeId, Height], PublicKey | None]
) -> Iterator[tuple[PublicKey, Contradiction]]:
    """Yield who has signed both of two certificates of one height, with key and proof.

    `key_of` gives the key under which a node may have signed that height, or None. What was not
    signed proves nothing and is left out; so is everything where the two do not contradict.
    """
    if known.height != other.height or known.statement == other.statement:
        return
    for found in contradictions(known, other):
        key = key_of(found.node, found.height)
        if key is None:
            continue
        try:
            check_contradiction(found, key, known.read.chain_id)
        except InvalidProof:
            continue
        yield key, found
