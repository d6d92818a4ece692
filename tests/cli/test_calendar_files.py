"""Days and calendars as people write them, and the calendars that come with the package."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.cli.calendar_file import read_calendar, shipped
from govchaind.cli.days import end_of, start_of
from govchaind.ledger.working_days import CalendarYear, departures
from tests.docs.test_links import ROOT

NEW_YEAR = '["2026-01-01", "2026-01-02", "2026-01-03"]'
WHOLE: dict[str, str] = {
    "name": '"china"',
    "year": "2026",
    "version": "1",
    "utc_offset_minutes": "480",
    "holidays": NEW_YEAR,
    "worked": '["2026-01-04"]',
}


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def write(path: Path, **changes: str | None) -> str:
    """Write a calendar's file with some entries changed, or (None) left out."""
    entries = {**WHOLE, **changes}
    lines = [f"{name} = {value}" for name, value in entries.items() if value is not None]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-01", "2026-03-01T00:00+08:00", "2026-03-02T00:00+08:00"),
        ("2026-03-01Z", "2026-03-01T00:00+00:00", "2026-03-02T00:00+00:00"),
        ("2026-12-31-05:00", "2026-12-31T00:00-05:00", "2027-01-01T00:00-05:00"),
        ("2026-03-01T09:30", "2026-03-01T09:30+08:00", "2026-03-01T09:30+08:00"),
        ("2026-03-01T09:30:15+01:00", "2026-03-01T08:30:15+00:00", "2026-03-01T08:30:15+00:00"),
    ],
)
def test_a_day_begins_and_ends_in_its_zone(text: str, start: str, end: str) -> None:
    assert (start_of(text), end_of(text)) == (moment(start), moment(end))


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "1 March", "2026-3-1", "2026-03-01T25:00", "2026-03-01+8", "", "9999-12-31"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        start_of(text)
    assert caught.value.code == "bad-date"


def test_a_file_is_what_a_motion_carries(tmp_path: Path) -> None:
    name, year, version, offset, days = read_calendar(write(tmp_path / "a.toml"))
    assert (name, year, version, offset) == ("china", 2026, 1, 480)
    holidays, worked = departures(year, days)
    assert holidays == [date(2026, 1, 1), date(2026, 1, 2)]  # the third is a Saturday anyway
    assert worked == [date(2026, 1, 4)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": None}, "it lacks name"),
        ({"nmae": '"x"'}, "it has an unknown entry nmae"),
        ({"name": '"No Name"'}, "$[0]"),
        ({"year": "1999"}, "its year is one from 2000 to 2199"),
        ({"version": "0"}, "$[2]"),
        ({"utc_offset_minutes": "9999"}, "$[3]"),
        ({"holidays": '"2026-01-01"'}, "holidays is a list of days"),
        ({"holidays": '["soon"]'}, "holidays holds 'soon', which is no day"),
        ({"holidays": '["2025-01-01"]'}, "2025-01-01, which is not of 2026"),
        ({"holidays": '["2026-01-01", "2026-01-01"]'}, "holds 2026-01-01 twice"),
        ({"worked": '["2026-01-03"]'}, "2026-01-03 is a holiday and worked"),
        ({"worked": '["2026-01-05"]'}, "worked is for days of rest, and 2026-01-05 is none"),
    ],
)
def test_a_file_that_is_no_calendar_says_why(
    changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_calendar(write(tmp_path / "a.toml", **changes))
    assert caught.value.code == "bad-calendar-file"
    assert expected in caught.value.message


def test_a_name_that_is_not_shipped_names_those_that_are() -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_calendar("china-1911")
    assert "china-2025, china-2026" in caught.value.remedy


# By hand, month by month: Mondays to Fridays, less holidays among them, and days worked instead.
MONTHS = {
    2025: [23 - 5 + 1, 20 - 2 + 1, 21, 22 - 1 + 1, 22 - 3, 21 - 1,
           23, 21, 22 + 1, 23 - 6 + 1, 20, 23],
    2026: [22 - 2 + 1, 20 - 6 + 2, 22, 22 - 1, 21 - 3 + 1, 22 - 1,
           23, 21, 22 - 1 + 1, 22 - 5 + 1, 21, 23],
}  # fmt: skip


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_shipped_years_have_as_many_working_days_as_were_counted(year: int) -> None:
    name, of_year, version, offset, days = read_calendar(f"china-{year}")
    calendar = CalendarYear(offset, days)
    counted = [0] * 12
    day = date(year, 1, 1)
    while day.year == year:
        counted[day.month - 1] += calendar.works(day)
        day += timedelta(days=1)
    assert (name, of_year, version, offset) == ("china", year, 1, 480)
    assert counted == MONTHS[year]
    assert sum(counted) == 248


def test_the_shipped_years_name_the_notice_that_they_are_of() -> None:
    first = {
        name: (ROOT / "govchaind" / "data" / "calendars" / f"{name}.toml")
        .read_text()
        .split("\n")[0]
        for name in shipped()
    }
    assert sorted(first) == ["china-2025", "china-2026"]
    assert "国办发明电〔2024〕12号" in first["china-2025"]
    assert "国办发明电〔2025〕7号" in first["china-2026"]


def test_the_shipped_years_are_in_the_wheel(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    [built] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(built) as wheel:
        names = wheel.namelist()
    for name in shipped():
        assert f"govchaind/data/calendars/{name}.toml" in names
