"""Signatures of greetings (Hello) that a signer has given once, kept in a file.

A greeting holds on one channel between two TLS keys, for one store, and for as long as these stay;
so it can be said again. Nothing here is secret without the TLS key, which lies in the same folder.

Rules kept here: what the file gives is verified before it is used, so a damaged or foreign one
costs a question to the signer, not a link; the file is bounded, and not being able to write it
harms nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import trio
from msgspec import Meta

from govchaind.base.crypto import Domain, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, StorageFailed
from govchaind.base.types import PublicKey, Signature
from govchaind.ledger.shapes import Shape, Signature64, read_shape

VERSION = 1
KEPT_MAX = 256
MESSAGE_BYTES_MAX = 256
FILE_BYTES_MAX = KEPT_MAX * (MESSAGE_BYTES_MAX + 128)
_Message = Annotated[bytes, Meta(max_length=MESSAGE_BYTES_MAX)]


class _File(Shape):
    version: int
    greetings: Annotated[tuple[tuple[_Message, Signature64], ...], Meta(max_length=KEPT_MAX)]


class Greetings:
    """Greetings of one key, by message; the oldest give way."""

    def __init__(
        self, public: PublicKey, data: bytes | None, write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._write = write
        self._writing = trio.Lock()  # else the older of two files might come last
        self._kept: dict[bytes, Signature] = {}
        if data is None:
            return
        with suppress(InvalidEncoding):
            for message, signature in read_shape(data, _File, bytes_max=FILE_BYTES_MAX).greetings:
                if verify(Domain.HELLO, public, message, signature):
                    self._kept[message] = signature

    def get(self, message: bytes) -> Signature | None:
        return self._kept.get(message)

    async def keep(self, message: bytes, signature: Signature) -> None:
        """Keep a verified signature, here and in the file."""
        self._kept[message] = signature
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        async with self._writing:
            rows = [[item, given] for item, given in self._kept.items()]
            with suppress(StorageFailed):
                await self._write(encode([VERSION, rows]))
