"""What the changes of one height come to: rows of records as they stand after it, and of history.

The ledger has applied every change that comes here, so revisions follow from those before: one more
for each change, and a retired record keeps its value. One record may change several times in one
height; its row is written once, as it stands at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from govchaind.bridge.changes import Change, Changed, Register, text_of
from govchaind.bridge.postgres_tables import travelling

Row = dict[str, Any]
Fetch = Callable[[str, list[bytes]], tuple[Register, dict[bytes, int]]]


class Records:
    """The rows of one height.

    Args:
        time: its block time, ISO 8601; None beyond the calendar.
        fetch: gives a register, and the present revisions of some of its records.
    """

    def __init__(self, changes: Sequence[Change], time: str | None, fetch: Fetch) -> None:
        self._time = time
        self._put: dict[str, dict[bytes, Row]] = {}
        self._retired: dict[str, dict[bytes, Row]] = {}
        self._registers: dict[str, Register] = {}
        self.history: list[Row] = []
        records = [one for one in changes if isinstance(one, Changed)]
        revisions: dict[str, dict[bytes, int]] = {}
        for name in dict.fromkeys(one.register for one in records):
            keys = list(dict.fromkeys(one.key for one in records if one.register == name))
            self._registers[name], revisions[name] = fetch(name, keys)
        for one in records:
            known = revisions[one.register]
            known[one.key] = known.get(one.key, 0) + 1
            self._take(one, known[one.key])

    def put(self) -> Iterator[tuple[Register, list[Row]]]:
        """Yield the rows of records that have a new value, by register."""
        for name, rows in self._put.items():
            yield self._registers[name], list(rows.values())

    def retired(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of records that were retired and keep the value they had before."""
        for name, rows in self._retired.items():
            yield name, list(rows.values())

    def _take(self, one: Changed, revision: int) -> None:
        row: Row = {
            "k": one.key.hex(),
            "_revision": revision,
            "_height": one.at.height,
            "_time": self._time,
            "_transaction": one.at.transaction.hex(),
        }
        if one.value is not None:
            register = self._registers[one.register]
            values = [travelling(value) for value in register.row(one.value)]
            columns = {f"c{number}": value for number, value in enumerate(values)}
            more = {"_key": travelling(text_of(one.key)), "_retired": False}
            self._put.setdefault(one.register, {})[one.key] = {**row, **more, **columns}
        elif (written := self._put.get(one.register, {}).get(one.key)) is not None:
            written.update(row, _retired=True)
        else:
            self._retired.setdefault(one.register, {})[one.key] = row
        self.history.append(self._told(one, revision))

    def _told(self, one: Changed, revision: int) -> Row:
        exact = one.exact
        return {
            "height": one.at.height,
            "position": one.at.position,
            "place": one.at.place,
            "time": self._time,
            "register": one.register,
            "k": one.key.hex(),
            "key": travelling(text_of(one.key)),
            "revision": revision,
            "retired": one.retires,
            "value": None if one.value is None else self._named(one.register, one.value),
            "cbor": None if exact is None else exact.hex(),
            "transaction": one.at.transaction.hex(),
            "institution": one.at.institution,
            "office": one.at.office,
        }

    def _named(self, name: str, value: list[Any] | bytes) -> Any:
        register = self._registers[name]
        values = [travelling(one) for one in register.row(value)]
        columns = [column for column, _ in register.columns]
        return dict(zip(columns, values, strict=True))
