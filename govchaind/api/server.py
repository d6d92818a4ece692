"""The two HTTP listeners of a node: the API with its pages, and the metrics.

`serve_api` runs in the node's edge nursery: it ends, draining, when its `stop` is set, before the
core does. Both report the address they have come to listen on, so that port 0 can be asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from govchaind.api.app import make_app
from govchaind.api.context import Context
from govchaind.api.door import Asgi, Receive, Scope, Send
from govchaind.api.listener import listen_http
from govchaind.base.errors import Conflict, InvalidSetting
from govchaind.runtime.environment import HttpBounds, ListenHttp, Report

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
METRICS_CONNECTIONS_MAX = 16
METRICS_GRACE_SECONDS = 1.0


async def serve_api(
    context: Context,
    *,
    host: str,
    port: int,
    stop: trio.Event,
    listen: ListenHttp = listen_http,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve clients until `stop` is set and what is under way has ended.

    Raises:
        InvalidSetting, Conflict: the address cannot be listened on, ever or now.
    """
    limits = context.limits
    bounds = HttpBounds(
        connections_max=limits.connections_max,
        head_seconds_max=limits.head_seconds_max,
        write_seconds_max=limits.write_seconds_max,
        grace_seconds=limits.grace_seconds,
    )
    error: Conflict | InvalidSetting | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_context, context, stop)
        try:
            await listen(
                make_app(context),
                host=host,
                port=port,
                setting="api.listen",
                bounds=bounds,
                report=context.report,
                stop=stop,
                task_status=task_status,
            )
        except (Conflict, InvalidSetting) as caught:  # out of the nursery as itself, not in a group
            error = caught
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error


async def _stop_context(context: Context, stop: trio.Event) -> None:
    await stop.wait()
    context.stop()


async def serve_metrics(
    text: Callable[[], bytes],
    report: Report,
    *,
    host: str,
    port: int,
    stop: trio.Event,
    listen: ListenHttp = listen_http,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `text` (the Prometheus exposition) at /metrics until `stop` is set.

    Raises:
        InvalidSetting, Conflict: the address cannot be listened on, ever or now.
    """
    bounds = HttpBounds(
        connections_max=METRICS_CONNECTIONS_MAX,
        head_seconds_max=5.0,
        write_seconds_max=5.0,
        grace_seconds=METRICS_GRACE_SECONDS,
    )
    await listen(
        _metrics_app(text),
        host=host,
        port=port,
        setting="metrics.listen",
        bounds=bounds,
        report=report,
        stop=stop,
        task_status=task_status,
    )


def _metrics_app(text: Callable[[], bytes]) -> Asgi:
    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        found = scope["path"] == "/metrics" and scope["method"] in ("GET", "HEAD")
        body = text() if found else b"see /metrics\n"
        headers = [
            (b"content-type", METRICS_TYPE if found else b"text/plain"),
            (b"content-length", str(len(body)).encode()),
        ]
        if scope["method"] == "HEAD":
            body = b""
        if scope["method"] not in ("GET", "HEAD"):
            headers.append((b"connection", b"close"))
        status = 200 if found else 404
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return metrics
