"""Delivery keys: to which key a file for an office is sealed, and to which node it is brought."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.deliveries import check_names
from govchaind.api.delivery_models import DeliveryKeyReply, DeliveryKeysReply, DeliveryKeyView
from govchaind.api.listing import sifted
from govchaind.api.reading import iso, stored
from govchaind.api.replies import Limit, failures, json_reply
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import DELIVERY_KEY, delivery_key_key
from govchaind.replica.store import applied_height

Institution = Annotated[str, Path(description="name of the institution", examples=["city-bank"])]
Office = Annotated[str, Path(description="name of its office", examples=["head"])]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/delivery-keys", tags=["deliveries"])

    @router.get(
        "",
        operation_id="listDeliveryKeys",
        summary="Delivery keys of all offices that have published one",
        response_model=DeliveryKeysReply,
        responses=failures(400),
    )
    async def list_keys(
        after: Annotated[
            str | None, Query(description="institution/office of the last one before")
        ] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            keys, following = key_page(reader, after, limit)
        return json_reply(DeliveryKeysReply(height=applied, keys=keys, next=following), applied)

    @router.get(
        "/{institution}/{office}",
        operation_id="getDeliveryKey",
        summary="The delivery key of one office",
        description="A node's word. Whoever seals to it has it proved: "
        "`GET /v1/state/{key}?proof=true`.",
        response_model=DeliveryKeyReply,
        responses=failures(400, 404),
    )
    async def get_key(institution: Institution, office: Office) -> Response:
        check_names(institution, office)
        with context.reading() as reader:
            applied = applied_height(reader)
            value = _STATE.get(reader, delivery_key_key(institution, office))
        if value is None:
            raise NotFound(
                f"{institution}/{office} has published no delivery key",
                remedy="Have that office publish one: `govchaind delivery-keys publish`.",
            )
        view = key_view(institution, office, value)
        return json_reply(DeliveryKeyReply(**dict(view), height=applied), applied)

    return router


def key_page(
    reader: KeyValueReader, after: str | None, limit: int
) -> tuple[list[DeliveryKeyView], str | None]:
    """Return one page of delivery keys, and "institution/office" to go on after."""
    last = None
    if after is not None:
        institution, slash, office = after.partition("/")
        if not slash:
            raise Invalid("`after` is institution/office", code="invalid-parameter")
        check_names(institution, office)
        last = delivery_key_key(institution, office)

    def view(rest: bytes, value: bytes) -> DeliveryKeyView:
        institution, _, office = rest.decode().partition("\0")
        return key_view(institution, office, value)

    found, following = sifted(reader, DELIVERY_KEY, after=last, limit=limit, view=view)
    return found, None if following is None else following[1:].decode().replace("\0", "/")


def key_view(institution: str, office: str, value: bytes) -> DeliveryKeyView:
    """Return a published key as JSON has it."""
    key, published, previous, until, box, height = stored(value)
    return DeliveryKeyView(
        institution=institution,
        office=office,
        key=key.hex(),
        published_ms=published,
        published=iso(published),
        previous=None if previous is None else previous.hex(),
        previous_until_ms=until,
        previous_until=iso(until),
        node=None if box is None else box[0],
        address=None if box is None else box[1],
        published_at=height,
    )
