"""Mandates: the documents that order what is done, whether they are in force, and how long yet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.decision_models import (
    MandateReply,
    MandatesReply,
    MandateState,
    MandateView,
)
from govchaind.api.listing import sifted
from govchaind.api.reading import iso, ledger_time, stored
from govchaind.api.replies import Limit, failures, json_reply
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import BlockTime
from govchaind.ledger.operations.mandates import is_in_force
from govchaind.ledger.operations.parameters import WARNING_DAYS, parameter_of
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import MANDATE, mandate_key
from govchaind.ledger.transaction import is_name
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.store import applied_height

MandateName = Annotated[str, Path(description="the mandate's name", examples=["data-sharing"])]
DAYS_MAX = 36_600  # a hundred years
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/mandates", tags=["decisions"])

    @router.get(
        "",
        operation_id="listMandates",
        summary="Mandates, in order of their names",
        response_model=MandatesReply,
        responses=failures(400),
    )
    async def list_mandates(
        state: Annotated[
            MandateState | None, Query(description="only mandates of this state; without it all")
        ] = None,
        ending_within_days: Annotated[
            int | None,
            Query(ge=0, le=DAYS_MAX, description="only those that end within so many days"),
        ] = None,
        after: Annotated[str | None, Query(description="name of the last one before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            mandates, following = mandate_page(
                reader, now, after, limit, state=state, ending_within_days=ending_within_days
            )
        reply = MandatesReply(height=applied, mandates=mandates, next=following)
        return json_reply(reply, applied)

    @router.get(
        "/{name}",
        operation_id="getMandate",
        summary="One mandate",
        response_model=MandateReply,
        responses=failures(400, 404),
    )
    async def get_mandate(name: MandateName) -> Response:
        _check(name)
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            value = _STATE.get(reader, mandate_key(name))
            warning = warning_days(reader)
        if value is None:
            raise NotFound(f"there is no mandate {name!r}")
        view = mandate_view(name, value, now, warning)
        return json_reply(MandateReply(**dict(view), height=applied), applied)

    return router


def mandate_page(
    reader: KeyValueReader,
    now: BlockTime,
    after: str | None,
    limit: int,
    *,
    state: MandateState | None = None,
    ending_within_days: int | None = None,
) -> tuple[list[MandateView], str | None]:
    """Return one page of mandates, and the name to go on after."""
    if after is not None:
        _check(after)

    warning = warning_days(reader)

    def view(name: bytes, value: bytes) -> MandateView | None:
        made = mandate_view(name.decode(), value, now, warning)
        if state is not None and made.state != state:
            return None
        if ending_within_days is not None and (
            made.ends_ms is None
            or made.state == "ended"
            or made.ends_ms - now > ending_within_days * MILLISECONDS_A_DAY
        ):
            return None
        return made

    last = None if after is None else mandate_key(after)
    found, following = sifted(reader, MANDATE, after=last, limit=limit, view=view)
    return found, None if following is None else following[1:].decode()


def warning_days(reader: KeyValueReader) -> int:
    """Return how many days ahead the end of a term or a mandate is warned of."""
    state = WorkingState(_STATE, reader, {}, keeps_cache=False)
    return parameter_of(WARNING_DAYS, state)


def mandate_view(name: str, value: bytes, now: BlockTime, warning: int) -> MandateView:
    """Return a mandate as it is at a block time; `warning`: days ahead of its end."""
    mandate = stored(value)
    title, number, issuer, document, effect, until, before, successor, ends, adopted = mandate
    state: MandateState = "not-yet"
    if is_in_force(mandate, now):
        state = "in-force"
    elif ends is not None and (ends <= now or ends <= effect):  # or repealed before it began
        state = "ended"
    left = None if ends is None or state == "ended" else (ends - now) // MILLISECONDS_A_DAY
    return MandateView(
        name=name,
        title=title,
        number=number,
        issuer=issuer,
        document=document.hex(),
        effect_ms=effect,
        effect=iso(effect),
        until_ms=until,
        until=iso(until),
        predecessor=before,
        successor=successor,
        ends_ms=ends,
        ends=iso(ends),
        adopted_at=adopted,
        state=state,
        days_left=left,
        ends_soon=left is not None and left < warning and successor is None,
    )


def _check(name: str) -> None:
    if not is_name(name):
        raise Invalid("a mandate's name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")
