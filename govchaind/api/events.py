"""Blocks as they happen: server-sent events from any height, without gaps or repeats.

Rules it keeps:
- Events are read from the store, height by height; the notice board only says that there are more.
  So a stream that falls behind loses nothing, and nothing is buffered for it.
- A client that takes nothing for `WRITE_SECONDS_MAX` is cut off (the listener does that); it comes
  back with `Last-Event-ID` and goes on where it was.
- A client that leaves is noticed by the door, which cancels the stream.
- When the node stops, every stream ends at once, between two events.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.door import Receive, Scope, Send
from govchaind.api.motion_words import moment_words
from govchaind.api.reading import Outcomes, iso_text, outline_at
from govchaind.api.replies import HEIGHT_HEADER, failures
from govchaind.api.sentence import tell_many
from govchaind.base.errors import Busy, Invalid, Pruned
from govchaind.base.types import Height
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.replica.marker import check_kept

PING_SECONDS = 15.0
BATCH_EVENTS = 32  # read from one snapshot and sent as one part
BATCH_BYTES = 256 * 1024
PING = b": ping\n\n"
_EXAMPLE = (
    "id: 7\nevent: block\n"
    'data: {"height": 7, "hash": "…", "time_ms": 1764000000000, "transactions": [ … ]}\n\n'
)


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get(
        "/events",
        operation_id="streamEvents",
        summary="One event for each block, from any height on",
        description="Server-sent events: `id` is the height, `event` is block. A reader that was "
        "cut off sends Last-Event-ID and misses nothing; 410 if blocks from there on were removed.",
        response_class=Response,
        responses={
            200: {
                "description": "The stream",
                "content": {"text/event-stream": {"example": _EXAMPLE}},
            },
            **failures(400, 410, 503),
        },
    )
    async def stream_events(
        first: Annotated[
            int | None,
            Query(alias="from", ge=0, description="the first height; without it the next block"),
        ] = None,
        certified: Annotated[bool, Query(description="only heights that are certified")] = False,
        last_event_id: Annotated[
            str | None, Header(description="the last height received; goes before `from`")
        ] = None,
    ) -> Response:
        if context.stopping.is_set():
            raise Busy("this node is stopping", code="shutting-down", retry_after_seconds=5)
        if context.streams >= context.limits.event_streams_max:
            raise Busy(
                f"{context.streams} event streams are open; this node serves no more",
                code="too-many-streams",
                remedy="Ask another node, or ask again later.",
                retry_after_seconds=10,
            )
        begins = _first(context, first, last_event_id)
        with context.reading() as reader:
            check_kept(reader, begins)  # now, while it can still be said
        return EventStream(context, begins, certified)

    return router


def _first(context: Context, first: int | None, last_event_id: str | None) -> Height:
    if last_event_id is not None:
        text = last_event_id.strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Invalid("Last-Event-ID is a height", code="invalid-parameter")
        return int(text) + 1
    if first is None:
        return context.board.height + 1
    if first > context.board.height + 1:
        raise Invalid(
            f"height {first} is beyond the next block, {context.board.height + 1}",
            code="height-ahead",
            remedy="Begin at the next block, or ask a node that is further.",
        )
    return max(1, first)


class EventStream(Response):
    """The reply that goes on until its client leaves or the node stops."""

    def __init__(self, context: Context, first: Height, certified: bool) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"
        self.headers[HEIGHT_HEADER] = str(context.board.height)
        self._context = context
        self._next = first
        self._certified = certified

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        self._context.streams += 1
        try:
            await send(start)
            if scope["method"] != "HEAD":
                await self._run(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._context.streams -= 1

    async def _run(self, send: Send) -> None:
        context = self._context
        await send(_part(PING))  # so that a proxy and the client see the stream open
        while not context.stopping.is_set():
            newest = context.board.certified if self._certified else context.board.height
            if self._next <= newest:
                try:
                    due = self._events(newest)
                except Pruned:
                    return  # a reader so slow is told when it comes again
                await send(_part(due))
                continue
            waited = False
            with context.patience(PING_SECONDS):
                if self._certified:
                    await context.board.wait_certified(self._next)
                else:
                    await context.board.wait_height(self._next)
                waited = True
            if not waited and not context.stopping.is_set():
                await send(_part(PING))

    def _events(self, newest: Height) -> bytes:
        """Return the events that are due, a bounded number, and move on."""
        parts: list[bytes] = []
        length = 0
        with self._context.reading() as reader:
            outcomes = Outcomes(reader)
            last = min(newest, self._next + BATCH_EVENTS - 1, outcomes.applied)
            while self._next <= last and length < BATCH_BYTES:
                event = block_event(outcomes, self._next)
                text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                parts.append(f"id: {self._next}\nevent: block\ndata: {text}\n\n".encode())
                length += len(parts[-1])
                self._next += 1
        return b"".join(parts)


def block_event(outcomes: Outcomes, height: Height) -> dict[str, Any]:
    """Return the data of one block's event."""
    outline = outline_at(outcomes.reader, height)
    header = outline.header
    result = outcomes.result(height)
    sentence = tell_many(
        "%(leader)s put block %(height)s in order on %(moment)s, with %(count)s transaction.",
        "%(leader)s put block %(height)s in order on %(moment)s, with %(count)s transactions.",
        count=outline.transactions,
        leader=header.leader,
        height=height,
        moment=moment_words(header.time),
    )
    return {
        "height": height,
        "hash": header.hash.hex(),
        "previous": header.previous.hex(),
        "time_ms": header.time,
        "time": iso_text(header.time),
        "leader": header.leader,
        "term": header.term,
        "certified": height <= outcomes.certified,
        "outcomes_root": result.outcomes_root.hex(),
        "state_root": None if result.state_root is None else result.state_root.hex(),
        "configuration": outline.configuration,
        "sentence": {"english": sentence.english, "chinese": sentence.chinese},
        "transactions": [
            {
                "id": identifier.hex(),
                "code": code,
                "outcome": OUTCOMES[code].name,
                "operation": operation,
            }
            for identifier, _, code, operation in result.outcomes
        ],
    }


def _part(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}
