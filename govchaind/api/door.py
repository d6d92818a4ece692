"""What every request passes, before and after its handler.

Rules it keeps:
- Who may pass is judged first, from the head alone (`access.py`); whom it refuses is counted.
- A body is read whole, before the handler runs: within `body_bytes_max`, within
  `BODY_SECONDS_MAX`, and all bodies being read or held together within a budget.
- Every reply carries the security headers; nothing is cached unless a handler says so.
- An error of ours becomes its JSON; a fatal one also stops the node; any other exception becomes
  a 500 that tells the client nothing, and a line in the log. This is the one broad `except`
  around a request (twice: inside the nursery, and around it).
- Every request is counted under its route's pattern: a label has no value that a client chooses.
- Whoever leaves is not waited for: its handler is cancelled.
- No websockets, no cross-origin headers: pages of other sites cannot read from here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio
from starlette.responses import Response

from govchaind.api.access import Access
from govchaind.api.errors import Unexpected, reply_to
from govchaind.base.errors import Busy, Fatal, GovchaindError, Invalid, InvalidEncoding
from govchaind.runtime.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS_MAX = 15.0
BODIES_BYTES_MAX = 64 * 1024 * 1024  # of all requests under way at once
DRAIN_SECONDS = 1.0  # what a refused body may still send, so that its client sees the reply
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # as labels; else "other"
SEND_SECONDS_MAX = 60.0  # of one part of a reply, under HTTP/2 flow control too

_CONTENT_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _CONTENT_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Door:
    """An ASGI application around the one that has the handlers."""

    def __init__(
        self,
        app: Asgi,
        *,
        access: Access,
        body_bytes_max: int,
        metrics: Metrics,
        failed: Callable[[Fatal], None],
        report: Callable[[str, dict[str, Any]], None],
        readable: Callable[[], Awaitable[None]],
    ) -> None:
        """`readable` waits until what was told can be read."""
        self._app = app
        self._readable = readable
        self._access = access
        self._body_bytes_max = body_bytes_max
        self._metrics = metrics
        self._failed = failed
        self._report = report
        self._bodies_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] == "http":
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = trio.current_time()

        def count(status: str) -> None:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = _route(scope)
            self._metrics.http_requests.labels(method=method, route=route, status=status).inc()
            self._metrics.http_seconds.labels(route=route).observe(trio.current_time() - begun)

        sending = _Sending(send, count)
        self._metrics.http_in_flight.inc()
        try:
            await self._serve(scope, receive, sending)
        finally:
            self._metrics.http_in_flight.dec()
            if not sending.started:
                count("gone")

    async def _serve(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        reserved = 0
        try:
            self._admit(scope)
            body, reserved = await self._body(scope, receive)
            if scope["method"] != "POST":
                await self._readable()
            await self._handle(scope, body, receive, sending)
        except _Disconnected:
            return
        except _BodyRefused as refused:
            await _refuse(refused.error, scope, receive, sending)
        except GovchaindError as error:
            await self._answer(error, scope, receive, sending)
        except Exception as error:  # a request's own fault must not end the node
            self._report(
                "http.request_failed",
                {"path": _route(scope), "error": type(error).__name__, "detail": str(error)[:200]},
            )
            await self._answer(Unexpected(), scope, receive, sending)
        finally:
            self._bodies_bytes -= reserved

    def _admit(self, scope: Scope) -> None:
        """Raise if this client may not ask this, or not now; its body is not read then."""
        client = scope.get("client")
        error = self._access.judge(
            scope["method"],
            scope["path"],
            client[0] if client else None,
            scope["headers"],
            trio.current_time(),
        )
        if error is None:
            return
        self._metrics.refused.labels(reason=error.code).inc()
        raise error if _announced(scope) == 0 else _BodyRefused(error)

    async def _handle(self, scope: Scope, body: bytes, receive: Receive, sending: _Sending) -> None:
        """Run the handler; cancel it if its client leaves before the reply is on its way."""
        error: Exception | None = None
        gone = trio.Event()

        async def watch(nursery: trio.Nursery) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            if not sending.finishing:
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, nursery)
            try:
                await self._app(scope, _given(body, gone), sending)
            except Exception as caught:  # out of the nursery as itself, not in a group
                error = caught
            nursery.cancel_scope.cancel()
        if error is not None:
            raise error

    async def _answer(
        self, error: GovchaindError, scope: Scope, receive: Receive, sending: _Sending
    ) -> None:
        if isinstance(error, Fatal) and error.code != "storage-full":
            self._failed(error)
        if not sending.started:
            await reply_to(error)(scope, receive, sending)

    async def _body(self, scope: Scope, receive: Receive) -> tuple[bytes, int]:
        """Read the whole body; return it and the bytes reserved for it."""
        announced = _announced(scope)
        if announced == 0:
            return b"", 0
        if announced is not None and announced > self._body_bytes_max:
            raise _BodyRefused(self._too_large())
        reserved = self._body_bytes_max if announced is None else announced
        if self._bodies_bytes + reserved > BODIES_BYTES_MAX:
            raise _BodyRefused(Busy("too many request bodies are under way at once"))
        self._bodies_bytes += reserved
        try:
            with trio.move_on_after(BODY_SECONDS_MAX):
                return await self._read(receive, announced), reserved
            raise _BodyRefused(
                Invalid(
                    f"the body did not arrive within {BODY_SECONDS_MAX:.0f} seconds",
                    code="body-too-slow",
                    remedy="Send smaller batches, or over a faster connection.",
                )
            )
        except BaseException:
            self._bodies_bytes -= reserved
            raise

    async def _read(self, receive: Receive, announced: int | None) -> bytes:
        parts: list[bytes] = []
        length = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            part: bytes = message.get("body", b"")
            length += len(part)
            if length > self._body_bytes_max:
                raise _BodyRefused(self._too_large())
            parts.append(part)
            if length == announced or not message.get("more_body", False):
                return b"".join(parts)  # that it has ended is one message more

    def _too_large(self) -> InvalidEncoding:
        return InvalidEncoding(
            f"the request's body has more than {self._body_bytes_max} bytes",
            code="too-large",
            remedy="Send fewer transactions in one request.",
        )


class _Disconnected(Exception):
    """The client is gone; nobody waits for a reply."""


class _BodyRefused(Exception):
    """The body was not read to its end, so the connection cannot go on after the reply."""

    def __init__(self, error: GovchaindError) -> None:
        super().__init__()
        self.error = error


class _Sending:
    """Adds the headers that every reply has; bounds the time of each part.

    `finishing`: the last part is on its way. Hypercorn then says that the client is gone, whether
    it is or not, and must not be cancelled while it makes the connection ready for the next one.
    """

    def __init__(self, send: Send, starts: Callable[[str], None]) -> None:
        self._send = send
        self._starts = starts  # called with the reply's status
        self.started = False
        self.finishing = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._starts(str(message["status"]))
            headers = list(message.get("headers", ()))
            names = {name for name, _ in headers}
            headers += [item for item in SECURITY_HEADERS if item[0] not in names]
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        elif not message.get("more_body", False):
            self.finishing = True
        with trio.move_on_after(SEND_SECONDS_MAX) as scope:
            await self._send(message)
        if scope.cancelled_caught:
            raise _Disconnected


def _given(body: bytes, gone: trio.Event) -> Receive:
    """Return a `receive` that hands out the body, then that the client is gone, once it is."""
    given = False

    async def receive_given() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    return receive_given


def _announced(scope: Scope) -> int | None:
    """Return the body's length as announced; 0: none; None: chunked, so not known."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length" and value.isdigit():
            length = int(value)
    if length == 0 and scope["http_version"] == "2" and scope["method"] not in ("GET", "HEAD"):
        return None
    return length


def _route(scope: Scope) -> str:
    """Return the route's pattern, not the path: paths may hold what is nobody's business."""
    route = scope.get("route")
    return str(getattr(route, "path", "none"))


async def _refuse(error: GovchaindError, scope: Scope, receive: Receive, send: _Sending) -> None:
    """Answer while the rest of the body is thrown away, then have the connection closed.

    Without that a client that is still sending would see a reset instead of the reply, and
    Hypercorn's reader would wait for ever for somebody to take the body from its queue.
    """
    response = reply_to(error)
    response.headers["connection"] = "close"
    if scope["http_version"] == "2":
        del response.headers["connection"]
    ended = trio.Event()

    async def drain() -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                ended.set()
                if message["type"] == "http.disconnect":
                    return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        await _send_slowly(response, send, ended)
        nursery.cancel_scope.cancel()


async def _send_slowly(response: Response, send: _Sending, ended: trio.Event) -> None:
    """Send the whole reply, but its end only when the client has ended too, or time is over."""
    start: Message = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    with trio.move_on_after(DRAIN_SECONDS):
        await ended.wait()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
