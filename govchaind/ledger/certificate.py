"""A certificate: a quorum's signatures of one height's statement.

    certificate = [statement bytes, [[node name, signature] …]]     sorted by name
    at the first height that a recovery's validators certify, also the record: [.., .., record]

Rules it keeps (protocol-rules.md, "Certificates"):
- Height h is certified by the validators in force before h; the height of a configuration block
  needs a quorum of the old set and one of the new.
- Every signature that stands in a certificate must verify, be of a validator of one of the sets in
  question, and be of a height above that node's `signs_above`; none stands twice. So a certificate
  has no byte that may be changed, where both sets are known. A trust root that has moved on to the
  new set leaves aside what members signed who left with that very block (`trust.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from govchaind.base import crypto
from govchaind.base.crypto import Domain
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.limits import CERTIFICATE_BYTES_MAX, RECOVERY_BYTES_MAX, VALIDATORS_MAX
from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import Height, NodeId, PublicKey, Signature
from govchaind.ledger.membership import Membership
from govchaind.ledger.shapes import Name, Shape, Signature64, read_shape
from govchaind.ledger.statement import Statement, read_statement

Verify = Callable[[Domain, PublicKey, bytes, Signature], bool]
_WITH_RECOVERY = b"\x83"  # an array of three


class _CertificateShape(Shape):
    statement: bytes
    signatures: Annotated[
        list[tuple[Name, Signature64]], Meta(min_length=1, max_length=2 * VALIDATORS_MAX)
    ]
    recovery: bytes | None = None


class Certificate:
    """Statement bytes and who signed them; nothing is verified by having one.

    `recovery` is a record (recovery.py) that travels with it, for one who follows the chain block
    by block and could not know yet who signs from here on. It is no part of what is certified.
    """

    __slots__ = ("read", "recovery", "signatures", "statement")

    def __init__(
        self,
        statement: bytes,
        signatures: tuple[tuple[NodeId, Signature], ...],
        recovery: bytes | None = None,
    ) -> None:
        """Take statement bytes and signatures sorted by name. Raises InvalidEncoding."""
        self.statement = statement
        self.signatures = signatures
        self.recovery = recovery
        self.read: Statement = read_statement(statement)

    @property
    def height(self) -> Height:
        return self.read.height

    def encode(self) -> bytes:
        signatures = [[name, value] for name, value in self.signatures]
        if self.recovery is None:
            return encode([self.statement, signatures])
        return encode([self.statement, signatures, self.recovery])

    def without_recovery(self) -> Certificate:
        """Return the certificate alone, as it stands in receipts and proofs."""
        if self.recovery is None:
            return self
        return Certificate(self.statement, self.signatures)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Certificate):
            return NotImplemented
        return (self.statement, self.signatures) == (other.statement, other.signatures)

    def __hash__(self) -> int:
        return hash((self.statement, self.signatures))

    def __repr__(self) -> str:
        return f"Certificate({self.height}, {', '.join(name for name, _ in self.signatures)})"


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate that `data` encodes. Raises InvalidEncoding."""
    bytes_max = CERTIFICATE_BYTES_MAX + (RECOVERY_BYTES_MAX if data[:1] == _WITH_RECOVERY else 0)
    shape = read_shape(data, _CertificateShape, bytes_max=bytes_max)
    if (shape.recovery is None) == (data[:1] == _WITH_RECOVERY):
        raise InvalidEncoding("a certificate has a record of recovery, or no place for one")
    names = [name for name, _ in shape.signatures]
    if names != sorted(set(names)):
        raise InvalidEncoding("a certificate's signatures are sorted by name, none twice")
    return Certificate(shape.statement, tuple(shape.signatures), shape.recovery)


def check_certificate(
    certificate: Certificate,
    before: Membership,
    after: Membership | None = None,
    verify: Verify = crypto.verify,
) -> None:
    """Raise InvalidProof unless the certificate holds.

    Args:
        before: the membership in force before the certificate's height.
        after: the membership in force after it, where the height is a configuration block's.
    """
    names = [name for name, _ in certificate.signatures]
    if names != sorted(set(names)):
        raise InvalidProof("the certificate's signatures are not sorted, or one stands twice")
    sets = [before] if after is None or after == before else [before, after]
    for name, signature in certificate.signatures:
        key = _key_of(name, certificate.height, sets)
        if not verify(Domain.ATTESTATION, key, certificate.statement, signature):
            raise InvalidProof(f"the signature of {name} in the certificate does not verify")
    if missing := _missing(certificate.height, set(names), sets):
        raise InvalidProof(missing)


def signed_by(certificate: Certificate, membership: Membership) -> Certificate:
    """Return what the validators of one set have signed of a certificate.

    Of the block that brought a set into force: the old set's signatures stand beside theirs, also
    those of members that have stayed without a vote; who knows the new set only cannot judge them.
    """
    height = certificate.height
    voters = membership.voters()
    known = {member.name for member in voters if height > member.signs_above}
    mine = tuple(pair for pair in certificate.signatures if pair[0] in known)
    return Certificate(certificate.statement, mine)


def build_certificate(
    statement: bytes,
    signatures: Mapping[NodeId, Signature],
    before: Membership,
    after: Membership | None = None,
) -> Certificate | None:
    """Return a certificate of verified attestations, or None while they are no quorum."""
    height = read_statement(statement).height
    sets = [before] if after is None or after == before else [before, after]
    may_sign = {
        member.name
        for membership in sets
        for member in membership.voters()
        if height > member.signs_above
    }
    chosen = {name: signatures[name] for name in signatures if name in may_sign}
    if _missing(height, set(chosen), sets):
        return None
    return Certificate(statement, tuple(sorted(chosen.items())))


def check_attestation(
    name: NodeId,
    statement: bytes,
    signature: Signature,
    membership: Membership,
    verify: Verify = crypto.verify,
) -> None:
    """Raise InvalidProof unless one validator's attestation of a statement holds."""
    key = _key_of(name, read_statement(statement).height, [membership])
    if not verify(Domain.ATTESTATION, key, statement, signature):
        raise InvalidProof(f"the attestation of {name} does not verify")


def _key_of(name: NodeId, height: Height, sets: list[Membership]) -> PublicKey:
    """Return the one key under which a node may sign this height."""
    for membership in sets:
        member = membership.member(name)
        if member is not None and member.role == "validator" and height > member.signs_above:
            return member.attestation_key
    raise InvalidProof(f"{name} is no validator that may sign height {height}")


def _missing(height: Height, names: set[NodeId], sets: list[Membership]) -> str | None:
    """Say what is missing from a quorum of each set, or None."""
    for membership in sets:
        voters = membership.voters()
        signed = sum(1 for voter in voters if voter.name in names and height > voter.signs_above)
        needed = certificate_quorum(len(voters))
        if signed < needed:
            return f"{signed} of {len(voters)} validators have signed; {needed} are needed"
    return None
