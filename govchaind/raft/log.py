"""The log as Raft sees it: a tail in memory, the rest through the LogReader.

Rules kept here: indexes are consecutive; a truncation removes the whole tail; an entry leaves
memory only after it is durable and committed, so what `Ready` has not yet handed out, and what a
conflict may still remove, is never looked for in storage. Terms never decrease along a log (paper
section 5.3), which is why the search for an agreeing place is a binary one.

Left out: what is durable (writes.py), what is committed (state.py), configurations (membership.py).
"""

from __future__ import annotations

from govchaind.base.errors import NotFound, invariant
from govchaind.base.limits import LOG_CACHE_BYTES_MAX
from govchaind.raft.messages import Entry, LogReader

ENTRY_OVERHEAD_BYTES = (
    64  # what an entry costs beside its payload, roughly, in memory and on a link
)
KEPT_SHARE = 7 / 8  # an eviction frees an eighth at once, so its cost is spread over many entries


class Log:
    """Entries 1 to `last_index`; those from `_first` on are in memory.

    A log may begin at an entry after the first, which is committed: what stood before it is asked
    for nowhere, for it is what every other node has there. Where old entries are removed, the
    beginning moves up.
    """

    __slots__ = (
        "_bytes",
        "_cache_bytes_max",
        "_entries",
        "_first",
        "_reader",
        "_truncate_from",
        "_unsaved",
        "last_index",
        "last_term",
    )

    def __init__(self, reader: LogReader, *, cache_bytes_max: int = LOG_CACHE_BYTES_MAX) -> None:
        self._reader = reader
        self._cache_bytes_max = cache_bytes_max
        self.last_index = reader.last_index()
        self.last_term = reader.term(self.last_index) if self.last_index else 0
        self._entries: list[Entry] = []
        self._first = self.last_index + 1
        self._unsaved = self._first  # the first index that no Ready has handed out
        self._truncate_from: int | None = None  # what the next Ready must have deleted
        self._bytes = 0

    @property
    def bytes_in_memory(self) -> int:
        """Return roughly how many bytes the tail in memory holds."""
        return self._bytes

    @property
    def beginning(self) -> int:
        """Return the index of the first entry that is here, 0 where none is missing."""
        return self._reader.beginning()

    @property
    def first_in_memory(self) -> int:
        """Return the lowest index that is read without the LogReader."""
        return self._first

    def term(self, index: int) -> int:
        """Return the term of entry `index`; 0 for index 0. Raises NotFound beyond the end."""
        if index == self.last_index:
            return self.last_term
        if index >= self._first:
            if index > self.last_index:
                raise NotFound(f"the log ends at {self.last_index}, not at {index}")
            return self._entries[index - self._first].term
        if index <= 0:
            return 0
        return self._reader.term(index)

    def entry(self, index: int) -> Entry:
        """Return entry `index`. Raises NotFound outside the log, StorageCorrupt from storage."""
        if not 1 <= index <= self.last_index:
            raise NotFound(f"the log holds 1 to {self.last_index}, not {index}")
        if index >= self._first:
            return self._entries[index - self._first]
        return self._reader.entry(index)

    def matches(self, index: int, term: int) -> bool:
        """Say whether entry `index` exists and has this term (the AppendEntries check)."""
        return index <= self.last_index and self.term(index) == term

    def slice(self, first: int, bytes_max: int) -> tuple[list[Entry], int]:
        """Return entries from `first` on within `bytes_max` (at least one, if there is one) and
        their size in bytes."""
        entries: list[Entry] = []
        total = 0
        for index in range(first, self.last_index + 1):
            entry = self.entry(index)
            size = entry.payload.size + ENTRY_OVERHEAD_BYTES
            if entries and total + size > bytes_max:
                break
            entries.append(entry)
            total += size
        return entries, total

    def last_with_term_up_to(self, term: int, *, floor: int, ceiling: int) -> int:
        """Return the last index in floor..ceiling whose term is at most `term`; `floor` if none.

        The agreeing place of two logs is never above it, so one round trip skips a whole term. It
        may be below the beginning, where terms are not known: then the ceiling is returned.
        """
        low, high = max(floor, self.beginning), min(ceiling, self.last_index)
        if high < low:
            return max(floor, high)
        while low < high:
            middle = (low + high + 1) // 2
            if self.term(middle) <= term:
                low = middle
            else:
                high = middle - 1
        return low

    def append(self, entry: Entry) -> None:
        """Add the next entry."""
        invariant(entry.index == self.last_index + 1, "a log has no gaps")
        invariant(entry.term >= self.last_term, "terms never decrease along a log")
        self._entries.append(entry)
        self._bytes += entry.payload.size + ENTRY_OVERHEAD_BYTES
        self.last_index = entry.index
        self.last_term = entry.term

    def truncate(self, index: int) -> None:
        """Remove entry `index` and every one after it."""
        invariant(1 <= index <= self.last_index, "a truncation is within the log")
        if index >= self._first:
            position = index - self._first
            for entry in self._entries[position:]:
                self._bytes -= entry.payload.size + ENTRY_OVERHEAD_BYTES
            del self._entries[position:]
        else:
            # What is below stays in storage; what storage has from here on is not asked for again.
            self._entries.clear()
            self._bytes = 0
            self._first = index
        if index < self._unsaved:
            self._unsaved = index
            if self._truncate_from is None or index < self._truncate_from:
                self._truncate_from = index
        self.last_term = self._term_before(index)
        self.last_index = index - 1

    def _term_before(self, index: int) -> int:
        if index - 1 >= self._first:
            return self._entries[index - 1 - self._first].term
        return self._reader.term(index - 1) if index > 1 else 0

    @property
    def has_news(self) -> bool:
        """Say whether `take` would return anything."""
        return self._unsaved <= self.last_index or self._truncate_from is not None

    def take(self) -> tuple[int | None, list[Entry]]:
        """Return what storage must delete from and then store, since the last call."""
        truncate_from, self._truncate_from = self._truncate_from, None
        if self._unsaved > self.last_index:
            return truncate_from, []
        entries = self._entries[self._unsaved - self._first :]
        self._unsaved = self.last_index + 1
        return truncate_from, entries

    def evict(self, safe_index: int) -> None:
        """Let go of entries up to `safe_index` (durable and committed) if memory holds too much."""
        if self._bytes <= self._cache_bytes_max:
            return
        kept_max = int(self._cache_bytes_max * KEPT_SHARE)
        count = 0
        for entry in self._entries:
            if self._bytes <= kept_max or entry.index > safe_index:
                break
            self._bytes -= entry.payload.size + ENTRY_OVERHEAD_BYTES
            count += 1
        del self._entries[:count]
        self._first += count
