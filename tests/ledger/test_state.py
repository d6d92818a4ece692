"""State values and their history against a dict of every height; checkpoints across restarts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.errors import InvariantBroken, StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, Overlay, WriteBatch, prefix_end
from govchaind.base.limits import (
    CHECKPOINT_CALM_CHANGES_MAX,
    CHECKPOINT_CHANGES,
    CHECKPOINT_INTERVAL_MILLISECONDS,
    CHECKPOINT_LOADED_INTERVAL_MILLISECONDS,
    STATE_KEY_BYTES_MAX,
)
from govchaind.ledger.state import Checkpoints, State, check_state, due
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import check_tree_path, hash_key, hash_value

Changes = dict[bytes, bytes | None]
STATE = State()


class Node:
    """State and checkpoints over one store, block by block."""

    def __init__(self) -> None:
        self.store = MemoryReader()
        self.checkpoints = Checkpoints(self.store)
        self.roots: dict[int, bytes] = {}

    def restart(self) -> None:
        self.checkpoints = Checkpoints(self.store)

    def block(self, height: int, time: int, changes: Changes) -> None:
        batch = WriteBatch()
        reader = Overlay(self.store, [batch])
        STATE.write(reader, batch, height, changes)
        self.checkpoints.add(batch, height, changes)
        if self.checkpoints.is_due(time):
            self.roots[height] = self.checkpoints.fold(reader, batch, height, time)
        self.store.apply(batch)

    def table(self, table: Table) -> dict[bytes, bytes]:
        return dict(self.store.scan(table.value, prefix_end(table.value)))


# keys that are prefixes of each other, and such as look like a longer key's height
keys = st.one_of(
    st.sampled_from([b"a", b"ab", b"ab\x00", b"b", b"a" + bytes(8), b"a" + bytes(7) + b"\x02"]),
    st.binary(min_size=1, max_size=3),
    st.just(b"\xff" * STATE_KEY_BYTES_MAX),
)
values = st.none() | st.sampled_from([b"", b"\x00", b"one", b"two"])
blocks = st.lists(
    st.tuples(st.integers(1, 70), st.dictionaries(keys, values, max_size=6)), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(blocks)
def test_every_key_reads_at_every_height_as_it_was(chain: list[tuple[int, Changes]]) -> None:
    node = Node()
    model: dict[bytes, list[tuple[int, bytes | None]]] = {}
    for height, (_, changes) in enumerate(chain, 1):
        node.block(height, height, changes)
        for key, value in changes.items():
            past = model.setdefault(key, [])
            if value is not None or (past and past[0][1] is not None):
                past.insert(0, (height, value))
    for key, past in model.items():
        assert (past[0][1] if past else None) == STATE.get(node.store, key)
        assert (past[0][0] if past else None) == STATE.changed_at(node.store, key)
        assert past == STATE.history(node.store, key, limit=100)
        assert past[:2] == STATE.history(node.store, key, limit=2)
        for height in range(len(chain) + 2):
            older = [change for change in past if change[0] < height]
            assert older == STATE.history(node.store, key, limit=100, before_height=height)
            at = [value for changed, value in past if changed <= height]
            assert (at[0] if at else None) == STATE.get_at(node.store, key, height)


@settings(max_examples=100, deadline=None)
@given(blocks, st.binary(max_size=2), st.integers(1, 5))
def test_a_scan_pages_through_present_values_in_order(
    chain: list[tuple[int, Changes]], prefix: bytes, limit: int
) -> None:
    node = Node()
    model: dict[bytes, tuple[bytes | None, int]] = {}
    for height, (_, changes) in enumerate(chain, 1):
        node.block(height, height, changes)
        model.update({key: (value, height) for key, value in changes.items()})
    expected = [
        (key, value, height)
        for key, (value, height) in sorted(model.items())
        if value is not None and key.startswith(prefix)
    ]
    found: list[tuple[bytes, bytes, int]] = []
    while page := STATE.scan(
        node.store, prefix, limit=limit, after=found[-1][0] if found else None
    ):
        assert len(page) <= limit
        found += page
    assert expected == found
    assert STATE.scan(node.store, prefix, limit=0) == []


def test_a_scan_never_leaves_its_prefix() -> None:
    node = Node()
    node.block(1, 1, {b"a/1": b"x", b"b/1": b"y", b"b/2": b"z", b"c/1": b"w"})
    assert STATE.scan(node.store, b"b/", limit=9) == [(b"b/1", b"y", 1), (b"b/2", b"z", 1)]
    assert STATE.scan(node.store, b"b/", limit=1, after=b"a/9") == [(b"b/1", b"y", 1)]
    assert STATE.scan(node.store, b"b/", limit=9, after=b"c/1") == []


def test_removing_what_is_not_there_writes_nothing() -> None:
    node = Node()
    batch = WriteBatch()
    STATE.write(node.store, batch, 1, {b"a": None})
    assert not batch
    node.block(1, 1, {b"a": b"x"})
    node.block(2, 2, {b"a": None})
    STATE.write(node.store, batch, 3, {b"a": None})
    assert not batch


def test_bad_keys_and_heights_are_refused() -> None:
    node = Node()
    node.block(5, 5, {b"a": b"x"})
    for key in (b"", b"k" * (STATE_KEY_BYTES_MAX + 1)):
        with pytest.raises(InvariantBroken):
            STATE.write(node.store, WriteBatch(), 6, {key: b"x"})
    with pytest.raises(InvariantBroken):
        STATE.write(node.store, WriteBatch(), 4, {b"a": b"y"})


def test_when_a_checkpoint_is_due() -> None:
    interval, enough = CHECKPOINT_INTERVAL_MILLISECONDS, CHECKPOINT_CHANGES
    assert not due(0, 10**12, 0)
    assert due(1, 1000 + interval, 1000)
    assert not due(1, 999 + interval, 1000)
    assert due(enough, 1001, 1000)
    assert not due(enough - 1, 1001, 1000)


def test_under_load_many_changes_share_a_checkpoint() -> None:
    few, soon = CHECKPOINT_CALM_CHANGES_MAX, CHECKPOINT_INTERVAL_MILLISECONDS
    later = CHECKPOINT_LOADED_INTERVAL_MILLISECONDS
    assert due(few, 1000 + soon, 1000)
    assert not due(few + 1, 1000 + soon, 1000)
    assert not due(few + 1, 999 + later, 1000)
    assert due(few + 1, 1000 + later, 1000)


@settings(max_examples=100, deadline=None)
@given(blocks, st.sets(st.integers(1, 12)))
def test_a_restart_at_any_height_makes_no_difference(
    chain: list[tuple[int, Changes]], restarts: set[int]
) -> None:
    steady, restarted = Node(), Node()
    time = 1000
    for height, (waited, changes) in enumerate(chain, 1):
        time += waited
        steady.block(height, time, changes)
        restarted.block(height, time, changes)
        if height in restarts:
            restarted.restart()
        assert steady.checkpoints.pending == restarted.checkpoints.pending
        assert steady.checkpoints.last_time == restarted.checkpoints.last_time
        assert steady.checkpoints.last_height == restarted.checkpoints.last_height
    assert steady.store.values == restarted.store.values
    assert steady.roots == restarted.roots


def test_changes_gather_until_a_checkpoint_folds_them() -> None:
    node = Node()
    node.block(1, 1000, {b"a": b"1"})  # the first checkpoint: nothing was before it
    assert list(node.roots) == [1]
    node.block(2, 1020, {b"a": b"2"})
    node.block(3, 1049, {b"b": b"3"})
    assert list(node.roots) == [1]
    assert len(node.table(Table.CHANGED)) == 2
    node.block(4, 1050, {})
    assert list(node.roots) == [1, 4]
    assert node.table(Table.CHANGED) == {}
    assert node.checkpoints.pending == {}
    node.block(5, 9000, {})
    assert list(node.roots) == [1, 4]


@settings(max_examples=60, deadline=None)
@given(blocks)
def test_the_tree_proves_the_values_of_each_checkpoint(chain: list[tuple[int, Changes]]) -> None:
    node = Node()
    time = 0
    for height, (waited, changes) in enumerate(chain, 1):
        time += waited
        node.block(height, time, changes)
    asked = {key for _, changes in chain for key in changes}
    tree = StateTree()
    assert list(node.roots) == tree.checkpoints(node.store)
    for height, root in node.roots.items():
        for key in sorted(asked):
            value = STATE.get_at(node.store, key, height)
            claim = None if value is None else hash_value(value)
            place = hash_key(key)
            check_tree_path(root, place, claim, tree.prove(node.store, height, place))
    if node.roots:
        newest = max(node.roots)
        present = [key for key in asked if STATE.get_at(node.store, key, newest) is not None]
        assert len(present) == check_state(node.store, tree)


def test_a_value_that_is_not_the_trees_is_found() -> None:
    node = Node()
    assert check_state(node.store, StateTree()) == 0
    node.block(1, 1000, {bytes((n,)): b"value" for n in range(100)})
    node.block(2, 1001, {b"\x01": b"later", b"new": b"not yet folded"})
    assert check_state(node.store, StateTree()) == 100
    good = dict(node.store.values)
    stored = Table.STATE.value + b"\x05"
    for wrong in (good[stored][:-1] + b"E", good[stored][:8] + b"\x00", good[stored][:8] + b"?"):
        node.store.values[stored] = wrong
        with pytest.raises(StorageCorrupt):
            check_state(node.store, StateTree())
    node.store.values[stored] = good[stored]
    lost = WriteBatch()
    lost.delete(stored)
    node.store.apply(lost)
    with pytest.raises(StorageCorrupt):
        check_state(node.store, StateTree())


def test_an_unreadable_list_of_changes_stops_the_start() -> None:
    node = Node()
    node.block(1, 1000, {b"a": b"1"})
    node.block(2, 1001, {b"a": b"2"})
    for stored in node.table(Table.CHANGED):
        node.store.values[stored] = b"\xff"
    with pytest.raises(StorageCorrupt):
        node.restart()
