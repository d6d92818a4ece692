"""The Network seam in production: TLS over TCP.

Rules kept here:
- A handshake has HANDSHAKE_SECONDS_MAX; at most UNKNOWN_LINKS_MAX are under way on the listener.
  When one more comes, the oldest is given up: an honest one takes milliseconds, so whoever holds
  a place for seconds pays for the crowd, and a flood of slow ones shuts nobody out.
- A peer whose power was cut sends no word: TCP gives it up when what was sent is not
  acknowledged within LINK_IDLE_SECONDS_MAX.
- Whatever goes wrong on one connection ends that connection only.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable

import trio

from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.base.limits import (
    HANDSHAKE_SECONDS_MAX,
    LINK_IDLE_SECONDS_MAX,
    UNKNOWN_LINKS_MAX,
)
from govchaind.base.types import PublicKey
from govchaind.runtime.tls import Contexts, TlsIdentity, TlsKeys
from govchaind.runtime.unusable import unusable

Handler = Callable[[trio.abc.Stream, PublicKey], Awaitable[None]]
_CROWDED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_CROWDED_PAUSE_SECONDS = 0.1
_KEEPALIVE_IDLE_SECONDS = 5
_KEEPALIVE_INTERVAL_SECONDS = 2
_KEEPALIVE_PROBES = 3


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of "host:port" or "[v6]:port". Raises InvalidSetting."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 0xFFFF:
        raise InvalidSetting(f"not an address of the form host:port: {address!r}")
    return host.strip("[]"), int(port)


def join_address(host: str, port: int) -> str:
    """Return "host:port", with brackets around a version 6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class TcpNetwork:
    """Authenticated streams for one node."""

    def __init__(
        self,
        identity: TlsIdentity | TlsKeys,
        members: Iterable[PublicKey] = (),
        *,
        refused: Callable[[str, PeerError], None] = lambda address, error: None,
        handshake_seconds: float = HANDSHAKE_SECONDS_MAX,
        unknown_max: int = UNKNOWN_LINKS_MAX,
        setting: str = "peer.listen",
    ) -> None:
        """`refused` is told of each incoming connection that did not prove itself; `setting` names
        the address to which a complaint about it refers."""
        self._setting = setting
        self._keys = identity if isinstance(identity, TlsKeys) else TlsKeys(identity)
        self._contexts = Contexts(self._keys.current, members)
        self._refused = refused
        self._handshake_seconds = handshake_seconds
        self._unknown_max = unknown_max
        self._under_way: OrderedDict[object, trio.CancelScope] = OrderedDict()

    @property
    def handshakes(self) -> int:
        """How many incoming handshakes are under way."""
        return len(self._under_way)

    def trust(self, members: Iterable[PublicKey]) -> None:
        """Use these members' keys for connections from now on; a new epoch has new contexts."""
        keys = frozenset(members) - {self._keys.current.public}
        if keys != self._contexts.members:
            self._contexts = Contexts(self._keys.current, keys)

    def present(self, key: PublicKey) -> None:
        """Use this one of the node's own keys from now on; also where its keys are used besides."""
        self._keys.present(key)

    def _in_force(self) -> Contexts:
        if self._contexts.identity is not self._keys.current:
            self._contexts = Contexts(self._keys.current, self._contexts.members)
        return self._contexts

    async def connect(self, address: str) -> tuple[trio.abc.Stream, PublicKey]:
        """Return a stream and the TLS key that the peer proved. Raises PeerError."""
        host, port = split_address(address)
        contexts = self._in_force()
        with trio.move_on_after(self._handshake_seconds):
            try:
                stream = await trio.open_tcp_stream(host, port)
            except OSError as error:
                raise PeerError(f"{address} does not answer: {_reason(error)}") from error
            return await self._handshake(stream, contexts, server_side=False)
        raise PeerError(f"{address} did not finish a handshake in time", code="handshake-slow")

    async def listen(
        self,
        address: str,
        handler: Handler,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve `handler(stream, peer's TLS key)` until cancelled; started() with the address.

        Raises InvalidSetting or Conflict: the address cannot be listened on, ever or now.
        """
        host, port = split_address(address)
        try:
            listeners = await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            what = f"cannot listen for peers on {address}"
            raise unusable(error, what, setting=self._setting, code="address-unusable") from error
        bound = listeners[0].socket.getsockname()
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(self._accept, listener, handler, nursery)
            task_status.started(join_address(bound[0], bound[1]))

    async def _accept(
        self, listener: trio.SocketListener, handler: Handler, nursery: trio.Nursery
    ) -> None:
        async with listener:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:
                    if error.errno not in _CROWDED:
                        continue  # the connection was gone before it was taken
                    await trio.sleep(_CROWDED_PAUSE_SECONDS)
                    continue
                scope = trio.CancelScope()
                place = object()
                if len(self._under_way) >= self._unknown_max:
                    _, oldest = self._under_way.popitem(last=False)
                    oldest.cancel()
                self._under_way[place] = scope
                nursery.start_soon(self._serve, stream, handler, place, scope)

    async def _serve(
        self,
        stream: trio.SocketStream,
        handler: Handler,
        place: object,
        scope: trio.CancelScope,
    ) -> None:
        scope.deadline = trio.current_time() + self._handshake_seconds
        proved = None
        error: PeerError | None = None
        try:
            with scope:
                proved = await self._handshake(stream, self._in_force(), server_side=True)
        except PeerError as caught:
            error = caught
        finally:
            self._under_way.pop(place, None)
            if proved is None:
                await trio.aclose_forcefully(stream)
        if proved is None:
            slow = PeerError("a handshake was not finished in time", code="handshake-slow")
            self._refused(_peer_address(stream), error or slow)
            return
        secured, key = proved
        try:
            await handler(secured, key)
        finally:
            await trio.aclose_forcefully(secured)

    async def _handshake(
        self, stream: trio.SocketStream, contexts: Contexts, *, server_side: bool
    ) -> tuple[trio.SSLStream[trio.SocketStream], PublicKey]:
        try:
            _set_options(stream)
            secured = trio.SSLStream(
                stream,
                contexts.server if server_side else contexts.client,
                server_side=server_side,
                https_compatible=True,  # frames have lengths: an abrupt end hides nothing
            )
            await secured.do_handshake()
            return secured, contexts.judge(secured)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            await trio.aclose_forcefully(stream)
            raise _told(error) from error
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise


def _set_options(stream: trio.SocketStream) -> None:
    """Set what TCP is to do; raises OSError if the connection is gone."""
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_SECONDS)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_SECONDS)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
    milliseconds = int(LINK_IDLE_SECONDS_MAX * 1000)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _told(error: Exception) -> PeerError:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return PeerError(
            f"the peer's certificate is no member's ({cause.verify_message})", code="peer-unknown"
        )
    if isinstance(cause, ssl.SSLError):
        return PeerError(f"the TLS handshake failed: {cause.reason}", code="handshake-failed")
    return PeerError(f"the connection broke during the handshake: {_reason(error)}")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _peer_address(stream: trio.SocketStream) -> str:
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return "unknown"
    return join_address(host, port)
