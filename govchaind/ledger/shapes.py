"""Types of fields that several shapes of the ledger share, and the strict reading of a shape.

`shaped` differs from `encoding.convert` in one thing that matters to consensus: text is never
taken for bytes (msgspec would read it as base64), so that one meaning has one form.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import (
    ADDRESS_CHARS_MAX,
    KEY_BYTES_MAX,
    NAME_CHARS_MAX,
    SALT_BYTES,
    TITLE_CHARS_MAX,
)

T = TypeVar("T")


class Shape(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An array of so many places, each with its type: what every shape of the ledger derives."""


# \Z and not $: a dollar would let a line feed stand behind the name.
Name = Annotated[str, Meta(pattern=rf"\A[a-z0-9][a-z0-9-]{{0,{NAME_CHARS_MAX - 1}}}\Z")]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
Address = Annotated[
    str,
    Meta(
        pattern=r"\A([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\]):[1-9][0-9]{0,4}\Z",
        max_length=ADDRESS_CHARS_MAX,
    ),
]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature64 = Annotated[bytes, Meta(min_length=64, max_length=64)]
Store = Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
RecordKey = Annotated[bytes, Meta(min_length=1, max_length=KEY_BYTES_MAX)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]  # heights, times, revisions

TreeDepth = Annotated[int, Meta(ge=0, le=64)]  # half-bytes of a key's hash …
TreePath = Annotated[bytes, Meta(max_length=32)]  # … and these, packed
RefusalCode = Annotated[str, Meta(max_length=64)]


def shaped(value: Any, shape: type[T]) -> T:
    """Return `value`, as `decode` gave it, as `shape`. Raises InvalidEncoding."""
    try:
        return msgspec.convert(value, shape, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise InvalidEncoding(str(error)) from None


def unknown_version(what: str, found: int, known: int) -> InvalidEncoding:
    """Return the error for a format of another version than the one that is known here."""
    return InvalidEncoding(
        f"{what} of version {found}; this release knows version {known}",
        code="unknown-version",
        remedy="Use the release of govchaind that made it, or a later one.",
    )


def read_versioned(
    data: bytes, shape: type[T], *, what: str, version: int, place: int, bytes_max: int
) -> T:
    """Do as `read_shape`; of another version, say that first, whatever its shape is.

    Args:
        place: where in the array the version stands.
    """
    value = decode(data, bytes_max=bytes_max)
    if type(value) is list and len(value) > place and type(value[place]) is int:
        found: int = value[place]
        if found != version:
            raise unknown_version(what, found, version)
    return shaped(value, shape)


def read_shape(data: bytes, shape: type[T], *, bytes_max: int) -> T:
    """Decode `data` and return it as `shape`. Raises InvalidEncoding."""
    return shaped(decode(data, bytes_max=bytes_max), shape)
