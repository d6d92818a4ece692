"""A member's key in the wrong hands: says Hello properly, then whatever a test has it say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from govchaind.base.errors import PeerError
from govchaind.identity import load_identity
from govchaind.runtime import codec
from govchaind.runtime.link import Frames, Self, greet
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.tls import TlsIdentity
from tests.process.network import Network


class HostilePeer:
    """A link that is up, from the hostile side."""

    def __init__(self, stream: trio.abc.Stream, frames: Frames) -> None:
        self.stream = stream
        self.frames = frames

    async def send(self, body: bytes) -> None:
        """Send a frame with any body."""
        await self.stream.send_all(len(body).to_bytes(codec.LENGTH_BYTES, "big") + body)

    async def ended(self, seconds: float) -> bool:
        """Read until the node ends the link; False if it has not within the time."""
        with trio.move_on_after(seconds):
            try:
                while await self.stream.receive_some(65536):
                    pass
            except (trio.BrokenResourceError, PeerError):
                pass
            return True
        return False


@asynccontextmanager
async def hostile_peer(
    network: Network, own: str, target: str, *, receive_bytes: int | None = None
) -> AsyncIterator[HostilePeer]:
    """Link to `target` as the member `own`, whose node must not run."""
    identity = load_identity(network.folder(own))
    genesis = network.genesis()
    members = {member.name: member for member in genesis.nodes}
    tcp = TcpNetwork(TlsIdentity(identity.tls_seed), [m.tls_key for m in genesis.nodes])
    host, port = network.peer_address(target)
    stream, key = await tcp.connect(f"{host}:{port}")
    try:
        if receive_bytes is not None:
            import socket

            transport = stream.transport_stream  # type: ignore[attr-defined]  # a TLS stream's
            transport.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        frames = Frames(stream)
        me = Self(
            chain_id=genesis.chain_id,
            node=identity.name,
            store=identity.first_store,
            software="hostile",
            tls_key=identity.tls_public,
            signer=identity.signer,
        )
        await greet(stream, frames, me, key, members.get)
        yield HostilePeer(stream, frames)
    finally:
        await trio.aclose_forcefully(stream)
