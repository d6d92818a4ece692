"""How a value lies in a store: value ‖ checksum(key, value), judged at each read.

A value that rotted, or that lies under another key than its own, is never taken for sound.
"""

from __future__ import annotations

from govchaind.base.crypto import checksum
from govchaind.base.errors import StorageCorrupt
from govchaind.base.keyspace import Table

CHECKSUM_BYTES = 8


def sealed(key: bytes, value: bytes) -> bytes:
    """Return the bytes to store for `value` under `key`."""
    return value + checksum(key, value)


def sound(key: bytes, stored: bytes) -> bytes:
    """Return the value in `stored`, or raise StorageCorrupt naming its table and key."""
    value = stored[:-CHECKSUM_BYTES]
    if len(stored) < CHECKSUM_BYTES or checksum(key, value) != stored[-CHECKSUM_BYTES:]:
        raise StorageCorrupt(f"{named(key)}: the stored bytes fail their checksum")
    return value


def named(key: bytes) -> str:
    """Return a key as an operator may read it."""
    try:
        table = Table(key[:1]).name
    except ValueError:
        return f"key {key.hex()} of no known table"
    return f"table {table}, key {key[1:].hex()}"
