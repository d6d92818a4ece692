"""Block time as databases and readers take it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from govchaind.base.types import BlockTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_moment(milliseconds: BlockTime) -> str | None:
    """Return block time as ISO 8601 in UTC; None beyond the calendar."""
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        return None
