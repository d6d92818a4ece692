"""Salted commitments: 32 bytes on the ledger that bind a value kept elsewhere.

    commitment = hash of salt (16 bytes) ‖ encoded value, in Domain.COMMITMENT

Whoever has the salt and the value can show that they are what was committed to; nobody else learns
anything, not even by guessing the value, as long as the salt is secret and was used once.
"""

from __future__ import annotations

import hmac
from typing import Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.limits import SALT_BYTES
from govchaind.base.types import Hash

COMMITMENT_BYTES = 32


def make_commitment(salt: bytes, value: list[Any]) -> Hash:
    """Return the commitment to `value`. `salt`: 16 random bytes, secret, never used before."""
    if len(salt) != SALT_BYTES:
        raise InvalidEncoding(f"a commitment's salt has {SALT_BYTES} bytes")
    return digest(Domain.COMMITMENT, salt + encode(value))


def check_commitment(commitment: Hash, salt: bytes, value: list[Any]) -> None:
    """Raise InvalidProof unless `commitment` is to this value under this salt."""
    if not hmac.compare_digest(commitment, make_commitment(salt, value)):
        raise InvalidProof("the commitment is not to this value under this salt")
