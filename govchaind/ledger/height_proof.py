"""What receipts and state proofs share: from one height's result up to a certificate.

    height proof = [header bytes, state root or null, [hash …], certificate bytes]

The header says height, time and leader, and its hash is the block hash. The path is RFC 9162's
inclusion path of leaf height-1 in the tree of as many heights as the certificate's own. Outcomes
root and state root are given by whoever uses this, or carried; nothing is carried that could be
computed, so there is no byte that may be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from govchaind.base.errors import InvalidProof, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.merkle import PATH_LENGTH_MAX, SUITE_1, AppendTree, check_inclusion, levels
from govchaind.base.types import Hash, Height
from govchaind.ledger.block import Header
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.results import result_leaf, stored_subtree
from govchaind.ledger.shapes import Bytes32, Shape
from govchaind.ledger.trust import TrustRoot

Hashes = Annotated[list[Bytes32], Meta(max_length=PATH_LENGTH_MAX)]


class HeightProofShape(Shape):
    """The part of a receipt or a state proof that leads from a height to a certificate."""

    header: bytes
    state_root: Bytes32 | None
    path: Hashes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class ProvedHeight:
    """A height whose result is covered by a certificate that the trust root accepts."""

    header: Header
    certified_height: Height


def height_proof(
    reader: KeyValueReader, header: bytes, state_root: Hash | None, certificate: Certificate
) -> list[object]:
    """Return the array of a height proof for the block with this header.

    Raises:
        NotFound: the certificate is of a lower height.
    """
    height = Header(header).height
    path = height_path(reader, height, certificate.height)
    return [header, state_root, path, certificate.without_recovery().encode()]


def height_path(reader: KeyValueReader, height: Height, size: Height) -> list[Hash]:
    """Return the path of `height` in the tree of the first `size` heights. Raises NotFound."""
    if not 1 <= height <= size:
        raise NotFound(f"height {height} is not covered by a certificate of height {size}")
    return AppendTree(size, stored_subtree(reader)).inclusion_path(height - 1)


def check_height(
    shape: HeightProofShape,
    outcomes_root: Hash,
    trust: TrustRoot,
    to_head: Sequence[Hash] | None,
) -> ProvedHeight:
    """Return the height proved under `trust`. Raises InvalidProof or InvalidEncoding."""
    header = Header(shape.header)
    certificate = read_certificate(shape.certificate)
    trust.check(certificate, to_head)
    if header.chain_id != trust.chain_id:
        raise InvalidProof("the block belongs to another chain")
    leaf = result_leaf(header.height, header.hash, outcomes_root, shape.state_root)
    size = certificate.height
    check_inclusion(
        SUITE_1.leaf(leaf), header.height - 1, size, shape.path, certificate.read.log_root
    )
    return ProvedHeight(header, size)


def sided_path(leaves: Sequence[Hash], index: int) -> tuple[int, list[Hash]]:
    """Return the path of a leaf with its sides: bit n set, the n-th sibling stands left.

    The sides stand in for index and size, which nothing signs: a path with those would verify
    under several sizes.
    """
    sides = 0
    path: list[Hash] = []
    for level in levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            sides |= (index & 1) << len(path)
            path.append(level[sibling])
        index //= 2
    return sides, path


def sided_root(leaf: Hash, sides: int, path: Sequence[Hash]) -> Hash:
    """Return the root to which a path with sides leads. Raises InvalidProof."""
    if sides >> len(path):
        raise InvalidProof("the path has more sides than hashes")
    value = leaf
    for place, sibling in enumerate(path):
        left = sides >> place & 1
        value = SUITE_1.node(sibling, value) if left else SUITE_1.node(value, sibling)
    return value
