"""A state proof: this key had this value, or none, at this height. It verifies offline.

    state proof = ["state-proof", 1, key, value or null, [bucket, [level …]], outcomes root,
                   height proof]

The path leads from the key's place in the state tree to the state root of a checkpoint (see
`tree_proof`), the height proof from there to a certificate (see `height_proof`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidProof, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.height_proof import HeightProofShape, check_height, height_proof
from govchaind.ledger.results import read_result
from govchaind.ledger.shapes import Bytes32, Shape, read_versioned
from govchaind.ledger.state import State
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import TreePath, check_tree_path, hash_key, hash_value
from govchaind.ledger.trust import TrustRoot

VERSION = 1


class _PathShape(Shape):
    bucket: bytes
    levels: list[bytes]


class _StateProofShape(Shape):
    what: Literal["state-proof"]
    version: Literal[1]
    key: bytes
    value: bytes | None
    path: _PathShape
    outcomes_root: Bytes32
    proof: HeightProofShape


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """What a state proof proves; `value` None: the key had no value at that height."""

    key: bytes
    value: bytes | None
    height: Height
    time: BlockTime
    state_root: Hash
    certified_height: Height


def build_state_proof(
    reader: KeyValueReader,
    key: bytes,
    height: Height,
    header: bytes,
    certificate: Certificate,
) -> bytes:
    """Return the proof of a state key's value, or of its absence, at a checkpoint.

    Args:
        height: of a checkpoint that can still be proved (`StateTree.checkpoint_at`), not 0.
        header: of the block at that height.
        certificate: of that height or any later one.

    Raises:
        NotFound: the height is no checkpoint, or the certificate is of a lower height.
        Gone: the checkpoint is older than what is kept.
    """
    path = StateTree().prove(reader, height, hash_key(key))
    result = read_result(reader, height)
    if result.state_root is None:
        raise NotFound(f"height {height} is not a checkpoint")
    value = State().get_at(reader, key, height)
    return encode(
        [
            "state-proof",
            VERSION,
            key,
            value,
            path.as_value(),
            result.outcomes_root,
            height_proof(reader, header, result.state_root, certificate),
        ]
    )


def verify_state_proof(
    data: bytes,
    trust: TrustRoot,
    to_head: Sequence[Hash] | None = None,
    *,
    key: bytes | None = None,
) -> VerifiedState:
    """Return what the state proof proves to one who trusts `trust`.

    Args:
        to_head: see `TrustRoot.check`.
        key: what was asked for. One path can prove the absence of many keys, so whoever asked for
            one must compare; the key that was proved is in the answer too.

    Raises:
        InvalidEncoding: these bytes are no state proof.
        InvalidProof: it does not hold.
    """
    shape = read_versioned(
        data,
        _StateProofShape,
        what="a state proof",
        version=VERSION,
        place=1,
        bytes_max=RECEIPT_BYTES_MAX,
    )
    if key is not None and shape.key != key:
        raise InvalidProof("the proof is of another key than the one asked for")
    proved = check_height(shape.proof, shape.outcomes_root, trust, to_head)
    state_root = shape.proof.state_root
    if state_root is None:
        raise InvalidProof("the height is not a checkpoint, so it proves no state")
    value_hash = None if shape.value is None else hash_value(shape.value)
    path = TreePath(shape.path.bucket, tuple(shape.path.levels))
    check_tree_path(state_root, hash_key(shape.key), value_hash, path)
    return VerifiedState(
        shape.key,
        shape.value,
        proved.header.height,
        proved.header.time,
        state_root,
        proved.certified_height,
    )
