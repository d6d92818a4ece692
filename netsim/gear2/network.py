"""The simulated Network seam, and the switchboard behind it that knows every machine.

Rules kept here, as production's TLS keeps them (`runtime/tls.py`):
- A stream comes with the TLS key of the other side, and only if each side's key is a member's by
  the other's `trust`. Whom the server does not know finds out when it first reads (TLS 1.3); whom
  the client does not know it refuses at once.
- A handshake takes two round trips and has HANDSHAKE_SECONDS_MAX.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import trio

from govchaind.base.errors import Conflict, InvalidSetting, PeerError
from govchaind.base.limits import HANDSHAKE_SECONDS_MAX
from govchaind.base.types import NodeId, PublicKey, Seconds
from netsim.gear2.drawing import Drawing
from netsim.gear2.path import Path
from netsim.gear2.stream import Pipe, SimStream

Handler = Callable[[trio.abc.Stream, PublicKey], Awaitable[None]]
Refused = Callable[[str, PeerError], None]
Tap = Callable[["SimNetwork", NodeId, bytes], bytes]
FIRST_FREE_PORT = 49152


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all paths of one run have in common."""

    seed: int
    delay_min: Seconds = 0.0005
    delay_mean: Seconds = 0.001
    lost: float = 0.0  # sends that TCP has to repeat
    unanswered: float = 0.0  # connections that come to nothing
    window_bytes: int = 4 * 1024 * 1024


class Switchboard:
    """All machines' listeners, paths and connections."""

    def __init__(
        self,
        conditions: Conditions,
        tap: Tap = lambda network, peer, data: data,
        drawing: Drawing | None = None,
    ) -> None:
        """`tap` is told of all that a machine gives to a stream, and returns what leaves."""
        self.conditions = conditions
        self._drawing = drawing
        self.tap = tap
        self.listeners: dict[str, _Listener] = {}
        self._paths: dict[tuple[NodeId, NodeId], Path] = {}
        self._streams: dict[NodeId, list[SimStream]] = {}
        self._pick = self._source("connect")
        self._port = FIRST_FREE_PORT
        self._calm = False

    def _source(self, purpose: str) -> random.Random:
        return random.Random(f"netsim/{self.conditions.seed}/{purpose}")

    def path(self, source: NodeId, target: NodeId) -> Path:
        """Return the way from one machine to another."""
        found = self._paths.get((source, target))
        if found is None:
            conditions = self.conditions
            found = self._paths[source, target] = Path(
                source,
                target,
                self._source(f"path/{source}/{target}"),
                delay_min=conditions.delay_min,
                delay_mean=conditions.delay_mean,
                lost=0.0 if self._calm else conditions.lost,
                changed=self._changed,
            )
        return found

    def _changed(self) -> None:
        if self._drawing is not None:
            self._drawing.cuts(self.paths())

    def _pipe(self, source: NodeId, target: NodeId) -> Pipe:
        way = None if self._drawing is None else self._drawing.way(source, target)
        return Pipe(self.path(source, target), way)

    def paths(self) -> list[Path]:
        return list(self._paths.values())

    def calm(self) -> None:
        """From now on every connection that is tried comes about, and no send is repeated."""
        self._calm = True
        for path in self.paths():
            path.lost = 0.0

    def answers(self) -> bool:
        """Draw whether a connection that is tried now comes about."""
        unanswered = self.conditions.unanswered
        return self._calm or not unanswered or self._pick.random() >= unanswered

    def free_port(self) -> int:
        self._port += 1
        return self._port

    def connection(self, client: SimNetwork, server: SimNetwork) -> tuple[SimStream, SimStream]:
        """Return the two ends of a new connection: the client's, the server's."""
        there = self._pipe(client.host, server.host)
        back = self._pipe(server.host, client.host)
        window = self.conditions.window_bytes
        ours = SimStream(
            back, there, window_bytes=window, sent=lambda data: self.tap(client, server.host, data)
        )
        theirs = SimStream(
            there, back, window_bytes=window, sent=lambda data: self.tap(server, client.host, data)
        )
        ours.join(theirs)
        self._streams.setdefault(client.host, []).append(ours)
        self._streams.setdefault(server.host, []).append(theirs)
        return ours, theirs

    def listening(self, host: NodeId) -> list[str]:
        """Return the addresses at which this machine listens."""
        return [address for address in self.listeners if host_of(address) == host]

    def streams(self, host: NodeId) -> list[SimStream]:
        """Return the ends at this machine that are open."""
        kept = [stream for stream in self._streams.get(host, ()) if not stream.closed]
        self._streams[host] = kept
        return kept

    def lose_power(self, host: NodeId) -> list[SimStream]:
        """A machine goes without a word; return the ends that are lost."""
        lost = self.streams(host)
        for stream in lost:
            stream.lose_power()
        return lost


@dataclass(frozen=True, slots=True)
class _Listener:
    network: SimNetwork
    handler: Handler
    nursery: trio.Nursery


def host_of(address: str) -> NodeId:
    """Return the machine that an address "name.sim:port" is on. Raises InvalidSetting."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdigit():
        raise InvalidSetting(f"not an address of the form host:port: {address!r}")
    return host.partition(".")[0]


class SimNetwork:
    """Authenticated streams for one life of one machine."""

    def __init__(
        self,
        board: Switchboard,
        host: NodeId,
        tls_key: PublicKey,
        members: Iterable[PublicKey] = (),
        *,
        refused: Refused = lambda address, error: None,
    ) -> None:
        """`refused` is told of each incoming connection that did not prove itself."""
        self.host = host
        self.tls_key = tls_key
        self._board = board
        self._members = frozenset(members) - {tls_key}
        self._refused = refused

    def trust(self, members: Iterable[PublicKey]) -> None:
        """Use these members' keys for connections from now on."""
        self._members = frozenset(members) - {self.tls_key}

    def knows(self, key: PublicKey) -> bool:
        return key in self._members

    def present(self, key: PublicKey) -> None:
        """Show this key from now on."""
        self.tls_key = key

    async def connect(self, address: str) -> tuple[trio.abc.Stream, PublicKey]:
        """Return a stream and the TLS key that the peer proved. Raises PeerError."""
        host = host_of(address)
        there, back = self._board.path(self.host, host), self._board.path(host, self.host)
        with trio.move_on_after(HANDSHAKE_SECONDS_MAX):
            await there.travel()
            await back.travel()
            listener = self._board.listeners.get(address)
            if listener is None:
                raise PeerError(f"{address} does not answer: connection refused")
            if not self._board.answers():
                raise PeerError(f"{address} does not answer: the connection broke")
            await there.travel()
            stream = self._accepted(address, listener)
            try:
                await back.travel()
            except BaseException:
                stream.close()
                raise
            return stream, listener.network.tls_key
        raise PeerError(f"{address} did not finish a handshake in time", code="handshake-slow")

    def _accepted(self, address: str, listener: _Listener) -> SimStream:
        """Judge both keys; start the server's side. Raises PeerError."""
        server = listener.network
        if not self.knows(server.tls_key):
            server._refused(
                self.host, PeerError("the TLS handshake failed", code="handshake-failed")
            )
            raise PeerError("the peer's certificate is no member's", code="peer-unknown")
        if self._board.listeners.get(address) is not listener:
            raise PeerError(f"{address} does not answer: the connection broke")
        ours, theirs = self._board.connection(self, server)
        if server.knows(self.tls_key):
            listener.nursery.start_soon(server._serve, theirs, listener.handler, self.tls_key)
        else:
            error = PeerError("the peer's certificate is no member's", code="peer-unknown")
            server._refused(self.host, error)
            theirs.reset()
            theirs.close()
        return ours

    async def _serve(self, stream: SimStream, handler: Handler, key: PublicKey) -> None:
        try:
            await handler(stream, key)
        finally:
            stream.close()

    async def listen(
        self,
        address: str,
        handler: Handler,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve `handler(stream, peer's TLS key)` until cancelled; started() with the address.

        Raises Conflict: the address is taken.
        """
        host_of(address)
        if address.endswith(":0"):
            address = f"{address[:-2]}:{self._board.free_port()}"
        listeners = self._board.listeners
        if address in listeners:
            raise Conflict(
                f"cannot listen for peers on {address}: it is in use", code="address-unusable"
            )
        async with trio.open_nursery() as nursery:
            listeners[address] = _Listener(self, handler, nursery)
            try:
                task_status.started(address)
                await trio.sleep_forever()
            finally:
                del listeners[address]
