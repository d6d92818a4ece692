"""A record of recovery: how a chain goes on whose quorum is lost for good.

    record    = [body bytes, proofs bytes, [[institution, key, signature] …]]
    body      = ["recovery", 1, chain id, kept height, kept block's hash, certified height,
                 lost height or null, term, leader, time, membership bytes, [node …] left out]

The block after the kept height is the *recovery block*: it has no transactions, brings the body's
membership in force, and its header is made of the body alone, so that whoever carries the record
out makes the same block. Where another block has the root of its transactions, its header names
the hash of the body. Signatures and proofs stand beside: more of them make no other block.

Rules it keeps:
- Up to the certified height the membership before has certified, and nobody else does. From there
  to the recovery block, which may be many heights, those in the record certify: they are blocks
  that were in order and for which too few were left to sign. So every height has a certificate.
- Nothing is signed anew with other content: what is kept stays as it is, to the byte.
- Office keys of institutions sign the body (recovery_quorum.py judges how many, recovery_proof.py
  whose). The keys of machines count for nothing.

`lost` names a height of which it is known that it was there and is in nobody's store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, SigningKey, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import (
    INSTITUTIONS_MAX,
    MEMBERSHIP_BYTES_MAX,
    NODES_MAX,
    OFFICE_KEYS_MAX,
    RECOVERY_BYTES_MAX,
)
from govchaind.base.types import BlockTime, Hash, Height, NodeId, PublicKey, Signature, Term
from govchaind.ledger.membership import Membership, read_membership
from govchaind.ledger.shapes import Bytes32, Name, Shape, Signature64, read_shape, read_versioned

VERSION = 1
_Positive = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]


class _BodyShape(Shape):
    what: Literal["recovery"]
    version: Literal[1]
    chain_id: Bytes32
    kept: _Positive
    kept_hash: Bytes32
    certified: _Positive
    lost: _Positive | None
    term: _Positive
    leader: Name
    time: _Positive
    membership: bytes
    left_out: Annotated[list[Name], Meta(max_length=NODES_MAX)]


class _RecordShape(Shape):
    body: bytes
    proofs: bytes
    signatures: Annotated[
        list[tuple[Name, Bytes32, Signature64]],
        Meta(max_length=INSTITUTIONS_MAX * OFFICE_KEYS_MAX),
    ]


@dataclass(frozen=True, slots=True)
class RecoveryBody:
    """What the institutions sign, as read."""

    chain_id: Hash
    kept: Height
    kept_hash: Hash
    certified: Height
    lost: Height | None
    term: Term
    leader: NodeId  # whose store was kept; a block names somebody
    time: BlockTime
    membership: Membership
    left_out: tuple[NodeId, ...]

    @property
    def height(self) -> Height:
        """The height of the recovery block."""
        return self.kept + 1

    def encode(self) -> bytes:
        return encode(
            [
                "recovery",
                VERSION,
                self.chain_id,
                self.kept,
                self.kept_hash,
                self.certified,
                self.lost,
                self.term,
                self.leader,
                self.time,
                self.membership.encode(),
                list(self.left_out),
            ]
        )


OfficeSignature = tuple[str, PublicKey, Signature]  # institution, key, signature


@dataclass(frozen=True, slots=True)
class Recovery:
    """A record of recovery as read; by having one nothing is verified."""

    raw: bytes  # of the body
    body: RecoveryBody
    proofs: bytes
    signatures: tuple[OfficeSignature, ...]

    @property
    def digest(self) -> Hash:
        """What the header of the recovery block names."""
        return digest(Domain.RECOVERY, self.raw)

    def encode(self) -> bytes:
        return encode([self.raw, self.proofs, [list(each) for each in self.signatures]])

    def signed(self, institution: str, key: SigningKey) -> Recovery:
        """Return the record with one more signature, or as it is if that key has signed."""
        signature = key.sign(Domain.RECOVERY_SIGNATURE, self.raw)
        return self.with_signatures([(institution, key.public, signature)])

    def with_signatures(self, more: Sequence[OfficeSignature]) -> Recovery:
        """Return the record with further signatures, sorted, each key once."""
        found = {each[:2]: each for each in (*self.signatures, *more)}
        return Recovery(
            self.raw, self.body, self.proofs, tuple(found[place] for place in sorted(found))
        )


def make_recovery(body: RecoveryBody, proofs: bytes) -> Recovery:
    """Return a record that nobody has signed yet."""
    return Recovery(body.encode(), body, proofs, ())


def read_recovery(data: bytes) -> Recovery:
    """Return the record that `data` encodes, not yet judged. Raises InvalidEncoding."""
    shape = read_shape(data, _RecordShape, bytes_max=RECOVERY_BYTES_MAX)
    places = [(institution, key) for institution, key, _ in shape.signatures]
    if places != sorted(set(places)):
        raise InvalidEncoding("a record's signatures are sorted, and no key signs twice")
    return Recovery(shape.body, _read_body(shape.body), shape.proofs, tuple(shape.signatures))


def _read_body(data: bytes) -> RecoveryBody:
    said = read_versioned(
        data,
        _BodyShape,
        what="a record of recovery",
        version=VERSION,
        place=1,
        bytes_max=2 * MEMBERSHIP_BYTES_MAX,
    )
    membership = read_membership(said.membership)
    if said.certified > said.kept:
        raise InvalidEncoding("a record keeps less than what was certified")
    if membership.learners():
        raise InvalidEncoding("a recovery goes on with validators alone")
    if said.left_out != sorted(set(said.left_out)):
        raise InvalidEncoding("the nodes that a record leaves out are sorted, none stands twice")
    if any(membership.member(name) is not None for name in said.left_out):
        raise InvalidEncoding("a record leaves out a node that it goes on with")
    return RecoveryBody(
        said.chain_id,
        said.kept,
        said.kept_hash,
        said.certified,
        said.lost,
        said.term,
        said.leader,
        said.time,
        membership,
        tuple(said.left_out),
    )
