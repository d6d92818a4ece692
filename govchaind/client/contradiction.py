"""The certificate in a proof, so that two proofs can be compared (ledger/contradiction.py).

Pure: bytes in. Nothing is verified here; nodes and the ledger verify each contradiction anew, under
the key that they know.
"""

from __future__ import annotations

from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.ledger.certificate import Certificate, read_certificate

_PROOFS = ("receipt", "state-proof")  # each ends with its height proof, and that with a certificate


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
