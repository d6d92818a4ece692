"""Deterministic CBOR (RFC 8949 section 4.2): one value has one encoding, and no other is read.

The only door to cbor2 (pinned exactly: its canonical output is consensus) and, with
`config.py`, to msgspec. Values are integers of 64 bits, byte strings, text, arrays, booleans and
null; maps have text keys only (for which cbor2's length-first order is RFC 8949's order).
Tags, indefinite lengths, duplicate keys and over-long forms are refused by `decode`; floats,
undefined and other simple values by `convert`, since no shape of ours has them. Every reader of
bytes from outside does both (`read`).
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import cbor2
import msgspec

from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import CBOR_DEPTH_MAX

T = TypeVar("T")


class _TagRefused(Exception):
    """A tag stood in bytes from outside."""


def _refuse_tag(*_: object) -> NoReturn:
    raise _TagRefused


# Tags that cbor2 would interpret by itself, each mapped to the refusal.
_REFUSED_TAGS: dict[int, Any] = dict.fromkeys(
    (
        *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004),
        *(43000, 55799),
    ),
    _refuse_tag,
)


def encode(value: Any) -> bytes:
    """Return the one deterministic encoding of `value` (lists, dicts with text keys, ints …)."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, bytes_max: int, depth_max: int = CBOR_DEPTH_MAX) -> Any:
    """Return the value that `data` encodes.

    Raises:
        InvalidEncoding: longer than `bytes_max`, nested deeper than `depth_max`, or not the
            deterministic encoding of an allowed value.
    """
    if len(data) > bytes_max:
        raise InvalidEncoding(
            f"{len(data)} bytes where at most {bytes_max} are allowed", code="too-large"
        )
    try:
        value = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED_TAGS,
            max_depth=depth_max,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        again = cbor2.dumps(value, canonical=True)
    except _TagRefused:
        raise InvalidEncoding("a CBOR tag, where none is allowed") from None
    except RecursionError:
        raise InvalidEncoding("nested too deeply") from None
    except Exception as error:  # cbor2 raises many kinds on hostile bytes; all mean the same here
        raise InvalidEncoding(f"not readable as CBOR: {type(error).__name__}") from None
    if again != data:
        raise InvalidEncoding("not the deterministic encoding of its value")
    return value


def convert(value: Any, shape: type[T]) -> T:
    """Return `value` (as `decode` gave it) as `shape`, strictly.

    Raises:
        InvalidEncoding: the value has another shape; the message names the place.
    """
    try:
        # bytes must be bytes: without this, msgspec takes text as base64
        return msgspec.convert(value, shape, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise InvalidEncoding(str(error)) from None


def read(data: bytes, shape: type[T], *, bytes_max: int) -> T:
    """Decode and convert in one step."""
    return convert(decode(data, bytes_max=bytes_max), shape)
