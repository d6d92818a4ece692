"""A running node keeps as many blocks as its operator wants: it archives and removes older ones.

Rules it keeps:
- Off unless a setting says how much is kept. If both blocks and days are set, both are kept.
- With an archive, nothing is removed that is not in it whole and synced; if it cannot be written,
  nothing is removed, an event says so, and it is tried again.
- It begins when a tenth more than is wanted has gathered, so that an archive is made of few parts.
- What must stay, whatever is wanted, the replica decides (`replica/pruning.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from govchaind.backup.archive import Archive
from govchaind.base.errors import Invalid, Refused
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import newest_result, read_result
from govchaind.replica.events import Prune
from govchaind.replica.marker import first_height
from govchaind.replica.pruning import may_go_below
from govchaind.runtime.environment import Storage, Threads

FIRST_LOOK_SECONDS = 5.0
LOOK_SECONDS = 60.0
PAUSE_SECONDS = 0.01  # between a few blocks that are archived and the next
MORE_SHARE = 10  # one part in so many beyond what is kept gathers before a removal
MILLISECONDS_A_DAY = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """What an operator wants: the settings of the same names, `storage.…`."""

    blocks: int = 0
    days: float = 0.0
    archive_directory: Path | None = None
    archived_at: str | None = None


def wanted_first(reader: KeyValueReader, kept: Kept) -> Height:
    """Return the height below which an operator wants nothing kept; 1 if everything."""
    newest = newest_result(reader)
    if newest is None or not (kept.blocks or kept.days):
        return 1
    first = max(1, newest.height - kept.blocks + 1)
    if kept.days:
        since = newest.time - int(kept.days * MILLISECONDS_A_DAY)
        first = _first_since(reader, since, first)
    return first


def _first_since(reader: KeyValueReader, since: int, ceiling: Height) -> Height:
    """Return the lowest height whose time is `since` or later, `ceiling` at most: times rise."""
    low, high = 1, ceiling
    while low < high:
        middle = (low + high) // 2
        if read_result(reader, middle).time < since:
            low = middle + 1
        else:
            high = middle
    return low


class Keeping:
    """Looks now and then whether old blocks should go.

    Args:
        prune: gives the replica leave to remove.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        genesis: Genesis,
        kept: Kept,
        threads: Threads,
        prune: Callable[[Prune], None],
        report: Callable[..., None],
    ) -> None:
        self._storage = storage
        self._kept = kept
        self._prune = prune
        self._report = report
        self._archive = None
        if kept.archive_directory is not None:
            pause = partial(trio.sleep, PAUSE_SECONDS)
            folder = kept.archive_directory
            self._archive = Archive(folder, storage, genesis, threads=threads, pause=pause)

    async def run(self) -> None:
        """Look again and again until cancelled; ends at once where everything is kept."""
        if not (self._kept.blocks or self._kept.days):
            return
        await trio.sleep(FIRST_LOOK_SECONDS)
        while True:
            await self.look()
            await trio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Archive and remove what is due."""
        before = self._due()
        if before is None:
            return
        archived = 0
        if self._archive is not None:
            try:
                made = await self._archive.reach(before - 1)
            except (Refused, Invalid) as error:
                self._report("store.archive_failed", code=error.code, problem=error.message)
                return
            except OSError as error:
                problem = error.strerror or "the folder cannot be used"
                self._report("store.archive_failed", code="archive-unusable", problem=problem)
                return
            archived = before - 1
            if made is not None:
                self._report("store.archived", first=made.first, last=made.last, bytes=made.bytes)
        self._prune(Prune(before, archived, self._kept.archived_at))

    def _due(self) -> Height | None:
        snapshot = self._storage.snapshot()
        try:
            newest = newest_result(snapshot)
            before = min(wanted_first(snapshot, self._kept), may_go_below(snapshot))
            first = first_height(snapshot)
        finally:
            snapshot.close()
        if newest is None or before <= first:
            return None
        stays = newest.height - before + 1
        return before if before - first >= max(1, stays // MORE_SHARE) else None
