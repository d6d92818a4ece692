"""A malicious client of the API: bodies, paths and headers that no honest client sends.

Each answer must be a definite no or a busy: a 500 is an exception that got as far as the edge, and
nothing that a vandal sends may reach the ledger. It hangs up at times, and asks for streams.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import PeerError
from netsim.gear2.chain import api_address, put
from netsim.gear2.transport import SimTransport
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.world import World

THINKS_SECONDS = 0.7
PATIENCE_SECONDS = 20.0  # longer than a node waits for a body
HANGS_SECONDS = 30.0
FINE = range(200, 300)
BROKEN = (500, 501, 502)
PATHS = (
    "/v1/blocks/0", "/v1/blocks/-1", "/v1/blocks/99999999999999999999", "/v1/blocks/1/certificate",
    "/v1/transactions/zz", "/v1/transactions/" + "00" * 32 + "/receipt", "/v1/nothing",
    "/v1/registers/%00/records/%ff", "/v1/registers/entries/records/k0/proof", "/v1/trust",
    "/v1/events", "/", "/metrics", "/v1/blocks", "/v1/registers/entries/records/k0/history",
)  # fmt: skip
QUERIES: tuple[dict[str, str], ...] = (
    {}, {"height": "-1"}, {"from": "1e9"}, {"limit": "9" * 40}, {"wait": "never"},
    {"timeout_seconds": "nan"}, {"timeout_seconds": "inf"}, {"from": str(1 << 64)},
    {"key_hex": "true"}, {"linearizable": "true"}, {"era": "5"}, {"before": "x"},
)  # fmt: skip
ACCEPTS = ("application/json", "application/cbor", "text/html", "*/*", "", "\x7f")


Act = Callable[[SimTransport, str], Awaitable[None]]


class Vandal:
    """One of them; `run` is cancelled when the safety phase ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pick = source(world.options.seed, "gear2/vandal")

    async def run(self) -> None:
        """Ask some node for something wrong, again and again."""
        world, pick = self._world, self._pick
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(pick.expovariate(1 / THINKS_SECONDS))
                name = pick.choice(world.chain.names)
                trickles = pick.random() < 0.1
                transport = SimTransport(
                    world.reach, name, api_address(name), byte_seconds=2.0 if trickles else 0.0
                )
                act = self._hang if pick.random() < 0.15 else self._ask
                nursery.start_soon(self._contained, act, transport, name)

    @staticmethod
    async def _contained(act: Act, transport: SimTransport, name: str) -> None:
        with suppress(PeerError):  # it was not there, or broke off, or took its time
            await act(transport, name)

    async def _hang(self, transport: SimTransport, name: str) -> None:
        """Ask for a stream of events, and take nothing of it."""
        headers = {"accept": "text/event-stream"}
        stream = transport.lines("/v1/events", query={"from": "1"}, headers=headers)
        async with stream as (reply, _):
            if reply.status in FINE:
                self._world.marks.reach("stream-never-read")
                await trio.sleep(HANGS_SECONDS)

    async def _ask(self, transport: SimTransport, name: str) -> None:
        pick = self._pick
        posts = pick.random() < 0.5
        path = "/v1/transactions" if posts else pick.choice(PATHS)
        body = self._body() if posts else b""
        headers = {"accept": pick.choice(ACCEPTS)}
        if posts:
            headers["content-type"] = pick.choice(("application/cbor", "application/json", "x"))
        reply = await transport.request(
            pick.choice(("POST", "POST", "PUT")) if posts else pick.choice(("GET", "GET", "HEAD")),
            path,
            query=pick.choice(QUERIES),
            headers=headers,
            body=body,
            timeout_seconds=pick.choice((0.01, PATIENCE_SECONDS)),
        )
        self._world.marks.reach("vandal-answered")
        disk = self._world.machines[name].disk
        if b'"storage-corrupt"' in reply.body and disk.rotted:
            return  # the disk's fault, and the node ends of it
        if reply.status in BROKEN or (posts and reply.status in FINE):
            shown = f"{path} {body[:40].hex()} is answered with {reply.status} {reply.body[:200]!r}"
            self._world.judge.fail("I-30", name, shown)

    def _body(self) -> bytes:
        """Return what is no batch of transactions that a node may take."""
        pick, chain = self._pick, self._world.chain
        whole = chain.signed(chain.authors[0], put(b"vandal", 1, None), pick.randbytes(16))
        spoilt = bytearray(whole)
        spoilt[pick.randrange(len(whole))] ^= 1 << pick.randrange(8)
        bodies = (
            b"",
            b"{}",
            pick.randbytes(pick.choice((1, 30, 3000))),
            b"\x9f" * 300,
            encode([]),
            encode([1, 2]),
            encode([bytes(spoilt)]),
            encode([whole[:-1]]),
            encode([pick.randbytes(50)] * 1001),
            encode(bytes(spoilt)),
            b"\x9a\xff\xff\xff\xff",
        )
        return pick.choice(bodies)
