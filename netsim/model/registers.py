"""The model's registers: create, put, retire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.base.encoding import encode
from govchaind.ledger.outcomes import Code

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

TYPES = {"text": str, "integer": int, "boolean": bool, "bytes": bytes}
RECORD_BYTES_MAX = 16 * 1024


def register_key(name: str) -> bytes:
    return b"\x03" + name.encode()


def record_key(register: str, key: bytes) -> bytes:
    return b"\x04" + register.encode() + b"\0" + key


def office_key(institution: str, office: str) -> bytes:
    return b"\x02" + institution.encode() + b"\0" + office.encode()


def create(draft: Draft, arguments: list[Any]) -> int:
    name, title, schema, mode, writers = arguments
    if draft.get(register_key(name)) is not None:
        return Code.REGISTER_EXISTS
    names = [field for field, _ in schema]
    pairs = [tuple(writer) for writer in writers]
    if len(names) != len(set(names)) or len(pairs) != len(set(pairs)):
        return Code.BAD_SCHEMA
    if mode == "commitment" and schema:
        return Code.BAD_SCHEMA
    if any(draft.get(office_key(*pair)) is None for pair in pairs):
        return Code.UNKNOWN_WRITER
    owner = [draft.institution, draft.office]
    draft.put(register_key(name), [title, mode, schema, writers, owner, draft.height])
    return Code.APPLIED


def _writable(draft: Draft, name: str) -> tuple[int, Any]:
    register = draft.get(register_key(name))
    if register is None:
        return Code.UNKNOWN_REGISTER, None
    if [draft.institution, draft.office] not in [register[4], *register[3]]:
        return Code.NOT_A_WRITER, None
    return Code.APPLIED, register


def fits(register: Any, value: Any) -> bool:
    """Say whether a value is one that the register takes."""
    schema = register[2]
    if register[1] == "commitment":
        return type(value) is bytes and len(value) == 32
    if type(value) is bytes:
        return False
    if schema:
        if len(schema) != len(value):
            return False
        if any(
            type(item) is not TYPES[kind] for (_, kind), item in zip(schema, value, strict=True)
        ):
            return False
    return all(
        type(item) in (str, bool, bytes) or (type(item) is int and -(2**63) <= item < 2**63)
        for item in value
    )


def put(draft: Draft, arguments: list[Any]) -> int:
    name, key, value, expected = arguments
    code, register = _writable(draft, name)
    if code:
        return code
    if not fits(register, value):
        return Code.VALUE_DOES_NOT_FIT_SCHEMA
    revision, retired, _ = draft.get(record_key(name, key)) or (0, False, None)
    if retired:
        return Code.RECORD_RETIRED
    if expected not in (None, revision):
        return Code.REVISION_CONFLICT
    record = [revision + 1, False, value]
    if len(encode(record)) > RECORD_BYTES_MAX:
        return Code.VALUE_TOO_LARGE
    draft.put(record_key(name, key), record)
    return Code.APPLIED


def retire(draft: Draft, arguments: list[Any]) -> int:
    name, key = arguments
    code, _ = _writable(draft, name)
    if code:
        return code
    record = draft.get(record_key(name, key))
    if record is None:
        return Code.UNKNOWN_RECORD
    if record[1]:
        return Code.RECORD_RETIRED
    draft.put(record_key(name, key), [record[0] + 1, True, record[2]])
    return Code.APPLIED
