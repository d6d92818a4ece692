"""One link to one peer: the greeting, a reader, a deliverer and a writer. It ends as one.

Rules kept here:
- A link is up only after the peer's Hello was judged: same chain, same protocol, a member's name,
  that member's TLS key on this channel, and a signature of that member's attestation key over
  both TLS keys. A refusal is told to the other side before the link ends.
- A frame's length is judged before anything is allocated; a frame has LINK_IDLE_SECONDS_MAX to
  arrive whole, and so has the next one after it; an idle writer sends pings well within that.
- A send has LINK_WRITE_SECONDS_MAX: a peer that never reads loses its link.
- Verification does not hold up reading, within a budget of frames and bytes; beyond it reading
  pauses and TCP slows the peer. Messages are delivered in the order in which they came.
- Whatever goes wrong ends this link only. This is the broad `except` around a link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import trio

from govchaind.base.crypto import Domain, Signer, verify
from govchaind.base.errors import Fatal, Invalid, InvalidEncoding, PeerError
from govchaind.base.limits import (
    FRAME_BYTES_MAX,
    HANDSHAKE_SECONDS_MAX,
    LINK_IDLE_SECONDS_MAX,
    LINK_WRITE_SECONDS_MAX,
)
from govchaind.base.types import Hash, NodeId, PublicKey, Signature, StoreId
from govchaind.ledger.membership import Member
from govchaind.replica.events import Received
from govchaind.replica.messages import Gossip
from govchaind.replica.snapshot_messages import SnapshotMessage
from govchaind.runtime import codec
from govchaind.runtime.gate import Gate, Judgement
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.outbox import Outbox
from govchaind.runtime.speech import software_text

PING_SECONDS = LINK_IDLE_SECONDS_MAX / 4
RECEIVE_BYTES = 64 * 1024
JUDGED_FRAMES_MAX = 64  # under judgement at once, of one peer
JUDGED_BYTES_MAX = 8 * 1024 * 1024
REPLACED = "link-replaced"  # the one reason, after the greeting, that is told to the other side
LAST_WORD_SECONDS = 1.0


SignHello: TypeAlias = Callable[[bytes], Awaitable[Signature]]


@dataclass(frozen=True, slots=True)
class Self:
    """What a node says of itself in a Hello, and signs it with."""

    chain_id: Hash
    node: NodeId
    store: StoreId
    software: str
    tls_key: PublicKey
    signer: Signer = field(repr=False)
    sign_hello: SignHello | None = field(default=None, repr=False)  # for a key held elsewhere

    async def signed_hello(self, peer_key: PublicKey) -> codec.Hello:
        """Return the Hello for the channel to the holder of `peer_key`.

        Raises PeerError: the process that holds the key is away, and has not signed this one yet.
        """
        if self.sign_hello is None:
            return self.hello(peer_key)
        return self._hello(await self.sign_hello(self._message(peer_key)))

    def hello(self, peer_key: PublicKey) -> codec.Hello:
        """Return the Hello for the channel to the holder of `peer_key`, by a key held here."""
        return self._hello(self.signer.sign(Domain.HELLO, self._message(peer_key)))

    def _message(self, peer_key: PublicKey) -> bytes:
        return codec.hello_message(self.chain_id, self.node, self.store, self.tls_key, peer_key)

    def _hello(self, signature: Signature) -> codec.Hello:
        return codec.Hello(
            protocol=codec.PROTOCOL_VERSION,
            chain_id=self.chain_id,
            node=self.node,
            store=self.store,
            software=software_text(self.software),
            signature=signature,
        )


def judge_hello(
    hello: codec.Hello, own: Self, peer_key: PublicKey, member: Callable[[NodeId], Member | None]
) -> Member:
    """Return the member that sent this Hello over the channel of `peer_key`. Raises PeerError."""
    if hello.protocol != codec.PROTOCOL_VERSION:
        raise PeerError(
            f"{hello.node} speaks protocol {hello.protocol}, this node {codec.PROTOCOL_VERSION}",
            code="other-protocol",
            remedy="Run compatible versions of govchaind on both nodes.",
        )
    if hello.chain_id != own.chain_id:
        raise PeerError(
            f"{hello.node} is on chain {hello.chain_id.hex()[:16]}, "
            f"this node on {own.chain_id.hex()[:16]}",
            code="other-chain",
            remedy="Give both nodes the same genesis file.",
        )
    if hello.node == own.node:
        raise PeerError("the other side says that it is this very node", code="same-identity")
    found = member(hello.node)
    if found is None or found.tls_key != peer_key:
        raise PeerError(f"{hello.node} is no member with this TLS key", code="peer-unknown")
    message = codec.hello_message(hello.chain_id, hello.node, hello.store, peer_key, own.tls_key)
    if not verify(Domain.HELLO, found.attestation_key, message, hello.signature):
        raise PeerError(
            f"the Hello of {hello.node} is not signed by its attestation key", code="bad-hello"
        )
    return found


class Frames:
    """Whole frames out of a stream's bytes."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.received = 0
        self._stream = stream
        self._buffer = bytearray()
        self._start = 0  # of what is not yet taken

    async def take(self, *, bytes_max: int, seconds: float) -> bytes:
        """Return the next frame's body.

        Raises PeerError: too large, too slow, ended; or what the stream raises.
        """
        body = self._whole(bytes_max)
        if body is not None:
            return body
        with trio.move_on_after(seconds):
            while (body := self._whole(bytes_max)) is None:
                await self._fill()
            return body
        raise PeerError(f"no whole frame within {seconds:.0f} seconds", code="link-idle")

    def _whole(self, bytes_max: int) -> bytes | None:
        """Take the next frame's body if it is there. Raises PeerError if it is to be too large."""
        start = self._start + codec.LENGTH_BYTES
        if len(self._buffer) < start:
            return None
        head = bytes(self._buffer[self._start : start])
        end = start + codec.frame_length(head, bytes_max=bytes_max)
        if len(self._buffer) < end:
            return None
        self._start = end
        return bytes(self._buffer[start:end])

    async def _fill(self) -> None:
        """Wait for more bytes."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        data = await self._stream.receive_some(RECEIVE_BYTES)
        if not data:
            raise PeerError("the peer closed the link", code="link-closed")
        self._buffer += data
        self.received += len(data)


async def greet(
    stream: trio.abc.Stream,
    frames: Frames,
    own: Self,
    peer_key: PublicKey,
    member: Callable[[NodeId], Member | None],
) -> tuple[Member, codec.Hello]:
    """Exchange Hellos; return who the peer is and what it said. Raises PeerError, Invalid."""
    with trio.move_on_after(HANDSHAKE_SECONDS_MAX):
        await stream.send_all(codec.frame_of(await own.signed_hello(peer_key)))
        body = await frames.take(bytes_max=codec.HELLO_BYTES_MAX, seconds=HANDSHAKE_SECONDS_MAX)
        try:
            said = codec.read(codec.split(body), lambda _: None)
        except InvalidEncoding as error:
            await stream.send_all(codec.frame_of(codec.Refusal(error.code, error.message)))
            raise
        if isinstance(said, codec.Refusal):
            raise PeerError(
                f"the peer refused this node: {said.text[:200]}", code="refused-by-peer"
            )
        if not isinstance(said, codec.Hello):
            raise PeerError("the peer did not begin with a Hello", code="bad-hello")
        try:
            return judge_hello(said, own, peer_key, member), said
        except PeerError as error:
            await stream.send_all(codec.frame_of(codec.Refusal(error.code, error.message)))
            raise
    raise PeerError("the peer did not say Hello in time", code="handshake-slow")


class Link:
    """A link that is up. `run` returns when it has ended, with the reason."""

    def __init__(
        self,
        *,
        stream: trio.abc.Stream,
        frames: Frames,
        peer: NodeId,
        outbox: Outbox,
        inbox: Inbox,
        gate: Gate,
        sent: Callable[[int], None],
        received: Callable[[int], None],
        refused: Callable[[str], None],
    ) -> None:
        """`sent` and `received` count bytes; `refused` counts gossip that found no room."""
        self.peer = peer
        self._stream = stream
        self._frames = frames
        self._outbox = outbox
        self._inbox = inbox
        self._gate = gate
        self._sent = sent
        self._received = received
        self._refused = refused
        self._scope = trio.CancelScope()
        self._error: PeerError | Invalid | None = None
        self._judged: deque[Judgement] = deque()
        self._judged_bytes = 0
        self._moved = trio.lowlevel.ParkingLot()  # whoever waits for the queue to change

    def end(self, error: PeerError | Invalid) -> None:
        """End the link; the first reason stands."""
        if self._error is None:
            self._error = error
        self._scope.cancel()

    async def run(self) -> PeerError | Invalid:
        """Carry messages both ways until the link ends; return why. Raises Fatal."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                for part in (self._read, self._deliver, self._write):
                    nursery.start_soon(self._contain, part)
        error = self._error or PeerError("the link was ended", code="link-closed")
        if error.code == REPLACED:
            await self._last_word(codec.Refusal(error.code, error.message))
        await trio.aclose_forcefully(self._stream)
        return error

    async def _last_word(self, refusal: codec.Refusal) -> None:
        """Tell the other side why, if it can still be told."""
        with (
            suppress(trio.BrokenResourceError, trio.ClosedResourceError, OSError),
            trio.move_on_after(LAST_WORD_SECONDS),
        ):
            await self._stream.send_all(codec.frame_of(refusal))

    async def _contain(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except (PeerError, Invalid) as error:
            self.end(error)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            self.end(PeerError(f"the link broke: {error or type(error).__name__}"))
        except Fatal:
            raise
        except Exception as error:  # a peer must not end the node, whatever it provokes
            self.end(PeerError(f"{type(error).__name__} at the link: {error}", code="link-failed"))

    async def _read(self) -> None:
        counted = 0
        while True:
            body = await self._frames.take(bytes_max=FRAME_BYTES_MAX, seconds=LINK_IDLE_SECONDS_MAX)
            self._received(self._frames.received - counted)
            counted = self._frames.received
            judgement = self._gate.begin(body)
            if isinstance(judgement.message, codec.Ping):
                continue
            if isinstance(judgement.message, codec.Refusal):
                raise PeerError(
                    f"the peer refused this node: {judgement.message.text[:200]}",
                    code="refused-by-peer",
                )
            if judgement.early is not None:
                await self._inbox.put(Received(self.peer, judgement.early))
            if not self._judged and judgement.settled:  # no need to wake anybody
                await self._hand_over(judgement)
                continue
            while self._judged and (
                len(self._judged) >= JUDGED_FRAMES_MAX
                or self._judged_bytes + judgement.size > JUDGED_BYTES_MAX
            ):
                await self._moved.park()
            self._judged.append(judgement)
            self._judged_bytes += judgement.size
            self._moved.unpark_all()

    async def _deliver(self) -> None:
        while True:
            while not self._judged:
                await self._moved.park()
            judgement = self._judged[0]
            await self._hand_over(judgement)
            self._judged.popleft()  # not before: what comes next must not overtake it
            self._judged_bytes -= judgement.size
            self._moved.unpark_all()

    async def _hand_over(self, judgement: Judgement) -> None:
        message = await judgement.done()
        if isinstance(message, codec.Hello | codec.Refusal | codec.Ping):
            raise PeerError("a second Hello on one link", code="bad-hello")
        if isinstance(message, Gossip):
            if not self._inbox.offer(Received(self.peer, message)):
                self._refused("inbox-full")  # the peer's announcements repair it
        elif isinstance(message, SnapshotMessage):
            self._inbox.put_aside(self.peer, message)
        else:
            await self._inbox.put(Received(self.peer, message))

    async def _write(self) -> None:
        ping = codec.frame_of(codec.Ping())
        while True:
            data = await self._outbox.take(trio.current_time() + PING_SECONDS) or ping
            with trio.move_on_after(LINK_WRITE_SECONDS_MAX):
                await self._stream.send_all(data)
                self._sent(len(data))
                continue
            raise PeerError(
                f"the peer took nothing for {LINK_WRITE_SECONDS_MAX:.0f} seconds",
                code="peer-never-reads",
            )
