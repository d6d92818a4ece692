"""Side values: what the ledger has of each, and the sealed files for the offices that may read.

Rules it keeps:
- Everybody sees that there is one, for whom, and whether it was removed; that is on the ledger.
- A sealed file is brought and fetched with an office's leave (ledger/office_leave.py) by the office
  that recorded it and by those that it is sealed to. To others nothing is said but that.
- Removed means refused, with 410, from the block of the vote on.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.carriage import OCTETS, Leave
from govchaind.api.context import Context
from govchaind.api.deliveries import check_names
from govchaind.api.delivery_models import OfficeView
from govchaind.api.listing import sifted
from govchaind.api.models import Fact, Hash32, Millis
from govchaind.api.reading import HASH_HEX_CHARS, iso, leave_in, ledger_time, read_hex, stored
from govchaind.api.replies import HEIGHT_HEADER, Limit, failures, json_reply
from govchaind.api.viewer import BY_OFFICE, viewer_in
from govchaind.base.errors import Invalid, InvalidEncoding, NotFound, NotPermitted
from govchaind.base.limits import SIDE_SEALED_BYTES_MAX
from govchaind.ledger.office_leave import (
    OfficePurpose,
    check_office_leave,
    read_office_leave,
    side_subject,
)
from govchaind.ledger.operations import side_values as ledger
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    SIDE_VALUE,
    office_key,
    side_value_key,
    side_value_prefix,
)
from govchaind.replica.store import applied_height
from govchaind.runtime.side_shelf import SideName, SideShelf, recorded_side

Institution = Annotated[str, Path(description="the institution that recorded it")]
Commitment = Annotated[str, Path(description="the commitment to the text, as hex")]
_STATE = State()
_BINARY = {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}}


class RequestName(Fact):
    requester: str
    reference: str


class RemovalView(Fact):
    ground: str
    at_ms: Millis
    at: str | None


class SideValueView(Fact):
    institution: str = Field(description="with `commitment`: its name")
    commitment: Hash32 = Field(description="salted commitment to the text")
    office: str = Field(description="that recorded it")
    sealed: Hash32 = Field(description="SHA-256 of the sealed file")
    length: int = Field(description="of the sealed file, in bytes")
    readers: list[OfficeView] = Field(description="offices that it is sealed to")
    about: RequestName | None = Field(description="the request that it belongs to")
    recorded_ms: Millis
    recorded: str | None
    removal: RemovalView | None = Field(description="by vote; null: it was not removed")
    held: bool = Field(description="whether this node has the sealed file")


class SideValueReply(SideValueView):
    height: int


class SideValuesReply(Fact):
    height: int
    side_values: list[SideValueView]
    next: str | None


class SideHeldReply(Fact):
    height: int
    held: bool


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/side-values", tags=["side-values"])

    @router.get(
        "",
        operation_id="listSideValues",
        summary="Side values, in order of their names",
        response_model=SideValuesReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_side_values(
        request: Request,
        institution: Annotated[str | None, Query(description="only those that it recorded")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Limit = 100,
    ) -> Response:
        prefix = SIDE_VALUE
        if institution is not None:
            check_names(institution)
            prefix = side_value_prefix(institution)
        last = None if after is None else read_hex(after, what="after")
        if last is not None and not last.startswith(SIDE_VALUE):
            raise Invalid("after is `next` of the page before", code="invalid-parameter")

        def view(rest: bytes, value: bytes) -> SideValueView | None:
            key = prefix + rest
            name = (key[1:-33].decode(), key[-32:])
            seen = viewer.sees_all or viewer.sees(viewer.circles.of_side_value(*name))
            return _view(context, name, value) if seen else None

        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "side-values")
            viewer.check_known()
            found, following = sifted(reader, prefix, after=last, limit=limit, view=view)
        further = None if following is None else following.hex()
        return json_reply(SideValuesReply(height=applied, side_values=found, next=further), applied)

    @router.get(
        "/{institution}/{commitment}",
        operation_id="getSideValue",
        summary="One side value: for whom it is sealed, and whether it was removed",
        response_model=SideValueReply,
        responses=failures(400, 404),
        openapi_extra=BY_OFFICE,
    )
    async def get_side_value(
        request: Request, institution: Institution, commitment: Commitment
    ) -> Response:
        name = _name(institution, commitment)
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "side-values")
            viewer.check(viewer.circles.of_side_value(*name))
            value = _STATE.get(reader, side_value_key(*name))
        if value is None:
            raise NotFound(f"{institution} has recorded no side value under this commitment")
        view = _view(context, name, value)
        return json_reply(SideValueReply(**dict(view), height=applied), applied)

    _add_sealed(router, context)
    return router


def _add_sealed(router: APIRouter, context: Context) -> None:
    @router.post(
        "/{institution}/{commitment}/sealed",
        operation_id="bringSideValue",
        summary="Bring the sealed file of a side value, whole",
        response_model=SideHeldReply,
        responses=failures(400, 403, 404, 410, 413, 503),
        openapi_extra={"requestBody": _BINARY},
    )
    async def bring(
        request: Request, institution: Institution, commitment: Commitment, leave: Leave
    ) -> Response:
        shelf, name = _shelf(context), _name(institution, commitment)
        applied = _admit(context, leave, name, "bring")
        data = await request.body()
        if len(data) > SIDE_SEALED_BYTES_MAX:
            raise InvalidEncoding(
                f"a side value has at most {SIDE_SEALED_BYTES_MAX} bytes",
                code="too-large",
                remedy="Deliver a file; side values are for texts.",
            )
        await shelf.put(name, data)
        return json_reply(SideHeldReply(height=applied, held=True), applied)

    @router.get(
        "/{institution}/{commitment}/sealed",
        operation_id="fetchSideValue",
        summary="Fetch the sealed file of a side value",
        response_class=Response,
        responses={200: _BINARY, **failures(400, 403, 404, 410)},
    )
    async def fetch(institution: Institution, commitment: Commitment, leave: Leave) -> Response:
        shelf, name = _shelf(context), _name(institution, commitment)
        applied = _admit(context, leave, name, "fetch")
        data = await shelf.read(name)
        return Response(data, media_type=OCTETS, headers={HEIGHT_HEADER: str(applied)})


def _name(institution: str, commitment: str) -> SideName:
    check_names(institution)
    return institution, read_hex(commitment, what="a commitment", length=HASH_HEX_CHARS // 2)


def _shelf(context: Context) -> SideShelf:
    if context.shelf is None:
        raise NotFound(
            "this node holds no side values",
            code="no-carrier",
            remedy="Ask another node.",
        )
    return context.shelf


def _admit(context: Context, leave: str, name: SideName, purpose: OfficePurpose) -> int:
    """Judge a leave by the newest state; return its height. Raises NotPermitted, Invalid."""
    read = leave_in(leave, read_office_leave)
    with context.reading() as reader:
        applied = applied_height(reader)
        now = ledger_time(reader, context.genesis.time)
        seats = _STATE.get(reader, office_key(read.institution, read.office))
        found = recorded_side(reader, name)
    check_office_leave(
        read,
        chain_id=context.genesis.chain_id,
        purpose=purpose,
        subject=side_subject(*name),
        office=None if seats is None else stored(seats),
        now=now,
    )
    if found is not None and (read.institution, read.office) not in found.offices:
        raise NotPermitted("this side value is not for the office that the leave names")
    return applied


def _view(context: Context, name: SideName, value: bytes) -> SideValueView:
    fields = stored(value)
    about, removed = fields[ledger.ABOUT], fields[ledger.REMOVED]
    return SideValueView(
        institution=name[0],
        commitment=name[1].hex(),
        office=fields[ledger.OFFICE],
        sealed=fields[ledger.SEALED].hex(),
        length=fields[ledger.LENGTH],
        readers=[
            OfficeView(institution=institution, office=office)
            for institution, office in fields[ledger.READERS]
        ],
        about=None if about is None else RequestName(requester=about[0], reference=about[1]),
        recorded_ms=fields[ledger.RECORDED],
        recorded=iso(fields[ledger.RECORDED]),
        removal=None
        if removed is None
        else RemovalView(ground=removed[0], at_ms=removed[1], at=iso(removed[1])),
        held=context.shelf is not None and context.shelf.holds(name),
    )
