"""Sealed files through the client door: brought in chunks, fetched in chunks, by signed leave.

Rules it keeps:
- A leave (ledger/carriage.py) goes with each request, in a header: the sender's to bring, the
  receiver's to fetch. Who neither sent nor receives learns nothing and stores nothing here.
- Bytes are octets, never more than one chunk at once; where to go on is in every answer. Nothing
  here touches the ledger.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.deliveries import Number, Reference, Requester, check_names
from govchaind.api.delivery_models import CarriageReply
from govchaind.api.reading import leave_in, ledger_time, stored
from govchaind.api.replies import HEIGHT_HEADER, failures, json_reply
from govchaind.base.errors import InvalidEncoding, NotFound
from govchaind.base.limits import CARRY_CHUNK_BYTES_MAX
from govchaind.ledger.carriage import Purpose, check_leave, read_leave
from govchaind.ledger.operations.deliveries import RECEIVER, SENDER
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import delivery_key, office_key
from govchaind.replica.store import applied_height
from govchaind.runtime.carrier import Carrier

LEAVE_HEADER = "govchaind-leave"
LENGTH_HEADER = "govchaind-length"
OCTETS = "application/octet-stream"
_LENGTH_MAX = (1 << 53) - 1
Leave = Annotated[
    str,
    Header(alias=LEAVE_HEADER, description="the office key's signed leave, CBOR as hex"),
]
Offset = Annotated[int, Query(ge=0, le=_LENGTH_MAX, description="place of the first byte")]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

    @router.post(
        "/{requester}/{reference}/{number}/sealed",
        operation_id="bringSealedFile",
        summary="Bring a chunk of a sealed file; an empty one asks where to go on",
        response_model=CarriageReply,
        responses=failures(400, 403, 404, 409, 413, 503),
        openapi_extra={"requestBody": {"content": {OCTETS: {"schema": {"type": "string",
                                                                       "format": "binary"}}}}},
    )  # fmt: skip
    async def bring(
        request: Request,
        requester: Requester,
        reference: Reference,
        number: Number,
        leave: Leave,
        offset: Offset,
        length: Annotated[int, Query(ge=1, le=_LENGTH_MAX, description="of the whole file")],
    ) -> Response:
        carrier, delivery = _carrier(context), (requester, reference, number)
        applied = _admit(context, leave, delivery, "bring")
        data = await request.body()
        if len(data) > CARRY_CHUNK_BYTES_MAX:
            raise InvalidEncoding(
                f"a chunk has at most {CARRY_CHUNK_BYTES_MAX} bytes",
                code="too-large",
                remedy="Bring the file in smaller chunks.",
            )
        have, whole = await carrier.bring(delivery, length, offset, data)
        return json_reply(CarriageReply(height=applied, have=have, whole=whole), applied)

    @router.get(
        "/{requester}/{reference}/{number}/sealed",
        operation_id="fetchSealedFile",
        summary="Fetch a chunk of a sealed file that this node holds whole",
        description=f"The header {LENGTH_HEADER} has the length of the whole file.",
        response_class=Response,
        responses={
            200: {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
            **failures(400, 403, 404),
        },
    )
    async def fetch(
        requester: Requester,
        reference: Reference,
        number: Number,
        leave: Leave,
        offset: Offset,
        length: Annotated[
            int, Query(ge=1, le=CARRY_CHUNK_BYTES_MAX, description="most bytes of the reply")
        ] = CARRY_CHUNK_BYTES_MAX,
    ) -> Response:
        carrier, delivery = _carrier(context), (requester, reference, number)
        applied = _admit(context, leave, delivery, "fetch")
        data, whole = await carrier.fetch(delivery, offset, length)
        headers = {HEIGHT_HEADER: str(applied), LENGTH_HEADER: str(whole)}
        return Response(data, media_type=OCTETS, headers=headers)

    return router


def _carrier(context: Context) -> Carrier:
    if context.carrier is None:
        raise NotFound(
            "this node carries no sealed files",
            code="no-carrier",
            remedy="Bring the file to another node, or hand it over by another channel.",
        )
    return context.carrier


def _admit(context: Context, leave: str, delivery: tuple[str, str, int], purpose: Purpose) -> int:
    """Judge a leave by the newest state; return its height. Raises NotPermitted, Invalid."""
    check_names(delivery[0], delivery[1])
    read = leave_in(leave, read_leave)
    with context.reading() as reader:
        applied = applied_height(reader)
        now = ledger_time(reader, context.genesis.time)
        value = _STATE.get(reader, delivery_key(*delivery))
        office = None
        if value is not None:
            party = stored(value)[SENDER if purpose == "bring" else RECEIVER]
            seats = _STATE.get(reader, office_key(party[0], party[1]))
            office = None if seats is None else stored(seats)
    check_leave(
        read,
        chain_id=context.genesis.chain_id,
        delivery=delivery,
        purpose=purpose,
        office=office,
        now=now,
    )
    return applied
