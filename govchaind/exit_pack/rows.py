"""Rows of the tables: blocks with what is in them, and every change of the state by its kind.

What a value's places are called is `kinds.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from govchaind.api.motion_words import motion_words
from govchaind.api.reading import operation_name, plain
from govchaind.api.sentences import headline, sentences
from govchaind.api.titles import Titles
from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.types import BlockTime, Height
from govchaind.data.exit.verify import SEAT
from govchaind.exit_pack.kinds import KINDS, motion_name, names_in
from govchaind.exit_pack.source import PackedBlock
from govchaind.exit_pack.tables import TABLES
from govchaind.ledger import state_keys
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.transaction import Transaction

Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_JSON = {
    table: frozenset(name for name, kind in columns if kind == "json")
    for table, columns in TABLES.items()
}


def moment(milliseconds: BlockTime) -> datetime | None:
    """Return block time for a column of timestamps; None beyond the calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def json_text(value: Any) -> str:
    return _encode(plain(value))


def block_rows(packed: PackedBlock, titles: Titles) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) of a block, its transactions and their operations.

    Args:
        titles: what sentences call institutions and data sets.
    """
    block, result, certificate = packed.block, packed.result, packed.certificate
    at: Row = {"height": block.height, "time": moment(block.time)}
    certified = certificate is not None
    signers = [] if certificate is None else [name for name, _ in certificate.signatures]
    yield (
        "blocks",
        {
            **at,
            "hash": block.hash.hex(),
            "previous": block.previous.hex(),
            "term": block.term,
            "leader": block.leader,
            "transactions": len(block.transactions),
            "operations": block.operations,
            "bytes": block.size,
            "configuration": block.membership is not None,
            "certified": certified,
            "signers": signers,
            "outcomes_root": result.outcomes_root.hex(),
            "state_root": None if result.state_root is None else result.state_root.hex(),
        },
    )
    for position, (transaction, outcome) in enumerate(
        zip(block.transactions, result.outcomes, strict=True)
    ):
        _, _, code, refused = outcome
        place = {**at, "position": position, "certified": certified}
        yield from _transaction_rows(transaction, place, code, refused, titles)


def _transaction_rows(
    transaction: Transaction, at: Row, code: int, refused: int | None, titles: Titles
) -> Iterator[tuple[str, Row]]:
    count = len(transaction.operations)
    told = sentences(transaction, count, refused=code != 0, titles=titles)
    whole = headline(transaction, refused=code != 0, titles=titles)
    text = OUTCOMES.get(code)
    author = {"institution": transaction.institution, "office": transaction.office}
    yield (
        "transactions",
        {
            **at,
            **author,
            "id": transaction.id.hex(),
            "identity": transaction.identity.hex(),
            "signers": [key.hex() for key, _ in transaction.signatures],
            "operations": count,
            "valid_until_ms": transaction.valid_until,
            "code": code,
            "outcome": None if text is None else text.name,
            "outcome_text": None if text is None else text.text,
            "refused_operation": refused,
            "english": whole.english,
            "chinese": whole.chinese,
        },
    )
    for place, ((kind, arguments), words) in enumerate(
        zip(transaction.operations, told, strict=True)
    ):
        yield (
            "operations",
            {
                **at,
                **author,
                "place": place,
                "transaction": transaction.id.hex(),
                "kind": kind,
                "name": operation_name(kind),
                "applied": code == 0,
                "arguments": json_text(arguments),
                "english": words.english,
                "chinese": words.chinese,
            },
        )


class StateRows:
    """Makes rows of state changes in their order.

    Args:
        time_of: gives the block time of a height.
    """

    def __init__(self, time_of: Callable[[Height], BlockTime]) -> None:
        self._time_of = time_of
        self._office: bytes = b""
        self._seats: dict[str, Row] = {}  # those that stand in the office under way, by their text

    def rows(self, key: bytes, height: Height, data: bytes | None) -> Iterator[tuple[str, Row]]:
        """Yield (table, row) of one change."""
        value = None if data is None else decode(data, bytes_max=len(data))
        at: Row = {"height": height, "time": moment(self._time_of(height)), "removed": data is None}
        whole = None if value is None else json_text(value)
        yield "state", {"key_hex": key.hex(), "kind": key[0], **at, "value": whole}
        kind = KINDS.get(key[:1])
        if kind is None or key == state_keys.STANDING:  # … which lists those that have a row each
            return
        row = {**at, **names_in(key)}
        if isinstance(value, list):
            row.update(zip((name for name, _ in kind.places), plain(value), strict=False))
        if key[:1] == state_keys.OFFICE:
            yield from self.end(key)
            yield from self._seated(row, height)
        if key[:1] == state_keys.MOTION and isinstance(value, list):
            row.update(_motion(value))
        for name in _JSON[kind.table]:
            if row.get(name) is not None:
                row[name] = json_text(row[name])
        yield kind.table, row

    def end(self, key: bytes = b"") -> Iterator[tuple[str, Row]]:
        """Yield the seats that still stand, when another office or nothing follows."""
        if key != self._office:
            for seat in self._seats.values():
                yield "seats", seat
            self._seats = {}
            self._office = key

    def _seated(self, office: Row, height: Height) -> Iterator[tuple[str, Row]]:
        """Yield the seats that ended with this change, and take up those that began."""
        found = {json_text(seat): seat for seat in office.get("seats") or []}
        for text in [text for text in self._seats if text not in found]:
            yield "seats", {**self._seats.pop(text), "until_height": height}
        who = {name: office[name] for name in ("institution", "office")}
        for text, seat in found.items():
            named = dict(zip(SEAT, seat, strict=False))
            row = {**who, **named, "from_height": height, "until_height": None}
            self._seats.setdefault(text, row)


def _motion(value: list[Any]) -> Row:
    """Return a motion's name and words."""
    kind, arguments = value[0], value[1]
    try:
        words = motion_words(kind, arguments)
    except (InvalidEncoding, ValueError):
        return {"name": motion_name(kind)}
    return {"name": motion_name(kind), "english": words.english, "chinese": words.chinese}
