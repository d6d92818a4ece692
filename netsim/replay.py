"""The second half of I-16: what all nodes say equals a replay of the committed log from genesis."""

from __future__ import annotations

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.apply import Ledger
from govchaind.replica.store import block_of
from netsim.properties.base import Violation
from netsim.properties.ledger import EqualResults
from netsim.world import World

REPLAYED_SEEDS = 8  # one seed of so many is replayed; it costs as much as one more node


def check_replay(world: World) -> None:
    """Apply the committed log to an empty store and compare every result. Raises Violation."""
    if world.options.seed % REPLAYED_SEEDS:
        return
    results = next(each for each in world.checks.properties if isinstance(each, EqualResults))
    reader = MemoryReader()
    first = WriteBatch()
    Ledger.write_genesis(world.genesis, first)
    reader.apply(first)
    ledger = Ledger(world.genesis, reader)
    for known in world.ghost.committed:
        batch = WriteBatch()
        ledger.apply(block_of(known.entry), reader, batch)
        reader.apply(batch)
        key = Table.RESULT.value + known.entry.index.to_bytes(8, "big")
        told = results.results.get(key)
        if told is not None and told != reader.values[key]:
            raise Violation(
                "I-16", "-", f"a replay gives another result at height {known.entry.index}"
            )
