"""Terms: which clocks run for requests under a mandate, who may extend one, who rules on appeals.

    20 set terms  [mandate, calendar or null, minutes ahead of UTC, reply, extension or null,
                   extender, appeal, ruling, delivery or null, grounds, [institution, office]]

A clock is [days, whether working days]. Places differ (2, 5, 10 or 15 + 15 working days are all
seen), so clocks belong to a mandate and are set by vote. `extender` says whose extension it is, the
provider's or the supervisor's; `grounds` are the codes that a refusal may name. A clock that runs
is not moved by new terms; the next one that starts is theirs.

Working days are those of the newest version of the calendar's year when the clock starts. A year
that nobody has adopted yet has Mondays to Fridays and stands as version 0: nothing stops because a
calendar is late, and everybody sees by what a deadline was computed.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.errors import NotFound
from govchaind.base.limits import CLOCK_DAYS_MAX, GROUNDS_MAX
from govchaind.base.types import BlockTime
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Name, Shape
from govchaind.ledger.state_keys import calendar_key, mandate_key, office_key, terms_key
from govchaind.ledger.working_days import CalendarYear, deadline, local_day, working_days
from govchaind.ledger.working_state import Act, WorkingState

Clock = tuple[Annotated[int, Meta(ge=1, le=CLOCK_DAYS_MAX)], bool]
Offset = Annotated[int, Meta(ge=-840, le=840)]
Extender = Literal["provider", "supervisor"]
Grounds = Annotated[list[Name], Meta(min_length=1, max_length=GROUNDS_MAX)]
Used = list[list[int]]  # [year, version] of each year of a calendar that a deadline rests on

# places in terms' value (state_keys.py)
CALENDAR, OFFSET, REPLY, EXTENSION, EXTENDER, APPEAL, RULING, DELIVERY, GROUNDS, SUPERVISOR = range(
    10
)


class SetTerms(Shape):
    """Arguments of `set-terms`."""

    mandate: Name
    calendar: Name | None
    offset: Offset
    reply: Clock
    extension: Clock | None
    extender: Extender
    appeal: Clock
    ruling: Clock
    delivery: Clock | None
    grounds: Grounds
    supervisor: tuple[Name, Name]


def set_terms(arguments: SetTerms, act: Act, state: WorkingState) -> int:
    """Set the clocks of a mandate, for the first time or anew."""
    if state.get(mandate_key(arguments.mandate)) is None:
        return Code.UNKNOWN_MANDATE
    if state.get(office_key(*arguments.supervisor)) is None:
        return Code.NO_SUCH_OFFICE
    if len(set(arguments.grounds)) != len(arguments.grounds):
        return Code.BAD_TERMS
    if arguments.calendar is None and any(
        clock is not None and clock[1]
        for clock in (
            arguments.reply,
            arguments.extension,
            arguments.appeal,
            arguments.ruling,
            arguments.delivery,
        )
    ):
        return Code.BAD_TERMS
    value = [
        arguments.calendar,
        arguments.offset,
        list(arguments.reply),
        None if arguments.extension is None else list(arguments.extension),
        arguments.extender,
        list(arguments.appeal),
        list(arguments.ruling),
        None if arguments.delivery is None else list(arguments.delivery),
        arguments.grounds,
        list(arguments.supervisor),
        act.height,
    ]
    state.put_value(terms_key(arguments.mandate), value)
    return Code.APPLIED


def due(
    terms: list[Any], clock: list[Any], start: BlockTime, state: WorkingState
) -> tuple[BlockTime, Used]:
    """Return when a clock that starts now runs out, and by which years of the calendar."""
    days, working = clock
    if not working:
        return deadline(start, days, {}, offset=terms[OFFSET], working=False), []
    years: dict[int, CalendarYear] = {}
    used: Used = []
    year = local_day(start, terms[OFFSET]).year
    while True:
        version, years[year] = _year(terms[CALENDAR], year, state)
        used.append([year, version])
        try:
            return deadline(start, days, years, offset=terms[OFFSET], working=True), used
        except NotFound:
            year += 1


def period(terms: list[Any], time: BlockTime) -> int:
    """Return the month of a moment in the terms' zone: twelve times the year, and the month."""
    day: date = local_day(time, terms[OFFSET])
    return day.year * 12 + day.month - 1


def _year(calendar: str, year: int, state: WorkingState) -> tuple[int, CalendarYear]:
    version, found = 0, None
    while (value := state.decoded(calendar_key(calendar, year, version + 1))) is not None:
        version, found = version + 1, value
    if found is None:
        return 0, _mondays_to_fridays(year)
    return version, CalendarYear(found[0], found[1])


@lru_cache(maxsize=16)
def _mondays_to_fridays(year: int) -> CalendarYear:
    return CalendarYear(0, working_days(year, set(), set()))


MOTIONS = (Motion(MotionKind.SET_TERMS, "set-terms", SetTerms, set_terms),)
