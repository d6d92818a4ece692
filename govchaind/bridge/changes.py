"""What a verified height changes in registers: registers that begin, records put and retired.

Only transactions that were applied change anything, and then all their operations do. A value is
named field by field where the register has fields. A commitment stays the 32 bytes that it is:
what it hides is not on the ledger, so no bridge can take it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from govchaind.base.encoding import encode
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.bridge.feed import Verified
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.registers import CreateRegister, Put, Retire
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import shaped
from govchaind.ledger.transaction import Transaction

COMMITMENT = "commitment"
VALUE = "value"  # the one column of a register without fields
Fields = tuple[tuple[str, str], ...]  # name and type: text, integer, boolean, bytes; or json


@dataclass(frozen=True, slots=True)
class Register:
    """A register as it was created."""

    name: str
    title: str
    mode: str
    fields: Fields  # as its schema has them

    @property
    def columns(self) -> Fields:
        """What a record's value is laid out in."""
        if self.mode == COMMITMENT:
            return ((COMMITMENT, "bytes"),)
        return self.fields or ((VALUE, "json"),)

    def row(self, value: list[Any] | bytes) -> list[Any]:
        """Return a value by `columns`. The ledger has seen to it that it fits."""
        if isinstance(value, bytes) or not self.fields:
            return [value]
        return list(value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a change stands, and who made it."""

    height: Height
    time: BlockTime
    position: int  # of the transaction in its block
    place: int  # of the operation in its transaction
    transaction: Hash
    institution: str
    office: str


@dataclass(frozen=True, slots=True)
class Created:
    """A register begins."""

    at: Place
    register: Register


@dataclass(frozen=True, slots=True)
class Changed:
    """A record is put, or retired: then it keeps its last value, and `value` is None."""

    at: Place
    register: str
    key: bytes
    value: list[Any] | bytes | None

    @property
    def retires(self) -> bool:
        return self.value is None

    @property
    def exact(self) -> bytes | None:
        """The value's bytes as the ledger encodes it; None where it is retired."""
        return None if self.value is None else encode(self.value)


Change = Created | Changed


def changes_of(verified: Verified) -> Iterator[Change]:
    """Yield what a height changes in registers, in the order in which it happened."""
    block = verified.block
    for position, (transaction, (code, _)) in enumerate(
        zip(block.transactions, verified.outcomes, strict=True)
    ):
        if code == Code.APPLIED:
            yield from _changes(transaction, block.height, block.time, position)


def _changes(
    transaction: Transaction, height: Height, time: BlockTime, position: int
) -> Iterator[Change]:
    for place, (kind, arguments) in enumerate(transaction.operations):
        at = Place(
            height,
            time,
            position,
            place,
            transaction.id,
            transaction.institution,
            transaction.office,
        )
        if kind == Kind.CREATE_REGISTER:
            made = shaped(arguments, CreateRegister)
            fields = tuple((name, str(kind)) for name, kind in made.schema)
            yield Created(at, Register(made.name, made.title, made.mode, fields))
        elif kind == Kind.PUT:
            written = shaped(arguments, Put)
            yield Changed(at, written.register, written.key, written.value)
        elif kind == Kind.RETIRE:
            ended = shaped(arguments, Retire)
            yield Changed(at, ended.register, ended.key, None)


def text_of(key: bytes) -> str | None:
    """Return a record's key as text; None where it is none."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
