"""A message in full, as names and values that a person can read; bytes in hexadecimal."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

DEPTH_MAX = 8
ITEMS_MAX = 40
BYTES_SHOWN = 32

Spelled = str | int | float | bool | None | list[Any] | dict[str, Any]


def spelled(value: Any, depth: int = 0) -> Spelled:
    """Return a value as plain names, numbers and texts."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.name if isinstance(value, Enum) else value
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        shown = raw[:BYTES_SHOWN].hex()
        return shown if len(raw) <= BYTES_SHOWN else f"{shown}… ({len(raw)} bytes)"
    if isinstance(value, Enum):
        return value.name
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, dict):
        return {str(key): spelled(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
        told = [spelled(each, depth + 1) for each in items[:ITEMS_MAX]]
        return told if len(items) <= ITEMS_MAX else [*told, f"… {len(items) - ITEMS_MAX} more"]
    names = _names(value)
    if not names:
        return type(value).__name__
    parts = {name: spelled(getattr(value, name), depth + 1) for name in names}
    return {"": type(value).__name__, **parts}


def _names(value: Any) -> list[str]:
    if is_dataclass(value):
        return [item.name for item in fields(value) if not item.name.startswith("_")]
    return [name for name in getattr(value, "__struct_fields__", ()) if name[0] != "_"]
