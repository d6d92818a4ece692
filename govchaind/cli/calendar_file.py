"""A year of a calendar as a file: what a person checks, and what a motion to adopt it carries.

    name = "china"
    year = 2026
    version = 1
    utc_offset_minutes = 480
    holidays = ["2026-01-01", …]     days that are not worked
    worked = ["2026-01-04", …]       Saturdays and Sundays that are

Monday to Friday are working days but for `holidays`. A holiday that is a Saturday or a Sunday
anyway may stand there, as it does in the notice from which it is copied. Some calendars come with
this package, in govchaind/data/calendars, and are named without path and ending.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.cli.node_files import read_toml
from govchaind.ledger.operations.calendars import AdoptCalendar
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import are_working_days, working_days

CALENDAR_FILE_BYTES_MAX = 64 * 1024
_ENTRIES = frozenset(("name", "year", "version", "utc_offset_minutes", "holidays", "worked"))
_SHIPPED = files("govchaind") / "data" / "calendars"


def shipped() -> list[str]:
    """Return the names of the calendars that come with this package."""
    names = [file.name for file in _SHIPPED.iterdir() if file.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def read_calendar(named: str) -> list[Any]:
    """Return the arguments of the motion that adopts a calendar: a file, or a shipped one's name.

    Raises:
        InvalidSetting: there is none of that name, or it is no year of a calendar.
    """
    if named in shipped():
        with as_file(_SHIPPED / f"{named}.toml") as file:
            return _arguments(file)
    path = Path(named)
    if not path.exists() and path.suffix != ".toml":
        raise InvalidSetting(
            f"there is no calendar {named!r}",
            code="bad-calendar-file",
            remedy=f"Name a file, or one of those that are here: {', '.join(shipped())}.",
        )
    return _arguments(path)


def _arguments(path: Path) -> list[Any]:
    table = read_toml(path, CALENDAR_FILE_BYTES_MAX)
    for entry in sorted(_ENTRIES ^ set(table)):
        if entry in _ENTRIES:
            raise _not_a_calendar(path, f"it lacks {entry}")
        raise _not_a_calendar(path, f"it has an unknown entry {entry}")
    year = table["year"]
    if type(year) is not int or not 2000 <= year <= 2199:
        raise _not_a_calendar(path, "its year is one from 2000 to 2199")
    holidays, worked = (_days(path, entry, table[entry], year) for entry in ("holidays", "worked"))
    for day in sorted(holidays & worked):
        raise _not_a_calendar(path, f"{day} is a holiday and worked")
    for day in sorted(day for day in worked if day.weekday() < 5):
        raise _not_a_calendar(path, f"worked is for days of rest, and {day} is none")
    days = working_days(year, holidays, worked)
    arguments = [table["name"], year, table["version"], table["utc_offset_minutes"], days]
    try:
        shaped(arguments, AdoptCalendar)
    except GovchaindError as error:
        raise _not_a_calendar(path, error.message) from None
    if not are_working_days(year, days):
        raise _not_a_calendar(path, "it has no working day")
    return arguments


def _days(path: Path, entry: str, listed: object, year: int) -> set[date]:
    if not isinstance(listed, list):
        raise _not_a_calendar(path, f"{entry} is a list of days")
    found: set[date] = set()
    for text in listed:
        try:
            day = date.fromisoformat(str(text))
        except ValueError:
            raise _not_a_calendar(path, f"{entry} holds {text!r}, which is no day") from None
        if day.year != year:
            raise _not_a_calendar(path, f"{entry} holds {day}, which is not of {year}")
        if day in found:
            raise _not_a_calendar(path, f"{entry} holds {day} twice")
        found.add(day)
    return found


def _not_a_calendar(path: Path, why: str) -> InvalidSetting:
    return InvalidSetting(
        f"{path} is no year of a calendar: {why}",
        code="bad-calendar-file",
        remedy="See `govchaind propose calendar --help` for what stands in it.",
    )
