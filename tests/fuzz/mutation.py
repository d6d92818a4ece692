"""Changes bytes as a fuzzer does, but in their CBOR structure: `scripts/fuzz` and the tests use it.

Blind changes rarely get past a strict decoder. Here a value is read, one place of it is changed,
and the whole is written again, so that what lies behind the decoder is reached.
"""

from __future__ import annotations

import random
from typing import Any

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import Invalid

BYTES_MAX = 65_536
DEPTH_MAX = 12
_ATOMS: tuple[Any, ...] = (
    *(0, 1, -1, 23, 24, 255, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), -(2**64)),
    *(b"", bytes(32), bytes(64), b"\xff" * 33, "", "a", "\x00", "省", "a" * 300, "../x", "\u202e"),
    *(True, False, None, [], [[]], {}, {"a": 1}),
)


def changed(data: bytes, draw: random.Random) -> bytes:
    """Return `data` with one or a few places changed; CBOR stays CBOR, mostly."""
    if draw.random() < 0.7:
        try:
            value = decode(data, bytes_max=BYTES_MAX)
        except Invalid:
            return _flipped(data, draw)
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            value = _changed(value, draw, DEPTH_MAX)
        return encode(value)
    return _flipped(data, draw)


def _changed(value: Any, draw: random.Random, depth: int) -> Any:
    if depth and isinstance(value, list) and value and draw.random() < 0.85:
        return _list_changed(value, draw, depth)
    if depth and isinstance(value, dict) and value and draw.random() < 0.85:
        key = draw.choice(sorted(value))
        kept = {name: item for name, item in value.items() if name != key}
        if draw.random() < 0.15:
            return kept
        name = "".join(draw.sample(key, len(key))) if draw.random() < 0.1 else key
        return {**kept, name: _changed(value[key], draw, depth - 1)}
    return _atom_changed(value, draw)


def _list_changed(value: list[Any], draw: random.Random, depth: int) -> list[Any]:
    place = draw.randrange(len(value))
    way = draw.random()
    if way < 0.7:
        return [*value[:place], _changed(value[place], draw, depth - 1), *value[place + 1 :]]
    if way < 0.8:
        return [*value[:place], *value[place + 1 :]]
    if way < 0.9:
        return [*value[:place], value[place], *value[place:]]
    return draw.sample(value, len(value))


def _atom_changed(value: Any, draw: random.Random) -> Any:
    if draw.random() < 0.4:
        return draw.choice(_ATOMS)
    if isinstance(value, bytes):
        return changed(value, draw) if draw.random() < 0.7 else value[: len(value) // 2]
    if isinstance(value, int) and not isinstance(value, bool):
        moved = value + draw.choice((-1, 1, 2, 256, -value))
        return moved if -(2**64) <= moved < 2**64 else 0
    if isinstance(value, str):
        return value + draw.choice(("x", " ", "\n", "/", "é"))
    return draw.choice(_ATOMS)


def _flipped(data: bytes, draw: random.Random) -> bytes:
    if not data:
        return draw.randbytes(draw.randrange(1, 9))
    place = draw.randrange(len(data))
    way = draw.random()
    if way < 0.5:
        return data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]
    if way < 0.65:
        return data[:place]
    if way < 0.8:
        return data[:place] + draw.randbytes(draw.randrange(1, 5)) + data[place:]
    if way < 0.9:
        return data[:place] + data[draw.randrange(len(data)) :]
    return (data + data[place:])[:BYTES_MAX]
