"""The stream of blocks as they happen, resumed by height over broken connections and dead nodes.

Rule: every height from the first one asked for comes once, in order. A node that repeats or
skips one is broken off, and another is asked from the height that is due. A node that has not come
as far as the heights already seen is passed over until it has.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import trio

from govchaind.base.errors import Busy, Gone, Invalid, PeerError
from govchaind.base.types import Height
from govchaind.client.nodes import PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN, Nodes
from govchaind.client.refusals import check_reply

EVENT_BYTES_MAX = 1024 * 1024
_NOT_THERE_YET = "height-ahead"


async def read_events(lines: AsyncIterator[str]) -> AsyncGenerator[tuple[str, str, str], None]:
    """Yield (event, id, data) of a server-sent event stream (WHATWG HTML, section 9.2)."""
    event, identifier, data = "", "", list[str]()
    length = 0
    async for line in lines:
        length += len(line)
        if length > EVENT_BYTES_MAX:
            raise PeerError("an event of more than 1 MiB", code="reply-too-large")
        if not line:
            if data:
                yield event or "message", identifier, "\n".join(data)
            event, data, length = "", [], 0
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "id":
            identifier = value
        elif name == "data":
            data.append(value)


async def follow(
    nodes: Nodes, first: Height, *, certified: bool, patience_seconds: float
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield each block event from height `first` on, without gaps or repeats; endless.

    Raises:
        PeerError, Busy: for `patience_seconds` no node had anything to say.
        Gone: no node has the height that is due any more. Refused, Invalid: a node's definite no.
    """
    due, gone = first, set[int]()
    pause = PAUSE_SECONDS_MIN
    heard = trio.current_time()
    while True:
        node = nodes.current
        query = {"from": str(due), "certified": "true" if certified else "false"}
        accept = {"accept": "text/event-stream"}
        try:
            async with node.lines("/v1/events", query=query, headers=accept) as (reply, lines):
                check_reply(reply, node.node)
                async with aclosing(read_events(lines)) as events:
                    async for event, identifier, data in events:
                        if event != "block":
                            continue
                        yield _block_event(identifier, data, due, node.node)
                        due += 1
                        gone.clear()
                        heard, pause = trio.current_time(), PAUSE_SECONDS_MIN
            raise PeerError(f"{node.node} ended the stream", code="broken-off")
        except Gone:  # removed there, or from before it joined: others may have it
            gone.add(nodes.place)
            if len(gone) >= len(nodes):
                raise
        except (PeerError, Busy, Invalid) as error:
            behind = error.code == _NOT_THERE_YET and due > first  # others have shown `due` - 1
            if isinstance(error, Invalid) and not behind:
                raise
            if trio.current_time() - heard > patience_seconds:
                raise
        nodes.pass_over()
        await trio.sleep(pause)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)


def _block_event(identifier: str, data: str, due: Height, node: str) -> dict[str, Any]:
    if identifier != str(due):
        raise PeerError(
            f"{node} sent the event of height {identifier} where {due} was due",
            code="unexpected-reply",
        )
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # the latter: lists in lists without end
        value = None
    if not isinstance(value, dict):
        raise PeerError(f"{node} sent an event that is not a JSON object", code="unexpected-reply")
    return value
