"""Batches of rows, written as keyword arguments."""

from __future__ import annotations

from govchaind.base.keyvalue import WriteBatch


def batch(**rows: bytes | None) -> WriteBatch:
    found = WriteBatch()
    for key, value in rows.items():
        if value is None:
            found.delete(key.encode())
        else:
            found.put(key.encode(), value)
    return found
