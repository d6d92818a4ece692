"""Health and readiness: every reason is said."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from govchaind.api.access import Access
from govchaind.api.door import Door, Message, Receive, Scope, Send
from govchaind.base.encoding import encode
from govchaind.replica.events import Room
from govchaind.runtime.metrics import Metrics
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.signing import SignerState, Standing
from tests.api.node import NODE, STORE, Node, running


async def test_ready_and_alive(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        alive = await node.client.get("/healthz")
        assert (alive.status_code, alive.text) == (200, "ok\n")
        ready = await node.client.get("/readyz")
        assert (
            ready.status_code,
            ready.json()["ready"],
            ready.json()["reasons"],
        ) == (200, True, [])


async def test_status_names_the_store_that_a_vote_must_name(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        status = (await node.client.get("/v1/status")).json()
        assert (NODE, STORE.hex()) == (status["node"], status["store"])


async def test_requests_are_counted_by_route_and_never_by_path(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        for name in ("a" * 64, "b" * 64):
            await node.client.get(f"/v1/transactions/{name}")
        for path in ("/v1/blocks/999999", "/blocks/1", "/secret/path", "/v1/state/zz"):
            await node.client.get(path)
        await node.client.request("BREW", "/v1/blocks/1")
        too_large = "x" * (node.context.limits.body_bytes_max + 1)
        await node.client.post("/v1/transactions", content=too_large)
        count, seconds = _requests(node.context.metrics)
        assert count == {
            ("POST", "/v1/transactions", "200"): 1,
            ("GET", "/v1/transactions/{id}", "200"): 2,
            ("GET", "/v1/blocks/{block}", "404"): 1,
            ("GET", "/blocks/{name}", "200"): 1,
            ("GET", "none", "404"): 1,
            ("GET", "/v1/state/{key}", "400"): 1,
            ("other", "/v1/blocks/{block}", "405"): 1,
            ("POST", "none", "413"): 1,
        }
        assert seconds["/v1/transactions/{id}"] == 2
        assert sum(seconds.values()) == sum(count.values())


async def test_requests_under_way_and_those_whose_client_left() -> None:
    metrics = Metrics(version="test")
    under_way, leave = trio.Event(), trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = Route()
        under_way.set()
        await trio.sleep_forever()

    async def receive() -> Message:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    door = Door(
        app,
        access=Access(),
        body_bytes_max=1,
        metrics=metrics,
        failed=print,
        report=print,
        readable=trio.lowlevel.checkpoint,
    )
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "http_version": "1.1"}
    in_flight = partial(metrics.registry.get_sample_value, "govchaind_http_requests_in_flight")
    async with trio.open_nursery() as nursery:
        assert in_flight() == 0
        nursery.start_soon(door, scope, receive, send)
        await under_way.wait()
        assert in_flight() == 1
        leave.set()
    assert in_flight() == 0
    assert _requests(metrics)[0] == {("GET", "/v1/{name}", "gone"): 1}


class Route:
    """What the router leaves in a request's scope."""

    path = "/v1/{name}"


def _requests(metrics: Metrics) -> tuple[dict[tuple[str, str, str], float], dict[str, float]]:
    """Return the requests by method, route and status, and how many were timed by route."""
    counted: dict[tuple[str, str, str], float] = {}
    timed: dict[str, float] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            labels = sample.labels
            if sample.name == "govchaind_http_requests_total":
                place = (labels["method"], labels["route"], labels["status"])
                counted[place] = sample.value
            elif sample.name == "govchaind_http_request_seconds_count":
                timed[labels["route"]] = sample.value
    return counted, timed


async def test_without_a_leader(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        reply = await node.client.get("/readyz")
        assert reply.status_code == 503
        assert reply.json()["reasons"][0].startswith("no leader")
        assert (await node.client.get("/healthz")).status_code == 200


REASONS = [
    ({"commit": 500, "height": 300, "certified": 300}, "catching up: 200"),
    ({"height": 300, "commit": 300, "certified": 10}, "certificates lag: 290"),
    ({"room": False}, "storage full"),
    ({"in_configuration": False}, "store not admitted"),
    ({"write_pending_seconds": 60.0}, "disk stalls"),
    ({"block_time": 4_000_000_000_000}, "clock wrong"),
    ({"block_time": 1}, "clock wrong, or no blocks"),
    ({"role": "observer", "leader": None}, "no peer"),
    ({"leader": None}, "no leader"),
]


@pytest.mark.parametrize(("changes", "reason"), REASONS, ids=lambda item: str(item)[:24])
async def test_each_reason(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    async with running(tmp_path) as node:
        _say(node, **changes)
        reply = await node.client.get("/readyz")
        assert reply.status_code == 503
        assert len(reply.json()["reasons"]) == 1
        assert reply.json()["reasons"][0].startswith(reason)


async def test_every_reason_is_said(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        _say(node, leader=None, room=False, in_configuration=False)
        assert [
            reason.partition(":")[0]
            for reason in (await node.client.get("/readyz")).json()["reasons"]
        ] == ["no leader", "storage full", "store not admitted"]


def _say(node: Node, **changes: object) -> None:
    """Have the notice board give a status that the node would have on a bad day."""
    present = node.context.board.status
    said = replace(present, **changes)  # type: ignore[arg-type]  # a test's own fields
    board = node.context.board
    node.context.board = NoticeBoard(lambda: said, height=board.height, certified=board.certified)


async def test_a_full_disk_refuses_writes_with_507_and_serves_reads(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        await node.inbox.put(Room(False))
        reply = await node.submit(node.put("1"))
        assert (
            reply.status_code,
            reply.json()["error"]["code"],
            reply.headers["retry-after"],
        ) == (507, "storage-full", "30")
        assert (await node.client.get("/v1/registers/provinces")).status_code == 200
        assert (await node.client.get("/readyz")).status_code == 503
        await node.inbox.put(Room(True))
        assert (await node.submit(node.put("1"))).status_code == 200


async def test_a_linearizable_read_without_a_leader_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govchaind.api.context.READ_INDEX_SECONDS_MAX", 0.1)
    async with running(tmp_path, lead=False) as node:
        reply = await node.client.get(f"/v1/state/{encode(1).hex()}?linearizable=true")
        assert (
            reply.status_code,
            reply.json()["error"]["code"],
            reply.headers["retry-after"],
        ) == (503, "no-leader", "1")


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ("starting", None),
        ("there", None),
        ("away", "signer away: this node signs no results until it is back (gone)"),
        ("set-back", "signer set back: this node has nothing signed by it (gone)"),
        ("refuses", "signer refuses: this node's results are not signed (gone)"),
    ],
)
async def test_a_signer_that_does_not_sign_is_a_reason(
    standing: Standing, reason: str | None, tmp_path: Path
) -> None:
    async with running(tmp_path) as node:
        node.context.signers = [SignerState(standing, "gone")]
        ready = await node.client.get("/readyz")
        expected = (200, []) if reason is None else (503, [reason])
        assert (ready.status_code, ready.json()["reasons"]) == expected
