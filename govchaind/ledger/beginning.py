"""From which height on a store holds blocks: one that was filled from a snapshot begins there.

    META begins   integer: the height of the snapshot; absent where the store begins with block 1

At that height the store holds state, block, result and certificate; of what came before it only
what proofs of later heights need. Whoever is asked for more answers `Gone`, with this height.
"""

from __future__ import annotations

from govchaind.base.encoding import encode, read
from govchaind.base.errors import Gone
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.types import Height

BEFORE_SNAPSHOT = "before-snapshot"  # what is told to who asks for what lies below
BEGINS = named_key(Table.META, b"begins")


def beginning(reader: KeyValueReader) -> Height:
    """Return the lowest height whose block is here; 0 where all are."""
    data = reader.get(BEGINS)
    return 0 if data is None else read(data, int, bytes_max=16)


def put_beginning(batch: WriteBatch, height: Height) -> None:
    batch.put(BEGINS, encode(height))


def check_held(reader: KeyValueReader, height: Height) -> None:
    """Raise Gone if the store begins above `height`."""
    first = beginning(reader)
    if first and height < first:
        raise gone(height, first)


def gone(height: Height, first: Height) -> Gone:
    """Return the error for what lies below the beginning of a store."""
    return Gone(
        f"height {height} is not held here: this node joined by snapshot at height {first}",
        code=BEFORE_SNAPSHOT,
        remedy=f"Ask a node that holds the whole chain, or for height {first} and above.",
    )
