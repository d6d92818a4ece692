"""The event stream through a real listener: no gaps, no repeats, slow clients, shutdown."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from govchaind.api.context import ApiLimits
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger.beginning import put_beginning
from tests.api.node import WAIT_SECONDS, Node, running


class Stream:
    """One open stream, read straight from the socket (HTTP/1.0, so the body comes unchunked)."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = b""
        self.headers: dict[str, str] = {}

    async def begin(self) -> None:
        """Read status and headers."""
        head = (await self._until(b"\r\n\r\n")).decode().split("\r\n")
        assert head[0].split()[1] == "200", head
        for line in head[1:]:
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    async def next(self) -> tuple[int, dict[str, Any]]:
        """Return height and data of the next event; raises EOFError at the end of the stream."""
        while True:
            lines = (await self._until(b"\n\n")).decode().split("\n")
            if lines[0].startswith(":"):
                continue
            assert lines[1] == "event: block"
            return int(lines[0].removeprefix("id: ")), json.loads(lines[2].removeprefix("data: "))

    async def _until(self, mark: bytes) -> bytes:
        with trio.fail_after(WAIT_SECONDS):
            while mark not in self._buffer:
                part = await self._stream.receive_some(65536)
                if not part:
                    raise EOFError
                self._buffer += part
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    async def heights(self, count: int) -> list[int]:
        return [(await self.next())[0] for _ in range(count)]

    async def end(self) -> list[int]:
        """Return the heights of what still comes until the stream ends."""
        found: list[int] = []
        try:
            while True:
                found.append((await self.next())[0])
        except EOFError:
            return found


@asynccontextmanager
async def stream(
    node: Node, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    lines = [f"GET /v1/events?{query} HTTP/1.0", "host: x"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    connection = await trio.open_tcp_stream("127.0.0.1", node.port)
    async with connection:
        await connection.send_all("\r\n".join([*lines, "", ""]).encode())
        opened = Stream(connection)
        await opened.begin()
        assert opened.headers["content-type"].startswith("text/event-stream")
        yield opened


async def test_every_height_once_from_the_first_while_blocks_are_made(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        async with stream(node, "from=1") as open_stream, trio.open_nursery() as nursery:

            async def write() -> None:
                for number in range(60):
                    await node.submit(node.put(f"{number}"), wait="committed")

            nursery.start_soon(write)
            assert list(range(1, 61)) == await open_stream.heights(60)


async def test_an_event_tells_what_the_block_says(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("1"), node.put("2", register="none"))).json()
        height = row["transactions"][0]["height"]
        async with stream(node, f"from={height}&certified=true") as open_stream:
            number, event = await open_stream.next()
        block = (await node.client.get(f"/v1/blocks/{height}")).json()
        assert (height, block["hash"], True) == (number, event["hash"], event["certified"])
        assert [item["id"] for item in block["content"]] == [
            item["id"] for item in event["transactions"]
        ]
        assert [item["outcome"] for item in block["content"]] == [
            item["outcome"] for item in event["transactions"]
        ]


async def test_last_event_id_goes_on_where_the_stream_broke(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        for number in range(5):
            await node.submit(node.put(f"{number}"))
        async with stream(node, "from=1") as first:
            seen = await first.heights(3)
        async with stream(node, "from=1", {"last-event-id": str(seen[-1])}) as second:
            seen += await second.heights(3)
        assert seen == [1, 2, 3, 4, 5, 6]


async def test_without_a_height_it_begins_with_the_next_block(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        async with stream(node) as open_stream:
            promised = int(open_stream.headers["govchaind-height"]) + 1
            await node.submit(node.put("1"))
            assert promised == (await open_stream.next())[0]


async def test_stopping_ends_every_stream_at_once(tmp_path: Path) -> None:
    limits = ApiLimits(grace_seconds=3600)
    async with running(tmp_path, limits=limits) as node, stream(node, "from=1") as open_stream:
        await open_stream.heights(1)
        node.stop.set()
        await open_stream.end()
        with trio.fail_after(WAIT_SECONDS):
            await node.stopped.wait()
        assert node.context.streams == 0


async def test_a_client_that_leaves_frees_its_stream(tmp_path: Path) -> None:
    limits = ApiLimits(event_streams_max=1, grace_seconds=1)
    async with running(tmp_path, limits=limits) as node:
        async with stream(node, "from=1") as open_stream:
            await open_stream.heights(1)
            refused = await node.client.get("/v1/events")
            assert (
                refused.status_code,
                refused.json()["error"]["code"],
                refused.headers["retry-after"],
            ) == (503, "too-many-streams", "10")
        with trio.fail_after(WAIT_SECONDS):
            while node.context.streams:
                await trio.lowlevel.checkpoint()
        async with stream(node, "from=1") as again:
            assert await again.heights(1) == [1]


async def test_a_client_that_never_reads_is_cut_off_and_stops_nothing(tmp_path: Path) -> None:
    limits = ApiLimits(write_seconds_max=0.2, grace_seconds=3600)
    async with running(tmp_path, limits=limits) as node:
        await node.create_register()
        for batch in range(8):  # more than the sockets' buffers hold, sent again and again
            raws = [node.put(f"{batch}-{number}") for number in range(400)]
            await node.submit(*raws)
        slow = [await _deaf(node.port) for _ in range(4)]
        try:
            with trio.fail_after(WAIT_SECONDS):
                while node.context.streams < len(slow):
                    await trio.lowlevel.checkpoint()
                while node.context.streams:
                    await node.submit(*[node.put("x" * 60) for _ in range(200)], wait="committed")
            assert (await node.client.get("/healthz")).status_code == 200
        finally:
            for one in slow:
                one.close()


async def _deaf(port: int) -> trio.socket.SocketType:
    """Open a stream of all blocks with the smallest buffer, and never read from it."""
    one = trio.socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    await one.connect(("127.0.0.1", port))
    await one.send(b"GET /v1/events?from=1 HTTP/1.1\r\nhost: x\r\n\r\n")
    return one


async def test_wrong_heights_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for query, headers, code in (
            ({"from": "-1"}, {}, "invalid-parameter"),
            ({"from": "10000"}, {}, "height-ahead"),
            ({}, {"last-event-id": "x"}, "invalid-parameter"),
        ):
            reply = await node.client.get("/v1/events", params=query, headers=headers)
            assert (400, code) == (reply.status_code, reply.json()["error"]["code"])


async def test_heights_that_the_store_does_not_hold_are_gone_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        batch = WriteBatch()
        put_beginning(batch, 5)  # as after joining by snapshot
        await node.storage.write(batch)
        reply = await node.client.get("/v1/events", params={"from": "1"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (410, "before-snapshot")
