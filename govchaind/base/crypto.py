"""Hashes and signatures of suite 1: SHA-256 and Ed25519 (libsodium, through PyNaCl).

Every hash and every signed message starts with two bytes: the suite, then the domain that says
what the bytes are. So bytes of one kind can never pass for bytes of another, and a later suite
can be added without touching old proofs. PyNaCl is the only verifier: another library judges edge
cases differently, and nodes must agree. It enters here, and for sealing in `client/sealing.py`.

Libsodium verifies strictly: S must be below the group order, the key canonical and not of small
order, R is compared as bytes. Lengths are checked here, before it is asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import nacl.bindings
import nacl.exceptions
import nacl.secret

from govchaind.base.errors import InvalidSetting, InvalidSignature, InvariantBroken
from govchaind.base.types import Hash, PublicKey, Signature

SUITE = 1
HASH_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
SEED_BYTES = 32


class Domain(IntEnum):
    """What the hashed or signed bytes are. Numbers are for ever; 0 and 1 are RFC 9162's."""

    LEAF = 0x00
    NODE = 0x01
    TRANSACTION_BODY = 0x02  # the hash is the id; the signature is an office key's
    TRANSACTION = 0x03  # body and signatures: the identity
    BLOCK = 0x04
    ATTESTATION = 0x05
    GENESIS = 0x06  # the hash is the chain id
    STATE_KEY = 0x07
    STATE_VALUE = 0x08
    STATE_BUCKET = 0x09
    STATE_NODE = 0x0A
    CONFIGURATION = 0x0B
    COMMITMENT = 0x0C  # salt and value
    MOTION = 0x0D
    STORED_VALUE = 0x0E  # checksum of a stored value under its key
    ADDRESS = 0x0F  # a node's announcement of where it listens
    IDS = 0x10  # the list of transaction ids of a block
    TRUST = 0x11
    ACKNOWLEDGEMENT = 0x12
    HELLO = 0x13  # a node's proof, over a TLS channel, that it holds its attestation key
    SEALED_HEADER = 0x28  # of a sealed file; bound into each of its chunks
    CARRIAGE = 0x29  # an office key's leave to bring or to fetch a sealed file
    REQUEST = 0x2A  # what was asked for, as a delivery names it
    OFFICE_LEAVE = 0x2B  # an office key's leave to bring or fetch what is not for everybody
    SIDE_HEADER = 0x2C  # of a sealed text; bound to its content
    READ_LEAVE = 0x32  # an office key's leave to read at one node what is not for everybody
    RECOVERY = 0x30  # what a recovery of a lost quorum says; its block's header names the hash
    RECOVERY_SIGNATURE = 0x31  # an office key's signature of that


# By number: looking up by an enumeration's member costs more than hashing a short message.
_PREFIX: tuple[bytes, ...] = tuple(bytes((SUITE, number)) for number in range(max(Domain) + 1))
_sha256 = hashlib.sha256
_STORED_KEY_BYTES_MAX = 511
_STORED_HEADS: tuple[bytes, ...] = tuple(
    _PREFIX[Domain.STORED_VALUE] + length.to_bytes(2, "big")
    for length in range(_STORED_KEY_BYTES_MAX + 1)
)


def digest(domain: Domain, data: bytes) -> Hash:
    """Return SHA-256 of suite, domain and `data`: 32 bytes."""
    return _sha256(_PREFIX[domain] + data).digest()


def signing_bytes(domain: Domain, message: bytes) -> bytes:
    """Return the exact bytes that a signature in `domain` covers."""
    return _PREFIX[domain] + message


class SigningKey:
    """An Ed25519 private key. Its text form never shows the secret."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidSetting("a signing key's seed has 32 bytes", code="bad-key")
        public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.public: PublicKey = public

    def sign(self, domain: Domain, message: bytes) -> Signature:
        """Return the 64-byte signature of `message` in `domain`."""
        signed = nacl.bindings.crypto_sign(_PREFIX[domain] + message, self._secret)
        return signed[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()[:16]}…)"


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """A private key that another process holds: signatures are asked for, and come later."""

    public: PublicKey

    def sign(self, domain: Domain, message: bytes) -> Signature:
        """Raise InvariantBroken: nobody who holds this may sign by itself."""
        raise InvariantBroken("a signature by a key that another process holds")


Signer: TypeAlias = SigningKey | HeldElsewhere


def verify(domain: Domain, key: PublicKey, message: bytes, signature: Signature) -> bool:
    """Say whether `signature` is `key`'s strict signature of `message` in `domain`."""
    if len(key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + _PREFIX[domain] + message, key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def check_signature(
    domain: Domain, key: PublicKey, message: bytes, signature: Signature, *, what: str
) -> None:
    """Raise InvalidSignature, naming `what`, unless `verify` holds."""
    if not verify(domain, key, message, signature):
        raise InvalidSignature(f"the signature of {what} does not verify")


def checksum(key: bytes, value: bytes) -> bytes:
    """Return 8 bytes that tie a stored value to its key: found wrong, the store is corrupt.

    A key has at most 511 bytes, as in LMDB.
    """
    return _sha256(_STORED_HEADS[len(key)] + key + value).digest()[:8]
