"""A state tree whose stored records were changed, lost or left over is never proved from."""

from __future__ import annotations

import random

import pytest

from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import check_tree_path
from tests.ledger.test_state_tree import Chain, copied, spread, value


@pytest.mark.parametrize("table", [Table.TREE_NODE, Table.TREE_GARBAGE, Table.CHECKPOINT])
def test_a_changed_record_is_found_by_check_and_never_proved_from(table: Table) -> None:
    chain = Chain(3)
    draw = random.Random(3)
    for height in range(1, 6):
        chain.fold(height, {spread(draw.randrange(3000)): value(height) for _ in range(600)})
    good = dict(chain.store.values)
    keys = [key for key in good if key[:1] == table.value and len(key) > 1]
    for key in draw.sample(keys, min(40, len(keys))):
        data = bytearray(good[key])
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        chain.store.values[key] = bytes(data)
        found = 0
        for height in chain.tree.checkpoints(chain.store):
            try:
                chain.tree.check(chain.store, height)
            except StorageCorrupt:
                found += 1
            for number in range(0, 3000, 100):
                asked = spread(number)
                try:
                    path = chain.tree.prove(chain.store, height, asked)
                except StorageCorrupt:
                    continue
                check_tree_path(chain.roots[height], asked, chain.then[height].get(asked), path)
        assert found or _harmless(chain, key), key.hex()
        chain.store.values[key] = good[key]


def _harmless(chain: Chain, key: bytes) -> bool:
    """A checkpoint's time and undo bits are no part of its root."""
    return key[:1] == Table.CHECKPOINT.value


def test_lost_and_left_over_nodes_are_found() -> None:
    chain = Chain()
    chain.fold(1, {spread(number): value(1) for number in range(2000)})
    keys = sorted(chain.nodes())
    for key in keys[:: len(keys) // 20]:
        lost = chain.store.values.pop(key)
        with pytest.raises(StorageCorrupt):
            StateTree().check(copied(chain.store.values), 1)
        chain.store.values[key] = lost
    left_over = {**chain.store.values, Table.TREE_NODE.value + b"\x09abcde": bytes(64)}
    with pytest.raises(StorageCorrupt):
        chain.tree.check(copied(left_over), 1)


def test_a_fold_over_a_missing_node_stops() -> None:
    chain = Chain()
    chain.fold(1, {spread(number): value(1) for number in range(2000)})
    for key in chain.nodes():
        del chain.store.values[key]
    with pytest.raises(StorageCorrupt):
        StateTree().fold(chain.store, WriteBatch(), 2, {spread(1): value(2)})
