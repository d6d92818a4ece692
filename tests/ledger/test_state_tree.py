"""The state's tree against its definition, written here a second time and naively."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.errors import Gone, InvalidEncoding, InvalidProof, NotFound, StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, Overlay, WriteBatch, prefix_end
from govchaind.base.limits import STATE_BUCKET_ENTRIES_MAX
from govchaind.base.types import ZERO_HASH
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import (
    TreePath,
    check_tree_path,
    hash_key,
    hash_value,
    read_tree_path,
    tree_path_from,
)

Changes = dict[bytes, bytes | None]


def naive_root(entries: Mapping[bytes, bytes]) -> bytes:
    """The definition, over half-bytes as hexadecimal digits."""

    def sha(domain: int, data: bytes) -> bytes:
        return hashlib.sha256(bytes((1, domain)) + data).digest()

    def subtree(prefix: str) -> bytes:
        inside = sorted(key for key in entries if key.hex().startswith(prefix))
        if not inside:
            return bytes(32)
        if len(inside) <= 24:
            return sha(9, b"".join(key + entries[key] for key in inside))
        children = [subtree(prefix + digit) for digit in "0123456789abcdef"]
        groups = [sha(10, b"".join(children[at : at + 4])) for at in (0, 4, 8, 12)]
        return sha(10, b"".join(groups))

    return subtree("")


class Chain:
    """A tree, its store, and a model of every checkpoint made."""

    def __init__(self, window: int = 128) -> None:
        self.window = window
        self.store = MemoryReader()
        self.tree = StateTree(window_checkpoints=window)
        self.now: dict[bytes, bytes] = {}
        self.then: dict[int, dict[bytes, bytes]] = {}
        self.roots: dict[int, bytes] = {}

    def fold(self, height: int, changes: Changes) -> bytes:
        batch = WriteBatch()
        root = self.tree.fold(self.store, batch, height, changes, time=height * 10)
        self.store.apply(batch)
        for key, value in changes.items():
            if value is None:
                self.now.pop(key, None)
            else:
                self.now[key] = value
        self.then[height] = dict(self.now)
        self.roots[height] = root
        return root

    def nodes(self) -> dict[bytes, bytes]:
        table = Table.TREE_NODE.value
        return dict(self.store.scan(table, prefix_end(table)))


def spread(number: int) -> bytes:
    """A key hash as they are in life."""
    return hash_key(str(number).encode())


def crowded(number: int) -> bytes:
    """A key hash in one of two far corners of the tree, so that it grows deep."""
    corner = b"\x00" * 3 if number % 2 else b"\xff" * 3
    return corner + (number // 2).to_bytes(2, "big") + corner * 9


def value(number: int) -> bytes:
    return hash_value(str(number).encode())


key_hashes = st.one_of(
    st.integers(0, 300).map(spread), st.integers(0, 300).map(crowded), st.just(bytes(32))
)


def strokes(parts: list[tuple[bool, int, int, int, int | None]]) -> Changes:
    """Changes by rows of keys, so that few draws make many entries, and unmake them."""
    changes: Changes = {}
    for deep, start, size, step, new in parts:
        for number in range(start, start + size * step, step):
            key = crowded(number) if deep else spread(number)
            changes[key] = None if new is None else value(new)
    return changes


stroke = st.tuples(
    st.booleans(),
    st.integers(0, 300),
    st.sampled_from([1, 3, 30, 120]),
    st.integers(1, 3),
    st.none() | st.integers(0, 5),
)
folds = st.lists(st.lists(stroke, max_size=4).map(strokes), min_size=1, max_size=7)


@settings(max_examples=150, deadline=None)
@given(folds, st.integers(1, 6))
def test_every_fold_gives_the_root_of_the_definition(rounds: list[Changes], window: int) -> None:
    chain = Chain(window)
    for height, changes in enumerate(rounds):
        root = chain.fold(height, changes)
        assert naive_root(chain.now) == root
    kept = chain.tree.checkpoints(chain.store)
    assert list(range(len(rounds)))[-window - 1 :] == kept
    for height in kept:
        assert chain.roots[height] == chain.tree.root(chain.store, height)
        chain.tree.check(chain.store, height)


@settings(max_examples=100, deadline=None)
@given(folds, st.lists(key_hashes, min_size=1, max_size=20))
def test_values_and_absences_are_proved_at_every_kept_checkpoint(
    rounds: list[Changes], asked: list[bytes]
) -> None:
    chain = Chain()
    for height, changes in enumerate(rounds):
        chain.fold(height, changes)
    for height, root in chain.roots.items():
        for key in {*asked, *list(chain.then[height])[:20]}:
            path = chain.tree.prove(chain.store, height, key)
            check_tree_path(root, key, chain.then[height].get(key), path)
            assert chain.then[height].get(key) == path.value_hash(key)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 400), max_size=200), st.randoms(use_true_random=False))
def test_the_stored_tree_does_not_depend_on_the_order_of_changes(
    numbers: set[int], order: random.Random
) -> None:
    make = crowded if len(numbers) % 2 else spread
    entries: Changes = {make(number): value(number) for number in numbers}
    straight = Chain()
    straight.fold(1, entries)
    winding = Chain()
    steps: list[tuple[bytes, bytes | None]] = list(entries.items())
    extra = [(make(number), value(1)) for number in range(900, 960)]
    steps += extra
    order.shuffle(steps)
    ends: list[tuple[bytes, bytes | None]] = [(key, None) for key, _ in extra]
    order.shuffle(ends)
    height = 0
    for part in (steps, ends):
        while part:
            size = order.randrange(1, 60)
            height += 1
            winding.fold(height, dict(part[:size]))
            del part[:size]
    assert straight.nodes() == winding.nodes()
    assert straight.roots[1] == winding.tree.fold(winding.store, WriteBatch(), height + 1, {})


def test_the_empty_state_has_a_root_and_proves_absence() -> None:
    chain = Chain()
    assert chain.fold(0, {}) == ZERO_HASH
    path = chain.tree.prove(chain.store, 0, spread(1))
    assert path == TreePath(b"", ())
    check_tree_path(ZERO_HASH, spread(1), None, path)
    with pytest.raises(InvalidProof):
        check_tree_path(ZERO_HASH, spread(1), value(1), path)


@pytest.mark.parametrize("entries", [1, STATE_BUCKET_ENTRIES_MAX, 25, 2000])
def test_every_flipped_bit_of_a_proof_is_refused(entries: int) -> None:
    chain = Chain()
    chain.fold(1, {spread(number): value(number) for number in range(entries)})
    root = chain.roots[1]
    for number in (0, entries):  # a value, an absence
        key = spread(number)
        claim = chain.now.get(key)
        encoded = chain.tree.prove(chain.store, 1, key).encode()
        check_tree_path(root, key, claim, read_tree_path(encoded))
        for bit in range(len(encoded) * 8):
            changed = bytearray(encoded)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises((InvalidProof, InvalidEncoding)):
                check_tree_path(root, key, claim, read_tree_path(bytes(changed)))


def test_other_claims_than_the_true_one_are_refused() -> None:
    chain = Chain()
    root = chain.fold(1, {spread(number): value(number) for number in range(100)})
    key, absent = spread(7), spread(100)
    path = chain.tree.prove(chain.store, 1, key)
    for claim in (None, value(8), value(7)[:-1], b""):
        with pytest.raises(InvalidProof):
            check_tree_path(root, key, claim, path)
    for wrong_root in (ZERO_HASH, root[:-1], root + b"\x00"):
        with pytest.raises(InvalidProof):
            check_tree_path(wrong_root, key, value(7), path)
    for wrong_key in (absent, key[:-1], key + b"\x00", b""):
        with pytest.raises(InvalidProof):
            check_tree_path(root, wrong_key, value(7), path)
    with pytest.raises(InvalidProof):
        check_tree_path(root, absent, value(1), chain.tree.prove(chain.store, 1, absent))


def test_a_path_with_slack_or_another_shape_is_refused() -> None:
    chain = Chain()
    root = chain.fold(1, {spread(number): value(number) for number in range(2000)})
    key = spread(7)
    bucket, levels = chain.tree.prove(chain.store, 1, key).as_value()
    entries = [bucket[at : at + 64] for at in range(0, len(bucket), 64)]
    assert len(entries) > 1
    for wrong in (
        [bucket + b"\x00", levels],
        [bucket + entries[-1], levels],
        [b"".join(reversed(entries)), levels],
        [b"".join([*entries, spread(8) + value(8)]), levels],
        [bytes(64) * 25, []],
        [bucket, levels[:-1]],
        [bucket, levels[1:]],
        [bucket, [*levels, levels[0]]],
        [bucket, [levels[0] + b"\x00", *levels[1:]]],
        [bucket, [levels[0]] * 65],
        [bucket, list(reversed(levels))],
        [bucket],
        [bucket, levels, 0],
        [bucket, levels[0]],
        ["", levels],
        None,
    ):
        with pytest.raises((InvalidProof, InvalidEncoding)):
            check_tree_path(root, key, value(7), tree_path_from(wrong))


def test_a_restart_makes_no_difference() -> None:
    draw = random.Random(5)
    steady, restarted = Chain(3), Chain(3)
    for height in range(1, 40):
        changes: Changes = {
            spread(draw.randrange(400)): draw.choice([None, value(height)]) for _ in range(60)
        }
        steady.fold(height, changes)
        restarted.tree = StateTree(window_checkpoints=3, cache_records_max=4)
        restarted.fold(height, changes)
    assert steady.store.values == restarted.store.values


def test_a_fold_that_was_never_written_leaves_no_trace() -> None:
    chain = Chain()
    chain.fold(1, {spread(number): value(number) for number in range(500)})
    lost: Changes = {spread(number): value(1) for number in range(250)}
    chain.tree.fold(chain.store, WriteBatch(), 2, lost)
    again = chain.fold(2, {spread(0): value(2)})
    assert naive_root(chain.now) == again
    chain.tree.check(chain.store, 2)


def test_a_fold_that_failed_leaves_no_trace() -> None:
    chain = Chain()
    chain.fold(1, {spread(number): value(number) for number in range(500)})
    changes: Changes = {spread(number): value(7) for number in range(100)}
    last = next(key for key, data in chain.nodes().items() if max(changes) in data)
    lost = chain.store.values.pop(last)
    with pytest.raises(StorageCorrupt):
        chain.tree.fold(chain.store, WriteBatch(), 2, changes)
    chain.store.values[last] = lost
    assert chain.fold(2, {spread(0): value(2)}) == naive_root(chain.now)


def test_hashes_that_are_both_key_and_value_are_not_confused() -> None:
    chain = Chain()
    first, second = sorted((spread(1), spread(2)))
    chain.fold(1, {first: second, second: first})
    assert chain.fold(2, {second: None}) == naive_root({first: second})
    assert chain.fold(3, {second: value(3)}) == naive_root({first: second, second: value(3)})


def test_a_long_life_is_proved_at_every_checkpoint_of_the_window() -> None:
    """Growth and shrinking, deep and wide: records split, collapse and split again."""
    draw = random.Random(11)
    chain = Chain(20)
    for height in range(60):
        make = draw.choice([crowded, spread])
        grows = draw.random() < (0.8 if height // 6 % 2 == 0 else 0.2)
        some = [make(draw.randrange(60)) for _ in range(draw.choice([1, 5, 30]))]
        some += [make(draw.randrange(400)) for _ in range(draw.choice([0, 20, 150]))]
        chain.fold(height, {key: value(height) if grows else None for key in some})
        assert naive_root(chain.now) == chain.roots[height]
    for height in chain.tree.checkpoints(chain.store):
        chain.tree.check(chain.store, height)
        for number in [*range(0, 60, 5), *range(61, 400, 23)]:
            for key in (crowded(number), spread(number)):
                path = chain.tree.prove(chain.store, height, key)
                check_tree_path(chain.roots[height], key, chain.then[height].get(key), path)


def test_old_checkpoints_outlive_the_records_they_had() -> None:
    """One key a fold, across a bucket's bound and back, twice: every checkpoint still holds."""
    chain = Chain()
    corner = [crowded(2 * number) for number in range(0, 300, 10)]
    chain.fold(0, {**dict.fromkeys(corner, value(0)), spread(1): value(1)})
    height = 0
    for new in (None, value(2), None, value(3)):
        for key in corner[:10]:
            height += 1
            chain.fold(height, {key: new})
    for height, root in chain.roots.items():
        chain.tree.check(chain.store, height)
        for key in corner:
            path = chain.tree.prove(chain.store, height, key)
            check_tree_path(root, key, chain.then[height].get(key), path)


def test_folds_in_one_batch_see_each_other() -> None:
    """Several checkpoints in one turn: through an overlay, or the batch alone."""
    for overlaid in (True, False):
        chain = Chain()
        batch = WriteBatch()
        reader = Overlay(chain.store, [batch]) if overlaid else chain.store
        entries: dict[bytes, bytes] = {}
        for height in range(1, 6):
            changes: Changes = {spread(height * 40 + n): value(height) for n in range(60)}
            entries.update({key: new for key, new in changes.items() if new is not None})
            root = chain.tree.fold(reader, batch, height, changes)
            assert naive_root(entries) == root
        chain.store.apply(batch)
        for height in range(1, 6):
            chain.tree.check(chain.store, height)


def test_what_left_the_window_is_gone_and_the_store_stays_flat() -> None:
    chain = Chain(4)
    chain.fold(10, {spread(number): value(0) for number in range(1000)})
    sizes = []
    for height in range(20, 400, 10):
        chain.fold(height, {spread(height + number): value(height) for number in range(50)})
        if height >= 80:
            sizes.append(len(chain.store.values))
    assert max(sizes) - min(sizes) <= 4 * 16  # undos of four checkpoints, in sixteenths
    assert chain.tree.checkpoints(chain.store) == [350, 360, 370, 380, 390]
    assert chain.tree.checkpoint_at(chain.store, 369) == 360
    assert (390, chain.roots[390], 3900) == chain.tree.last_checkpoint(chain.store)
    with pytest.raises(Gone, match="350"):
        chain.tree.root(chain.store, 340)
    with pytest.raises(Gone, match="350"):
        chain.tree.prove(chain.store, 345, spread(1))
    with pytest.raises(NotFound, match="360"):
        chain.tree.root(chain.store, 365)
    with pytest.raises(NotFound, match="390"):
        chain.tree.root(chain.store, 400)


def test_before_the_first_checkpoint_nothing_is_found() -> None:
    chain = Chain()
    assert chain.tree.last_checkpoint(chain.store) is None
    assert chain.tree.checkpoints(chain.store) == []
    with pytest.raises(NotFound):
        chain.tree.root(chain.store, 0)


def test_one_key_overwritten_for_ever_takes_constant_room() -> None:
    chain = Chain(8)
    chain.fold(0, {spread(number): value(0) for number in range(100)})
    sizes = set()
    for height in range(1, 300):
        chain.fold(height, {spread(1): value(height)})
        if height > 20:
            sizes.add(len(chain.store.values))
    assert len(sizes) == 1


def copied(values: Mapping[bytes, bytes]) -> MemoryReader:
    batch = WriteBatch()
    for key, data in values.items():
        batch.put(key, data)
    reader = MemoryReader()
    reader.apply(batch)
    return reader
