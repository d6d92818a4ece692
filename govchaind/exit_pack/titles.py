"""What sentences call institutions and data sets: by their titles at the pack's last height."""

from __future__ import annotations

from functools import lru_cache

from govchaind.api.reading import stored
from govchaind.exit_pack.source import Source
from govchaind.ledger.operations import catalogue
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import data_set_key, institution_key
from govchaind.ledger.transaction import is_name

TITLES_MAX = 10_000  # remembered at once
_INSTITUTION_TITLE = 0


class TitlesAt:
    """Titles as the source has them at its last height, so that a pack depends on nothing later."""

    def __init__(self, source: Source) -> None:
        state = State()

        @lru_cache(maxsize=TITLES_MAX)
        def title(key: bytes, place: int) -> str | None:
            value = state.get_at(source.reader, key, source.height)
            return None if value is None else str(stored(value)[place])

        self._title = title

    def institution(self, name: str) -> str:
        """Return the title of an institution, or its name where there is none."""
        if not is_name(name):  # what a refused transaction names may be anything
            return name
        return self._title(institution_key(name), _INSTITUTION_TITLE) or name

    def data_set(self, institution: str, name: str) -> str:
        """Return the title of a data set, or its name where there is none."""
        if not is_name(institution) or not is_name(name):
            return name
        return self._title(data_set_key(institution, name), catalogue.TITLE) or name
