"""The results of all heights, as any disk has ever held them: a store may begin later, all may.

I-16 is judged as they are gathered: what was once durable anywhere must be the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import Height, NodeId

if TYPE_CHECKING:
    from netsim.gear2.world import World


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
