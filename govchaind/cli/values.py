"""From text on the command line or in a table to the values that a register's schema asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import Target

_TRUE, _FALSE = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))


@dataclass(frozen=True, slots=True)
class RegisterShape:
    """What a register's records look like."""

    mode: str
    fields: tuple[tuple[str, str], ...]  # name, type; empty: any values


def shape_of(view: dict[str, Any]) -> RegisterShape:
    """Return the shape that a node's JSON describes."""
    fields = tuple((str(f["name"]), str(f["type"])) for f in view.get("fields", []))
    return RegisterShape(str(view.get("mode", "clear")), fields)


def convert(text: str, kind: str, name: str) -> Any:
    """Return `text` as a value of a field. Raises InvalidSetting."""
    try:
        if kind == "integer":
            return int(text)
        if kind == "bytes":
            return bytes.fromhex(text)
        if kind == "boolean":
            if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
            raise ValueError
    except ValueError:
        raise InvalidSetting(
            f"field {name} is {kind}, which {text[:80]!r} is not",
            code="bad-value",
            remedy="Integers in digits, booleans true or false, bytes in hex.",
        ) from None
    return text


def convert_all(texts: Sequence[str], shape: RegisterShape, register: str) -> list[Any]:
    """Return one value for each field of a record. Raises InvalidSetting."""
    if not shape.fields:
        return list(texts)
    if len(texts) != len(shape.fields):
        named = ", ".join(f"{name}:{kind}" for name, kind in shape.fields)
        raise InvalidSetting(
            f"register {register} has {len(shape.fields)} fields ({named}), not {len(texts)}",
            code="bad-value",
            remedy="Give one value for each field, in this order.",
        )
    return [
        convert(text, kind, name) for text, (name, kind) in zip(texts, shape.fields, strict=True)
    ]


def read_value(target: Target, register: str, texts: Sequence[str]) -> tuple[list[Any], str]:
    """Ask a node for the register's schema; return the record's values and the register's mode."""
    import trio

    async def ask() -> dict[str, Any]:
        async with target.client() as client:
            return await client.register(register)

    shape = shape_of(trio.run(ask))
    return convert_all(texts, shape, register), shape.mode
