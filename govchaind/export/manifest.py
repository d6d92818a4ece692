"""The manifest of an export: how far it reaches, and every file that is part of it.

It is replaced whole, so that after a crash it is the one before or the one after; what lies beside
it and is not in it, no whole state has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govchaind.backup.part import Tip
from govchaind.base.errors import GovchaindError, Invalid
from govchaind.base.types import Hash, Height
from govchaind.bridge.changes import Register
from govchaind.export.layout import part_name
from govchaind.ledger.membership import read_membership
from govchaind.runtime.system import sync_folder

MANIFEST = "manifest.json"
FORMAT = "govchaind-parquet"
VERSION = 1
FILE_BYTES_MAX = 256 * 1024 * 1024
HEIGHT_MAX = 10**18


@dataclass(frozen=True, slots=True)
class File:
    """One file of a part."""

    folder: str  # "register=NAME" or "table=NAME"
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """One range of heights."""

    first: Height
    last: Height
    files: tuple[File, ...]

    @property
    def name(self) -> str:
        return part_name(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole state of an export."""

    chain_id: Hash
    since: Height  # the first height that is written
    tip: Tip
    registers: Mapping[str, Register]  # as they began, those before `since` too
    parts: tuple[Part, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a folder, durably."""
    tip = manifest.tip
    value = {
        "format": FORMAT,
        "version": VERSION,
        "chain_id": manifest.chain_id.hex(),
        "since": manifest.since,
        "height": tip.height,
        "block_hash": tip.block_hash.hex(),
        "time_ms": tip.time,
        "membership_since": tip.membership_since,
        "membership": tip.membership.encode().hex(),
        "registers": [
            [one.name, one.title, one.mode, [list(field) for field in one.fields]]
            for one in manifest.registers.values()
        ],
        "parts": [
            {
                "first": part.first,
                "last": part.last,
                "files": [[one.folder, one.rows, one.bytes, one.sha256] for one in part.files],
            }
            for part in manifest.parts
        ],
    }
    beside = folder / f".{MANIFEST}.new"
    with beside.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder; None where there is none. Raises Invalid."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        if len(data) > FILE_BYTES_MAX:
            raise ValueError
        return _read(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, GovchaindError):
        raise Invalid(
            f"{path} is no manifest of an export",
            code="not-an-export",
            remedy="Name the folder of an export; one whose manifest is damaged is made anew.",
        ) from None


def _read(value: Any) -> Manifest:
    if (value["format"], value["version"]) != (FORMAT, VERSION):
        raise ValueError
    tip = Tip(
        _height(value["height"]),
        _hash(value["block_hash"]),
        _height(value["time_ms"]),
        _height(value["membership_since"]),
        read_membership(bytes.fromhex(value["membership"])),
    )
    registers = [
        Register(str(name), str(title), str(mode), tuple((str(f), str(t)) for f, t in fields))
        for name, title, mode, fields in value["registers"]
    ]
    parts = tuple(_part(one) for one in value["parts"])
    since = _height(value["since"])
    due = since
    for part in parts:
        if part.first != due or part.last < part.first:
            raise ValueError
        due = part.last + 1
    if parts and due != tip.height + 1:
        raise ValueError
    named = {one.name: one for one in registers}
    return Manifest(_hash(value["chain_id"]), since, tip, named, parts)


def _part(value: Any) -> Part:
    files = tuple(
        File(_folder(folder), _height(rows), _height(size), _hash(digest).hex())
        for folder, rows, size, digest in value["files"]
    )
    return Part(_height(value["first"]), _height(value["last"]), files)


def _folder(value: Any) -> str:
    """Return a folder's name, which leads nowhere else."""
    kind, _, name = str(value).partition("=")
    if kind not in ("register", "table") or not name.replace("-", "").isalnum():
        raise ValueError
    return str(value)


def _height(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= HEIGHT_MAX:
        raise ValueError
    return value


def _hash(value: Any) -> Hash:
    data = bytes.fromhex(value)
    if len(data) != 32:
        raise ValueError
    return data
