"""What a sealed text's header holds, and what is inside, for its readers.

The bytes themselves are made and opened by `client/side_sealing.py`.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from govchaind.base.limits import SIDE_READERS_MAX
from govchaind.ledger.sealed_file import SEALED_KEY_BYTES
from govchaind.ledger.shapes import Bytes32, Name, Shape, Store

MAGIC = b"GVSIDE\x00\x01"
LENGTH_BYTES = 4  # of the header's length, and of what is inside
NONCE_BYTES = 24
PAD_BYTES = 1024  # what is inside is padded to a multiple of it


class SidePlace(Shape):
    """Which side value a sealed text is."""

    chain_id: Bytes32
    institution: Name
    commitment: Bytes32


class SideReader(Shape):
    """One office that it is sealed to."""

    institution: Name
    office: Name
    key: Bytes32
    sealed_key: Annotated[bytes, Meta(min_length=SEALED_KEY_BYTES, max_length=SEALED_KEY_BYTES)]


class SideHeader(Shape):
    """What anybody can read of it."""

    place: SidePlace
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    readers: Annotated[list[SideReader], Meta(min_length=1, max_length=SIDE_READERS_MAX)]


class SideInside(Shape):
    """What stands in it, for its readers only."""

    salt: Store
    value: list[Any]
