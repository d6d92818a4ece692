"""RFC 9162 trees against Certificate Transparency's vectors, pymerkle and the RFC's recursion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from govchaind.base.errors import InvalidProof
from govchaind.base.merkle import (
    PATH_LENGTH_MAX,
    SUITE_1,
    AppendTree,
    Frontier,
    Hasher,
    check_consistency,
    check_inclusion,
    inclusion_path,
    root,
)
from govchaind.base.types import Hash

RFC = Hasher(b"\x00", b"\x01")  # the RFC's own hashing, without our suite byte

# inputs and roots that Certificate Transparency's own tests have used since RFC 6962
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATHS = {  # (leaf, size) → path
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CT_CONSISTENCY = {  # (old size, new size) → proof
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def hashed(count: int, hasher: Hasher = SUITE_1) -> list[Hash]:
    return [hasher.leaf(number.to_bytes(2, "big")) for number in range(count)]


def tree_of(leaves: Sequence[Hash], hasher: Hasher = SUITE_1) -> AppendTree:
    """Return the stored tree that appending the leaves one by one makes."""
    frontier, stored = Frontier(hasher=hasher), {}
    for leaf in leaves:
        for level, index, value in frontier.append(leaf):
            stored[level, index] = value
    return AppendTree(len(leaves), lambda level, index: stored[level, index], hasher)


def reference_root(leaves: Sequence[Hash], hasher: Hasher) -> Hash:
    """MTH of RFC 9162 section 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hasher.node(
        reference_root(leaves[:split], hasher), reference_root(leaves[split:], hasher)
    )


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_certificate_transparency(size: int) -> None:
    leaves = [RFC.leaf(data) for data in CT_LEAVES[:size]]
    assert root(leaves, RFC).hex() == CT_ROOTS[size - 1]
    assert tree_of(leaves, RFC).root().hex() == CT_ROOTS[size - 1]


def test_the_empty_tree() -> None:
    assert root([], RFC) == hashlib.sha256(b"").digest()
    assert Frontier(hasher=RFC).root() == tree_of([], RFC).root() == root([], RFC)
    assert root([]) == hashlib.sha256(b"\x01").digest()


@pytest.mark.parametrize(("index", "size"), list(CT_PATHS))
def test_paths_of_certificate_transparency(index: int, size: int) -> None:
    leaves = [RFC.leaf(data) for data in CT_LEAVES[:size]]
    path = inclusion_path(leaves, index, RFC)
    assert [value.hex() for value in path] == CT_PATHS[index, size]
    assert tree_of(leaves, RFC).inclusion_path(index) == path


@pytest.mark.parametrize(("old", "new"), list(CT_CONSISTENCY))
def test_consistency_of_certificate_transparency(old: int, new: int) -> None:
    leaves = [RFC.leaf(data) for data in CT_LEAVES[:new]]
    proof = tree_of(leaves, RFC).consistency_proof(old)
    assert [value.hex() for value in proof] == CT_CONSISTENCY[old, new]
    roots = [bytes.fromhex(CT_ROOTS[size - 1]) for size in (old, new)]
    check_consistency(old, new, proof, roots[0], roots[1], RFC)


def test_roots_and_paths_agree_with_pymerkle() -> None:
    oracle = InmemoryTree(algorithm="sha256")
    leaves: list[Hash] = []
    for number in range(40):
        data = number.to_bytes(2, "big")
        oracle.append_entry(data)
        leaves.append(RFC.leaf(data))
        assert root(leaves, RFC) == oracle.get_root(len(leaves))
        for index in range(0, len(leaves), 3):
            path = oracle.prove_inclusion(index + 1, len(leaves)).serialize()["path"]
            ours = [*inclusion_path(leaves, index, RFC), leaves[index]]
            assert sorted(value.hex() for value in ours) == sorted(path)


@pytest.mark.parametrize("size", [*range(1, 35), 63, 64, 65, 100])
def test_every_leaf_is_included_and_nothing_else(size: int) -> None:
    leaves = hashed(size)
    top, tree = root(leaves), tree_of(leaves)
    assert top == reference_root(leaves, SUITE_1) == tree.root()
    for index, leaf in enumerate(leaves):
        path = inclusion_path(leaves, index)
        assert path == tree.inclusion_path(index)
        check_inclusion(leaf, index, size, path, top)
        wrong = [
            (leaf, (index + 1) % (size + 1), size, path, top),
            (SUITE_1.leaf(b"other"), index, size, path, top),
            (leaf, index, size, path, SUITE_1.leaf(b"other")),
            (leaf, index, size, [*path, top], top),
            (leaf, -1, size, path, top),
            (leaf, size, size, path, top),
            (leaf[:31], index, size, path, top),
        ]
        if path:
            wrong.append((leaf, index, size, path[:-1], top))
            wrong.append((leaf, index, size, [*path[:-1], path[-1][:31]], top))
        for arguments in wrong:
            with pytest.raises(InvalidProof):
                check_inclusion(*arguments)


@pytest.mark.parametrize("new", range(0, 34))
def test_every_tree_is_consistent_with_those_before_it(new: int) -> None:
    leaves = hashed(new)
    tree, top = tree_of(leaves), root(leaves)
    for old in range(new + 1):
        proof, before = tree.consistency_proof(old), root(leaves[:old])
        check_consistency(old, new, proof, before, top)
        other = SUITE_1.leaf(b"other")
        wrong = [
            (old, new, proof, other, top),
            (old, new, [*proof, other], before, top),
            (new + 1, new, proof, before, top),
            (-1, new, proof, before, top),
        ]
        if 0 < old < new:
            wrong.append((old, new, proof[:-1], before, top))
            wrong.append((old, new, proof[1:], before, top))
            wrong.append((old, new, proof, before, other))
        for arguments in wrong:
            with pytest.raises(InvalidProof):
                check_consistency(*arguments)


@settings(max_examples=150)
@given(st.data())
def test_no_bit_of_a_proof_may_change(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 60))
    old = data.draw(st.integers(1, new - 1))
    leaves = hashed(new)
    tree, top, before = tree_of(leaves), root(leaves), root(leaves[:old])
    proof = tree.consistency_proof(old)
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(proof[place])
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidProof):
        check_consistency(
            old, new, [*proof[:place], bytes(flipped), *proof[place + 1 :]], before, top
        )


def test_a_leaf_never_passes_for_an_inner_node() -> None:
    leaves = hashed(4)
    inner = leaves[0] + leaves[1]
    assert SUITE_1.leaf(inner) != SUITE_1.node(leaves[0], leaves[1])
    assert root([SUITE_1.leaf(inner), SUITE_1.node(leaves[2], leaves[3])]) != root(leaves)


def test_a_frontier_goes_on_where_it_was() -> None:
    leaves = hashed(50)
    whole = Frontier()
    for size, leaf in enumerate(leaves):
        again = Frontier(whole.size, whole.subtrees)
        assert again.root() == root(leaves[:size])
        whole.append(leaf)
        assert again.append(leaf)[0] == (0, size, leaf)
        assert again.subtrees == whole.subtrees
    with pytest.raises(InvalidProof):
        Frontier(3, leaves[:1])


def test_bounds_come_first() -> None:
    leaf = hashed(1)[0]
    with pytest.raises(InvalidProof):
        check_inclusion(leaf, 0, 1 << 70, [leaf] * (PATH_LENGTH_MAX + 1), leaf)
    with pytest.raises(InvalidProof):
        inclusion_path(hashed(3), 3)
    with pytest.raises(InvalidProof):
        tree_of(hashed(3)).inclusion_path(3)
    with pytest.raises(InvalidProof):
        tree_of(hashed(3)).consistency_proof(4)
