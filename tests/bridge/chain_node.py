"""A node in memory as a bridge sees it: it gives a chain's blocks and events, true or altered."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import PeerError
from govchaind.client.client import Client
from govchaind.client.transport import Reply
from tests.ledger.chain import Chain

CBOR = {"content-type": "application/cbor"}
JSON = {"content-type": "application/json"}


def told(chain: Chain, height: int) -> dict[str, Any]:
    """Return the event of a height."""
    step = chain.step(height)
    pairs = zip(step.block.transactions, step.applied.outcomes, strict=True)
    return {
        "height": height,
        "transactions": [
            {"id": one.id.hex(), "code": outcome.code, "operation": outcome.operation}
            for one, outcome in pairs
        ],
    }


class ChainNode:
    """One node; `alter` may change (what, height, value) before it is given."""

    def __init__(self, chain: Chain, name: str = "node", *, certified: int | None = None) -> None:
        self.chain = chain
        self.name = name
        self.certified = certified
        self.alter: Callable[[str, int, Any], Any] = lambda _what, _height, value: value
        self.down = False
        self.grown = trio.Event()
        self.paged = 0
        self.begins = 0  # lower heights are not held

    @property
    def node(self) -> str:
        return self.name

    @property
    def length(self) -> int:
        return len(self.chain.steps)

    @property
    def newest(self) -> int:
        return self.length if self.certified is None else self.certified

    def grow(self) -> None:
        """Say that the chain has become longer."""
        self.grown.set()
        self.grown = trio.Event()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
    ) -> Reply:
        del method, headers, body, timeout_seconds
        await trio.lowlevel.checkpoint()
        self._check()
        if path == "/v1/genesis":
            return Reply(200, CBOR, self.chain.genesis.bytes)
        if path == "/v1/status":
            return Reply(200, JSON, json.dumps({"certified": self.newest}).encode())
        assert path == "/v1/blocks", path
        self.paged += 1
        first = int(query["first"])
        last = min(self.length, first + int(query["limit"]) - 1)
        return Reply(200, CBOR, encode([self._pair(height) for height in range(first, last + 1)]))

    def _pair(self, height: int) -> list[Any]:
        raw = self.chain.step(height).block.raw
        if height > self.newest:
            return [raw, None]
        certificate = self.chain.certificate(height).encode()
        return [self.alter("block", height, raw), self.alter("certificate", height, certificate)]

    @asynccontextmanager
    async def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[str]]]:
        del headers
        assert (path, query["certified"]) == ("/v1/events", "true")
        self._check()
        if int(query["from"]) < self.begins:
            error = {"code": "before-snapshot", "message": f"{self.name} does not hold it"}
            yield Reply(410, JSON, json.dumps({"error": error}).encode()), _nothing()
            return
        async with aclosing(self._events(int(query["from"]))) as lines:
            yield Reply(200, {}, b""), lines

    async def _events(self, height: int) -> AsyncGenerator[str, None]:
        while True:
            self._check()
            if height > self.newest:
                await self.grown.wait()
                continue
            await trio.lowlevel.checkpoint()
            for line in (f"id: {height}", "event: block", f"data: {self._data(height)}", ""):
                yield line
            height += 1

    def _data(self, height: int) -> str:
        return json.dumps(self.alter("event", height, told(self.chain, height)))

    async def close(self) -> None:
        """Nothing is held."""

    def _check(self) -> None:
        if self.down:
            raise PeerError(f"{self.name} is down")


async def _nothing() -> AsyncGenerator[str, None]:
    for line in list[str]():
        yield line


def client_of(*nodes: ChainNode) -> Client:
    return Client(nodes, deadline_seconds=1)
