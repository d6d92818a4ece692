"""What stands in for libsodium in a run: real signatures judged once, or keyed hashes.

`base/crypto.py` is the product's only door to PyNaCl, and calls two functions of it by name; they
are replaced for the length of a run and put back. So all code of the product is as it is, signing
keys too, in each node and in the client.

- Real: Ed25519, a verdict remembered, since several nodes of one process ask the same question.
- Cheap: the signature is a hash of the message under the public key. Anybody who knows that key
  can make it, so it tells honest mistakes and damage apart and nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nacl.bindings
import nacl.exceptions

from govchaind.base.crypto import PUBLIC_KEY_BYTES, SIGNATURE_BYTES


def _keyed_hash(public: bytes, message: bytes) -> bytes:
    return hashlib.blake2b(message, key=public, digest_size=SIGNATURE_BYTES).digest()


def _sign_cheaply(message: bytes, secret: bytes) -> bytes:
    return _keyed_hash(secret[-PUBLIC_KEY_BYTES:], message) + message  # a secret ends in its public


def _open_cheaply(signed: bytes, public: bytes) -> bytes:
    message = signed[SIGNATURE_BYTES:]
    if _keyed_hash(public, message) != signed[:SIGNATURE_BYTES]:
        raise nacl.exceptions.BadSignatureError("the keyed hash is another")
    return message


@contextmanager
def sodium(*, real: bool) -> Iterator[None]:
    """Have signatures made and judged so within this block."""
    bindings: Any = nacl.bindings
    sign, open_signed = bindings.crypto_sign, bindings.crypto_sign_open
    verdicts: dict[tuple[bytes, bytes], bool] = {}

    def open_once(signed: bytes, public: bytes) -> bytes:
        verdict = verdicts.get((signed, public))
        if verdict is None:
            try:
                open_signed(signed, public)
                verdict = True
            except nacl.exceptions.BadSignatureError:
                verdict = False
            verdicts[signed, public] = verdict
        if not verdict:
            raise nacl.exceptions.BadSignatureError("judged before")
        return signed[SIGNATURE_BYTES:]

    bindings.crypto_sign = sign if real else _sign_cheaply
    bindings.crypto_sign_open = open_once if real else _open_cheaply
    try:
        yield
    finally:
        bindings.crypto_sign, bindings.crypto_sign_open = sign, open_signed
