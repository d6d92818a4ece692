"""What one store tells the one that takes its place, and whether that one may: no files here.

A store that was filled from a snapshot may take the place of the node's own if it is whole and the
own log holds nothing above its height, and if the own store is what the guard file remembers: one
that was set back is older than what this node has said. Store id, term, vote, signing floor and
kept evidence then go along: the second store, once they are in it, has said and signed all that the
first one has.

`store_exchange.py` does it with files; a simulation does it with its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.encoding import read
from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.types import Height
from govchaind.replica.events import Guard
from govchaind.replica.store import (
    AFTER,
    FLOOR,
    GENESIS,
    HARD_STATE,
    STORE,
    applied_height,
    behind_guard,
    last_index,
    stored_store_id,
)
from govchaind.runtime.joining import WHOLE

CARRIED = (STORE, AFTER, HARD_STATE, FLOOR)  # what one store tells the next of the node's past
MUST = (STORE, HARD_STATE)  # every store has these


@dataclass(frozen=True, slots=True)
class Succession:
    """Whether a whole snapshot may be the store, and what has to be written into it before.

    Attributes:
        height: of the snapshot.
        before: up to where the own store's log reaches; 0 where there is none.
        reason: why the snapshot is dropped; empty if it may be the store.
    """

    height: Height
    before: Height
    carried: WriteBatch
    reason: str = ""


def whole_height(second: KeyValueReader) -> Height | None:
    """Return the height of the snapshot that a second store holds, or None if it is not whole."""
    data = second.get(WHOLE)
    return None if data is None else read(data, int, bytes_max=16)


def succession(
    height: Height, genesis: bytes | None, own: KeyValueReader, guard: Guard | None
) -> Succession:
    """Judge whether a whole snapshot of this height may take the place of the own store.

    Args:
        genesis: as the second store has it.
        guard: what the guard file remembers, if there is one.

    Raises StorageCorrupt: the own store lacks what it has to tell.
    """
    if stored_store_id(own) is None:
        return Succession(height, 0, WriteBatch(), "there is no own store to go on from")
    if genesis != own.get(GENESIS):
        return Succession(height, 0, WriteBatch(), "it is of another chain than the own store")
    behind = None if guard is None else behind_guard(own, guard)
    if behind is not None:
        return Succession(height, 0, WriteBatch(), f"the own store was set back: it has {behind}")
    before = max(last_index(own), applied_height(own))
    if before >= height:
        reason = f"the own store has blocks up to {before} already"
        return Succession(height, before, WriteBatch(), reason)
    return Succession(height, before, _carried(own))


def _carried(own: KeyValueReader) -> WriteBatch:
    batch = WriteBatch()
    for key in CARRIED:
        value = own.get(key)
        if value is not None:
            batch.put(key, value)
        elif key in MUST:
            raise StorageCorrupt("the own store lacks what it has to tell of this node's past")
    evidence = Table.EVIDENCE.value
    for key, value in own.scan(evidence, prefix_end(evidence)):
        batch.put(key, value)
    return batch
