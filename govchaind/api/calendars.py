"""Calendars of working days, written so that a person can check them, and deadlines by them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.decision_models import (
    CalendarReply,
    CalendarsReply,
    CalendarSummary,
    CalendarUse,
    DeadlineReply,
)
from govchaind.api.motion_words import clock_words
from govchaind.api.reading import iso_text, stored
from govchaind.api.replies import Limit, failures, json_reply, words_view
from govchaind.api.sentence import Sentence, of_day, tell
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import DEADLINE_DAYS_MAX
from govchaind.base.types import Height
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import CALENDAR, calendar_key
from govchaind.ledger.transaction import is_name
from govchaind.ledger.working_days import CalendarYear, deadline, departures, local_day
from govchaind.replica.store import applied_height

YEAR_MIN, YEAR_MAX, VERSION_MAX = 2000, 2199, 65535  # operations/calendars.py; tested against it
CalendarName = Annotated[str, Path(description="the calendar's name", examples=["china"])]
CalendarsYear = Annotated[int, Path(ge=YEAR_MIN, le=YEAR_MAX, description="the year")]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/calendars", tags=["decisions"])

    @router.get(
        "",
        operation_id="listCalendars",
        summary="Calendars of working days, one line for each year",
        response_model=CalendarsReply,
        responses=failures(400),
    )
    async def list_calendars(
        after: Annotated[
            str | None,
            Query(description="name/year of the last one before", examples=["china/2026"]),
        ] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            calendars, following = calendar_page(reader, after, limit)
        reply = CalendarsReply(height=applied, calendars=calendars, next=following)
        return json_reply(reply, applied)

    _deadline_route(context, router)  # before the years: it is none
    _year_route(context, router)
    return router


def _deadline_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/{name}/deadline",
        operation_id="getDeadline",
        summary="The day by which something is due",
        description="The day on which the clock starts is day 0; the deadline is the end of the "
        "last day, in the calendar's zone.",
        response_model=DeadlineReply,
        responses=failures(400, 404),
    )
    async def get_deadline(
        name: CalendarName,
        start: Annotated[
            str,
            Query(
                alias="from",
                max_length=40,
                description="a day (2026-02-13) or a moment (2026-02-13T09:30); in the calendar's "
                "zone, unless the moment ends in its own offset (+08:00, Z)",
            ),
        ],
        days: Annotated[int, Query(ge=1, le=DEADLINE_DAYS_MAX, description="how many days")],
        working: Annotated[
            bool, Query(description="count working days only; false: every day")
        ] = True,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            reply = deadline_at(reader, applied, name, start, days, working=working)
        return json_reply(reply, applied)


def _year_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/{name}/{year}",
        operation_id="getCalendar",
        summary="One year of a calendar: its holidays, and the days of rest that are worked",
        response_model=CalendarReply,
        responses=failures(400, 404),
    )
    async def get_calendar(
        name: CalendarName,
        year: CalendarsYear,
        version: Annotated[
            int | None, Query(ge=1, le=VERSION_MAX, description="without it the newest")
        ] = None,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            reply = calendar_at(reader, applied, name, year, version)
        return json_reply(reply, applied)


def newest_version(reader: KeyValueReader, name: str, year: int) -> int:
    """Return the newest version of a year; 0 if there is none. Versions follow each other."""
    versions = range(1, VERSION_MAX + 1)
    return bisect_left(
        versions,
        True,
        key=lambda version: _STATE.get(reader, calendar_key(name, year, version)) is None,
    )


def calendar_page(
    reader: KeyValueReader, after: str | None, limit: int
) -> tuple[list[CalendarSummary], str | None]:
    """Return one page of calendars, and the name and year after which the next page begins."""
    last = None
    if after is not None:
        name, _, digits = after.partition("/")
        if not (is_name(name) and re.fullmatch(r"\d{4}", digits)):
            raise Invalid("after is a name and a year, as china/2026", code="invalid-parameter")
        last = calendar_key(name, int(digits), VERSION_MAX)
    found: list[CalendarSummary] = []
    while True:
        rows = _STATE.scan(reader, CALENDAR, limit=1, after=last)
        if not rows or len(found) >= limit:
            return found, f"{found[-1].name}/{found[-1].year}" if rows and found else None
        key = rows[0][0]
        name, year = key[1:-5].decode(), int.from_bytes(key[-4:-2], "big")
        found.append(_summary(reader, name, year, newest_version(reader, name, year)))
        last = calendar_key(name, year, VERSION_MAX)  # over its other versions


def calendar_at(
    reader: KeyValueReader, applied: Height, name: str, year: int, version: int | None
) -> CalendarReply:
    """Return one version of one year, the newest if none is named. Raises NotFound."""
    newest = newest_version(reader, _checked(name), year)
    wanted = newest if version is None else version
    if not 1 <= wanted <= newest:
        what = "" if version is None else f" version {version} of"
        there = f"; the newest is {newest}" if newest else ""
        raise NotFound(f"there is no{what} calendar {name!r} for {year}{there}")
    summary = _summary(reader, name, year, wanted)
    _, days, _ = stored(_value(reader, name, year, wanted))
    holidays, worked = departures(year, days)
    return CalendarReply(
        **summary.model_dump(),
        newest=newest,
        height=applied,
        holidays=[day.isoformat() for day in holidays],
        worked=[day.isoformat() for day in worked],
    )


class _Years(Mapping[int, CalendarYear]):
    """The newest version of each year of one calendar; remembers which years were asked for."""

    def __init__(self, reader: KeyValueReader, name: str) -> None:
        self._reader = reader
        self._name = name
        self._years: dict[int, tuple[int, CalendarYear]] = {}

    def __getitem__(self, year: int) -> CalendarYear:
        if year not in self._years:
            version = newest_version(self._reader, self._name, year)
            if version == 0:
                raise KeyError(year)
            offset, days, _ = stored(_value(self._reader, self._name, year, version))
            self._years[year] = version, CalendarYear(offset, days)
        return self._years[year][1]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._years))

    def __len__(self) -> int:
        return len(self._years)

    def uses(self) -> list[CalendarUse]:
        return [CalendarUse(year=year, version=self._years[year][0]) for year in self]


def deadline_at(
    reader: KeyValueReader, applied: Height, name: str, start: str, days: int, *, working: bool
) -> DeadlineReply:
    """Return a deadline by the newest versions of a calendar. Raises Invalid, NotFound."""
    _checked(name)
    moment = _moment(start)
    years = _Years(reader, name)
    # The zone is that of the year in which the clock starts, or of the next if only that is there.
    first = years.get(moment.year) or _Years(reader, name).get(moment.year + 1)
    if first is None:
        raise NotFound(f"no calendar {name!r} has been adopted for {moment.year}")
    zone = timezone(timedelta(minutes=first.offset))
    begins = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    start_ms = (begins - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    used = _Years(reader, name)
    due = deadline(start_ms, days, used, offset=first.offset, working=working)
    begun, last = local_day(start_ms, first.offset), local_day(due, first.offset)
    return DeadlineReply(
        height=applied,
        calendar=name,
        offset_minutes=first.offset,
        from_ms=start_ms,
        from_day=begun.isoformat(),
        days=days,
        working=working,
        last_day=last.isoformat(),
        deadline_ms=due,
        deadline=iso_text(due),
        by=used.uses(),
        sentence=words_view(_due(name, (days, working), begun, last)),
    )


def _due(calendar: str, clock: tuple[int, bool], begun: date, last: date) -> Sentence:
    return tell(
        "%(clock)s from %(begun)s, by the calendar %(calendar)s: due by the end of %(last)s.",
        clock=clock_words(clock),
        begun=of_day(begun),
        calendar=calendar,
        last=of_day(last),
    )


def _moment(text: str) -> datetime:
    """Return the moment that a parameter names, without a zone where it names none."""
    written = text.replace(" ", "+")  # what a plus becomes in a query that was not encoded
    try:
        if _DAY.fullmatch(written):
            moment = datetime.combine(date.fromisoformat(written), datetime.min.time())
        else:
            moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is None or not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise Invalid(
            f"from: {text!r} is no day from {YEAR_MIN} to {YEAR_MAX}",
            code="invalid-parameter",
            remedy="Write a day as 2026-02-13, or a moment as 2026-02-13T09:30+08:00.",
        )
    return moment


def _checked(name: str) -> str:
    if not is_name(name):
        raise Invalid("a calendar's name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")
    return name


def _value(reader: KeyValueReader, name: str, year: int, version: int) -> bytes:
    value = _STATE.get(reader, calendar_key(name, year, version))
    if value is None:
        raise NotFound(f"there is no version {version} of calendar {name!r} for {year}")
    return value


def _summary(reader: KeyValueReader, name: str, year: int, version: int) -> CalendarSummary:
    offset, days, adopted = stored(_value(reader, name, year, version))
    return CalendarSummary(
        name=name,
        year=year,
        version=version,
        offset_minutes=offset,
        working_days=int.from_bytes(days, "big").bit_count(),
        adopted_at=adopted,
    )
