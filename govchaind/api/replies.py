"""Replies and parameters that all handlers share, and how errors stand in /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import ErrorReply, WordsView
from govchaind.api.sentence import Sentence
from govchaind.base.errors import Busy, Invalid
from govchaind.base.limits import RANGE_ITEMS_MAX
from govchaind.base.types import Height

HEIGHT_HEADER = "govchaind-height"
CBOR = "application/cbor"

Limit = Annotated[int, Query(ge=1, le=RANGE_ITEMS_MAX, description="most items in the reply")]
AtHeight = Annotated[
    int | None, Query(ge=0, description="a past height; without it the newest that is applied")
]
Linearizable = Annotated[
    bool,
    Query(
        description="first make sure with the leader that nothing acknowledged before is missed; "
        "503 if there is no leader"
    ),
]

_MEANING = {
    400: "A parameter or the body is wrong",
    403: "Not permitted",
    404: "There is no such thing",
    409: "It contradicts what is there",
    410: "It is no longer kept; the message names the nearest height that is",
    413: "The body is too large",
    415: "The body is not application/cbor",
    503: "Not now; see Retry-After",
    507: "This node has no room on its disk; reads go on",
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error replies of a route, for /openapi.json."""
    return {status: {"model": ErrorReply, "description": _MEANING[status]} for status in statuses}


def with_cbor(description: str) -> dict[str, Any]:
    """Return a 200 reply that can also be had as CBOR bytes."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": {CBOR: binary}}


def json_reply(
    model: BaseModel, height: Height, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON reply that speaks of `height`."""
    return Response(
        model.model_dump_json(by_alias=True),
        status_code=status,
        media_type="application/json",
        headers={HEIGHT_HEADER: str(height), **(headers or {})},
    )


def words_view(sentence: Sentence) -> WordsView:
    """Return a sentence as a reply has it."""
    return WordsView(english=sentence.english, chinese=sentence.chinese)


def cbor_reply(data: bytes, height: Height, *, name: str) -> Response:
    """Return bytes, with a file name for whoever saves them."""
    return Response(
        data,
        media_type=CBOR,
        headers={
            HEIGHT_HEADER: str(height),
            "content-disposition": f'attachment; filename="{name}"',
        },
    )


def wants_cbor(request: Request) -> bool:
    """Say whether the client asks for bytes rather than JSON."""
    return CBOR in request.headers.get("accept", "")


def wants_json(request: Request) -> bool:
    """Say whether the client asks for JSON where bytes are the rule."""
    return "application/json" in request.headers.get("accept", "")


async def catch_up(context: Context, linearizable: bool) -> None:
    """If asked for, wait until a read from here is linearizable. Raises Busy."""
    if not linearizable:
        return
    height = await context.read_index()
    if height is None:
        raise Busy(
            "a linearizable read needs a leader that this node can ask; there is none now",
            code="no-leader",
            remedy="Ask again, or ask another node; without linearizable=true this node answers.",
        )


def check_height(height: int | None, applied: Height) -> None:
    """Raise Invalid for a height that is not applied yet."""
    if height is not None and height > applied:
        raise Invalid(
            f"height {height} is not applied here; the newest is {applied}",
            code="height-ahead",
            remedy="Ask for a height that is there, or wait for it with /v1/events.",
        )
