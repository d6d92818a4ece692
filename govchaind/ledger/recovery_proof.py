"""What a record of recovery carries so that it convinces one who has no state.

    proofs = [header bytes, state root, outcomes root, [hash …], certificate bytes,
              [[state key, value or null, [bucket, [level …]]] …]]

The certificate is that of the record's certified height: the last that the membership before has
made. The path leads to it from a checkpoint, and the checkpoint's state root proves the values that
recovery_quorum.py asks for: the keys of governing offices, and how many institutions there are. It
is made once, when the record is prepared: a node keeps checkpoints only for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidProof
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RECOVERY_BYTES_MAX
from govchaind.base.merkle import SUITE_1, AppendTree, check_inclusion
from govchaind.base.types import Height
from govchaind.ledger.block import Header
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.recovery_quorum import check_signatures
from govchaind.ledger.results import read_result, result_leaf, stored_subtree
from govchaind.ledger.shapes import Bytes32, Shape, read_shape
from govchaind.ledger.state import State
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import TreePath, check_tree_path, hash_key, hash_value

Believed = Callable[[Certificate], None]  # raises InvalidProof


class _PathShape(Shape):
    bucket: bytes
    levels: list[bytes]


class _ValueShape(Shape):
    key: bytes
    value: bytes | None
    path: _PathShape


class _ProofsShape(Shape):
    header: bytes
    state_root: Bytes32
    outcomes_root: Bytes32
    path: list[Bytes32]
    certificate: bytes
    values: list[_ValueShape]


def build_proofs(
    reader: KeyValueReader,
    keys: Sequence[bytes],
    height: Height,
    header: bytes,
    certificate: Certificate,
) -> bytes:
    """Return the proofs of these state keys at a checkpoint that the certificate covers.

    Raises NotFound or Gone: `height` is no checkpoint that can still be proved.
    """
    tree, state, result = StateTree(), State(), read_result(reader, height)
    values = [
        [
            key,
            state.get_at(reader, key, height),
            tree.prove(reader, height, hash_key(key)).as_value(),
        ]
        for key in keys
    ]
    path = AppendTree(certificate.height, stored_subtree(reader)).inclusion_path(height - 1)
    outcomes_root, bare = result.outcomes_root, certificate.without_recovery()
    return encode([header, result.state_root, outcomes_root, path, bare.encode(), values])


def proved_values(recovery: Recovery, believed: Believed) -> dict[bytes, Any]:
    """Return the decoded values that a record proves.

    Args:
        believed: judges the certificate of the certified height.

    Raises InvalidProof or InvalidEncoding: the record does not hold.
    """
    body = recovery.body
    shape = read_shape(recovery.proofs, _ProofsShape, bytes_max=RECOVERY_BYTES_MAX)
    certificate = read_certificate(shape.certificate)
    stated, header = certificate.read, Header(shape.header)
    if (stated.chain_id, stated.height) != (body.chain_id, body.certified):
        raise InvalidProof("the record's certificate is not of the height that it calls certified")
    if certificate.recovery is not None or header.chain_id != body.chain_id:
        raise InvalidProof("the record's proofs are of something else")
    if body.kept == body.certified and body.kept_hash != stated.block_hash:
        raise InvalidProof("the record keeps another block than the one that was certified")
    believed(certificate)
    leaf = result_leaf(header.height, header.hash, shape.outcomes_root, shape.state_root)
    check_inclusion(
        SUITE_1.leaf(leaf), header.height - 1, stated.height, shape.path, stated.log_root
    )
    found: dict[bytes, Any] = {}
    for item in shape.values:
        value_hash = None if item.value is None else hash_value(item.value)
        path = TreePath(item.path.bucket, tuple(item.path.levels))
        check_tree_path(shape.state_root, hash_key(item.key), value_hash, path)
        value = item.value
        found[item.key] = None if value is None else decode(value, bytes_max=len(value))
    return found


def proved_lookup(recovery: Recovery, believed: Believed) -> Callable[[bytes], Any]:
    """Return what answers for state keys from a record's own proofs. Raises as `proved_values`."""
    values = proved_values(recovery, believed)

    def lookup(key: bytes) -> Any:
        if key not in values:
            raise InvalidProof("the record does not prove whose keys have signed it")
        return values[key]

    return lookup


def check_record(recovery: Recovery, believed: Believed) -> list[str]:
    """Return the institutions that carry a record, by its own proofs.

    Raises InvalidProof or InvalidEncoding: it does not hold.
    """
    return check_signatures(recovery, proved_lookup(recovery, believed))
