"""Merkle trees of RFC 9162 section 2.1: roots, inclusion paths and consistency proofs.

Leaves and inner nodes are hashed under domains 0x00 and 0x01 as in the RFC, each preceded by the
suite byte; the `Hasher` makes that explicit, so that tests can run the RFC's own hashing through
the same code. Lengths and sizes are checked before anything is hashed.

`Frontier` is the right edge of a growing tree: it appends in O(log n) and needs no old leaves.
`AppendTree` reads complete subtrees through a function, for proofs over a stored tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from govchaind.base.crypto import HASH_BYTES, SUITE
from govchaind.base.errors import InvalidProof
from govchaind.base.types import Hash

PATH_LENGTH_MAX = 64
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class Hasher:
    """How leaves and inner nodes are hashed: the bytes that go before each."""

    leaf_prefix: bytes
    node_prefix: bytes

    def leaf(self, data: bytes) -> Hash:
        return _sha256(self.leaf_prefix + data).digest()

    def node(self, left: Hash, right: Hash) -> Hash:
        return _sha256(self.node_prefix + left + right).digest()

    def empty(self) -> Hash:
        """Return the root of a tree without leaves (RFC 9162: the hash of no bytes)."""
        return _sha256(self.leaf_prefix[:-1]).digest()


SUITE_1 = Hasher(bytes((SUITE, 0x00)), bytes((SUITE, 0x01)))


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def levels(leaves: Sequence[Hash], hasher: Hasher = SUITE_1) -> list[list[Hash]]:
    """Return the tree bottom up; an odd last node is carried up as it is (RFC 9162's tree)."""
    level = list(leaves)
    tree = [level]
    prefix = hasher.node_prefix
    while len(level) > 1:
        above = [
            _sha256(prefix + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            above.append(level[-1])
        tree.append(above)
        level = above
    return tree


def root(leaves: Sequence[Hash], hasher: Hasher = SUITE_1) -> Hash:
    """Return the root over hashed `leaves`."""
    if not leaves:
        return hasher.empty()
    return levels(leaves, hasher)[-1][0]


def inclusion_path(leaves: Sequence[Hash], index: int, hasher: Hasher = SUITE_1) -> list[Hash]:
    """Return PATH(index, leaves) of RFC 9162 section 2.1.3.1, from the leaf upward."""
    if not 0 <= index < len(leaves):
        raise InvalidProof(f"no leaf {index} in a tree of {len(leaves)}")
    path = []
    for level in levels(leaves, hasher)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def check_inclusion(
    leaf: Hash, index: int, size: int, path: Sequence[Hash], root: Hash, hasher: Hasher = SUITE_1
) -> None:
    """Raise InvalidProof unless `path` puts `leaf` at `index` of the tree of `size` under `root`.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise InvalidProof(f"leaf {index} is outside a tree of {size}")
    _check_hashes([leaf, root, *path], len(path))
    position, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise InvalidProof("the path is longer than the tree is high")
        if position & 1 or position == last:
            value = hasher.node(sibling, value)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            value = hasher.node(value, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise InvalidProof("the path is shorter than the tree is high")
    if value != root:
        raise InvalidProof("the path does not lead to the root")


def check_consistency(
    old_size: int,
    new_size: int,
    proof: Sequence[Hash],
    old_root: Hash,
    new_root: Hash,
    hasher: Hasher = SUITE_1,
) -> None:
    """Raise InvalidProof unless `proof` shows that the new tree only appended to the old one.

    Source: RFC 9162 section 2.1.4.2; an empty old tree is consistent with every tree.
    """
    if not 0 <= old_size <= new_size:
        raise InvalidProof(f"a tree of {old_size} cannot precede one of {new_size}")
    _check_hashes([old_root, new_root, *proof], len(proof))
    if old_size in (0, new_size):
        expected = hasher.empty() if old_size == 0 else new_root
        if proof or old_root != expected:
            raise InvalidProof("the trivial consistency proof does not hold")
        return
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise InvalidProof("the consistency proof is too short")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_value = new_value = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise InvalidProof("the consistency proof is too long")
        if position & 1 or position == last:
            old_value = hasher.node(sibling, old_value)
            new_value = hasher.node(sibling, new_value)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new_value = hasher.node(new_value, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise InvalidProof("the consistency proof is too short")
    if old_value != old_root or new_value != new_root:
        raise InvalidProof("the consistency proof does not lead to both roots")


def _check_hashes(hashes: Sequence[Hash], path_length: int) -> None:
    if path_length > PATH_LENGTH_MAX:
        raise InvalidProof(
            f"a path of {path_length} hashes; at most {PATH_LENGTH_MAX} are possible"
        )
    if any(len(value) != HASH_BYTES for value in hashes):
        raise InvalidProof("a hash in the proof has not 32 bytes")


class Frontier:
    """The right edge of an append-only tree: the roots of its complete subtrees, largest first."""

    __slots__ = ("hasher", "size", "subtrees")

    def __init__(
        self, size: int = 0, subtrees: Sequence[Hash] = (), hasher: Hasher = SUITE_1
    ) -> None:
        if len(subtrees) != size.bit_count():
            raise InvalidProof("the frontier has not one subtree for each bit of its size")
        self.size = size
        self.subtrees = list(subtrees)
        self.hasher = hasher

    def append(self, leaf: Hash) -> list[tuple[int, int, Hash]]:
        """Add a hashed leaf; return complete subtrees made: (level, index, root), leaf first."""
        made = [(0, self.size, leaf)]
        level, index, value = 0, self.size, leaf
        while index & 1:
            value = self.hasher.node(self.subtrees.pop(), value)
            level += 1
            index >>= 1
            made.append((level, index, value))
        self.subtrees.append(value)
        self.size += 1
        return made

    def root(self) -> Hash:
        """Return the root over all leaves so far."""
        if not self.subtrees:
            return self.hasher.empty()
        value = self.subtrees[-1]
        for left in reversed(self.subtrees[:-1]):
            value = self.hasher.node(left, value)
        return value


class AppendTree:
    """Proofs over a stored append-only tree, reading complete subtrees by (level, index)."""

    def __init__(
        self, size: int, subtree: Callable[[int, int], Hash], hasher: Hasher = SUITE_1
    ) -> None:
        self.size = size
        self._subtree = subtree
        self._hasher = hasher

    def _range_root(self, start: int, size: int) -> Hash:
        """Return the root over `size` leaves from `start` (start is a multiple of size's span)."""
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._subtree(level, start >> level)
        left = _split(size)
        return self._hasher.node(
            self._range_root(start, left), self._range_root(start + left, size - left)
        )

    def root(self) -> Hash:
        """Return the root over all leaves."""
        return self._range_root(0, self.size) if self.size else self._hasher.empty()

    def inclusion_path(self, index: int) -> list[Hash]:
        """Return the path of leaf `index`, from the leaf upward."""
        if not 0 <= index < self.size:
            raise InvalidProof(f"no leaf {index} in a tree of {self.size}")
        path: list[Hash] = []
        start, size = 0, self.size
        while size > 1:
            left = _split(size)
            if index - start < left:
                path.append(self._range_root(start + left, size - left))
                size = left
            else:
                path.append(self._range_root(start, left))
                start, size = start + left, size - left
        path.reverse()
        return path

    def consistency_proof(self, old_size: int) -> list[Hash]:
        """Return PROOF(old_size, all leaves) of RFC 9162 section 2.1.4.1."""
        if not 0 <= old_size <= self.size:
            raise InvalidProof(f"no tree of {old_size} precedes one of {self.size}")
        if old_size in (0, self.size):
            return []
        proof: list[Hash] = []
        start, size, old, whole = 0, self.size, old_size, True
        while old != size:
            left = _split(size)
            if old <= left:
                proof.append(self._range_root(start + left, size - left))
                size = left
            else:
                proof.append(self._range_root(start, left))
                start, size, old, whole = start + left, size - left, old - left, False
        if not whole:
            proof.append(self._range_root(start, size))
        proof.reverse()
        return proof
