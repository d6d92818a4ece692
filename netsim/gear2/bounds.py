"""Bounds of joining by snapshot and of removing old blocks, made so small that a run of some
seconds comes to all of them.

They are module variables of the product, no settings: a state of a hundred entries would be one
chunk, written once, and offered for hours. They are set here, put back here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from govchaind.replica import pruning
from govchaind.runtime import joining, snapshot_layout, snapshot_server
from netsim.gear2.options import Options

WRITE_SECONDS = 0.05  # what is fetched waits so long before it is written
PRUNED_WITH_A_WRITE = 2  # heights
SERVED_PAUSE_SECONDS = 2.0  # between two heights that others have laid out


@contextmanager
def small_bounds(options: Options) -> Iterator[None]:
    """Have these bounds within this block, if nodes can join by snapshot in this run."""
    joins = options.by_snapshot
    smaller: tuple[tuple[Any, str, Any], ...] = (
        (snapshot_layout, "SNAPSHOT_CHUNK_BYTES_MAX", options.chunk_bytes),
        (snapshot_server, "FRESH_HEIGHTS", options.fresh_heights),
        (snapshot_server, "PAUSE_SECONDS", SERVED_PAUSE_SECONDS),
        (joining, "WRITE_SECONDS", WRITE_SECONDS),
        # as in production fewer than what is always kept, so that who lacks more can join
        (joining, "STALLED_BLOCKS", options.keep_blocks // 4),
        (pruning, "KEEP_BLOCKS_MIN", options.keep_blocks),
        (pruning, "KEEP_FOR_SLOW_BLOCKS_MAX", options.keep_blocks),
        (pruning, "PRUNE_STEP_HEIGHTS", PRUNED_WITH_A_WRITE),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in smaller]
    try:
        for owner, name, value in smaller if joins else ():
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
