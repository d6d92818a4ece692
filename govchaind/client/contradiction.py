"""Two proofs that contradict each other: which nodes have signed both.

Pure: bytes in, arguments of a report out. Nothing is verified here; the ledger verifies each report
anew, under the key that it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.base.types import Height, NodeId, Signature
from govchaind.ledger.certificate import Certificate, read_certificate

_PROOFS = ("receipt", "state-proof")  # each ends with its height proof, and that with a certificate


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


def certificate_in(data: bytes) -> Certificate:
    """Return the certificate of a receipt or a state proof, or the one that `data` is.

    Raises:
        InvalidEncoding: it is none of these.
    """
    shape = decode(data, bytes_max=RECEIPT_BYTES_MAX)
    if not isinstance(shape, list) or not shape:
        raise InvalidEncoding("neither a receipt, nor a state proof, nor a certificate")
    if shape[0] not in _PROOFS:
        return read_certificate(data)
    proof = shape[-1]
    inner = proof[-1] if isinstance(proof, list) and proof else None
    if not isinstance(inner, bytes):
        raise InvalidEncoding(f"a {shape[0]} that is misshapen")
    return read_certificate(inner)


def contradictions(one: Certificate, other: Certificate) -> list[Contradiction]:
    """Return what each node that signed both has signed.

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
