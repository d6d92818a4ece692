"""What a sealed file's header and letter hold, and how long such a file can be.

The bytes themselves are made and opened by `client/sealing.py`; here is what others may read.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from govchaind.base.limits import (
    SEALED_CHUNK_BYTES_MAX,
    SEALED_CHUNK_BYTES_MIN,
    SEALED_HEADER_BYTES_MAX,
    SEALED_LETTER_BYTES,
    SEALED_NAME_CHARS_MAX,
)
from govchaind.base.types import Hash
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Store

MAGIC = b"GVDELIV\x01"
LENGTH_BYTES = 4  # of the header's length
SEAL_BYTES = 17  # that the seal adds to each chunk
SEALED_KEY_BYTES = 80
STREAM_BYTES = 24


class Place(Shape):
    """Which delivery a sealed file is, from whom and for whom."""

    chain_id: Bytes32
    requester: Name
    reference: Name
    number: Count
    sender: tuple[Name, Name]
    receiver: tuple[Name, Name]

    def listed(self) -> list[Any]:
        """Return it as the array that it is in a header."""
        return [
            self.chain_id,
            self.requester,
            self.reference,
            self.number,
            list(self.sender),
            list(self.receiver),
        ]


class Header(Shape):
    """What anybody can read of a sealed file."""

    place: Place
    receiver_key: Bytes32
    chunk_bytes: Annotated[int, Meta(ge=SEALED_CHUNK_BYTES_MIN, le=SEALED_CHUNK_BYTES_MAX)]
    sealed_key: Annotated[bytes, Meta(min_length=SEALED_KEY_BYTES, max_length=SEALED_KEY_BYTES)]
    stream: Annotated[bytes, Meta(min_length=STREAM_BYTES, max_length=STREAM_BYTES)]


class Letter(Shape):
    """What stands before the content, for the receiver only."""

    salt: Store
    name: Annotated[str, Meta(max_length=SEALED_NAME_CHARS_MAX)]
    size: Count
    rows: Count | None


def length_max(size: int) -> int:
    """Return how long the sealed file of a file of `size` bytes can be."""
    chunks = size // SEALED_CHUNK_BYTES_MIN + 1
    head = len(MAGIC) + LENGTH_BYTES + SEALED_HEADER_BYTES_MAX
    return head + SEALED_LETTER_BYTES + size + (chunks + 1) * SEAL_BYTES


def content_commitment(letter: Letter, content: Hash) -> Hash:
    """Return the commitment to a file: to its SHA-256, size and rows, under the letter's salt."""
    return make_commitment(letter.salt, [content, letter.size, letter.rows])
