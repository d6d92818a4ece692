"""Bugs planted in the removal of old blocks."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.results import result_row
from govchaind.replica import pruning
from govchaind.replica.marker import FIRST
from netsim.mutants.plant import Plant
from netsim.mutants.whole.bug import bug

_pruning: Any = pruning
KINDS = ("prune", "crash", "membership")


@bug("I-30", only=KINDS, nodes=3, falling_behind=True)
def changes_of_membership_go_too(plant: Plant) -> None:
    """A block that brought a membership in force is removed like any other."""

    def remove(reader: Any, log: Any, batch: Any, configured: Any, *rest: Any) -> None:
        del configured
        original(reader, log, batch, frozenset(), *rest)

    original = _pruning.remove
    plant(_pruning, "remove", remove)


@bug("N-1", only=KINDS, nodes=3, falling_behind=True)
def the_marker_stays_behind(plant: Plant) -> None:
    """Blocks are removed, and where the store begins is written with the next removal only."""

    def remove(reader: Any, log: Any, batch: Any, *rest: Any) -> None:
        original(reader, log, batch, *rest)
        del batch.changes[FIRST]
        if reader.get(FIRST) is not None:
            batch.put(FIRST, reader.get(FIRST))

    original = _pruning.remove
    plant(_pruning, "remove", remove)


@bug("I-16", only=KINDS, nodes=3, falling_behind=True)
def the_tree_of_heights_forgets(plant: Plant) -> None:
    """What stays of a removed height's result is not what its leaf was made of."""

    def thinned(result: Any) -> bytes:
        return result_row(result.block_hash, bytes(32), result.state_root, [], result.time)

    plant(_pruning, "thinned_row", thinned)
