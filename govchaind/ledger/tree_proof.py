"""What the state's tree is, and how a path through it is verified without any store.

The state is a set of entries: key hash → value hash, 32 bytes each. The tree over it is a pure
function of that set. A subtree at depth d holds the entries whose key hashes share their first
d half-bytes, and its hash is

- 32 zero bytes, if it holds no entry;
- the bucket hash of its entries (key hash ‖ value hash, ascending), if it holds at most
  STATE_BUCKET_ENTRIES_MAX of them;
- else the node hash of four group hashes, each the node hash of four of its sixteen children.

So it is a quaternary tree, taken two levels at a time. A path is the bucket in which a key hash
is, or would be, and for each sixteen-way level above it the six hashes that stand beside it; the
place in each level is the key hash's own half-byte, so it is not carried and cannot be chosen.

This module stores nothing and reads nothing: verifiers use it alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from govchaind.base.crypto import HASH_BYTES, SUITE, Domain
from govchaind.base.encoding import convert, decode, encode
from govchaind.base.errors import InvalidProof
from govchaind.base.limits import STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import ZERO_HASH, Hash

ENTRY_BYTES = 2 * HASH_BYTES
BUCKET_BYTES_MAX = STATE_BUCKET_ENTRIES_MAX * ENTRY_BYTES
DEPTH_MAX = 2 * HASH_BYTES  # half-bytes of a key hash
SIBLINGS_BYTES = 6 * HASH_BYTES  # three in the group, then three groups
PATH_BYTES_MAX = BUCKET_BYTES_MAX + DEPTH_MAX * (SIBLINGS_BYTES + 3) + 16
BUCKET_PREFIX = bytes((SUITE, Domain.STATE_BUCKET))
KEY_PREFIX = bytes((SUITE, Domain.STATE_KEY))
VALUE_PREFIX = bytes((SUITE, Domain.STATE_VALUE))
NODE_PREFIX = bytes((SUITE, Domain.STATE_NODE))
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class TreePath:
    """The bucket where a key hash belongs, and the sibling hashes from it up to the root.

    `levels` has 192 bytes a level: the three other children of the group, then the three other
    groups, each in order.
    """

    bucket: bytes
    levels: tuple[bytes, ...]

    def as_value(self) -> list[Any]:
        """Return the CBOR array [bucket, [level, …]], lowest level first."""
        return [self.bucket, list(self.levels)]

    def encode(self) -> bytes:
        """Return the path as bytes that `read_tree_path` reads."""
        return encode(self.as_value())

    def value_hash(self, key_hash: Hash) -> Hash | None:
        """Return what the bucket says of `key_hash`; means nothing before `check_tree_path`."""
        for at in range(0, len(self.bucket), ENTRY_BYTES):
            if self.bucket[at : at + HASH_BYTES] == key_hash:
                return self.bucket[at + HASH_BYTES : at + ENTRY_BYTES]
        return None


def hash_key(key: bytes) -> Hash:
    """Return the place of a state key in the tree."""
    return _sha256(KEY_PREFIX + key).digest()


def hash_value(value: bytes) -> Hash:
    """Return what the tree says of a state value."""
    return _sha256(VALUE_PREFIX + value).digest()


def tree_path_from(value: Any) -> TreePath:
    """Return the path that a decoded CBOR array holds; raises InvalidEncoding or InvalidProof."""
    bucket, levels = convert(value, tuple[bytes, list[bytes]])
    path = TreePath(bucket, tuple(levels))
    _check_lengths(path)
    return path


def read_tree_path(data: bytes) -> TreePath:
    """Return the path that `data` encodes; raises InvalidEncoding or InvalidProof."""
    return tree_path_from(decode(data, bytes_max=PATH_BYTES_MAX))


def bucket_hash(entries: bytes) -> Hash:
    """Return the hash of a bucket's ascending entries; an empty one has the zero hash."""
    return _sha256(BUCKET_PREFIX + entries).digest() if entries else ZERO_HASH


def node_hash(four: bytes | bytearray) -> Hash:
    """Return the hash of four hashes in a row."""
    return _sha256(NODE_PREFIX + four).digest()


def nibble(key_hash: Hash, depth: int) -> int:
    """Return the half-byte by which a record at `depth` chooses among its sixteen children."""
    byte = key_hash[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def check_tree_path(root: Hash, key_hash: Hash, value_hash: Hash | None, path: TreePath) -> None:
    """Raise InvalidProof unless `path` shows that under `root` the key has that value, or none.

    A `value_hash` of None asks for a proof of absence.
    """
    if len(root) != HASH_BYTES or len(key_hash) != HASH_BYTES:
        raise InvalidProof("a root and a key hash have 32 bytes")
    if value_hash is not None and len(value_hash) != HASH_BYTES:
        raise InvalidProof("a value hash has 32 bytes")
    _check_lengths(path)
    _check_bucket(path.bucket, key_hash, len(path.levels))
    found = path.value_hash(key_hash)
    if found != value_hash:
        if found is None:
            raise InvalidProof("the state has no value for this key there")
        absent = "the state has a value for this key there, so it is not absent"
        raise InvalidProof("the state has another value there" if value_hash else absent)
    value = bucket_hash(path.bucket)
    depth = len(path.levels)
    for siblings in path.levels:
        depth -= 1
        group, child = divmod(nibble(key_hash, depth), 4)
        at = child * HASH_BYTES
        value = node_hash(siblings[:at] + value + siblings[at : 3 * HASH_BYTES])
        at = (3 + group) * HASH_BYTES
        value = node_hash(siblings[3 * HASH_BYTES : at] + value + siblings[at:])
    if value != root:
        raise InvalidProof("the path does not lead to the state root")


def _check_lengths(path: TreePath) -> None:
    if len(path.bucket) > BUCKET_BYTES_MAX or len(path.bucket) % ENTRY_BYTES:
        raise InvalidProof(f"a bucket of {len(path.bucket)} bytes")
    if len(path.levels) > DEPTH_MAX:
        raise InvalidProof(f"a path of {len(path.levels)} levels; at most {DEPTH_MAX} are possible")
    if any(len(level) != SIBLINGS_BYTES for level in path.levels):
        raise InvalidProof(f"a level has not {SIBLINGS_BYTES} bytes")


def _check_bucket(bucket: bytes, key_hash: Hash, depth: int) -> None:
    """Refuse entries out of order, doubled, or from another place than `key_hash`'s."""
    half, odd = depth >> 1, depth & 1
    before = b""
    for at in range(0, len(bucket), ENTRY_BYTES):
        entry = bucket[at : at + HASH_BYTES]
        if entry <= before:
            raise InvalidProof("the bucket's entries do not ascend")
        last_differs = odd and (entry[half] ^ key_hash[half]) & 0xF0
        if entry[:half] != key_hash[:half] or last_differs:
            raise InvalidProof("the bucket is not the one where this key belongs")
        before = entry
