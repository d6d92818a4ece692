"""State in words: which record a state key is, and what its value says."""

from __future__ import annotations

from typing import Any

from govchaind.base.encoding import decode
from govchaind.base.errors import GovchaindError
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.cli.output import moment
from govchaind.ledger import state_keys


def state_name(key: bytes) -> str:
    """Return what a state key stands for, in words."""
    kind, rest = key[:1], key[1:]
    if kind == state_keys.RECORD:
        register, _, record = rest.partition(b"\x00")
        return f"record {plain(record)} of register {plain(register)}"
    if kind == state_keys.OFFICE:
        institution, _, office = rest.partition(b"\x00")
        return f"office {plain(office)} of institution {plain(institution)}"
    named = {
        state_keys.INSTITUTION: "institution",
        state_keys.REGISTER: "register",
        state_keys.NODE: "node",
    }
    if kind in named:
        return f"{named[kind]} {plain(rest)}"
    return f"the state key {key.hex()}"


def plain(data: bytes) -> str:
    """Return bytes as quoted text where they are text, else as hex."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return f'"{text}"' if text and text.isprintable() else data.hex()


def state_value(value: bytes | None) -> Any:
    """Return a state value for reading; bytes in hex."""
    if value is None:
        return None
    try:
        return _readable(decode(value, bytes_max=RECEIPT_BYTES_MAX))
    except GovchaindError:
        return value.hex()


def state_sentence(key: bytes, value: bytes | None, height: int, time: int) -> str:
    """Return one sentence that says what stood under a key at a height."""
    when = f"at height {height}, {moment(time)},"
    name = state_name(key)
    if value is None:
        return f"{when} there was no {name}."
    read = state_value(value)
    if key[:1] == state_keys.RECORD and isinstance(read, list) and len(read) == 3:
        revision, retired, fields = read
        state = "retired, last" if retired else "in force"
        shown = ", ".join(map(str, fields)) if isinstance(fields, list) else fields
        return f"{when} {name} was {state} with revision {revision}: {shown}"
    return f"{when} {name} had the value below."


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value
