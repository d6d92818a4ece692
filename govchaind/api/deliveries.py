"""Deliveries, and erasures that somebody has not answered, as the ledger has them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.delivery_models import (
    DeliveriesReply,
    DeliveryReply,
    DeliveryView,
    DisputeView,
    ErasuresReply,
    ErasureView,
    HolderView,
    LossView,
    OfficeView,
)
from govchaind.api.delivery_words import GROUNDS, STATUSES
from govchaind.api.listing import sifted
from govchaind.api.reading import iso, ledger_time, stored
from govchaind.api.replies import Limit, failures, json_reply, words_view
from govchaind.api.viewer import BY_OFFICE, Viewer, viewer_in
from govchaind.base.errors import Invalid, NotFound, StorageCorrupt
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import BlockTime
from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import DELIVERY, ERASURE, delivery_key, delivery_prefix
from govchaind.ledger.transaction import is_name
from govchaind.replica.store import applied_height

Requester = Annotated[str, Path(description="the institution that asked", examples=["city-bank"])]
Reference = Annotated[str, Path(description="its reference of the request", examples=["loan-7"])]
Number = Annotated[
    int, Path(ge=1, le=0xFFFFFFFF, description="number of the delivery under that grant")
]
After = Annotated[str | None, Query(description="`next` of the page before")]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

    @router.get(
        "",
        operation_id="listDeliveries",
        summary="Deliveries, in order of their names",
        response_model=DeliveriesReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_deliveries(
        request: Request,
        requester: Annotated[str | None, Query(description="only those to, or from, it")] = None,
        reference: Annotated[
            str | None, Query(description="only those under this grant of `requester`")
        ] = None,
        status: Annotated[
            ledger.Status | None, Query(description="only those of this status")
        ] = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Response:
        prefix = _prefix(requester, reference)
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "deliveries")
            viewer.check_known()
            found, following = delivery_page(
                reader, viewer, now, prefix, after, limit, status=status
            )
        return json_reply(
            DeliveriesReply(height=applied, deliveries=found, next=following), applied
        )

    _erasures_route(context, router)
    _delivery_route(context, router)
    return router


def _erasures_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/erasures",
        operation_id="listErasures",
        summary="Erasures that somebody has not answered, the earliest deadline first",
        response_model=ErasuresReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_erasures(
        request: Request,
        overdue: Annotated[bool, Query(description="only those whose deadline is past")] = False,
        after: After = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "deliveries")
            viewer.check_known()
            found, following = erasure_page(reader, viewer, now, after, limit, overdue=overdue)
        return json_reply(ErasuresReply(height=applied, erasures=found, next=following), applied)


def _delivery_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/{requester}/{reference}/{number}",
        operation_id="getDelivery",
        summary="One delivery",
        response_model=DeliveryReply,
        responses=failures(400, 404),
        openapi_extra=BY_OFFICE,
    )
    async def get_delivery(
        request: Request, requester: Requester, reference: Reference, number: Number
    ) -> Response:
        check_names(requester, reference)
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "deliveries")
            viewer.check(viewer.circles.of_delivery(requester, reference, number))
            value = _STATE.get(reader, delivery_key(requester, reference, number))
        if value is None:
            raise NotFound(f"there is no delivery {number} under {requester}/{reference}")
        view = delivery_view(requester, reference, number, stored(value), now)
        return json_reply(DeliveryReply(**dict(view), height=applied), applied)


def check_names(*names: str) -> None:
    """Raise Invalid unless all are names."""
    for name in names:
        if not is_name(name):
            raise Invalid("a name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")


def delivery_page(
    reader: KeyValueReader,
    viewer: Viewer,
    now: BlockTime,
    prefix: bytes,
    after: str | None,
    limit: int,
    *,
    status: ledger.Status | None = None,
) -> tuple[list[DeliveryView], str | None]:
    """Return one page of what a reader may see under a state key's prefix, and where to go on."""

    def view(rest: bytes, value: bytes) -> DeliveryView | None:
        name = _named((prefix + rest)[1:])
        found = stored(value)
        if not viewer.sees_all and not viewer.sees(viewer.circles.of_delivery(*name, found)):
            return None
        made = delivery_view(*name, found, now)
        return made if status is None or made.status == status else None

    found, following = sifted(reader, prefix, after=_after(after, DELIVERY), limit=limit, view=view)
    return found, None if following is None else following.hex()


def erasure_page(
    reader: KeyValueReader,
    viewer: Viewer,
    now: BlockTime,
    after: str | None,
    limit: int,
    *,
    overdue: bool,
) -> tuple[list[DeliveryView], str | None]:
    """Return one page of open erasures, the earliest deadline first, and what to go on after."""

    def view(rest: bytes, _: bytes) -> DeliveryView | None:
        if overdue and int.from_bytes(rest[:8], "big") >= now:
            return None
        name = _named(rest[8:])
        if not viewer.sees_all and not viewer.sees(viewer.circles.of_delivery(*name)):
            return None
        value = _STATE.get(reader, delivery_key(*name))
        if value is None:
            raise StorageCorrupt("an open erasure is of no delivery")
        return delivery_view(*name, stored(value), now)

    found, following = sifted(reader, ERASURE, after=_after(after, ERASURE), limit=limit, view=view)
    return found, None if following is None else following.hex()


def delivery_view(
    requester: str, reference: str, number: int, value: list[Any], now: BlockTime
) -> DeliveryView:
    """Return a delivery as it is at a block time."""
    status = ledger.status(value, now)
    sent, received = value[ledger.SENT], value[ledger.RECEIVED]
    return DeliveryView(
        requester=requester,
        reference=reference,
        number=number,
        status=status,
        words=words_view(STATUSES[status]),
        sender=_office(value[ledger.SENDER]),
        receiver=_office(value[ledger.RECEIVER]),
        commitment=value[ledger.COMMITMENT].hex(),
        size=value[ledger.SIZE],
        rows=value[ledger.ROWS],
        request=value[ledger.REQUEST].hex(),
        sealed=value[ledger.SEALED].hex(),
        corrects=value[ledger.CORRECTS],
        corrected_by=value[ledger.CORRECTED_BY],
        sent_ms=sent,
        sent=iso(sent),
        received_ms=received,
        received=iso(received),
        dispute=_dispute(value[ledger.DISPUTE]),
        loss=_loss(value[ledger.LOST]),
        erasure=_erasure(value[ledger.ERASURE], now),
        recorded_at=value[ledger.HEIGHT],
    )


def _dispute(value: list[Any] | None) -> DisputeView | None:
    if value is None:
        return None
    ground, commitment, at = value
    words = words_view(GROUNDS[ground])
    return DisputeView(
        ground=ground, words=words, commitment=commitment.hex(), at_ms=at, at=iso(at)
    )


def _loss(value: list[Any] | None) -> LossView | None:
    if value is None:
        return None
    ground, at, by = value
    words = words_view(GROUNDS[ground])
    return LossView(ground=ground, words=words, by=_office(by), at_ms=at, at=iso(at))


def _erasure(value: list[Any] | None, now: BlockTime) -> ErasureView | None:
    if value is None:
        return None
    deadline, ordered, holders = value
    missing = [_office(office) for office, answer, _ in holders if answer is None]
    return ErasureView(
        deadline_ms=deadline,
        deadline=iso(deadline),
        ordered_ms=ordered,
        ordered=iso(ordered),
        holders=[
            HolderView(office=_office(office), answer=answer, answered_ms=at, answered=iso(at))
            for office, answer, at in holders
        ],
        missing=missing,
        overdue=bool(missing) and now > deadline,
    )


def _office(value: list[str]) -> OfficeView:
    return OfficeView(institution=value[0], office=value[1])


def _named(key: bytes) -> tuple[str, str, int]:
    """Return requester, reference and number of a state key without its first byte."""
    requester, reference = key[:-5].decode().split("\0")  # the zero before the number goes too
    return requester, reference, int.from_bytes(key[-4:], "big")


def _prefix(requester: str | None, reference: str | None) -> bytes:
    if requester is None:
        if reference is not None:
            raise Invalid("a reference is one of a requester", code="invalid-parameter")
        return DELIVERY
    check_names(requester, *(() if reference is None else (reference,)))
    if reference is None:
        return DELIVERY + requester.encode() + b"\0"
    return delivery_prefix(requester, reference)


def _after(text: str | None, prefix: bytes) -> bytes | None:
    """Return the state key that a page's `next` names. Raises Invalid."""
    if text is None:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not key.startswith(prefix):
        raise Invalid("`after` is the `next` of a page before", code="invalid-parameter")
    return key
