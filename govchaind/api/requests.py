"""Requests, grants, terms and accounts: who asked whom for what, and what became of it in time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.catalogue import After, check_name, named, split_named
from govchaind.api.circles import MEMBERS
from govchaind.api.context import Context
from govchaind.api.exchange_models import (
    AccountsReply,
    AccountView,
    ClockView,
    GrantView,
    RequestReply,
    RequestsReply,
    RequestStatus,
    RequestView,
    TermsReply,
    YearUse,
)
from govchaind.api.exchange_words import request_words
from govchaind.api.listing import sifted
from govchaind.api.reading import iso, ledger_time, stored
from govchaind.api.replies import Limit, failures, json_reply, words_view
from govchaind.api.titles import StateTitles, Titles
from govchaind.api.viewer import BY_OFFICE, Viewer, viewer_in
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import BlockTime
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    REQUEST,
    account_key,
    account_prefix,
    grant_key,
    request_key,
    terms_key,
)
from govchaind.replica.store import applied_height

WAITING = ("open", "appealed", "overturned")  # somebody owes an answer
Month = Annotated[
    str, Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="year and month: 2026-09")
]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["exchange"])

    @router.get(
        "/requests",
        operation_id="listRequests",
        summary="Requests for data, in order of requester and reference",
        response_model=RequestsReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_requests(
        request: Request,
        requester: Annotated[str | None, Query(description="only those that it made")] = None,
        provider: Annotated[str | None, Query(description="only those made to it")] = None,
        status: Annotated[RequestStatus | None, Query(description="only those of it")] = None,
        overdue: Annotated[
            bool, Query(description="only those whose clock has run out unanswered")
        ] = False,
        after: After = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "requests")
            viewer.check_known()
            found, following = request_page(
                reader,
                viewer,
                now,
                after,
                limit,
                requester=requester,
                provider=provider,
                status=status,
                overdue=overdue,
            )
        reply = RequestsReply(height=applied, time_ms=now, requests=found, next=following)
        return json_reply(reply, applied)

    @router.get(
        "/requests/{institution}/{reference}",
        operation_id="getRequest",
        summary="One request, its clock and its grant",
        response_model=RequestReply,
        responses=failures(400, 404),
        openapi_extra=BY_OFFICE,
    )
    async def get_request(
        request: Request,
        institution: Annotated[str, Path(description="who asked", examples=["bank"])],
        reference: Annotated[str, Path(description="its reference", examples=["2026-17"])],
    ) -> Response:
        check_name(institution)
        check_name(reference)
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "requests")
            viewer.check(viewer.circles.of_request(institution, reference))
            reply = request_at(reader, institution, reference, applied, now)
        return json_reply(reply, applied)

    _rule_routes(context, router)
    return router


def _rule_routes(context: Context, router: APIRouter) -> None:
    @router.get(
        "/terms/{mandate}",
        operation_id="getTerms",
        summary="The clocks that run for requests under a mandate",
        response_model=TermsReply,
        responses=failures(400, 404),
    )
    async def get_terms(
        mandate: Annotated[str, Path(description="the mandate's name", examples=["data-sharing"])],
    ) -> Response:
        check_name(mandate)
        with context.reading() as reader:
            applied = applied_height(reader)
            value = _STATE.get(reader, terms_key(mandate))
        if value is None:
            raise NotFound(f"no terms are set for the mandate {mandate!r}")
        return json_reply(_terms(mandate, stored(value), applied), applied)

    @router.get(
        "/accounts",
        operation_id="listAccounts",
        summary="What was asked, given, refused and kept in time in a month, by whom and whose",
        response_model=AccountsReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_accounts(
        request: Request,
        month: Month,
        institution: Annotated[
            str | None, Query(description="only rows in which it gave or took")
        ] = None,
        after: Annotated[
            str | None,
            Query(max_length=200, description="PROVIDER/DATA-SET/REQUESTER of the last one before"),
        ] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer_in(context, request, reader, "accounts").check(MEMBERS)
            found, following = account_page(reader, month, after, limit, institution=institution)
        reply = AccountsReply(height=applied, month=month, accounts=found, next=following)
        return json_reply(reply, applied)


def request_page(
    reader: KeyValueReader,
    viewer: Viewer,
    now: BlockTime,
    after: str | None,
    limit: int,
    *,
    requester: str | None = None,
    provider: str | None = None,
    status: str | None = None,
    overdue: bool = False,
) -> tuple[list[RequestView], str | None]:
    """Return one page of requests that a reader may see, and REQUESTER/REFERENCE to go on after."""
    prefix, behind = REQUEST, b""
    if requester is not None:
        check_name(requester)
        prefix, behind = request_key(requester, ""), request_key(requester, "")[1:]

    titles = StateTitles(reader)

    def view(key: bytes, value: bytes) -> RequestView | None:
        institution, _, reference = (behind + key).partition(b"\x00")
        named_as = (institution.decode(), reference.decode())
        asked = stored(value)
        if not viewer.sees_all and not viewer.sees(viewer.circles.of_request(*named_as, asked)):
            return None
        made = request_view(*named_as, asked, now, titles)
        if provider not in (None, made.provider) or status not in (None, made.status):
            return None
        return made if made.overdue or not overdue else None

    last = None if after is None else request_key(*split_named(after))
    found, following = sifted(reader, prefix, after=last, limit=limit, view=view)
    return found, named(following)


def request_at(
    reader: KeyValueReader, institution: str, reference: str, applied: int, now: BlockTime
) -> RequestReply:
    """Return one request with its grant. Raises NotFound."""
    value = _STATE.get(reader, request_key(institution, reference))
    if value is None:
        raise NotFound(f"{institution} has made no request {reference!r}")
    granted = _STATE.get(reader, grant_key(institution, reference))
    view = request_view(institution, reference, stored(value), now, StateTitles(reader))
    grant = None if granted is None else grant_view(stored(granted), now)
    return RequestReply(**dict(view), height=applied, time_ms=now, grant=grant)


def request_view(
    requester: str, reference: str, value: list[Any], now: BlockTime, titles: Titles
) -> RequestView:
    """Return a request as it stands at a block time."""
    (
        office, provider, data_set, revision, sharing, conditions, fields, mandate, terms, details,
        status, asked, due, by, extended, answered, ground, reason, appealed, appeal_details,
        ruled, appealable, _,
    ) = value  # fmt: skip
    waits = status in WAITING
    words = request_words(
        titles.institution(requester),
        titles.institution(provider),
        fields,
        titles.data_set(provider, data_set),
        status,
        due if waits else None,
        now,
    )
    return RequestView(
        requester=requester,
        reference=reference,
        office=office,
        provider=provider,
        data_set=data_set,
        revision=revision,
        sharing=sharing,
        conditions=conditions,
        fields=fields,
        mandate=mandate,
        terms=terms,
        details=details.hex(),
        status=status,
        asked_ms=asked,
        asked=iso(asked),
        due_ms=due,
        due=iso(due),
        overdue=waits and now > due,
        by=_year_uses(by),
        extended_ms=extended,
        answered_ms=answered,
        late=None if answered is None or appealed is not None else answered > due,
        ground=ground,
        reason=_hex(reason),
        appealable_until_ms=None if appealable is None else appealable[0],
        appealed_ms=appealed,
        appeal_details=_hex(appeal_details),
        ruled_ms=ruled,
        words=words_view(words),
    )


def grant_view(value: list[Any], now: BlockTime) -> GrantView:
    """Return a grant as it stands at a block time."""
    (
        provider, provider_office, requester_office, data_set, revision, fields, conditions,
        details, granted, until, uses_max, uses, delivery_due, revoked, ground, reason, _,
    ) = value  # fmt: skip
    used_up = uses_max is not None and uses >= uses_max
    return GrantView(
        provider=provider,
        provider_office=provider_office,
        requester_office=requester_office,
        data_set=data_set,
        revision=revision,
        fields=fields,
        conditions=conditions,
        details=details.hex(),
        granted_ms=granted,
        until_ms=until,
        until=iso(until),
        uses_max=uses_max,
        uses=uses,
        delivery_due_ms=None if delivery_due is None else delivery_due[0],
        delivery_due=None if delivery_due is None else iso(delivery_due[0]),
        delivery_by=_year_uses([] if delivery_due is None else delivery_due[1]),
        revoked_ms=revoked,
        ground=ground,
        reason=_hex(reason),
        in_force=revoked is None and now <= until and not used_up,
    )


def _year_uses(by: list[list[int]]) -> list[YearUse]:
    return [YearUse(year=year, version=version) for year, version in by]


def account_page(
    reader: KeyValueReader,
    month: str,
    after: str | None,
    limit: int,
    *,
    institution: str | None = None,
) -> tuple[list[AccountView], str | None]:
    """Return one page of a month's accounts, and PROVIDER/DATA-SET/REQUESTER to go on after."""
    number = int(month[:4]) * 12 + int(month[5:]) - 1
    if number >= 1 << 16:
        raise Invalid("there is no such month", code="invalid-parameter")
    if institution is not None:
        check_name(institution)

    def view(key: bytes, value: bytes) -> AccountView | None:
        provider, data_set, requester = (part.decode() for part in key.split(b"\x00"))
        if institution not in (None, provider, requester):
            return None
        row = stored(value)
        counters = {entry.name.lower(): row[entry] if entry < len(row) else 0 for entry in Entry}
        return AccountView(provider=provider, data_set=data_set, requester=requester, **counters)

    last = None
    if after is not None:
        parts = after.split("/")
        for part in parts:
            check_name(part)
        if len(parts) != 3:
            raise Invalid("after is PROVIDER/DATA-SET/REQUESTER", code="invalid-parameter")
        last = account_key(number, parts[0], parts[1], parts[2])
    found, following = sifted(reader, account_prefix(number), after=last, limit=limit, view=view)
    going_on = None if following is None else following[3:].replace(b"\x00", b"/").decode()
    return found, going_on


def _terms(mandate: str, value: list[Any], applied: int) -> TermsReply:
    (
        calendar, offset, reply, extension, extender, appeal, ruling, delivery, grounds,
        supervisor, height,
    ) = value  # fmt: skip
    return TermsReply(
        height=applied,
        mandate=mandate,
        calendar=calendar,
        offset_minutes=offset,
        reply=_clock(reply),
        extension=None if extension is None else _clock(extension),
        extender=extender,
        appeal=_clock(appeal),
        ruling=_clock(ruling),
        delivery=None if delivery is None else _clock(delivery),
        grounds=grounds,
        supervisor=supervisor,
        set_at=height,
    )


def _clock(clock: list[Any]) -> ClockView:
    return ClockView(days=clock[0], working=clock[1])


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
