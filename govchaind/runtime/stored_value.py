"""A stored value and its checksum, for every implementation of the Storage seam.

    stored = value ‖ checksum(key, value)

Judged at each read. A miss is judged too: the rows on both sides must be sound and in order, so
that a damaged key does not pass for an absent one.
"""

from __future__ import annotations

from govchaind.base.crypto import checksum
from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table

CHECKSUM_BYTES = 8

Row = tuple[bytes, bytes]  # key, stored value


def seal(key: bytes, value: bytes) -> bytes:
    """Return the bytes to store for `value` under `key`."""
    return value + checksum(key, value)


def sound(key: bytes, stored: bytes) -> bytes:
    """Return the value in `stored`, or raise StorageCorrupt naming its table and key."""
    value = stored[:-CHECKSUM_BYTES]
    if len(stored) < CHECKSUM_BYTES or checksum(key, value) != stored[-CHECKSUM_BYTES:]:
        raise StorageCorrupt(f"{named(key)}: the stored bytes fail their checksum")
    return value


def check_absent(key: bytes, below: Row | None, above: Row | None) -> None:
    """Raise StorageCorrupt if a damaged neighbour may be `key` in disguise."""
    in_order = True
    if above is not None:
        sound(*above)
        in_order = above[0] > key
    if below is not None:
        sound(*below)
        in_order = in_order and below[0] < key
    if not in_order:
        raise StorageCorrupt(f"{named(key)}: the keys around it are out of order")


def named(key: bytes) -> str:
    """Return how a key is called in a message to people."""
    try:
        table = Table(key[:1]).name
    except ValueError:
        return f"key {key.hex()} of no known table"
    return f"table {table}, key {key[1:].hex()}"
