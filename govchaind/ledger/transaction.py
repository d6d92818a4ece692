"""A transaction: operations that all happen or none, signed by the keys of one office.

    body = [1, chain id, institution, office, [[kind, arguments] …], valid until, salt]
    raw  = [body bytes, [[key, signature] …]]          signatures sorted by key, none twice

The **id** is the hash of the body bytes, which are carried verbatim: it is what the author knows
and what makes sending twice harmless. The **identity** is the hash of body and signatures: it is
what blocks, the pool and the verdict cache go by, so that junk signatures on a known body never
pass for the thing itself.

Reading is strict: one transaction has one form. The envelope is compared, byte for byte, with the
only form it can have; the body goes through the strict decoder. Signatures are *not* verified
here (`signature_checks` says what is to be verified), and what the operations mean is
`operations/table.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from govchaind.base.crypto import Domain, SigningKey, check_signature, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding, InvalidSignature
from govchaind.base.limits import (
    NAME_CHARS_MAX,
    SALT_BYTES,
    TRANSACTION_BYTES_MAX,
    TRANSACTION_OPERATIONS_MAX,
    TRANSACTION_SIGNATURES_MAX,
)
from govchaind.base.types import BlockTime, Hash, PublicKey, Signature
from govchaind.ledger.operations.costs import operations_cost
from govchaind.ledger.shapes import unknown_version

VERSION = 1
TIME_MAX = (1 << 63) - 1
_NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{NAME_CHARS_MAX - 1}}}").fullmatch
_SCALARS = frozenset((int, str, bytes, bool, type(None)))
_PAIR_HEAD = b"\x82\x58\x20"  # an array of two, a byte string of 32
_SIGNATURE_HEAD = b"\x58\x40"  # a byte string of 64
_PAIR_BYTES = len(_PAIR_HEAD) + 32 + len(_SIGNATURE_HEAD) + 64


class Transaction:
    """One transaction as it was read. Nobody changes one after it was made."""

    __slots__ = (
        "body",
        "chain_id",
        "cost",
        "id",
        "identity",
        "institution",
        "office",
        "operations",
        "raw",
        "signatures",
        "valid_until",
    )

    raw: bytes
    body: bytes
    identity: Hash
    id: Hash
    chain_id: Hash
    institution: str
    office: str
    operations: list[tuple[int, list[Any]]]
    valid_until: BlockTime
    signatures: tuple[tuple[PublicKey, Signature], ...]
    cost: int  # declared, in microseconds: what a block's bound counts

    def __init__(
        self, raw: bytes, body: bytes, signatures: tuple[tuple[PublicKey, Signature], ...]
    ) -> None:
        """Take in an envelope already taken apart; reads and judges the body."""
        self.raw = raw
        self.body = body
        self.signatures = signatures
        fields = decode(body, bytes_max=TRANSACTION_BYTES_MAX)
        if type(fields) is not list or not fields or type(fields[0]) is not int:
            raise InvalidEncoding("a transaction body is an array that begins with its version")
        if fields[0] != VERSION:
            raise unknown_version("a transaction", fields[0], VERSION)
        if len(fields) != 7:
            raise InvalidEncoding("a transaction body is an array of seven")
        _, chain_id, institution, office, operations, valid_until, salt = fields
        if type(chain_id) is not bytes or len(chain_id) != 32:
            raise InvalidEncoding("a chain id has 32 bytes")
        if not (is_name(institution) and is_name(office)):
            raise InvalidEncoding("the author's institution or office is not a name")
        if type(valid_until) is not int or not 0 < valid_until <= TIME_MAX:
            raise InvalidEncoding("the last valid time is not a block time")
        if type(salt) is not bytes or len(salt) != SALT_BYTES:
            raise InvalidEncoding(f"a salt has {SALT_BYTES} bytes")
        self.chain_id = chain_id
        self.institution = institution
        self.office = office
        self.valid_until = valid_until
        self.operations = _operations(operations)
        self.cost = operations_cost(self.operations)
        self.id = digest(Domain.TRANSACTION_BODY, body)
        self.identity = digest(Domain.TRANSACTION, raw)

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.raw)

    def __repr__(self) -> str:
        return f"Transaction({self.id.hex()[:16]}, {self.institution}/{self.office})"


def is_name(value: object) -> bool:
    """Say whether `value` is a name: 1 to 32 of a-z, 0-9 and '-', not starting with '-'."""
    return type(value) is str and _NAME(value) is not None


def read_transaction(raw: bytes) -> Transaction:
    """Return the transaction that `raw` is.

    Raises:
        InvalidEncoding: out of bounds, not the one form, or not the shape. Signatures are not
            verified here.
    """
    if len(raw) > TRANSACTION_BYTES_MAX:
        raise InvalidEncoding(
            f"{len(raw)} bytes where a transaction has at most {TRANSACTION_BYTES_MAX}",
            code="too-large",
        )
    start, end = _body_span(raw)
    return Transaction(bytes(raw), raw[start:end], _signatures(raw, end))


def _body_span(raw: bytes) -> tuple[int, int]:
    """Return where the body bytes lie; refuses every head but the shortest."""
    if len(raw) < 4 or raw[0] != 0x82:
        raise InvalidEncoding("a transaction is an array of body and signatures")
    head = raw[1]
    if head == 0x58:
        start, length, least = 3, raw[2], 24
    elif head == 0x59:
        start, length, least = 4, int.from_bytes(raw[2:4], "big"), 256
    elif 0x40 <= head < 0x58:
        start, length, least = 2, head - 0x40, 0
    else:
        raise InvalidEncoding("a transaction's body is a byte string")
    if length < least:
        raise InvalidEncoding("the body's length is written in more bytes than it needs")
    return start, start + length


def _signatures(raw: bytes, place: int) -> tuple[tuple[PublicKey, Signature], ...]:
    """Return the signatures that fill `raw` from `place` to its end, exactly."""
    if place >= len(raw):
        raise InvalidEncoding("a transaction is cut short")
    count = raw[place] - 0x80
    if not 1 <= count <= TRANSACTION_SIGNATURES_MAX:
        raise InvalidEncoding(
            f"a transaction has an array of 1 to {TRANSACTION_SIGNATURES_MAX} signatures"
        )
    place += 1
    if len(raw) != place + count * _PAIR_BYTES:
        raise InvalidEncoding("the signatures are not pairs of 32 and 64 bytes, to the end")
    found: list[tuple[PublicKey, Signature]] = []
    before = b""
    for at in range(place, len(raw), _PAIR_BYTES):
        key = raw[at + 3 : at + 35]
        if raw[at : at + 3] != _PAIR_HEAD or raw[at + 35 : at + 37] != _SIGNATURE_HEAD:
            raise InvalidEncoding("a signature is a pair of 32 and 64 bytes")
        if key <= before:
            raise InvalidEncoding("signatures are sorted by key, and no key signs twice")
        before = key
        found.append((key, raw[at + 37 : at + _PAIR_BYTES]))
    return tuple(found)


def _operations(value: object) -> list[tuple[int, list[Any]]]:
    if type(value) is not list or not 1 <= len(value) <= TRANSACTION_OPERATIONS_MAX:
        raise InvalidEncoding(f"a transaction has 1 to {TRANSACTION_OPERATIONS_MAX} operations")
    found: list[tuple[int, list[Any]]] = []
    for operation in value:
        if type(operation) is not list or len(operation) != 2:
            raise InvalidEncoding("an operation is a kind and its arguments")
        kind, arguments = operation
        if type(kind) is not int or not 0 < kind < 1 << 16:
            raise InvalidEncoding("an operation's kind is a number of 16 bits")
        if type(arguments) is not list:
            raise InvalidEncoding("an operation's arguments are an array")
        _check_plain(arguments)
        found.append((kind, arguments))
    return found


def _check_plain(values: list[Any]) -> None:
    """Refuse what no shape of ours has: maps, floats, undefined, other simple values."""
    for value in values:
        kind = type(value)
        if kind in _SCALARS:
            continue
        if kind is not list:
            raise InvalidEncoding(f"an argument of a kind that is not allowed: {kind.__name__}")
        _check_plain(value)


def signature_checks(transaction: Transaction) -> list[tuple[PublicKey, bytes, Signature]]:
    """Return what is to be verified, in Domain.TRANSACTION_BODY: (key, message, signature)."""
    body = transaction.body
    return [(key, body, signature) for key, signature in transaction.signatures]


def verify_transaction(transaction: Transaction) -> None:
    """Verify every signature. Raises InvalidSignature."""
    for key, message, signature in signature_checks(transaction):
        check_signature(
            Domain.TRANSACTION_BODY, key, message, signature, what="a transaction's key"
        )


def build_body(
    *,
    chain_id: Hash,
    institution: str,
    office: str,
    operations: Iterable[tuple[int, list[Any]]],
    valid_until: BlockTime,
    salt: bytes,
) -> bytes:
    """Return body bytes. `salt` is 16 bytes that the author never used before with this body."""
    listed = [[kind, arguments] for kind, arguments in operations]
    return encode([VERSION, chain_id, institution, office, listed, valid_until, salt])


def sign_body(body: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Return the raw transaction: `body` signed by each of `keys`."""
    return assemble(body, [(key.public, key.sign(Domain.TRANSACTION_BODY, body)) for key in keys])


def assemble(body: bytes, signatures: Iterable[tuple[PublicKey, Signature]]) -> bytes:
    """Return the raw transaction of a body and signatures gathered elsewhere.

    Raises:
        InvalidSignature: one key signs twice.
    """
    pairs = sorted(signatures)
    if len({key for key, _ in pairs}) != len(pairs):
        raise InvalidSignature("one key signs twice")
    return encode([body, [[key, signature] for key, signature in pairs]])
