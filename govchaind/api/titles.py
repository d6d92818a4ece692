"""What things are called in sentences: by their titles where the ledger's state is at hand.

Without it, as on the command line, they are told by their names.
"""

from __future__ import annotations

from typing import Protocol

from govchaind.api.reading import stored
from govchaind.base.keyvalue import KeyValueReader
from govchaind.ledger.operations import catalogue
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import data_set_key, institution_key
from govchaind.ledger.transaction import is_name

TITLES_MAX = 200  # that one page looks up
_STATE = State()
_INSTITUTION_TITLE = 0


class Titles(Protocol):
    """From names to what people call them."""

    def institution(self, name: str) -> str:
        """Return the title of an institution, or its name where there is none."""
        ...

    def data_set(self, institution: str, name: str) -> str:
        """Return the title of a data set, or its name where there is none."""
        ...


class Names:
    """Nothing but names."""

    def institution(self, name: str) -> str:
        return name

    def data_set(self, institution: str, name: str) -> str:
        del institution
        return name


class StateTitles:
    """Titles as one snapshot has them: a bounded number of them, names after that."""

    def __init__(self, reader: KeyValueReader) -> None:
        self._reader = reader
        self._known: dict[bytes, str | None] = {}

    def institution(self, name: str) -> str:
        return name if not is_name(name) else self._title(institution_key(name)) or name

    def data_set(self, institution: str, name: str) -> str:
        if not is_name(institution) or not is_name(name):
            return name
        return self._title(data_set_key(institution, name), catalogue.TITLE) or name

    def _title(self, key: bytes, place: int = _INSTITUTION_TITLE) -> str | None:
        if key not in self._known and len(self._known) < TITLES_MAX:
            value = _STATE.get(self._reader, key)
            self._known[key] = None if value is None else str(stored(value)[place])
        return self._known.get(key)
