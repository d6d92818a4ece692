"""What the chain holds: the results of all heights, as any disk has ever held them, and the state.

A store may begin at a later height; all may.

I-16 is judged as they are gathered: what was once durable anywhere must be the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, MemoryReader, WriteBatch, prefix_end
from govchaind.base.types import Height, NodeId

if TYPE_CHECKING:
    from netsim.gear2.world import World

HEIGHT_BYTES, PRESENT = 8, 1  # of a row of the state: since when, and whether there is a value


def state_of(reader: KeyValueReader) -> dict[bytes, bytes]:
    """Return the state as it is: without when each value came, which a snapshot does not tell."""
    start = Table.STATE.value
    rows = reader.scan(start, prefix_end(start))
    return {key: row[HEIGHT_BYTES:] for key, row in rows if row[HEIGHT_BYTES] == PRESENT}


def chronicle(world: World) -> MemoryReader:
    """Return a reader of the result of every height that any machine has ever applied."""
    rows: dict[Height, tuple[NodeId, bytes]] = {}
    batch, reader = WriteBatch(), MemoryReader()
    for name, machine in world.machines.items():
        for height, row in machine.disk.results.items():
            first, found = rows.setdefault(height, (name, row))
            if found != row:
                world.judge.fail("I-16", name, f"height {height} differs from that of {first}")
            batch.put(height_key(Table.RESULT, height), found)
    reader.apply(batch)
    return reader
