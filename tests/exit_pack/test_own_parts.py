"""What `verify.py` has of its own, beside what nodes run: two writings of the same pages agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base import crypto, encoding
from govchaind.base.crypto import Domain
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.merkle import SUITE_1, Frontier, check_inclusion, inclusion_path, root
from govchaind.base.quorum import certificate_quorum
from govchaind.data.exit import verify
from govchaind.data.exit.verify import Damage, Heights, StateTree
from tests.ledger.chain import key
from tests.ledger.test_state_tree import naive_root

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, (1 << 64) - 1)
SCALARS = INTEGERS | st.binary(max_size=300) | st.text(max_size=80) | st.booleans() | st.none()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=30), max_leaves=60)


def outcome(read: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, read()
    except (InvalidEncoding, Damage, UnicodeDecodeError):
        return False, None


@given(VALUES)
def test_values_are_written_and_read_alike(value: Any) -> None:
    data = encoding.encode(value)
    assert verify.encode(value) == data
    assert verify.decode(data) == value


@settings(max_examples=400)
@given(st.binary(max_size=40) | VALUES.map(encoding.encode), st.data())
def test_what_one_reader_refuses_the_other_does(data: bytes, draw: st.DataObject) -> None:
    """But for maps, which stand nowhere on the ledger and which only this one refuses at once."""
    changed = bytearray(data)
    if changed:
        place = draw.draw(st.integers(0, len(changed) - 1))
        changed[place] ^= draw.draw(st.integers(0, 255))
    raw = bytes(changed)
    theirs = outcome(lambda: encoding.decode(raw, bytes_max=len(raw)))
    ours = outcome(lambda: verify.decode(raw))
    if ours[0]:
        assert ours == theirs
    elif theirs[0]:
        assert not _plain(theirs[1])


def _plain(value: Any) -> bool:
    """Say whether a value has nothing but what the ledger's shapes have."""
    if isinstance(value, list):
        return all(_plain(item) for item in value)
    return value is None or type(value) in (int, bool, str, bytes)


@pytest.mark.parametrize("depth", [15, 16, 17, 18])
def test_both_read_to_the_same_depth(depth: int) -> None:
    data = b"\x81" * depth + b"\x00"
    theirs = outcome(lambda: encoding.decode(data, bytes_max=100))
    assert outcome(lambda: verify.decode(data)) == theirs
    assert theirs[0] == (depth <= 16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x18\x17",  # 23 in two bytes
        b"\x19\x00\xff",
        b"\x1b" + bytes(8),
        b"\x9f\xff",  # an indefinite length
        b"\x5f\xff",
        b"\xa0",  # a map
        b"\xc0\x00",  # a tag
        b"\xf7",  # undefined
        b"\xf9\x00\x00",  # a float
        b"\x1c",
        b"\x00\x00",  # bytes behind the end
        b"\x62\xff\xff",  # no UTF-8
        b"\x81" * 40 + b"\x00",
        b"\x9b" + b"\xff" * 8,
    ],
)
def test_what_is_not_deterministic_is_refused(data: bytes) -> None:
    assert outcome(lambda: verify.decode(data)) == (False, None)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_trees_of_leaves(leaves: list[bytes]) -> None:
    frontier, heights = Frontier(), Heights()
    assert verify.tree_root(leaves) == root(leaves)
    for leaf in leaves:
        frontier.append(leaf)
        heights.append(leaf)
        assert heights.root() == frontier.root()


@given(st.integers(1, 70), st.data())
def test_paths_in_a_tree(size: int, draw: st.DataObject) -> None:
    leaves = [SUITE_1.leaf(bytes((number,))) for number in range(size)]
    index = draw.draw(st.integers(0, size - 1))
    path = inclusion_path(leaves, index)
    assert verify.inclusion_root(leaves[index], index, size, path) == root(leaves)
    other = draw.draw(st.integers(0, 80)), draw.draw(st.integers(0, 80))
    changed = [*path, *[bytes(32)] * draw.draw(st.integers(0, 2))]
    whole = root(leaves)
    assert _holds(lambda: check_inclusion(leaves[index], *other, changed, whole)) == _holds(
        lambda: verify.need(
            verify.inclusion_root(leaves[index], *other, changed) == whole, "another root"
        )
    )


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except (InvalidProof, Damage):
        return False
    return True


HASHES = st.integers(0, 255).map(lambda n: crypto.digest(Domain.STATE_KEY, bytes((n,))))
# Hashes that share their beginning make a tree deep.
NEAR = st.integers(0, 255).map(lambda n: b"\xab\xcd" * 3 + bytes((n,)) * 26)


@settings(max_examples=60)
@given(st.lists(st.tuples(HASHES | NEAR, st.none() | st.binary(min_size=32, max_size=32)),
                max_size=200))  # fmt: skip
def test_the_tree_of_the_state(changes: list[tuple[bytes, bytes | None]]) -> None:
    tree, now = StateTree(), dict[bytes, bytes]()
    for place, (name, value) in enumerate(changes):
        tree.put(name, value)
        if value is None:
            now.pop(name, None)
        else:
            now[name] = value
        if place % 20 == 0:
            assert tree.root() == naive_root(now)
    assert (tree.root(), tree.count) == (naive_root(now), len(now))


def test_signatures_and_domains() -> None:
    signer = key("somebody")
    for domain in (Domain.ATTESTATION, Domain.TRANSACTION_BODY):
        signature = signer.sign(domain, b"message")
        assert verify.signed(domain, signer.public, b"message", signature)
        assert not verify.signed(domain, signer.public, b"massage", signature)
        assert not verify.signed(Domain.HELLO, signer.public, b"message", signature)
        assert not verify.signed(domain, signer.public, b"message", signature[:63])
        assert not verify.signed(domain, signer.public[:31], b"message", signature)
    named = ("LEAF", "NODE", "TRANSACTION", "BLOCK", "ATTESTATION", "GENESIS", "STATE_KEY",
             "STATE_VALUE", "STATE_BUCKET", "STATE_NODE", "CONFIGURATION", "TRUST")  # fmt: skip
    assert [getattr(verify, name) for name in named] == [Domain[name].value for name in named]
    assert verify.BODY == Domain.TRANSACTION_BODY


@pytest.mark.parametrize("validators", range(1, 26))
def test_the_quorum_rule(validators: int) -> None:
    keys = {f"node-{n:02}": key(f"node {n}") for n in range(validators)}
    voters = {name: (signer.public, 0) for name, signer in keys.items()}
    needed = certificate_quorum(validators)
    pairs = [[name, keys[name].sign(Domain.ATTESTATION, b"statement")] for name in sorted(keys)]
    assert verify.check_quorum(b"statement", pairs[:needed], 5, [voters]) == needed
    with pytest.raises(Damage, match=f"{needed - 1} of {validators} have signed"):
        verify.check_quorum(b"statement", pairs[: needed - 1], 5, [voters])
    with pytest.raises(Damage, match="out of order"):
        verify.check_quorum(b"statement", [pairs[0], *pairs], 5, [voters])
    late = {**voters, "node-00": (voters["node-00"][0], 5)}
    with pytest.raises(Damage, match="no validator that may sign height 5"):
        verify.check_quorum(b"statement", pairs, 5, [late])
    joined = [voters, {"node-99": (key("other").public, 0)}]
    with pytest.raises(Damage, match="0 of 1 have signed"):
        verify.check_quorum(b"statement", pairs, 5, joined)
