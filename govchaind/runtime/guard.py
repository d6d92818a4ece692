"""The guard file's bytes: what this node said, over store lives. See `replica.events.Guard`.

guard = [1, store, term, vote or null, signed height, last index]
"""

from __future__ import annotations

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding, InvalidSetting
from govchaind.base.types import StoreId
from govchaind.ledger.shapes import Count, Name, Store, shaped
from govchaind.replica.events import Guard

VERSION = 1
GUARD_BYTES_MAX = 256


def guard_bytes(guard: Guard) -> bytes:
    """Return the bytes of the guard file."""
    fields = [guard.store, guard.term, guard.vote, guard.signed_height, guard.last_index]
    return encode([VERSION, *fields])


def unborn(store: StoreId) -> Guard:
    """Return the guard of a store that has not said anything yet."""
    return Guard(store, 0, None, 0, 0)


def remembered(data: bytes | None) -> Guard | None:
    """Return what a guard file holds; None: there is none. Raises InvalidSetting: it is damaged."""
    return None if data is None else read_guard(data)


def read_guard(data: bytes) -> Guard:
    """Return what a guard file holds. Raises InvalidSetting: it is damaged."""
    try:
        value = decode(data, bytes_max=GUARD_BYTES_MAX)
        if type(value) is list and value and type(value[0]) is int and value[0] != VERSION:
            raise InvalidSetting(
                f"the guard file has version {value[0]}; this release knows version {VERSION}",
                code="bad-guard",
                remedy="Start the node with the release that wrote it, or a later one.",
            )
        _, store, term, vote, signed_height, last_index = shaped(
            value, tuple[int, Store, Count, Name | None, Count, Count]
        )
    except InvalidEncoding as error:
        raise InvalidSetting(
            f"the guard file is damaged: {error}",
            code="bad-guard",
            remedy="Do not delete it: start with an empty store and have the node re-admitted.",
        ) from error
    return Guard(store, term, vote, signed_height, last_index)
