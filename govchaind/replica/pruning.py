"""Old blocks are removed to make room: what may go, and how, a few heights a write.

Of a height that goes, its block and its certificate are removed and its outcomes; what stays of its
result is what the tree of heights is built from, and its time. Everything else stays: the state and
its history, which ids are used, memberships, votes.

Rules it keeps:
- A block that brought a membership in force stays whole: a trust file of any age can be advanced.
- Nothing goes that is not certified here, that is newer than the newest checkpoint that can be
  proved, or among the newest KEEP_BLOCKS_MIN; and a leader keeps what a peer lacks, up to
  KEEP_FOR_SLOW_BLOCKS_MAX more.
- The marker of where the store begins changes in the same write as the removal.
- A running node removes at most PRUNE_STEP_HEIGHTS with a write.

When to remove, and whether it is archived before, is decided outside (`backup/keeping.py`).
"""

from __future__ import annotations

import math
from collections.abc import Container

from govchaind.base.encoding import encode
from govchaind.base.errors import Gone, NotFound, invariant
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import (
    KEEP_BLOCKS_MIN,
    KEEP_FOR_SLOW_BLOCKS_MAX,
    PRUNE_STEP_HEIGHTS,
    PRUNE_STEP_SECONDS,
)
from govchaind.base.types import Height, Seconds
from govchaind.ledger.results import read_result, thinned_row
from govchaind.ledger.state_tree import StateTree
from govchaind.replica.attestation import last_certified
from govchaind.replica.events import Happened, Prune
from govchaind.replica.execution import Pending
from govchaind.replica.marker import FIRST, Marker
from govchaind.replica.store import BEGINS_LATER, FORMAT_KEY, StoredLog

HELD_SECONDS = 5.0  # between looks whether a slow peer still lacks what should go


def may_go_below(reader: KeyValueReader) -> Height:
    """Return the height below which everything may be removed; 1: nothing may."""
    certified = last_certified(reader)
    try:
        checkpoint = StateTree().checkpoint_at(reader, certified)
    except (Gone, NotFound):
        return 1
    return max(1, min(certified - KEEP_BLOCKS_MIN + 1, checkpoint))


def remove(
    reader: KeyValueReader,
    log: StoredLog,
    batch: WriteBatch,
    configured: Container[Height],
    prune: Prune,
    until: Height,
) -> None:
    """Remove the blocks below `until` and move the marker there, all in `batch`.

    Args:
        reader: what `log` reads too, with what is not yet written.
        configured: heights that brought a membership in force.
        prune: what was asked for; `until` is not above it.
    """
    first = log.first_index()
    invariant(first < until <= prune.before, "what is removed is what was asked for")
    before = read_result(reader, until - 1)
    term = log.term(until - 1)
    for height in range(first, until):
        if height in configured:
            continue
        batch.put(height_key(Table.RESULT, height), thinned_row(read_result(reader, height)))
        batch.delete(height_key(Table.LOG, height))
        batch.delete(height_key(Table.CERTIFICATE, height))
    archived = prune.archived
    if log.marker is not None:
        archived = max(archived, log.marker.archived)
    marker = Marker(until, term, before.block_hash, before.time, archived, prune.archived_at)
    batch.put(FIRST, marker.encode())
    batch.put(FORMAT_KEY, encode(BEGINS_LATER))  # an older release must not take it for damaged
    log.marker = marker


class Pruner:
    """Removes what a running node was asked to, step by step."""

    def __init__(self, log: StoredLog, configured: Container[Height]) -> None:
        self._log = log
        self._configured = configured
        self._asked: Prune | None = None
        self._next: Seconds = 0.0

    def asked(self, prune: Prune, reader: KeyValueReader) -> None:
        """Take note of what may be removed; what must stay is not, whatever was asked for."""
        before = min(prune.before, may_go_below(reader))
        if before > self._log.first_index():
            self._asked = Prune(before, prune.archived, prune.archived_at)

    def step(
        self, now: Seconds, reader: KeyValueReader, pending: Pending, slowest: Height | None
    ) -> bool:
        """Remove a few heights if it is time; say whether anything is removed.

        Args:
            slowest: of the peers of a leader, up to where the one has the log that has least of it.
        """
        asked, first = self._asked, self._log.first_index()
        if asked is None or now < self._next:
            return False
        self._next = now + PRUNE_STEP_SECONDS
        if FIRST in pending.batch.changes:  # the disk is slow: it has enough to do
            return False
        before = asked.before
        if slowest is not None and before - slowest <= KEEP_FOR_SLOW_BLOCKS_MAX:
            before = min(before, slowest + 1)
        until = min(before, first + PRUNE_STEP_HEIGHTS)
        if until > first:
            remove(reader, self._log, pending.batch, self._configured, asked, until)
        elif until < asked.before:
            self._next = now + HELD_SECONDS
        if until == asked.before:
            self._asked = None
            pending.notices.append(Happened("store.pruned", {"first": until}))
        return until > first

    @property
    def deadline(self) -> Seconds:
        """Return when `step` has something to do."""
        return math.inf if self._asked is None else self._next
