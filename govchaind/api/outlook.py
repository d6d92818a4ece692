"""What is to be expected of governance: who can still vote, which offices are quiet, what ends.

A warning here never makes a node less ready: no expiry stops a node. `watch_outlook` looks every
ten minutes, sets the metrics, keeps the warnings for /readyz, and tells the log of them once a day.
"""

from __future__ import annotations

from typing import Annotated

import trio
from fastapi import APIRouter, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.evidence import kept_views
from govchaind.api.listing import sifted
from govchaind.api.mandates import mandate_page, warning_days
from govchaind.api.motion_words import KIND_WORDS
from govchaind.api.outlook_models import (
    EndingView,
    KindOutlookView,
    OfficeOutlookView,
    OfficesReply,
    OutlookReply,
)
from govchaind.api.reading import iso, ledger_time
from govchaind.api.replies import Limit, failures, json_reply, words_view
from govchaind.api.sentence import Sentence, listed, tell
from govchaind.api.state_words import LEVEL_WORDS
from govchaind.base.errors import Invalid
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RANGE_ITEMS_MAX
from govchaind.base.types import BlockTime
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.outlook import (
    LEVELS,
    Level,
    OfficeOutlook,
    Outlook,
    office_view,
)
from govchaind.ledger.outlook import outlook as outlook_at
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import OFFICE, office_key
from govchaind.ledger.transaction import is_name
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.replica.store import applied_height

DAYS_MAX = 36_600  # a hundred years
WATCH_SECONDS = 600.0  # nothing here changes faster than by days
KINDS_NAMED = 3
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["decisions"])

    @router.get(
        "/outlook",
        operation_id="getOutlook",
        summary="Whether institutions can go on deciding: now, soon and later",
        response_model=OutlookReply,
    )
    async def get_outlook() -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            found = outlook_at(reader, now, context.genesis.time)
            ending = mandates_ending(reader, now)
        reply = outlook_reply(found, ending, applied, now)
        return json_reply(reply, applied)

    @router.get(
        "/offices",
        operation_id="listOffices",
        summary="Offices: when each last acted, and which of its keys end",
        response_model=OfficesReply,
        responses=failures(400),
    )
    async def list_offices(
        quiet: Annotated[
            bool, Query(description="only those that have gone quiet (parameter quiet-days)")
        ] = False,
        ending_within_days: Annotated[
            int | None,
            Query(ge=0, le=DAYS_MAX, description="only those of which a key ends so soon"),
        ] = None,
        after: Annotated[
            str | None, Query(description="institution/office of the last one before")
        ] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            offices, following = office_page(
                reader, now, context.genesis.time, after, limit,
                quiet=quiet, ending_within_days=ending_within_days,
            )  # fmt: skip
        reply = OfficesReply(height=applied, offices=offices, next=following)
        return json_reply(reply, applied)

    return router


def office_page(
    reader: KeyValueReader,
    now: BlockTime,
    genesis_time: BlockTime,
    after: str | None,
    limit: int,
    *,
    quiet: bool = False,
    ending_within_days: int | None = None,
) -> tuple[list[OfficeOutlookView], str | None]:
    """Return one page of offices, and the institution/office to go on after. Raises Invalid."""
    last = None
    if after is not None:
        institution, _, office = after.partition("/")
        if not (is_name(institution) and is_name(office)):
            raise Invalid("after is institution/office", code="invalid-parameter")
        last = office_key(institution, office)
    look = office_view(reader, now, genesis_time)

    def view(named: bytes, value: bytes) -> OfficeOutlookView | None:
        names = named.decode().split("\x00")
        found = look(names[0], names[1], value)
        if quiet and not found.quiet:
            return None
        if ending_within_days is not None and not any(
            ending.until - now <= ending_within_days * MILLISECONDS_A_DAY
            for ending in found.endings
        ):
            return None
        return office_outlook_view(found, now)

    found, following = sifted(reader, OFFICE, after=last, limit=limit, view=view)
    going_on = None if following is None else following[1:].decode().replace("\x00", "/")
    return found, going_on


def office_outlook_view(office: OfficeOutlook, now: BlockTime) -> OfficeOutlookView:
    """Return an office's outlook at a block time as JSON has it."""
    able_now, able_soon, able_later = office.able
    return OfficeOutlookView(
        institution=office.institution,
        office=office.office,
        title=office.title,
        last_act_height=office.last_height,
        last_act_ms=office.last_time,
        last_act=iso(office.last_time),
        quiet_days=(now - office.quiet_since) // MILLISECONDS_A_DAY,
        quiet=office.quiet,
        able_now=able_now,
        able_soon=able_soon,
        able_later=able_later,
        able_until_ms=office.able_until,
        able_until=iso(office.able_until),
        endings=[
            EndingView(
                seat=ending.seat,
                public=ending.public.hex(),
                title=ending.title,
                until_ms=ending.until,
                until=iso(ending.until),
                days_left=(ending.until - now) // MILLISECONDS_A_DAY,
                covered=ending.covered,
            )
            for ending in office.endings
        ],
    )


def outlook_reply(found: Outlook, ending: int, applied: int, now: BlockTime) -> OutlookReply:
    """Return an outlook as JSON has it, with its warnings in sentences."""
    at_risk = [each for each in found.governing if each.quiet or not all(each.able)]
    return OutlookReply(
        height=applied,
        level=found.level,
        level_words=words_view(LEVEL_WORDS[found.level]),
        warnings=[words_view(warning) for warning in outlook_warnings(found)],
        institutions=found.institutions,
        quiet_after_days=found.quiet_days,
        soon_days=found.horizon_days[1],
        later_days=found.horizon_days[2],
        kinds=[
            KindOutlookView(
                kind=kind.kind,
                name=MOTIONS[kind.kind].name,
                words=words_view(KIND_WORDS[kind.kind]),
                needed=kind.needed,
                able_now=kind.able[0],
                able_soon=kind.able[1],
                able_later=kind.able[2],
                awake=kind.awake,
                level=kind.level,
            )
            for kind in found.kinds
        ],
        at_risk=[office_outlook_view(each, now) for each in at_risk],
        terms_ending=found.terms_ending,
        mandates_ending=ending,
    )


def outlook_warnings(found: Outlook) -> list[Sentence]:
    """Return a sentence for each level and number of votes at which a kind of motion is at risk."""
    grouped: dict[tuple[Level, int], list[str]] = {}
    for kind in sorted(found.kinds, key=lambda each: -LEVELS.index(each.level)):
        if kind.level != "fine":
            names = grouped.setdefault((kind.level, kind.needed), [])
            names.append(MOTIONS[kind.kind].name)
    return [
        tell(
            "governance %(level)s: %(kinds)s take %(needed)s votes; %(who)s",
            level=LEVEL_WORDS[level],
            kinds=_kinds(names),
            needed=needed,
            who=_who(level, needed, found),
        )
        for (level, needed), names in grouped.items()
    ]


def _kinds(names: list[str]) -> Sentence:
    named, more = listed(names[:KINDS_NAMED]), len(names) - KINDS_NAMED
    return tell("%(kinds)s and %(more)s more", kinds=named, more=more) if more > 0 else named


def _who(level: Level, needed: int, found: Outlook) -> Sentence:
    able, awake = found.kinds[0].able, found.kinds[0].awake
    if level == "lost":
        return tell("%(votes)s institutions can cast one", votes=able[0])
    places = list(zip(able, found.horizon_days, strict=True))
    if level == "failing":
        votes, days = next(place for place in places if place[0] < needed)
        return tell(
            "in %(days)s days only %(votes)s institutions can cast one", days=days, votes=votes
        )
    if awake < needed:
        return tell(
            "only %(votes)s have acted in the last %(days)s days",
            votes=awake,
            days=found.quiet_days,
        )
    votes, days = min(places)
    if days == 0:
        return tell("now %(votes)s institutions can cast one", votes=votes)
    return tell("in %(days)s days %(votes)s institutions can cast one", days=days, votes=votes)


def mandates_ending(reader: KeyValueReader, now: BlockTime) -> int:
    """Return how many mandates end soon and have no successor; bounded by a page."""
    days = warning_days(reader)
    found, _ = mandate_page(reader, now, None, RANGE_ITEMS_MAX, ending_within_days=days)
    return sum(each.ends_soon for each in found)


async def watch_outlook(context: Context) -> None:
    """Look until the node stops: set metrics and /readyz's warnings, tell the log once a day."""
    told = -1
    while not context.stopping.is_set():
        with context.reading() as reader:
            now = ledger_time(reader, context.genesis.time)
            found = outlook_at(reader, now, context.genesis.time)
            ending = mandates_ending(reader, now)
            unreported = sum(not each.reported for each in kept_views(reader))
        context.warnings = outlook_warnings(found)
        metrics = context.metrics
        metrics.governance_level.set(LEVELS.index(found.level))
        metrics.governance_spare.clear()  # the days are governed: others may have been shown
        for place, days in enumerate(found.horizon_days):
            metrics.governance_spare.labels(days=str(days)).set(found.spare(place))
        metrics.offices_quiet.set(sum(each.quiet for each in found.governing))
        metrics.mandates_ending.set(ending)
        metrics.evidence_unreported.set(unreported)
        metrics.terms_ending.set(found.terms_ending)
        day = now // MILLISECONDS_A_DAY
        if context.warnings and day != told:
            told = day
            told_now = "; ".join(warning.english for warning in context.warnings)
            context.report("governance.at_risk", {"warnings": told_now})
        with context.patience(WATCH_SECONDS):
            await trio.sleep_forever()
