"""Old blocks are removed from the store of a node that does not run.

Rules it keeps: what must stay stays (`replica/pruning.py`); each write removes some heights and
moves the marker with them, so that a store is whole wherever it is cut off, and the same command
goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable

from govchaind.base.errors import InvalidSetting
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.replica.events import Prune
from govchaind.replica.marker import first_height
from govchaind.replica.memberships import Memberships
from govchaind.replica.pruning import may_go_below, remove
from govchaind.replica.store import StoredLog, View, check_store
from govchaind.runtime.environment import Storage

WRITE_HEIGHTS = 256


def check_before(storage: Storage, genesis: Genesis, before: Height) -> Height:
    """Return the first height of a store of which blocks below `before` may go.

    Raises InvalidSetting: it is of another chain, or some of them must stay.
    """
    snapshot = storage.snapshot()
    try:
        check_store(snapshot, genesis)
        most = may_go_below(snapshot)
        if before > most:
            raise InvalidSetting(
                f"blocks below {before} cannot all be removed here, only those below {most}",
                code="prune-too-far",
                remedy=f"Name at most --before {most}: newer ones are needed to take part and to "
                "prove the state."
                if most > 1
                else "Nothing can be removed yet: the newest blocks always stay.",
            )
        return first_height(snapshot)
    finally:
        snapshot.close()


async def remove_blocks(
    storage: Storage, prune: Prune, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Remove what `check_before` has judged."""
    while True:
        batch = WriteBatch()
        snapshot = storage.snapshot()
        try:
            log = StoredLog(View(snapshot), lambda _: None)
            first = log.first_index()
            until = min(prune.before, first + WRITE_HEIGHTS)
            if until <= first:
                return
            remove(snapshot, log, batch, Memberships(log.memberships()), prune, until)
        finally:
            snapshot.close()
        await storage.write(batch)
        progress(until - first)
