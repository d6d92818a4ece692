"""Connections of a malicious member's own making: whoever holds its keys dials and does harm.

Each session is one script: silence, bytes that trickle, a wrong greeting, junk, lies after a right
greeting, a reader that never reads. A stranger, whose key no member has, tries as well. What the
other side makes of it: it ends that connection, and nothing else happens (I-30).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import trio

from govchaind.base.errors import PeerError
from govchaind.base.types import Hash, NodeId, PublicKey
from govchaind.raft.messages import RequestVote
from govchaind.replica.messages import (
    Announce,
    Attest,
    Head,
    Objection,
    PeerMessage,
    Subscribe,
    Want,
    WantCertificates,
)
from govchaind.runtime import codec
from govchaind.runtime.link import Frames, Self
from netsim.gear2.liar import frame
from netsim.gear2.machine import NEVER
from netsim.gear2.network import SimNetwork
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.world import World

HOST = "rogue"
SESSION_SECONDS_MAX = 18.0  # longer than a node waits for a greeting, or for a frame
HUGE = (1 << 62) - 1
FLOOD = 300  # frames
STOLEN = 0.4  # of all rogues have the keys to themselves

ENDS = (PeerError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)

Script = Callable[[trio.abc.Stream, PublicKey], Awaitable[None]]


class Rogue:
    """All sessions of one run; `run` is cancelled when the safety phase ends."""

    def __init__(self, world: World) -> None:
        self.name: NodeId | None = world.liar.name
        self._world = world
        self._pick = source(world.options.seed, "gear2/rogue")
        self._scripts: tuple[tuple[str, Script], ...] = (
            ("silent", self._silent),
            ("trickle", self._trickle),
            ("greeting", self._greeting),
            ("junk", self._junk),
            ("lies", self._lies),
            ("never-reads", self._never_reads),
            ("never-reads", self._never_reads),  # the one that takes longest to be found out
            ("flood", self._flood),
        )

    async def run(self) -> None:
        """Dial some node, do harm, again and again, several at a time."""
        if self.name is None:
            await trio.sleep_forever()
        mean = self._world.options.fault_every / 4
        if self._pick.random() < STOLEN:
            # Its machine is off until the heal: else each of the two replaces the other's links.
            mean *= 3
            self._world.machines[self.name].crash(NEVER)
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(self._pick.expovariate(1 / mean))
                victims = [name for name in self._world.chain.names if name != self.name]
                if victims:
                    nursery.start_soon(self._session, self._pick.choice(victims))

    def _self(self) -> Self:
        """Return what the member itself would say of itself."""
        world = self._world
        identity = world.chain.identity(self.name or "")
        return Self(
            chain_id=world.chain.genesis.chain_id,
            node=identity.name,
            store=world.standing.store(identity.name) or identity.first_store,
            software="netsim",
            tls_key=identity.tls_public,
            signer=identity.signer,
        )

    async def _session(self, victim: NodeId) -> None:
        world, pick = self._world, self._pick
        name, script = pick.choice(self._scripts)
        own = self._self()
        key = own.tls_key if pick.random() < 0.9 else PublicKey(pick.randbytes(32))  # a stranger
        network = SimNetwork(world.board, HOST, key, world.tls_keys())
        world.trace.line(trio.current_time(), HOST, f"* {name} at {victim}")
        machine = world.machines[victim]
        lives = machine.lives
        try:
            stream, peer_key = await network.connect(world.chain.addresses(victim)[0])
        except PeerError:
            return  # a stranger, or nobody is there
        try:
            with trio.move_on_after(SESSION_SECONDS_MAX) as scope:
                with suppress(*ENDS):
                    await script(stream, peer_key)
                    while await stream.receive_some(4096):
                        pass
            if not scope.cancelled_caught:
                world.marks.reach("rogue-refused")
            elif script != self._never_reads and machine.running and machine.lives == lives:
                text = f"keeps a connection for {SESSION_SECONDS_MAX:.0f} s: {name}"
                world.judge.fail("I-30", victim, text)
        finally:
            await trio.aclose_forcefully(stream)

    # --- scripts ---------------------------------------------------------------------------------

    async def _silent(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Say nothing; hear the victim out."""

    async def _trickle(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Send a frame a byte at a time, of the greeting or after it."""
        body = codec.frame_of(self._self().hello(key))
        if self._pick.random() < 0.5:
            await stream.send_all(body)
            body = codec.frame_of(Want([self._pick.randbytes(32) for _ in range(50)]))
        for byte in body:
            await stream.send_all(bytes((byte,)))
            await trio.sleep(0.5 + self._pick.random())

    async def _greeting(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Begin with a Hello that is wrong somewhere."""
        own, pick = self._self(), self._pick
        right = own.hello(key)
        others = [name for name in self._world.chain.names if name != self.name]
        wrong = (
            replace(right, protocol=pick.choice((0, 2, HUGE))),
            replace(right, chain_id=Hash(pick.randbytes(32))),
            replace(right, node=pick.choice(others)),
            replace(own, node=pick.choice(others)).hello(key),
            replace(right, node="nobody"),
            replace(right, store=pick.randbytes(16)),
            replace(right, signature=pick.randbytes(64)),
            own.hello(own.tls_key),  # for another channel
            replace(right, software="x" * 2000),
            codec.Refusal("other-chain", "y" * 500),
            codec.Ping(),
        )
        await stream.send_all(codec.frame_of(pick.choice(wrong)))

    async def _greet(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        await stream.send_all(codec.frame_of(self._self().hello(key)))
        await Frames(stream).take(bytes_max=codec.HELLO_BYTES_MAX, seconds=5.0)

    async def _junk(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Send bytes that are no frame, or a frame that is no message."""
        pick = self._pick
        if pick.random() < 0.7:
            await self._greet(stream, key)
        junk = (
            pick.randbytes(pick.choice((1, 5, 3000))),
            b"\xff" * 8,
            b"\x00" * 64,
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            frame(b"\x9f" * 400),
            frame(b"\x82\x18\x63\xfb" + bytes(8)),
            frame(b"\x82\x0c\x5a\x7f\xff\xff\xff"),  # a byte string of two gigabytes, it says
            frame(b"\x82\x18\x1e\x9a\x00\xff\xff\xff"),  # sixteen million transactions, it says
            codec.frame_of(self._self().hello(key)),  # a second one, if there was a first
        )
        await stream.send_all(pick.choice(junk))

    def _lie(self) -> PeerMessage:
        """Return a well-formed message that no honest node sends."""
        pick = self._pick
        most = pick.choice((HUGE, (1 << 63) - 1, (1 << 64) - 1))
        lies: tuple[PeerMessage, ...] = (
            Head(most),
            Subscribe(most),
            WantCertificates(most, most),
            Head(HUGE),
            Subscribe(HUGE),
            WantCertificates(0, HUGE),
            WantCertificates(HUGE, 1),
            Announce([pick.randbytes(32) for _ in range(500)]),
            Want([pick.randbytes(32) for _ in range(500)]),
            Attest(HUGE, b"", pick.randbytes(64)),
            Attest(1, pick.randbytes(100), pick.randbytes(64)),
            Objection(HUGE, 1, "clock-ahead"),
            Objection(1, 1, "z" * 1000),
            RequestVote(HUGE, HUGE, HUGE, True),
        )
        return pick.choice(lies)

    async def _lies(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Greet rightly, then say what is not so."""
        await self._greet(stream, key)
        for _ in range(self._pick.choice((1, 3, 10))):
            data = codec.frame_of(self._lie())
            if self._pick.random() < 0.2:
                data = self._world.liar.forged_gossip()
            await stream.send_all(data)
            await trio.sleep(self._pick.random())

    async def _never_reads(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Greet rightly, ask for all there is, and take nothing of it."""
        await self._greet(stream, key)
        ask = codec.frame_of(Subscribe(1)) + codec.frame_of(WantCertificates(1, 1000))
        for _ in range(int(SESSION_SECONDS_MAX)):
            await stream.send_all(ask + codec.frame_of(codec.Ping()))
            await trio.sleep(1.0)

    async def _flood(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Greet rightly, then send as much as is taken."""
        await self._greet(stream, key)
        for _ in range(FLOOD):
            await stream.send_all(codec.frame_of(Announce([self._pick.randbytes(32)] * 20)))
