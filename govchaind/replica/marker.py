"""Where a store begins: old blocks may be removed, and it is remembered from which on all are here.

    META first    [first height, term, hash and time of the block before it, up to which height an
                   archive was made before the removal (0: none), where that is (or null)]

Absent where nothing was removed: the store begins at 1, or where the node joined by snapshot
(`ledger/beginning.py`). The row changes in the same write as the
removal (`pruning.py`), so a store is whole after a crash at any instruction. What the block before
the first one says is kept here: the next block is judged by it, and Raft compares its term.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.encoding import encode, read
from govchaind.base.errors import Pruned, StorageCorrupt
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import ARCHIVED_AT_BYTES_MAX
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.beginning import beginning, check_held

FIRST = named_key(Table.META, b"first")
_ROW_BYTES_MAX = ARCHIVED_AT_BYTES_MAX + 128


@dataclass(frozen=True, slots=True)
class Marker:
    """From `first` on every block is here; `term`, `block_hash`, `time` are of the one before."""

    first: Height
    term: int
    block_hash: Hash
    time: BlockTime
    archived: Height
    archived_at: str | None

    def encode(self) -> bytes:
        """Return the row."""
        before = [self.term, self.block_hash, self.time]
        return encode([self.first, *before, self.archived, self.archived_at])


def stored_marker(reader: KeyValueReader) -> Marker | None:
    """Return where the store begins; None: at 1, nothing was removed."""
    data = reader.get(FIRST)
    if data is None:
        return None
    row = read(data, tuple[int, int, bytes, int, int, str | None], bytes_max=_ROW_BYTES_MAX)
    marker = Marker(*row)
    if marker.first < 2 or len(marker.block_hash) != 32:
        raise StorageCorrupt("the row that says where the store begins is not readable")
    return marker


def first_height(reader: KeyValueReader) -> Height:
    """Return the lowest height from which on every block is here."""
    marker = stored_marker(reader)
    return max(1, beginning(reader)) if marker is None else marker.first


def check_kept(reader: KeyValueReader, height: Height) -> None:
    """Raise Gone if the block at `height` is not here: it was removed, which is said as `Pruned`,
    or the node joined by snapshot above it."""
    check_held(reader, height)
    marker = stored_marker(reader)
    if marker is not None and height < marker.first:
        raise pruned(marker, height)


def pruned(marker: Marker, height: Height) -> Pruned:
    """Return the answer to who asks for a block below where the store begins."""
    where = None
    if height <= marker.archived:
        where = marker.archived_at or "an archive that this node's operator keeps"
    return Pruned(height, first_height=marker.first, archived_at=where)
