"""How questions to a node are put: all that families of questions need of a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from govchaind.client.nodes import NOTHING


class Asks(Protocol):
    """A client, as far as a family of questions needs it."""

    async def get_json(self, path: str, query: Mapping[str, str] = NOTHING) -> dict[str, Any]:
        """Return the JSON at a path."""

    async def get_bytes(self, path: str, query: Mapping[str, str] = NOTHING) -> bytes:
        """Return the CBOR bytes at a path."""


def given(**parameters: str | int | None) -> dict[str, str]:
    """Return the parameters that have a value, as a query."""
    return {name: str(value) for name, value in parameters.items() if value is not None}


def record_path(register: str, key: bytes) -> tuple[str, dict[str, str]]:
    """Return a record's path and query; a key that is not plain text goes as hex."""
    base = f"/v1/registers/{quote(register, safe='')}/records/"
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and "/" not in text and text not in (".", ".."):
        return base + quote(text, safe=""), {}
    return base + key.hex(), {"key_hex": "true"}
