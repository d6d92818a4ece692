"""A receipt: this transaction happened, with this outcome. It verifies offline, believing no node.

    receipt = ["receipt", 1, transaction id, identity, transaction bytes or null,
               code, operation or null, sides, [hash …], height proof]

The outcome's leaf is made of id, identity, code and operation; the path with its sides leads from
it to the outcomes root; the height proof leads from there to a certificate. See `height_proof`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidProof, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.base.merkle import SUITE_1
from govchaind.base.types import BlockTime, Hash, Height, NodeId
from govchaind.ledger.block import block_parts
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.height_proof import (
    Hashes,
    HeightProofShape,
    check_height,
    height_proof,
    sided_path,
    sided_root,
)
from govchaind.ledger.outcomes import OUTCOMES, Outcome
from govchaind.ledger.results import find_transaction, outcome_leaf, read_result
from govchaind.ledger.shapes import Bytes32, Count, Shape, read_versioned
from govchaind.ledger.transaction import Transaction, read_transaction
from govchaind.ledger.trust import TrustRoot

VERSION = 1


class _ReceiptShape(Shape):
    what: Literal["receipt"]
    version: Literal[1]
    transaction_id: Bytes32
    identity: Bytes32
    transaction: bytes | None
    code: Count
    operation: Count | None
    sides: Count
    path: Hashes
    proof: HeightProofShape


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt proves."""

    transaction_id: Hash
    identity: Hash
    transaction: Transaction | None  # where the receipt carries it
    outcome: Outcome
    height: Height
    time: BlockTime
    leader: NodeId
    block_hash: Hash
    certified_height: Height


def build_receipt(
    reader: KeyValueReader,
    transaction_id: Hash,
    block_bytes: bytes,
    certificate: Certificate,
    *,
    with_transaction: bool = True,
) -> bytes:
    """Return the receipt of the transaction that used this id (`results.find_transaction`).

    Args:
        block_bytes: the block at the height where it is.
        certificate: of that height or any later one.

    Raises:
        NotFound: the id was never used, or the certificate is of a lower height.
    """
    place = find_transaction(reader, transaction_id)
    if place is None:
        raise NotFound("no transaction has used this id")
    return build_receipt_at(
        reader, place, block_bytes, certificate, with_transaction=with_transaction
    )


def build_receipt_at(
    reader: KeyValueReader,
    place: tuple[Height, int],
    block_bytes: bytes,
    certificate: Certificate,
    *,
    with_transaction: bool = True,
) -> bytes:
    """Return the receipt of the transaction at (height, position), also of one whose id is free."""
    height, position = place
    header, transactions, _ = block_parts(block_bytes)
    result = read_result(reader, height)
    if position >= len(result.outcomes) or position >= len(transactions):
        raise NotFound(f"block {height} has no transaction {position}")
    leaves = [
        SUITE_1.leaf(outcome_leaf(item[0], item[1], Outcome(item[2], item[3])))
        for item in result.outcomes
    ]
    sides, path = sided_path(leaves, position)
    transaction_id, identity, code, operation = result.outcomes[position]
    return encode(
        [
            "receipt",
            VERSION,
            transaction_id,
            identity,
            transactions[position] if with_transaction else None,
            code,
            operation,
            sides,
            path,
            height_proof(reader, header, result.state_root, certificate),
        ]
    )


def verify_receipt(
    data: bytes, trust: TrustRoot, to_head: Sequence[Hash] | None = None
) -> VerifiedReceipt:
    """Return what the receipt proves to one who trusts `trust`.

    Args:
        to_head: see `TrustRoot.check`.

    Raises:
        InvalidEncoding: these bytes are no receipt.
        InvalidProof: it does not hold.
    """
    shape = read_versioned(
        data,
        _ReceiptShape,
        what="a receipt",
        version=VERSION,
        place=1,
        bytes_max=RECEIPT_BYTES_MAX,
    )
    if shape.code not in OUTCOMES or OUTCOMES[shape.code].door:
        raise InvalidProof(f"there is no outcome {shape.code}")
    outcome = Outcome(shape.code, shape.operation)
    leaf = SUITE_1.leaf(outcome_leaf(shape.transaction_id, shape.identity, outcome))
    outcomes_root = sided_root(leaf, shape.sides, shape.path)
    proved = check_height(shape.proof, outcomes_root, trust, to_head)
    transaction = None
    if shape.transaction is not None:
        transaction = read_transaction(shape.transaction)
        if (transaction.id, transaction.identity) != (shape.transaction_id, shape.identity):
            raise InvalidProof("the receipt carries another transaction than it names")
    header = proved.header
    return VerifiedReceipt(
        shape.transaction_id,
        shape.identity,
        transaction,
        outcome,
        header.height,
        header.time,
        header.leader,
        header.hash,
        proved.certified_height,
    )
