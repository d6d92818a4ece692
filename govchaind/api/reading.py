"""What several handlers read out of a snapshot, and how it is put into JSON. Never awaits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from govchaind.api.models import MemberView, TransactionView
from govchaind.base.encoding import decode, read
from govchaind.base.errors import Invalid, InvalidEncoding, NotFound, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.block import Block, Header, block_parts, read_block
from govchaind.ledger.membership import Member
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.results import Result, find_transaction, newest_result, read_result
from govchaind.replica.marker import check_kept
from govchaind.replica.store import ROW_BYTES_MAX, applied_height

T = TypeVar("T")
HASH_HEX_CHARS = 64


def certified_height(reader: KeyValueReader) -> Height:
    """Return the height up to which every height has a certificate here."""
    start = Table.CERTIFICATE.value
    for key, _ in reader.scan(start, prefix_end(start), reverse=True):
        return int.from_bytes(key[1:9], "big")
    return 0


def iso(milliseconds: int | None) -> str | None:
    """Return a block time as ISO 8601 text in UTC; None if it is beyond the calendar."""
    if milliseconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def iso_text(milliseconds: int) -> str:
    """Return a block time as text, also beyond the calendar."""
    return iso(milliseconds) or f"{milliseconds} ms"


def plain(value: Any) -> Any:
    """Return a decoded value as JSON has it: bytes become hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def leave_in(text: str, reader: Callable[[bytes], T]) -> T:
    """Return the signed leave that a header holds. Raises Invalid, InvalidSignature."""
    try:
        return reader(read_hex(text, what="a leave"))
    except InvalidEncoding:
        raise Invalid("the leave is not one", code="invalid-parameter") from None


def read_hex(text: str, *, what: str, length: int | None = None) -> bytes:
    """Return the bytes that hex text stands for. Raises Invalid."""
    try:
        data = bytes.fromhex(text) if text.isascii() and text.isalnum() else None
    except ValueError:
        data = None
    if data is None or (length is not None and len(data) != length):
        wanted = "hex" if length is None else f"{2 * length} hex digits"
        raise Invalid(f"{what} is written as {wanted}", code="invalid-parameter")
    return data


def operation_name(kind: int) -> str:
    operation = OPERATIONS.get(kind)
    return f"unknown-{kind}" if operation is None else operation.name


def stored(value: bytes) -> Any:
    """Decode a stored value of the state."""
    return decode(value, bytes_max=len(value))


def ledger_time(reader: KeyValueReader, genesis_time: BlockTime) -> BlockTime:
    """Return the time of the newest applied block, by which everything on the ledger is judged."""
    newest = newest_result(reader)
    return genesis_time if newest is None else newest.time


@dataclass(frozen=True, slots=True)
class Outline:
    """A block without a look into its transactions, which is what takes time."""

    header: Header
    transactions: int
    size: int
    configuration: bool


def block_bytes(reader: KeyValueReader, height: Height) -> bytes:
    """Return an applied block's bytes. Raises NotFound, or Pruned where it was removed."""
    applied = applied_height(reader)
    if not 1 <= height <= applied:
        raise NotFound(f"there is no block {height} here; the newest is {applied}")
    data = reader.get(height_key(Table.LOG, height))
    if data is None:
        check_kept(reader, height)
        raise StorageCorrupt(f"block {height} is missing from the store")
    _, raw = read(data, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
    return raw


def block_at(reader: KeyValueReader, height: Height) -> Block:
    """Return an applied block. Raises NotFound."""
    return read_block(block_bytes(reader, height))


def outline_at(reader: KeyValueReader, height: Height) -> Outline:
    """Return the outline of an applied block. Raises NotFound."""
    raw = block_bytes(reader, height)
    header, transactions, membership = block_parts(raw)
    return Outline(Header(header), len(transactions), len(raw), membership is not None)


class Outcomes:
    """Outcomes out of one snapshot; each height's row is decoded once."""

    def __init__(self, reader: KeyValueReader) -> None:
        self.reader = reader
        self._rows: dict[Height, Result] = {}
        self.applied = applied_height(reader)

    @cached_property
    def certified(self) -> Height:
        return certified_height(self.reader)

    def result(self, height: Height) -> Result:
        found = self._rows.get(height)
        if found is None:
            found = self._rows[height] = read_result(self.reader, height)
        return found

    def find(self, transaction: Hash) -> tuple[Height, int, int, int | None] | None:
        """Return height, position, code and operation of the one that used this id, if any.

        Raises Pruned: it is in a block that was removed here.
        """
        place = find_transaction(self.reader, transaction)
        if place is None:
            return None
        height, position = place
        known = self.result(height).outcomes
        if position >= len(known):
            check_kept(self.reader, height)
            raise StorageCorrupt(f"the result of height {height} lacks outcome {position}")
        _, _, code, operation = known[position]
        return height, position, code, operation

    def place(self, transaction: Hash) -> TransactionView | None:
        """Return where a transaction is, without what came of it: also where that was removed."""
        found = find_transaction(self.reader, transaction)
        if found is None:
            return None
        status = "certified" if found[0] <= self.certified else "committed"
        return fate(transaction, status, None, *found)

    def view(self, transaction: Hash) -> TransactionView | None:
        """Return what became of a transaction that used its id, if one did. Raises Pruned."""
        found = self.find(transaction)
        if found is None:
            return None
        height, position, code, operation = found
        status = "certified" if height <= self.certified else "committed"
        return fate(transaction, status, code, height, position, operation)


def fate(
    transaction: Hash | None,
    status: Any,
    code: int | None = None,
    height: Height | None = None,
    position: int | None = None,
    operation: int | None = None,
    detail: str | None = None,
) -> TransactionView:
    """Return the JSON of one transaction's fate; texts come from the table of outcomes."""
    text = None if code is None else OUTCOMES.get(code)
    words = None if text is None else text.text
    if detail is not None and words is not None:
        words = f"{words} {detail[:1].upper()}{detail[1:]}."
    return TransactionView.model_construct(
        id="" if transaction is None else transaction.hex(),
        status=status,
        code=code,
        outcome=None if text is None else text.name,
        text=words,
        remedy=None if text is None else text.remedy,
        height=height,
        position=position,
        operation=operation,
    )


def member_fields(member: Member) -> dict[str, Any]:
    """Return a member as the fields of MemberView."""
    return {
        "name": member.name,
        "institution": member.institution,
        "role": member.role,
        "attestation_key": member.attestation_key.hex(),
        "tls_key": member.tls_key.hex(),
        "store": member.store.hex(),
        "addresses": list(member.addresses),
        "signs_above": member.signs_above,
    }


def member_view(member: Member) -> MemberView:
    return MemberView(**member_fields(member))
