"""What two nodes say to each other when one brings the other a sealed file.

    brings  →  [1, chain id, requester, reference, number, digest, length]
            ←  ["want", offset]           or  ["no", code, message]
    brings  →  chunks, each a frame of its own, from that offset to the end
            ←  ["held"]                   or  ["no", code, message]

A frame is four bytes of length and so many bytes. No frame is longer than a chunk may be, and each
must come, or be taken, within so many seconds.
"""

from __future__ import annotations

from typing import Any

import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, PeerError
from govchaind.base.limits import CARRY_CHUNK_BYTES_MAX
from govchaind.ledger.carriage import Offer, Words
from govchaind.ledger.shapes import read_shape, read_versioned

VERSION = 1
SAID_BYTES_MAX = 2048
_LENGTH_BYTES = 4
_RECEIVE_BYTES = 64 * 1024


class Frames:
    """One side of one connection. Raises PeerError for whatever goes wrong on it."""

    def __init__(self, stream: trio.abc.Stream, *, seconds_max: float) -> None:
        self._stream = stream
        self._seconds_max = seconds_max
        self._buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """Send one frame."""
        try:
            with trio.fail_after(self._seconds_max):
                await self._stream.send_all(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        except trio.TooSlowError:
            raise PeerError("the other node takes nothing", code="carry-slow") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise PeerError("the connection broke", code="carry-broken") from error

    async def say(self, *items: Any) -> None:
        """Send a few words as one frame."""
        await self.send(encode(list(items)))

    async def receive(self, bytes_max: int = CARRY_CHUNK_BYTES_MAX) -> bytes:
        """Return the next frame."""
        try:
            with trio.fail_after(self._seconds_max):
                length = int.from_bytes(await self._exactly(_LENGTH_BYTES), "big")
                if not 1 <= length <= bytes_max:
                    raise PeerError(f"a frame of {length} bytes", code="carry-malformed")
                return await self._exactly(length)
        except trio.TooSlowError:
            raise PeerError("the other node sends nothing", code="carry-slow") from None

    async def hear(self) -> list[Any]:
        """Return the words of the next frame."""
        return _words(await self.receive(SAID_BYTES_MAX))

    async def hear_offer(self) -> Offer:
        """Return the offer with which the other node begins."""
        data = await self.receive(SAID_BYTES_MAX)
        try:
            return read_versioned(
                data,
                Offer,
                what="an offer",
                version=VERSION,
                place=0,
                bytes_max=SAID_BYTES_MAX,
            )
        except InvalidEncoding as error:
            raise PeerError(f"not an offer: {error.message}", code="carry-malformed") from None

    async def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            try:
                part = await self._stream.receive_some(_RECEIVE_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise PeerError("the connection broke", code="carry-broken") from error
            if not part:
                raise PeerError("the other node ended the connection", code="carry-broken")
            self._buffer += part
        found = bytes(self._buffer[:length])
        del self._buffer[:length]
        return found


def _words(data: bytes) -> list[Any]:
    try:
        words = read_shape(data, Words, bytes_max=SAID_BYTES_MAX)
    except InvalidEncoding as error:
        raise PeerError(f"not an answer: {error.message}", code="carry-malformed") from None
    return [words.word, words.first, words.second]


def wanted_offset(words: list[Any], length: int) -> int:
    """Return from where the other node wants a file. Raises PeerError: it does not want it."""
    word, first, _ = words
    if word == "want" and isinstance(first, int) and 0 <= first <= length:
        return first
    raise refusal(words)


def refusal(words: list[Any]) -> PeerError:
    """Return the error that an answer other than the hoped-for one stands for."""
    word, code, message = words
    if word == "no" and isinstance(code, str):
        shown = "".join(sign for sign in message or "" if sign.isprintable())
        return PeerError(f"the other node refused: {shown}", code="carry-refused")
    return PeerError("the other node gave no known answer", code="carry-malformed")
