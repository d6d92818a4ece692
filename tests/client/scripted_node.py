"""A node as a client sees it: a real listener on loopback whose answers a test writes down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11
import trio


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer; `hang_up` breaks the connection before (0) or after so many body bytes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: int | None = None
    hang: bool = False  # never answer


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


def error_answer(status: int, code: str, message: str = "no", **headers: str) -> Answer:
    error = {"code": code, "message": message, "remedy": "do something"}
    return json_answer({"error": error}, status, **headers)


class ScriptedNode:
    """Answers by `respond`; remembers what it was asked."""

    def __init__(self, respond: Callable[[Asked], Answer]) -> None:
        self.respond = respond
        self.asked: list[Asked] = []
        self.url = ""

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        async with stream:
            try:
                while await self._one(connection, stream):
                    connection.start_next_cycle()
            except (trio.BrokenResourceError, h11.ProtocolError):
                return

    async def _one(self, connection: h11.Connection, stream: trio.SocketStream) -> bool:
        request, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None
        parts = urlsplit(request.target.decode())
        headers = {name.decode(): value.decode() for name, value in request.headers}
        asked = Asked(
            request.method.decode(), parts.path, dict(parse_qsl(parts.query)), headers, body
        )
        self.asked.append(asked)
        return await self._answer(connection, stream, self.respond(asked))

    @staticmethod
    async def _answer(
        connection: h11.Connection, stream: trio.SocketStream, answer: Answer
    ) -> bool:
        if answer.hang:
            await trio.sleep_forever()
        if answer.hang_up == 0:
            return False
        length = str(len(answer.body)).encode()
        headers = [(n.encode(), v.encode()) for n, v in answer.headers.items()]
        response = h11.Response(
            status_code=answer.status, headers=[*headers, (b"content-length", length)]
        )
        await stream.send_all(connection.send(response) or b"")
        if answer.hang_up is not None:
            await stream.send_all(
                connection.send(h11.Data(data=answer.body[: answer.hang_up])) or b""
            )
            return False
        await stream.send_all(connection.send(h11.Data(data=answer.body)) or b"")
        await stream.send_all(connection.send(h11.EndOfMessage()) or b"")
        return bool(connection.our_state is h11.DONE and connection.their_state is h11.DONE)


@asynccontextmanager
async def scripted(*responds: Callable[[Asked], Answer]) -> AsyncIterator[list[ScriptedNode]]:
    """Serve one node for each of `responds`."""
    nodes = [ScriptedNode(respond) for respond in responds]
    async with trio.open_nursery() as nursery:
        for node in nodes:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            node.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            nursery.start_soon(trio.serve_listeners, node.serve, listeners)
        yield nodes
        nursery.cancel_scope.cancel()


async def closed_port() -> str:
    """Return the address of a port where nobody listens."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    return f"http://127.0.0.1:{port}"
