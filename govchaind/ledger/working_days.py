"""Days and deadlines: which days are working days, and when so many of them are over.

A calendar's year is one bit a day (`operations/calendars.py`). A deadline ends at 24:00 of its last
day in the calendar's zone, which is a fixed number of minutes ahead of UTC: named zones change
with a machine's tables, and nodes must not disagree. The day on which a clock starts is day 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from govchaind.base.errors import NotFound
from govchaind.base.types import BlockTime

CALENDAR_BYTES = 46  # 366 bits, and two more
MILLISECONDS_A_MINUTE = 60_000
MILLISECONDS_A_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year of a calendar."""

    offset: int  # minutes ahead of UTC
    days: bytes

    def works(self, day: date) -> bool:
        """Say whether a day of this year is a working day."""
        place = day.timetuple().tm_yday - 1
        return bool(self.days[place >> 3] >> (7 - (place & 7)) & 1)


def days_of(year: int) -> int:
    """Return how many days a year has."""
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


def are_working_days(year: int, days: bytes) -> bool:
    """Say whether 46 bytes may be the working days of a year: some, and none behind its end."""
    bits = int.from_bytes(days, "big")
    behind = CALENDAR_BYTES * 8 - days_of(year)
    return bits != 0 and bits & ((1 << behind) - 1) == 0


def working_days(year: int, holidays: set[date], worked: set[date]) -> bytes:
    """Return a year's bits: Monday to Friday but for `holidays`, and the days of `worked`."""
    bits = 0
    for place in range(days_of(year)):
        day = date(year, 1, 1) + timedelta(days=place)
        works = day in worked or (day.weekday() < 5 and day not in holidays)
        bits = bits << 1 | works
    return (bits << (CALENDAR_BYTES * 8 - days_of(year))).to_bytes(CALENDAR_BYTES, "big")


def departures(year: int, days: bytes) -> tuple[list[date], list[date]]:
    """Return the holidays and the days of rest that are worked: what `working_days` was made of.

    Holidays on a Saturday or a Sunday are no departure, so they are not among them.
    """
    calendar = CalendarYear(0, days)
    all_days = [date(year, 1, 1) + timedelta(days=place) for place in range(days_of(year))]
    holidays = [day for day in all_days if day.weekday() < 5 and not calendar.works(day)]
    worked = [day for day in all_days if day.weekday() >= 5 and calendar.works(day)]
    return holidays, worked


def deadline(
    start: BlockTime, count: int, years: Mapping[int, CalendarYear], *, offset: int, working: bool
) -> BlockTime:
    """Return the last millisecond of the day that is `count` days after `start`.

    Args:
        count: days, 1 or more; working days of `years` if `working`, else days of the calendar.
        offset: minutes ahead of UTC, of the zone whose days are meant.

    Raises:
        NotFound: a year that is needed has no calendar.
    """
    day = local_day(start, offset)
    left = count
    while left > 0:
        day += timedelta(days=1)
        if not working:
            left -= 1
            continue
        year = years.get(day.year)
        if year is None:
            raise NotFound(f"no calendar of working days for {day.year} has been adopted")
        left -= year.works(day)
    return end_of_day(day, offset)


def local_day(time: BlockTime, offset: int) -> date:
    """Return the day on which a moment falls in a zone."""
    return _EPOCH + timedelta(days=(time + offset * MILLISECONDS_A_MINUTE) // MILLISECONDS_A_DAY)


def end_of_day(day: date, offset: int) -> BlockTime:
    """Return the last millisecond of a day in a zone."""
    days = (day - _EPOCH).days + 1
    return days * MILLISECONDS_A_DAY - offset * MILLISECONDS_A_MINUTE - 1
