"""Working days by year and version: nodes must not disagree about a holiday.

    7 adopt calendar  [name, year, version, minutes ahead of UTC, working days]

The working days are 46 bytes: one bit a day from 1 January on, the highest bit of the first byte
first, 1 for a working day; bits behind the year's end are 0. The first version is 1, each later one
follows the last; all stay readable, since a deadline names the version by which it was computed.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Name, Shape
from govchaind.ledger.state_keys import calendar_key
from govchaind.ledger.working_days import CALENDAR_BYTES, are_working_days
from govchaind.ledger.working_state import Act, WorkingState

Year = Annotated[int, Meta(ge=2000, le=2199)]
Version = Annotated[int, Meta(ge=1, le=65535)]
Offset = Annotated[int, Meta(ge=-840, le=840)]
Days = Annotated[bytes, Meta(min_length=CALENDAR_BYTES, max_length=CALENDAR_BYTES)]


class AdoptCalendar(Shape):
    """Arguments of `adopt-calendar`."""

    name: Name
    year: Year
    version: Version
    offset: Offset
    days: Days


def adopt_calendar(arguments: AdoptCalendar, act: Act, state: WorkingState) -> int:
    """Adopt one year of a calendar, or its next version."""
    if not are_working_days(arguments.year, arguments.days):
        return Code.BAD_CALENDAR

    def key(version: int) -> bytes:
        return calendar_key(arguments.name, arguments.year, version)

    if state.get(key(arguments.version)) is not None:
        return Code.CALENDAR_VERSION_WRONG
    if arguments.version > 1 and state.get(key(arguments.version - 1)) is None:
        return Code.CALENDAR_VERSION_WRONG
    state.put_value(key(arguments.version), [arguments.offset, arguments.days, act.height])
    return Code.APPLIED


MOTIONS = (Motion(MotionKind.ADOPT_CALENDAR, "adopt-calendar", AdoptCalendar, adopt_calendar),)
