"""A data set as a file: what a person writes, and what an entry of the catalogue carries.

name = "marriages"
title = "Marriages 婚姻登记信息"
duty = "marriages"
mandate = "data-sharing"
cycle = "daily"                  real-time, daily, weekly, monthly, quarterly, yearly,
                                 irregular, once
sharing = "conditional"          unconditional, conditional, not-shared
service = "https://…"            where it is asked for; may be left out
[[fields]]
name = "status"
title = "Marriage status"
type = "text"                    text, number, date, boolean, image, file
[[conditions]]                   exactly where sharing is conditional
name = "no-copies"
text = "The answer is not kept"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from govchaind.base.errors import InvalidEncoding, InvalidSetting
from govchaind.cli.node_files import read_toml
from govchaind.ledger.operations.catalogue import PublishDataSet
from govchaind.ledger.shapes import shaped

DATA_SET_FILE_BYTES_MAX = 256 * 1024
_NEEDED = ("name", "title", "duty", "fields", "cycle", "sharing", "mandate")
_FURTHER = ("conditions", "service")


def read_data_set(path: Path) -> list[Any]:
    """Return the arguments of `publish-data-set`. Raises InvalidSetting."""
    table = read_toml(path, DATA_SET_FILE_BYTES_MAX)
    missing = [name for name in _NEEDED if name not in table]
    unknown = sorted(set(table) - {*_NEEDED, *_FURTHER})
    if missing or unknown:
        what = f"has no {missing[0]!r}" if missing else f"has an unknown entry {unknown[0]!r}"
        raise _wrong(path, what)
    arguments = [
        table["name"],
        table["title"],
        table["duty"],
        _rows(path, table["fields"], "fields", ("name", "title", "type")),
        table["cycle"],
        table["sharing"],
        _rows(path, table.get("conditions", []), "conditions", ("name", "text")),
        table.get("service"),
        table["mandate"],
    ]
    try:
        shaped(arguments, PublishDataSet)
    except InvalidEncoding as error:
        raise _wrong(path, f"does not fit: {_plainly(error.message)}") from None
    return arguments


def _rows(path: Path, rows: Any, what: str, names: tuple[str, ...]) -> list[list[Any]]:
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        raise _wrong(path, f"has no list of tables [[{what}]]")
    for row in rows:
        if set(row) != set(names):
            raise _wrong(path, f"has a [[{what}]] whose entries are not {', '.join(names)}")
    return [[row[name] for name in names] for row in rows]


def _plainly(problem: str) -> str:
    """Return a problem with the place in the shape told by the entry's name."""
    places = PublishDataSet.__struct_fields__
    for number, name in enumerate(places):
        problem = problem.replace(f"`$[{number}]", f"`{name}")
    return problem


def _wrong(path: Path, what: str) -> InvalidSetting:
    return InvalidSetting(
        f"{path} {what}",
        code="bad-data-set-file",
        remedy="`govchaind catalogue publish --help` shows a whole file.",
    )
