"""Where in a TOML text a field stands: for errors that name line and column.

tomllib tells places only of what it cannot read. This finds where a key stands that it has read, by
going through the lines: table headers, keys, dotted keys, and keys within inline tables; the
insides of long strings are passed over.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_VALUE = re.compile(r"[^=]*=\s*[\"']*")
_LONG = ('"""', "'''")


def _dotted(text: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def place(text: str, wanted: Path) -> tuple[int, int]:
    """Return line and column of the deepest part of `wanted` that the text has; (1, 1) if none."""
    best, deepest = (1, 1), 0
    table: Path = ()
    counts: dict[Path, int] = {}
    within = ""
    for number, line in enumerate(text.splitlines(), 1):
        if within:
            within = "" if within in line else within
            continue
        found: Path | None = None
        column = 1
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header is not None:
            table = _table(header, counts)
            found, column = table, header.start(2) + 1
        elif key is not None:
            found, column = table + _dotted(key.group(1)), key.start(1) + 1
            for quote in _LONG:
                if line.count(quote) == 1:
                    within = quote
        if found is None:
            continue
        depth = _common(found, wanted)
        if depth == len(found) and depth > deepest:
            best, deepest = (number, column), depth
            rest = wanted[depth:]
            inside = next((each for each in reversed(rest) if isinstance(each, str)), None)
            if key is not None and inside is not None:
                match = re.search(rf"[{{,\s]({re.escape(inside)})\s*=", line[key.end() :])
                if match is not None:
                    best = (number, key.end() + match.start(1) + 1)
    return best


def value_place(text: str, wanted: Path) -> tuple[int, int]:
    """Return line and column of the first letter of a key's value, within its quotation marks."""
    row, column = place(text, wanted)
    lines = text.splitlines()
    value = _VALUE.match(lines[row - 1], column - 1) if lines else None
    return row, column if value is None else value.end() + 1


def _table(header: re.Match[str], counts: dict[Path, int]) -> Path:
    """Return the path that a header opens, with the numbers of arrays' elements."""
    found: Path = ()
    parts = _dotted(header.group(2))
    for at, part in enumerate(parts):
        found = (*found, part)
        last = at == len(parts) - 1
        if last and header.group(1) == "[[":
            counts[found] = counts.get(found, -1) + 1
        if found in counts:
            found = (*found, counts[found])
    return found


def _common(one: Path, other: Path) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)))  # fmt: skip
