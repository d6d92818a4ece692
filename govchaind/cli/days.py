"""Days on the command line: what DATE may be, and which moment of block time it stands for.

A day is one in the zone of UTC+8 unless it ends in an offset of its own. It begins at 00:00; what
lasts until a day lasts to its end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from govchaind.base.errors import InvalidSetting
from govchaind.base.types import BlockTime

ZONE = timezone(timedelta(hours=8))
DATE_HELP = (
    "A day as 2026-03-01, or a moment as 2026-03-01T09:30; of the zone +08:00 unless it ends in an "
    "offset, as 2026-03-01-05:00."
)
_WRITTEN = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?P<clock>T\d{2}:\d{2}(:\d{2})?)?(?P<offset>Z|[+-]\d{2}:\d{2})?"
)


def start_of(text: str) -> BlockTime:
    """Return the moment at which what is from DATE on begins. Raises InvalidSetting."""
    moment, _ = _read(text)
    return _milliseconds(moment)


def end_of(text: str) -> BlockTime:
    """Return the moment at which what lasts until DATE has ended. Raises InvalidSetting."""
    moment, whole_day = _read(text)
    return _milliseconds(moment + timedelta(days=1) if whole_day else moment)


def _read(text: str) -> tuple[datetime, bool]:
    written = _WRITTEN.fullmatch(text)
    moment = None
    if written is not None:
        clock, offset = written["clock"] or "T00:00", written["offset"] or "+08:00"
        try:
            moment = datetime.fromisoformat(f"{written['day']}{clock}{offset}")
        except ValueError:
            moment = None
    if written is None or moment is None or not 1970 < moment.year < 9999:
        raise InvalidSetting(f"{text[:80]!r} is no date", code="bad-date", remedy=DATE_HELP)
    return moment, written["clock"] is None


def _milliseconds(moment: datetime) -> BlockTime:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
