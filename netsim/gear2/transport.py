"""The client's Transport over a simulated network: requests and replies are late, or get lost."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

import trio

from govchaind.base.errors import PeerError
from govchaind.base.types import NodeId, Seconds
from govchaind.client.transport import CONNECT_SECONDS_MAX, SILENCE_SECONDS_MAX, Reply
from netsim.gear2.door import Doors, Exchange, request_scope


class Reach:
    """How customers reach machines: what is drawn for each request, and who is cut off."""

    def __init__(
        self,
        doors: Doors,
        pick: random.Random,
        *,
        delay_mean: Seconds,
        lost: float,
        nonsense: Callable[[NodeId, str], None] = lambda node, text: None,
    ) -> None:
        """`lost`: requests, and replies, that never arrive, as a fraction. `nonsense` is told of
        answers that no honest node gives."""
        self.nonsense = nonsense
        self.doors = doors
        self.gone: set[NodeId] = set()  # no customer reaches these; asked for by name only
        self.silent: set[NodeId] = set()  # without power: nobody says that they are not there
        self._pick = pick
        self._delay_mean = delay_mean
        self._lost = lost

    def calm(self) -> None:
        """From now on nothing gets lost."""
        self._lost = 0.0

    async def travel(self) -> bool:
        """Wait for one way; say whether what was sent arrives."""
        await trio.sleep(self._pick.expovariate(1 / self._delay_mean))
        return not self._lost or self._pick.random() >= self._lost


class SimTransport:
    """One node's HTTP door, for the real client."""

    def __init__(
        self, reach: Reach, node: NodeId, address: str, *, byte_seconds: Seconds = 0.0
    ) -> None:
        """`byte_seconds`: how long each byte of a request's body takes."""
        self._byte_seconds = byte_seconds
        self._reach = reach
        self._name = node
        self._address = address

    @property
    def node(self) -> str:
        return f"http://{self._address}"

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
        exchange: Exchange | None = None
        parts: list[bytes] = []
        try:
            with trio.move_on_after(timeout_seconds):
                exchange = await self._begin(method, path, query, headers, body)
                while not exchange.ended:
                    await exchange.wait()
                    parts.append(exchange.take())
                if not exchange.whole:
                    raise PeerError(f"{self.node} broke off", code="broken-off")
                if not await self._reach.travel():
                    await trio.sleep_forever()
                return Reply(exchange.status, exchange.headers, b"".join(parts))
        finally:
            if exchange is not None:
                exchange.give_up()
        raise PeerError(f"{self.node} did not answer in time", code="timeout")

    async def _begin(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Exchange:
        """Bring a request to the node. Raises PeerError: there is none."""
        reach = self._reach
        if not await reach.travel():
            await trio.sleep_forever()
        door = reach.doors.at(self._address)
        if door is None or self._name in reach.gone:
            if self._name in reach.silent or self._name in reach.gone:
                await trio.sleep(CONNECT_SECONDS_MAX)
            raise PeerError(f"cannot reach {self.node}", code="unreachable")
        exchange = Exchange(body, byte_seconds=self._byte_seconds)
        scope = request_scope(method, self._address, path, query, headers, body)
        door.nursery.start_soon(exchange.serve, door, scope)
        return exchange

    @asynccontextmanager
    async def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[str]]]:
        exchange: Exchange | None = None
        try:
            with trio.move_on_after(SILENCE_SECONDS_MAX):
                exchange = await self._begin("GET", path, query, headers, b"")
                while not exchange.status and not exchange.ended:
                    await exchange.wait()
            if exchange is None or not exchange.status:
                raise PeerError(f"{self.node} broke off", code="broken-off")
            refused = exchange.status != 200
            while refused and not exchange.ended:
                await exchange.wait()
            reply = Reply(exchange.status, exchange.headers, exchange.take() if refused else b"")
            lines = _lines(exchange, self.node)
            async with aclosing(lines if refused else self._in_order(lines, query)) as told:
                yield reply, told
        finally:
            if exchange is not None:
                exchange.give_up()

    async def _in_order(
        self, lines: AsyncGenerator[str, None], query: Mapping[str, str]
    ) -> AsyncGenerator[str, None]:
        """Look on as events go by: a client that missed one would only ask elsewhere."""
        due = max(1, int(query["from"]))
        async with aclosing(lines):
            async for line in lines:
                if line.startswith("id: "):
                    if line != f"id: {due}":
                        text = f"an event of {line!r}, where {due} is due"
                        self._reach.nonsense(self._name, text)
                    due += 1
                yield line

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()


async def _lines(exchange: Exchange, node: str) -> AsyncGenerator[str, None]:
    rest = ""
    while True:
        rest += exchange.take().decode()
        *whole, rest = rest.split("\n")
        for line in whole:
            yield line.rstrip("\r")
        if exchange.ended:
            if not exchange.whole:
                raise PeerError(f"{node} broke off", code="broken-off")
            return
        with trio.move_on_after(SILENCE_SECONDS_MAX):
            await exchange.wait()
            continue
        raise PeerError(f"{node} did not answer in time", code="timeout")
