"""Working days and deadlines, with the real calendar around a national holiday."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from govchaind.base.errors import NotFound
from govchaind.ledger.working_days import (
    CalendarYear,
    are_working_days,
    deadline,
    local_day,
    working_days,
)

CHINA = 480
HOLIDAYS = {date(2026, 10, day) for day in range(1, 8)}
WORKED = {date(2026, 9, 20), date(2026, 10, 10)}
YEARS = {2026: CalendarYear(CHINA, working_days(2026, HOLIDAYS, WORKED))}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def ends(start: str, count: int, *, working: bool = True) -> str:
    last = deadline(at(start), count, YEARS, offset=CHINA, working=working)
    return datetime.fromtimestamp((last + 1) / 1000, UTC).isoformat()


def test_working_days_skip_weekends_and_holidays_but_not_days_worked_instead() -> None:
    # Wednesday 30 September; 1 to 7 October is off, 8 and 9 work, and so does Saturday the 10th.
    assert ends("2026-09-30T09:00:00+08:00", 1) == "2026-10-08T16:00:00+00:00"
    assert ends("2026-09-30T09:00:00+08:00", 3) == "2026-10-10T16:00:00+00:00"
    assert ends("2026-09-30T09:00:00+08:00", 4) == "2026-10-12T16:00:00+00:00"


def test_calendar_days_count_every_day() -> None:
    assert ends("2026-09-30T09:00:00+08:00", 10, working=False) == "2026-10-10T16:00:00+00:00"


def test_the_day_is_that_of_the_zone() -> None:
    assert local_day(at("2026-03-01T15:59:59+00:00"), CHINA) == date(2026, 3, 1)
    assert local_day(at("2026-03-01T16:00:00+00:00"), CHINA) == date(2026, 3, 2)
    assert local_day(at("2026-03-01T02:00:00+00:00"), -300) == date(2026, 2, 28)


def test_a_year_without_a_calendar_is_said() -> None:
    with pytest.raises(NotFound, match="2027"):
        ends("2026-12-30T09:00:00+08:00", 5)


def test_bits_behind_the_year_and_years_without_work_are_refused() -> None:
    days = working_days(2026, set(), set())
    assert are_working_days(2026, days)
    assert not are_working_days(2026, bytes(46))
    assert not are_working_days(2026, days[:-1] + bytes([days[-1] | 1]))
    leap = (1 << 2).to_bytes(46, "big")  # 31 December of a leap year, and of no other
    assert are_working_days(2028, leap)
    assert not are_working_days(2026, leap)
