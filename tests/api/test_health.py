"""Health and readiness: every reason is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from govchaind.replica.events import Room
from govchaind.runtime.noticeboard import NoticeBoard
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
