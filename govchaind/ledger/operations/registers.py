"""Registers: named collections of records that listed offices write. See `state_keys` for layout.

    create register  [name, title, schema, mode, writers]   owner: the author's office
    put              [register, key, value, expected revision or null]
    retire           [register, key]

A schema lists [field, type]; an empty one takes any list of scalars. In mode "commitment" a value
is 32 bytes that `commitment.py` makes, and there is no schema. The owner and the listed writers
may write. A record's revision counts from 1; expected revision 0 means that there must be none
yet. A retired record is final: its last value stays, marked.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.encoding import decode, encode
from govchaind.base.limits import REGISTER_FIELDS_MAX, REGISTER_WRITERS_MAX, VALUE_BYTES_MAX
from govchaind.ledger.commitment import COMMITMENT_BYTES
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Name, RecordKey, Shape, Title
from govchaind.ledger.state_keys import office_key, record_key, register_key
from govchaind.ledger.working_state import Act, WorkingState

FieldType = Literal["text", "integer", "boolean", "bytes"]
Schema = Annotated[list[tuple[Name, FieldType]], Meta(max_length=REGISTER_FIELDS_MAX)]
Writers = Annotated[list[tuple[Name, Name]], Meta(max_length=REGISTER_WRITERS_MAX)]
_TYPE_NAME = {str: "text", int: "integer", bool: "boolean", bytes: "bytes"}
_INTEGER_MAX = (1 << 63) - 1


class CreateRegister(Shape):
    """Arguments of `create-register`."""

    name: Name
    title: Title
    schema: Schema
    mode: Literal["clear", "commitment"]
    writers: Writers


class Put(Shape):
    """Arguments of `put`."""

    register: Name
    key: RecordKey
    value: list[Any] | bytes
    expected_revision: Count | None


class Retire(Shape):
    """Arguments of `retire`."""

    register: Name
    key: RecordKey


def create_register(arguments: CreateRegister, act: Act, state: WorkingState) -> int:
    """Found a register that the author's office owns."""
    key = register_key(arguments.name)
    if state.get(key) is not None:
        return Code.REGISTER_EXISTS
    fields = [field for field, _ in arguments.schema]
    if len(set(fields)) != len(fields) or (fields and arguments.mode == "commitment"):
        return Code.BAD_SCHEMA
    if len(set(arguments.writers)) != len(arguments.writers):
        return Code.BAD_SCHEMA
    for institution, office in arguments.writers:
        if state.get(office_key(institution, office)) is None:
            return Code.UNKNOWN_WRITER
    state.put_value(
        key,
        [
            arguments.title,
            arguments.mode,
            [list(field) for field in arguments.schema],
            [list(writer) for writer in arguments.writers],
            [act.institution, act.office],
            act.height,
        ],
    )
    return Code.APPLIED


def put(arguments: Put, act: Act, state: WorkingState) -> int:
    """Write a record, new or changed."""
    register = state.decoded(register_key(arguments.register))
    if register is None:
        return Code.UNKNOWN_REGISTER
    if not _may_write(register, act):
        return Code.NOT_A_WRITER
    if not _fits(register, arguments.value):
        return Code.VALUE_DOES_NOT_FIT_SCHEMA
    key = record_key(arguments.register, arguments.key)
    stored = state.get(key)
    revision, retired = (0, False) if stored is None else record_head(stored)
    if retired:
        return Code.RECORD_RETIRED
    expected = arguments.expected_revision
    if expected is not None and expected != revision:
        return Code.REVISION_CONFLICT
    record = encode([revision + 1, False, arguments.value])
    if len(record) > VALUE_BYTES_MAX:
        return Code.VALUE_TOO_LARGE
    state.put(key, record)
    return Code.APPLIED


def retire(arguments: Retire, act: Act, state: WorkingState) -> int:
    """Mark a record as final; its last value stays readable."""
    register = state.decoded(register_key(arguments.register))
    if register is None:
        return Code.UNKNOWN_REGISTER
    if not _may_write(register, act):
        return Code.NOT_A_WRITER
    key = record_key(arguments.register, arguments.key)
    stored = state.get(key)
    if stored is None:
        return Code.UNKNOWN_RECORD
    revision, retired, value = decode(stored, bytes_max=len(stored))
    if retired:
        return Code.RECORD_RETIRED
    state.put_value(key, [revision + 1, True, value])
    return Code.APPLIED


def record_head(record: bytes) -> tuple[int, bool]:
    """Return revision and retirement of a stored record, without decoding its value."""
    head = record[1]
    width = 0 if head < 0x18 else 1 << (head - 0x18)
    revision = int.from_bytes(record[2 : 2 + width], "big") if width else head
    return revision, record[2 + width] == 0xF5


def _may_write(register: Any, act: Act) -> bool:
    author = [act.institution, act.office]
    return author == register[4] or author in register[3]


def _fits(register: Any, value: list[Any] | bytes) -> bool:
    _, mode, schema, *_ = register
    if type(value) is bytes:
        return mode == "commitment" and len(value) == COMMITMENT_BYTES
    if mode == "commitment":
        return False
    if schema and len(schema) != len(value):
        return False
    for place, item in enumerate(value):
        name = _TYPE_NAME.get(type(item))
        if name is None or (schema and schema[place][1] != name):
            return False
        if name == "integer" and not -_INTEGER_MAX - 1 <= item <= _INTEGER_MAX:
            return False
    return True


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "registers", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.CREATE_REGISTER, "create-register", CreateRegister, create_register),
    _operation(Kind.PUT, "put", Put, put),
    _operation(Kind.RETIRE, "retire", Retire, retire),
)
