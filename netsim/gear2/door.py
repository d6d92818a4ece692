"""The HTTP edge without sockets: `Environment.listen_http`, and one exchange through it.

A request reaches the ASGI application as Hypercorn would bring it; the handler runs in the node, so
it ends with the node, and its client then sees a connection that broke.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

import trio
from fastapi.dependencies import models

from govchaind.base.errors import InvalidSetting
from govchaind.base.types import Seconds
from govchaind.runtime.environment import Asgi, HttpBounds, Report

# FastAPI keeps the last few thousand functions that it has looked at, for the whole process.
_LOOKED_AT = [each for each in vars(models).values() if hasattr(each, "cache_clear")]


def forget_handlers() -> None:
    """Drop what FastAPI remembers of applications: one process has one of them, a run has many."""
    for each in _LOOKED_AT:
        each.cache_clear()


WINDOW_BYTES = 32 * 1024  # of a reply that its client has not taken: then who sends waits


@dataclass(slots=True)
class Door:
    """One application behind one address of one life."""

    app: Asgi
    nursery: trio.Nursery
    report: Report
    under_way: int = 0
    drained: trio.Event | None = None


class Doors:
    """All HTTP addresses of one run."""

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}

    def at(self, address: str) -> Door | None:
        return self._doors.get(address)

    def of(self, host: str) -> list[str]:
        """Return the addresses at this host that are served."""
        return [address for address in self._doors if address.rpartition(":")[0] == host]

    async def listen_http(
        self,
        app: Asgi,
        *,
        host: str,
        port: int,
        setting: str,
        bounds: HttpBounds,
        report: Report,
        stop: trio.Event,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `stop` and what is under way has ended. Raises InvalidSetting."""
        address = f"{host}:{port}"
        if address in self._doors:
            raise InvalidSetting(f"{setting}: {address} is in use", code="port-taken")
        async with trio.open_nursery() as nursery:
            door = self._doors[address] = Door(app, nursery, report)
            try:
                task_status.started(address)
                await stop.wait()
            finally:
                del self._doors[address]
            if door.under_way:
                door.drained = trio.Event()
                with trio.move_on_after(bounds.grace_seconds):
                    await door.drained.wait()
            nursery.cancel_scope.cancel()


class Exchange:
    """One request and its reply, as far as it has come."""

    def __init__(self, body: bytes, *, byte_seconds: Seconds = 0.0) -> None:
        """`byte_seconds`: how long each byte of the body takes, where it trickles."""
        self.status = 0  # once the reply has begun
        self.headers: dict[str, str] = {}
        self.ended = False  # whole, or broken off
        self.whole = False
        self.changed = trio.Event()
        self._body: bytes | None = body
        self._gone = trio.Event()
        self._byte_seconds = byte_seconds
        self._parts: list[bytes] = []
        self._room = trio.Event()

    def give_up(self) -> None:
        """The client is gone."""
        self._gone.set()
        self._room.set()

    def take(self) -> bytes:
        """Return what has come of the reply's body since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        self._room.set()
        return data

    async def wait(self) -> None:
        """Wait until there is more to see."""
        self.changed = trio.Event()
        await self.changed.wait()

    async def serve(self, door: Door, scope: dict[str, Any]) -> None:
        """Run the application; whatever it raises ends this connection only."""
        door.under_way += 1
        try:
            await door.app(scope, self._receive, self._send)
        except Exception as error:  # as around a connection in production
            door.report("http.connection_failed", {"error": type(error).__name__})
        finally:
            self.ended = True
            self.changed.set()
            door.under_way -= 1
            if door.drained is not None and not door.under_way:
                door.drained.set()

    async def _receive(self) -> dict[str, Any]:
        if self._body and self._byte_seconds:
            await trio.sleep(self._byte_seconds)
            byte, self._body = self._body[:1], self._body[1:] or None
            return {"type": "http.request", "body": byte, "more_body": self._body is not None}
        if self._body is not None:
            body, self._body = self._body, None
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode().lower(): value.decode() for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            while sum(map(len, self._parts)) > WINDOW_BYTES and not self._gone.is_set():
                self._room = trio.Event()  # the client takes nothing
                await self._room.wait()
            self._parts.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self.ended = self.whole = True
                self._gone.set()  # Hypercorn, too, says then that the client is gone
        self.changed.set()


def request_scope(
    method: str,
    address: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """Return the ASGI scope of an HTTP/1.1 request."""
    host, _, port = address.rpartition(":")
    sent = [(b"host", address.encode())]
    sent += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if body:
        sent.append((b"content-length", str(len(body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": sent,
        "client": ("customer.sim", 50000),
        "server": (host, int(port)),
        "extensions": {},
    }
