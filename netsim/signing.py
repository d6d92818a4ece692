"""Signatures of a simulated world: cheap ones by a keyed hash, or real ones judged once.

The seam is `SigningKey` and a `verify` function, as the replica takes them. A keyed hash under the
public key can be made by anybody who knows that key, so it tells honest mistakes apart (another
message, another domain, another key) and nothing more: malicious signers are no part of gear 1.
Real signatures cost 54 µs and more, so a verdict is remembered for all nodes of a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from govchaind.base.crypto import SEED_BYTES, Domain, SigningKey, verify
from govchaind.base.types import PublicKey, Signature

Signed = Callable[[Domain, bytes], None]
Verify = Callable[[Domain, PublicKey, bytes, Signature], bool]


def _seed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=SEED_BYTES).digest()


def _keyed_hash(domain: Domain, key: PublicKey, message: bytes) -> Signature:
    return hashlib.blake2b(bytes((domain,)) + message, key=key, digest_size=64).digest()


class CheapKey(SigningKey):
    """A key whose signatures are keyed hashes; tells `signed` of each."""

    __slots__ = ("_signed",)

    def __init__(self, name: str, signed: Signed | None) -> None:
        super().__init__(_seed(name))
        self._signed = signed

    def sign(self, domain: Domain, message: bytes) -> Signature:
        if self._signed is not None:
            self._signed(domain, message)
        return _keyed_hash(domain, self.public, message)


class RealKey(SigningKey):
    """An Ed25519 key; tells `signed` of each signature."""

    __slots__ = ("_signed",)

    def __init__(self, name: str, signed: Signed | None) -> None:
        super().__init__(_seed(name))
        self._signed = signed

    def sign(self, domain: Domain, message: bytes) -> Signature:
        if self._signed is not None:
            self._signed(domain, message)
        return super().sign(domain, message)


class Signatures:
    """The keys of one world, and its one judge."""

    def __init__(self, seed: int, *, real: bool) -> None:
        self._seed = seed
        self._real = real
        self._verdicts: dict[tuple[Domain, PublicKey, bytes, Signature], bool] = {}
        self.judged = 0  # real signatures that somebody had judged
        self.verify: Verify = self._verify_real if real else _verify_cheap

    def key(self, name: str, signed: Signed | None = None) -> SigningKey:
        """Return the key of this name; `signed` is told the domain and bytes of each signature."""
        kind = RealKey if self._real else CheapKey
        return kind(f"netsim/{self._seed}/key/{name}", signed)

    def _verify_real(
        self, domain: Domain, key: PublicKey, message: bytes, signature: Signature
    ) -> bool:
        self.judged += 1
        question = (domain, key, message, signature)
        verdict = self._verdicts.get(question)
        if verdict is None:
            verdict = self._verdicts[question] = verify(domain, key, message, signature)
        return verdict


def _verify_cheap(domain: Domain, key: PublicKey, message: bytes, signature: Signature) -> bool:
    return signature == _keyed_hash(domain, key, message)
