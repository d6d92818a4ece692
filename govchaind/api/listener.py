"""The HTTP listener: Hypercorn's protocol on streams and a number of connections that are bounded.

Hypercorn speaks HTTP/1.1 and HTTP/2 (`connection.py`); the loop that accepts is ours, since its own
has no bound on connections and waits for ever, shielded, on a client that does not read. Rules:
- At most `connections_max` connections; the next one waits in the kernel's queue.
- A connection shows a whole request head within `head_seconds_max`, also between requests.
- A client takes each 64 KiB of a reply within `write_seconds_max`, or its connection ends.
- When `stop` is set: no new connections, idle ones end at once, requests under way have
  `grace_seconds`, then the sockets are closed under them. Cancelling closes them at once.

Bodies are bounded in `door.py`, which sees requests.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from govchaind.api.connection import Connection
from govchaind.base.errors import InvalidSetting
from govchaind.runtime.environment import Asgi, HttpBounds, Report
from govchaind.runtime.unusable import unusable

HEAD_BYTES_MAX = 16 * 1024  # request line and headers
HTTP2_STREAMS_MAX = 16  # of one connection, which counts as one
SLICE_BYTES = 64 * 1024
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
_ACCEPT_PAUSE_SECONDS = 0.1


class BoundedStream:
    """What Hypercorn asks of a stream without TLS, with a bound on each write."""

    def __init__(self, stream: trio.SocketStream, write_seconds_max: float) -> None:
        self._stream = stream
        self._write_seconds_max = write_seconds_max
        self.socket = stream.socket

    async def receive_some(self, bytes_max: int) -> bytes:
        return bytes(await self._stream.receive_some(bytes_max))

    async def send_all(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), SLICE_BYTES):
            with trio.move_on_after(self._write_seconds_max) as scope:
                await self._stream.send_all(view[start : start + SLICE_BYTES])
            if scope.cancelled_caught:
                self.abort()
                raise trio.BrokenResourceError("the client does not read")

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def abort(self) -> None:
        """Close the socket now; whoever reads or writes it wakes up."""
        self.socket.close()


class _SilentLog:
    """Takes the place of Hypercorn's logger; the door has logged what matters."""

    def __init__(self, config: Config) -> None:
        del config

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def ignore(*_: Any, **__: Any) -> None:
            return None

        return ignore


def _configuration(bounds: HttpBounds) -> Config:
    config = Config()
    chosen: dict[str, Any] = {
        "accesslog": None,
        "errorlog": None,
        "logger_class": _SilentLog,
        "include_server_header": False,
        "keep_alive_timeout": bounds.head_seconds_max,
        "h11_max_incomplete_size": HEAD_BYTES_MAX,
        "h2_max_header_list_size": HEAD_BYTES_MAX,
        "h2_max_concurrent_streams": HTTP2_STREAMS_MAX,
        "graceful_timeout": bounds.grace_seconds,
    }
    for name, value in chosen.items():
        if not hasattr(config, name):  # Hypercorn itself would take a misspelt name in silence
            raise InvalidSetting(f"the HTTP server has no setting {name}")
        setattr(config, name, value)
    return config


async def bind(host: str, port: int, *, setting: str) -> list[trio.SocketListener]:
    """Listen. Raises InvalidSetting or Conflict, naming the setting, if it cannot be done."""
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        what = f"{setting}: cannot listen on {host} port {port}"
        raise unusable(
            error,
            what,
            setting=setting,
            code="port-taken" if error.errno == errno.EADDRINUSE else "cannot-listen",
        ) from None


def address_of(listener: trio.SocketListener) -> str:
    """Return "host:port" of what a listener is bound to."""
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class HttpListener:
    """One ASGI application behind one address."""

    def __init__(self, app: Asgi, bounds: HttpBounds, report: Report) -> None:
        self._config = _configuration(bounds)
        self._app = wrap_app(app, 0, "asgi")
        self._bounds = bounds
        self._report = report
        self._slots = trio.Semaphore(bounds.connections_max)
        self._streams: set[BoundedStream] = set()
        self._drained = trio.Event()

    @property
    def connections(self) -> int:
        """Return how many connections are open."""
        return len(self._streams)

    async def serve(self, listeners: list[trio.SocketListener], stop: trio.Event) -> None:
        """Serve until `stop`, then end as the rules above say."""
        context = WorkerContext(None)
        async with trio.open_nursery() as connections:
            try:
                async with trio.open_nursery() as accepting:
                    for listener in listeners:
                        accepting.start_soon(self._accept, listener, connections, context)
                    await stop.wait()
                    accepting.cancel_scope.cancel()
                for listener in listeners:
                    listener.socket.close()
                await context.terminated.set()
                if self._streams:
                    self._drained = trio.Event()
                    with trio.move_on_after(self._bounds.grace_seconds):
                        await self._drained.wait()
            finally:
                for listener in listeners:
                    listener.socket.close()
                for stream in list(self._streams):
                    stream.abort()
                connections.cancel_scope.cancel()

    async def _accept(
        self, listener: trio.SocketListener, connections: trio.Nursery, context: WorkerContext
    ) -> None:
        while True:
            await self._slots.acquire()
            try:
                stream = await listener.accept()
            except OSError as error:
                self._slots.release()
                if error.errno not in _NO_ROOM:
                    raise
                self._report("http.accept_failed", {"reason": str(error)})
                await trio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            except BaseException:
                self._slots.release()
                raise
            connections.start_soon(self._one, stream, context)

    async def _one(self, raw: trio.SocketStream, context: WorkerContext) -> None:
        stream = BoundedStream(raw, self._bounds.write_seconds_max)
        self._streams.add(stream)
        state = ConnectionState({})
        try:
            await Connection(self._app, self._config, context, state, cast(Any, stream))
        except Exception as error:  # one client's connection ends, whatever it sent
            self._report("http.connection_failed", {"error": type(error).__name__})
        finally:
            self._streams.discard(stream)
            stream.abort()
            self._slots.release()
            if not self._streams:
                self._drained.set()


async def listen_http(
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
    """Put `app` behind a TCP address: production's `Environment.listen_http`.

    Raises:
        InvalidSetting: the address cannot be listened on.
    """
    listeners = await bind(host, port, setting=setting)
    task_status.started(address_of(listeners[0]))
    await HttpListener(app, bounds, report).serve(listeners, stop)
