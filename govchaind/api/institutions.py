"""Institutions and their offices: who may sign, how many together, and until when."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import (
    InstitutionReply,
    InstitutionsReply,
    InstitutionSummary,
    KeyView,
    OfficeView,
)
from govchaind.api.reading import iso, ledger_time, stored
from govchaind.api.replies import Limit, failures, json_reply
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RANGE_ITEMS_MAX
from govchaind.base.types import BlockTime, Height
from govchaind.ledger.last_act import TIME
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    INSTITUTION,
    OFFICE,
    acted_key,
    institution_key,
    office_key,
    standing_key,
)
from govchaind.ledger.transaction import is_name
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.replica.store import applied_height

InstitutionName = Annotated[str, Path(alias="name", description="the institution's name")]
STANDINGS = ("taking-part", "suspended", "removed")  # by the number in the state
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/institutions", tags=["institutions"])

    @router.get(
        "",
        operation_id="listInstitutions",
        summary="All institutions, in order of their names",
        response_model=InstitutionsReply,
        responses=failures(400),
    )
    async def list_institutions(
        after: Annotated[str | None, Query(description="name of the last one before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            institutions, following = institution_page(reader, after, limit)
        reply = InstitutionsReply(height=applied, institutions=institutions, next=following)
        return json_reply(reply, applied)

    @router.get(
        "/{name}",
        operation_id="getInstitution",
        summary="One institution: its offices, their policies, their keys and when they expire",
        response_model=InstitutionReply,
        responses=failures(400, 404),
    )
    async def get_institution(institution: InstitutionName) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            reply = institution_at(reader, institution, applied, context.genesis.time)
        return json_reply(reply, applied)

    return router


def institution_page(
    reader: KeyValueReader, after: str | None, limit: int
) -> tuple[list[InstitutionSummary], str | None]:
    """Return one page of institutions, and the name after which the next page begins."""
    last = None if after is None else institution_key(after)
    rows = _STATE.scan(reader, INSTITUTION, limit=limit + 1, after=last)
    views = [
        InstitutionSummary(**_summary(reader, key[1:].decode(), v)) for key, v, _ in rows[:limit]
    ]
    return views, views[-1].name if len(rows) > limit else None


def institution_at(
    reader: KeyValueReader, name: str, applied: Height, genesis_time: BlockTime
) -> InstitutionReply:
    """Return one institution with its offices. Raises NotFound."""
    if not is_name(name):
        raise Invalid("a name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")
    value = _STATE.get(reader, institution_key(name))
    if value is None:
        raise NotFound(f"there is no institution {name!r}")
    now = ledger_time(reader, genesis_time)
    summary = _summary(reader, name, value)
    prefix = office_key(name, "")
    rows = _STATE.scan(reader, prefix, limit=RANGE_ITEMS_MAX)
    offices = [
        _office(reader, (name, key[len(prefix) :].decode()), data, summary["governing_office"], now)
        for key, data, _ in rows
        if key.startswith(OFFICE)
    ]
    return InstitutionReply(**summary, height=applied, offices=offices)


def _summary(reader: KeyValueReader, name: str, value: bytes) -> dict[str, Any]:
    title, kind, governing, admitted = stored(value)
    written = _STATE.get(reader, standing_key(name))
    state, ground, commitment, since, _ = (
        (0, None, None, None, None) if written is None else stored(written)
    )
    return {
        "name": name,
        "title": title,
        "kind": kind,
        "governing_office": governing,
        "admitted_at": admitted,
        "standing": STANDINGS[state],
        "standing_ground": ground,
        "standing_commitment": None if commitment is None else commitment.hex(),
        "standing_since": since,
    }


def _office(
    reader: KeyValueReader, named: tuple[str, str], value: bytes, governing: str, now: BlockTime
) -> OfficeView:
    title, threshold, seats = stored(value)
    acted = _STATE.get(reader, acted_key(*named))
    last: BlockTime | None = None if acted is None else stored(acted)[TIME]
    name = named[1]
    return OfficeView(
        name=name,
        title=title,
        threshold=threshold,
        seats=len({seat[0] for seat in seats}),
        governing=name == governing,
        last_act_ms=last,
        last_act=iso(last),
        keys=[_key(seat, now) for seat in seats],
    )


def _key(seat: Any, now: BlockTime) -> KeyView:
    number, public, title, valid_from, valid_until, revoked_at = seat
    state: Literal["valid", "not-yet-valid", "expired", "revoked"] = "valid"
    if revoked_at is not None:
        state = "revoked"
    elif now < valid_from:
        state = "not-yet-valid"
    elif valid_until is not None and now > valid_until:
        state = "expired"
    days = None
    if state == "valid" and valid_until is not None:
        days = (valid_until - now) // MILLISECONDS_A_DAY
    return KeyView(
        seat=number,
        public=public.hex(),
        title=title,
        valid_from_ms=valid_from,
        valid_until_ms=valid_until,
        valid_until=iso(valid_until),
        revoked_at_ms=revoked_at,
        state=state,
        days_left=days,
    )
