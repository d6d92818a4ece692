"""The state as the operations of one block see it: what is stored, the block's changes, a draft.

Rules it keeps:
- An operation reads its own transaction's earlier writes, then the block's, then the store's.
- A refused transaction's draft is dropped whole; nothing of it was ever visible to another.
- Decoded values are cached only as they are after kept transactions; a kept change forgets the
  cached one. A draft's own values are never cached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from govchaind.base.encoding import decode, encode
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RANGE_ITEMS_MAX
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.state import State, row_value

CACHED_MAX = 4096  # decoded offices, registers and the like; all are forgotten when it is full


@dataclass(slots=True)
class Act:
    """Who acts, and when: the same for all operations of a transaction."""

    institution: str
    office: str
    height: Height
    time: BlockTime
    chain_id: Hash


class WorkingState:
    """One block's view of the state. `cache` outlives it and belongs to the ledger.

    A view for advice, whose reader may be older than the ledger's head, takes `keeps_cache=False`:
    it puts nothing into the cache.
    """

    __slots__ = ("_cache", "_keeps_cache", "_reader", "_state", "changes", "draft", "stored")

    def __init__(
        self,
        state: State,
        reader: KeyValueReader,
        cache: dict[bytes, Any],
        *,
        keeps_cache: bool = True,
    ) -> None:
        self._keeps_cache = keeps_cache
        self._state = state
        self._reader = reader
        self._cache = cache
        self.changes: dict[bytes, bytes | None] = {}
        self.draft: dict[bytes, bytes | None] = {}
        self.stored: dict[bytes, bytes | None] = {}  # rows read so far, as they lie in the store

    def get(self, key: bytes) -> bytes | None:
        """Return the value as this transaction sees it."""
        draft = self.draft
        if key in draft:
            return draft[key]
        changes = self.changes
        if key in changes:
            return changes[key]
        stored = self.stored
        if key not in stored:
            stored[key] = self._state.row(self._reader, key)
        return row_value(stored[key])

    def decoded(self, key: bytes) -> Any:
        """Return the decoded value (None: there is none). The caller must not change it."""
        if key in self.draft:
            return _decoded(self.draft[key])
        cache = self._cache
        if key in cache:
            return cache[key]
        value = _decoded(self.get(key))
        if self._keeps_cache:  # also that there is none: most institutions are not suspended
            if len(cache) >= CACHED_MAX:
                cache.clear()
            cache[key] = value
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, Any]]:
        """Yield (key, decoded value) of all under `prefix`, in order of keys. For what is bounded
        in number and seldom asked: it reads every row."""
        written = {**self.changes, **self.draft}
        mine = {key: value for key, value in written.items() if key.startswith(prefix)}
        after: bytes | None = None
        found: list[tuple[bytes, bytes]] = []
        while page := self._state.scan(self._reader, prefix, limit=RANGE_ITEMS_MAX, after=after):
            found += [(key, value) for key, value, _ in page if key not in mine]
            after = page[-1][0]
        found += [(key, value) for key, value in mine.items() if value is not None]
        for key, value in sorted(found):
            yield key, _decoded(value)

    def put(self, key: bytes, value: bytes) -> None:
        self.draft[key] = value

    def put_value(self, key: bytes, value: Any) -> None:
        """Write the encoding of `value`."""
        self.draft[key] = encode(value)

    def delete(self, key: bytes) -> None:
        self.draft[key] = None

    def keep(self) -> None:
        """Make the draft part of the block's changes."""
        cache = self._cache
        for key, value in self.draft.items():
            self.changes[key] = value
            if key in cache:
                del cache[key]
        self.draft = {}

    def drop(self) -> None:
        """Discard the draft."""
        if self.draft:
            self.draft = {}


def _decoded(value: bytes | None) -> Any:
    return None if value is None else decode(value, bytes_max=len(value))
