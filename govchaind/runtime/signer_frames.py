"""The bytes between a node and the signer that holds its attestation key.

    frame   = length (4 bytes, big-endian), body
    request = [1, what, [bytes …]]
              "who"      nothing: who holds what, and up to where it has signed
              "attest"   statements, at most STATEMENTS_MAX, lowest height first
              "hello"    one message: of the greeting of a link
    reply   = [1, public key, highest height signed, [[signature, reason] …]]
              one for each of the request's bytes, in order: one of the two is empty

Rules kept here: a frame's length is judged before anything is allocated; a body is strict CBOR of
this shape, or it is refused; each frame must come, or be taken, within so many seconds. What is
signed the signer makes itself of suite, domain and message, so that no request has it sign in
another domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import trio
from msgspec import Meta

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, PeerError
from govchaind.base.types import Height, PublicKey, Signature
from govchaind.ledger.shapes import Bytes32, Count, Shape, read_shape
from govchaind.ledger.statement import STATEMENT_BYTES_MAX

VERSION = 1
STATEMENTS_MAX = 64
REASON_CHARS_MAX = 200
FRAME_BYTES_MAX = STATEMENTS_MAX * (STATEMENT_BYTES_MAX + REASON_CHARS_MAX)
_LENGTH_BYTES = 4

What: TypeAlias = Literal["who", "attest", "hello"]
_Message = Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES_MAX)]
_Answer = tuple[
    Annotated[bytes, Meta(max_length=64)], Annotated[str, Meta(max_length=REASON_CHARS_MAX)]
]


class Request(Shape):
    """What a node asks of its signer."""

    version: Literal[1]
    what: What
    messages: Annotated[tuple[_Message, ...], Meta(max_length=STATEMENTS_MAX)]


class Reply(Shape):
    """What the signer says: who it is, how far it has signed, and a signature or why not."""

    version: Literal[1]
    public: Bytes32
    highest: Count
    answers: Annotated[tuple[_Answer, ...], Meta(max_length=STATEMENTS_MAX)]


def request_bytes(what: What, messages: Sequence[bytes] = ()) -> bytes:
    """Return a request's body."""
    return encode([VERSION, what, list(messages)])


def reply_bytes(
    public: PublicKey, highest: Height, answers: Sequence[tuple[Signature, str]] = ()
) -> bytes:
    """Return a reply's body; a reason that is too long is cut."""
    cut = [[signature, reason[:REASON_CHARS_MAX]] for signature, reason in answers]
    return encode([VERSION, public, highest, cut])


def read_request(body: bytes) -> Request:
    """Return the request that `body` is. Raises InvalidEncoding."""
    return read_shape(body, Request, bytes_max=FRAME_BYTES_MAX)


def read_reply(body: bytes) -> Reply:
    """Return the reply that `body` is. Raises InvalidEncoding."""
    return read_shape(body, Reply, bytes_max=FRAME_BYTES_MAX)


class SignerStream:
    """One side of one connection. Raises PeerError for whatever goes wrong on it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def send(self, body: bytes, *, seconds: float) -> None:
        """Send one frame."""
        try:
            with trio.fail_after(seconds):
                await self._stream.send_all(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
        except trio.TooSlowError:
            raise PeerError("the other side takes nothing", code="signer-slow") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise PeerError("the connection broke", code="signer-away") from None

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next frame's body."""
        try:
            with trio.fail_after(seconds):
                length = int.from_bytes(await self._exactly(_LENGTH_BYTES), "big")
                if not 1 <= length <= FRAME_BYTES_MAX:
                    raise PeerError(f"a frame of {length} bytes", code="signer-garbage")
                return await self._exactly(length)
        except trio.TooSlowError:
            raise PeerError(f"nothing came for {seconds:.0f} s", code="signer-slow") from None

    async def ask(self, what: What, messages: Sequence[bytes], *, seconds: float) -> Reply:
        """Send a request and return its reply: one answer for each message."""
        await self.send(request_bytes(what, messages), seconds=seconds)
        try:
            reply = read_reply(await self.receive(seconds=seconds))
        except InvalidEncoding as error:
            raise PeerError(f"not a reply: {error.message}", code="signer-garbage") from None
        if len(reply.answers) != len(messages):
            raise PeerError("a reply to another request", code="signer-garbage")
        return reply

    async def aclose(self) -> None:
        """Close the connection."""
        await trio.aclose_forcefully(self._stream)

    async def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            try:
                part = await self._stream.receive_some(FRAME_BYTES_MAX)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise PeerError("the connection broke", code="signer-away") from None
            if not part:
                raise PeerError("the other side has closed", code="signer-away")
            self._buffer += part
        found = bytes(self._buffer[:length])
        del self._buffer[:length]
        return found
