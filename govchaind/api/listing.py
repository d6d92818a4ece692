"""One page of a listing that leaves things out: bounded also where nothing of it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import LISTING_ROWS_MAX
from govchaind.ledger.state import State

T = TypeVar("T")
ROWS_AT_ONCE = 100  # values may be large, so they are not all read before the first is judged


def sifted(
    reader: KeyValueReader,
    prefix: bytes,
    *,
    after: bytes | None,
    limit: int,
    view: Callable[[bytes, bytes], T | None],
) -> tuple[list[T], bytes | None]:
    """Return up to `limit` views of what lies under `prefix`, and the key to go on after.

    Args:
        after: the last state key of the page before.
        view: makes a view of what lies behind the prefix and its value; None leaves it out.

    Returns:
        The views, and the key to go on after: of the last that is shown, or of the last that was
        looked at where the bound came first; None if nothing that is wanted follows it.
    """
    found: list[T] = []
    looked = 0
    last = shown = after
    while True:
        rows = State().scan(reader, prefix, limit=ROWS_AT_ONCE, after=last)
        for key, value, _ in rows:
            if looked >= LISTING_ROWS_MAX:
                return found, last
            item = view(key[len(prefix) :], value)
            if item is not None:
                if len(found) >= limit:
                    return found, shown  # only now is it known that there is more to show
                found.append(item)
                shown = key
            looked, last = looked + 1, key
        if len(rows) < ROWS_AT_ONCE:
            return found, None
