"""Hostile and slow clients, bounds, errors and shutdown, through the real listeners."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from govchaind.api.context import ApiLimits
from govchaind.api.door import SECURITY_HEADERS
from govchaind.api.listener import bind
from govchaind.api.server import serve_api, serve_metrics
from govchaind.base.encoding import encode
from govchaind.base.errors import Conflict, InvalidSetting, StorageCorrupt
from govchaind.base.limits import HTTP_BODY_BYTES_MAX
from govchaind.runtime.environment import Asgi, HttpBounds
from govchaind.runtime.telemetry import Telemetry
from tests.api.node import WAIT_SECONDS, Node, running


async def _until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(WAIT_SECONDS):
        while not holds():
            await trio.lowlevel.checkpoint()


async def _talk(node: Node, data: bytes) -> bytes:
    """Send bytes, then read until the node closes."""
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    async with stream:
        await stream.send_all(data)
        received = b""
        with trio.fail_after(WAIT_SECONDS):
            while part := await stream.receive_some(65536):
                received += part
    return received


async def test_a_head_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    limits = ApiLimits(head_seconds_max=0.2, grace_seconds=1)
    async with running(tmp_path, limits=limits) as node:
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        async with stream:
            with trio.fail_after(WAIT_SECONDS):
                try:
                    while True:
                        await stream.send_all(b"GET")
                        with trio.move_on_after(0.05):
                            if not await stream.receive_some(1):
                                break
                except trio.BrokenResourceError:
                    pass


async def test_a_body_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govchaind.api.door.BODY_SECONDS_MAX", 0.2)
    async with running(tmp_path) as node:
        reply = await _talk(
            node,
            b"POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
            b"content-type: application/cbor\r\n\r\nabc",
        )
        assert reply.startswith(b"HTTP/1.1 408")
        assert b"body-too-slow" in reply
        assert node.context.streams == 0


async def test_an_oversized_head_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        reply = await _talk(node, b"GET / HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("announced", [True, False])
async def test_an_oversized_body_is_413_and_the_reply_arrives(
    tmp_path: Path, announced: bool
) -> None:
    async with running(tmp_path) as node:
        body = bytes(HTTP_BODY_BYTES_MAX + 1)

        async def chunks() -> Any:
            for start in range(0, len(body), 65536):
                yield body[start : start + 65536]

        with trio.fail_after(WAIT_SECONDS):
            reply = await node.client.post(
                "/v1/transactions",
                content=body if announced else chunks(),
                headers={"content-type": "application/cbor"},
            )
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too-large")
        assert (await node.client.get("/healthz")).status_code == 200


async def test_many_bodies_at_once_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govchaind.api.door.BODIES_BYTES_MAX", 1000)
    async with running(tmp_path) as node:
        reply = await node.client.post(
            "/v1/transactions",
            content=bytes(1001),
            headers={"content-type": "application/cbor"},
        )
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "busy")
        for _ in range(5):  # what was reserved is given back
            small = await node.client.post(
                "/v1/transactions",
                content=encode([bytes(900)]),
                headers={"content-type": "application/cbor"},
            )
            assert small.status_code == 400


async def test_more_connections_wait_for_a_place(tmp_path: Path) -> None:
    limits = ApiLimits(connections_max=2, head_seconds_max=60, grace_seconds=0.1)
    async with running(tmp_path, limits=limits) as node:
        first = await trio.open_tcp_stream("127.0.0.1", node.port)
        second = await trio.open_tcp_stream("127.0.0.1", node.port)
        third = await trio.open_tcp_stream("127.0.0.1", node.port)
        asking = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        await third.send_all(asking)
        with trio.move_on_after(0.1) as waited:
            await third.receive_some(10)
        assert waited.cancelled_caught
        await first.aclose()
        with trio.fail_after(WAIT_SECONDS):
            assert (await third.receive_some(15)).startswith(b"HTTP/1.1 200")
        await second.aclose()
        await third.aclose()


async def test_every_reply_has_the_security_headers_and_none_for_other_origins(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as node:
        for path in ("/", "/v1/status", "/nowhere", "/docs", "/openapi.json", "/style.css"):
            reply = await node.client.get(path, headers={"origin": "http://elsewhere.example"})
            for name, value in SECURITY_HEADERS:
                assert value.decode() == reply.headers[name.decode()], path
            assert "access-control-allow-origin" not in reply.headers
            assert "server" not in reply.headers


async def test_http2_keeps_the_same_bounds(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as node,
        httpx.AsyncClient(
            base_url=node.url, http1=False, http2=True, trust_env=False, timeout=WAIT_SECONDS
        ) as client,
    ):
        await node.create_register()
        status = await client.get("/v1/status")
        assert (status.http_version, status.status_code) == ("HTTP/2", 200)
        reply = await client.post(
            "/v1/transactions",
            params={"wait": "certified"},
            content=encode([node.put("1")]),
            headers={"content-type": "application/cbor"},
        )
        assert [row["status"] for row in reply.json()["transactions"]] == ["certified"]
        large = await client.post(
            "/v1/transactions",
            content=bytes(HTTP_BODY_BYTES_MAX + 1),
            headers={"content-type": "application/cbor"},
        )
        assert (large.status_code, large.json()["error"]["code"]) == (413, "too-large")
        assert node.reports == []


async def test_unknown_paths_and_methods_are_errors_of_our_shape(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        missing = await node.client.get("/v1/nothing")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not-found")
        wrong = await node.client.delete("/v1/status")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method-not-allowed")
        page = await node.client.get("/nowhere", headers={"accept": "text/html"})
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")


async def test_a_websocket_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        reply = await _talk(
            node,
            b"GET /v1/events HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n",
        )
        assert reply.startswith(b"HTTP/1.1 403")


async def test_a_corrupt_store_stops_the_node_and_is_never_served(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()

        def corrupt() -> Any:
            raise StorageCorrupt("table STATE, key 00: the stored bytes fail their checksum")

        node.context.storage = _Raising(corrupt)  # type: ignore[assignment]  # only snapshots are asked of it
        reply = await node.client.get("/v1/registers")
        assert (reply.status_code, reply.json()["error"]["code"]) == (500, "storage-corrupt")
        await _until(lambda: bool(node.failures))
        assert [error.code for error in node.failures] == ["storage-corrupt"]


async def test_an_unexpected_error_tells_the_log_and_not_the_client(tmp_path: Path) -> None:
    async with running(tmp_path) as node:

        def surprise() -> Any:
            raise ZeroDivisionError("something private")

        node.context.storage = _Raising(surprise)  # type: ignore[assignment]  # only snapshots are asked of it
        reply = await node.client.get("/v1/registers")
        assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal-error")
        assert "private" not in reply.text
        await _until(lambda: bool(node.reports))
        assert [name for name, _ in node.reports] == ["http.request_failed"]
        assert node.failures == []


class _Raising:
    """A store whose snapshots cannot be had."""

    def __init__(self, snapshot: Any) -> None:
        self.snapshot = snapshot


async def test_a_waiting_request_ends_when_the_node_stops(tmp_path: Path) -> None:
    limits = ApiLimits(grace_seconds=3600)
    async with running(tmp_path, limits=limits) as node, trio.open_nursery() as nursery:
        replies: list[httpx.Response] = []

        async def wait() -> None:
            replies.append(
                await node.client.get(
                    f"/v1/transactions/{'00' * 32}",
                    params={"wait": "certified", "timeout_seconds": 60},
                )
            )

        nursery.start_soon(wait)
        with trio.fail_after(WAIT_SECONDS):
            while not node.context.board.waiters:
                await trio.lowlevel.checkpoint()
            node.stop.set()
            await node.stopped.wait()
        nursery.cancel_scope.deadline = trio.current_time() + WAIT_SECONDS
        while not replies:
            await trio.lowlevel.checkpoint()
        assert replies[0].json()["status"] == "unknown"


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        with pytest.raises(Conflict) as caught:
            await serve_api(node.context, host="127.0.0.1", port=node.port, stop=trio.Event())
        assert caught.value.code == "port-taken"
        assert "api.listen" in caught.value.message


@pytest.mark.parametrize(
    ("host", "port", "kind", "remedy"),
    [
        ("192.0.2.7", 0, Conflict, "Wait until it has"),  # of no machine (RFC 5737), as one
        ("no such host", 0, InvalidSetting, "Choose another address"),  # that comes later
    ],
)
async def test_an_address_that_may_come_is_told_from_one_that_is_wrong(
    host: str, port: int, kind: type[Exception], remedy: str
) -> None:
    with pytest.raises((Conflict, InvalidSetting)) as caught:
        await bind(host, port, setting="api.listen")
    assert type(caught.value) is kind
    assert caught.value.code == "cannot-listen"
    assert caught.value.remedy.startswith(remedy)


async def test_metrics_have_a_listener_of_their_own(tmp_path: Path) -> None:
    reports: list[tuple[str, dict[str, Any]]] = []
    telemetry = Telemetry(version="1.2.3")
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            partial(
                serve_metrics,
                telemetry.metrics.text,
                lambda name, values: reports.append((name, values)),
                host="127.0.0.1",
                port=0,
                stop=stop,
            )
        )
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            reply = await client.get("/metrics")
            assert reply.status_code == 200
            assert b"# HELP" in reply.content
            assert (await client.get("/")).status_code == 404
            assert (await client.post("/metrics", content=b"x")).status_code == 404
        stop.set()
    assert reports == []


async def test_another_door_gets_the_application_and_all_that_bounds_it() -> None:
    """`Environment.listen_http`: whoever fills it decides what an address is."""
    given: dict[str, Any] = {}
    stop = trio.Event()

    async def listen(app: Asgi, **settings: Any) -> None:
        given.update(settings, app=app)
        settings["task_status"].started("somewhere")
        await settings["stop"].wait()

    async with trio.open_nursery() as nursery:
        serve = partial(serve_metrics, lambda: b"# HELP\n", lambda name, values: None)
        place = await nursery.start(partial(serve, host="h", port=1, stop=stop, listen=listen))
        stop.set()
    assert place == "somewhere"
    assert (given["host"], given["port"], given["setting"]) == ("h", 1, "metrics.listen")
    assert given["bounds"] == HttpBounds(16, 5.0, 5.0, 1.0)
    transport = httpx.ASGITransport(app=given["app"])
    async with httpx.AsyncClient(base_url="http://h", transport=transport) as client:
        assert (await client.get("/metrics")).content == b"# HELP\n"


def test_a_fatal_error_is_never_shown_as_busy() -> None:
    from govchaind.api.errors import reply_to, status_of

    assert status_of(StorageCorrupt("x")) == 500
    assert "retry-after" not in reply_to(StorageCorrupt("x")).headers
