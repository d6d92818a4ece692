"""Guard files, looked at whenever a node promises something: I-23.

By its guard file a node knows a store that was set back, and what it has said. So it must name the
store in use before anything of that store is said, and soon hold what was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from govchaind.base.types import Height, NodeId, Seconds, StoreId, Term
from govchaind.runtime.guard import read_guard
from netsim.gear2.disk import Disk

if TYPE_CHECKING:
    from netsim.gear2.machine import Machine
    from netsim.gear2.world import World

LATE_SECONDS = 10.0  # ten times as long as one may take, on a disk with nothing wrong


class Guards:
    """What each node has said that its guard file does not hold yet."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waits: dict[tuple[NodeId, int], tuple[Seconds, Term, Height]] = {}

    def said(
        self, machine: Machine, store: StoreId | None, term: Term = 0, height: Height = 0
    ) -> None:
        """A node promises something with its store, in a term or of a height."""
        data = machine.disk.guard
        if store is None:
            return  # the next life gives it one
        guard = None if data is None else read_guard(data)
        if guard is None or guard.store != store:
            self._fail(machine, "speaks with a store that its guard file does not name")
            return
        life, now = (machine.name, machine.lives), trio.current_time()
        since, of_term, of_height = self._waits.setdefault(life, (now, term, height))
        if guard.term >= of_term and guard.signed_height >= of_height:
            del self._waits[life]
        elif _troubled(machine.disk):
            self._waits[life] = now, of_term, of_height
        elif now - since > LATE_SECONDS:
            lacks = f"term {of_term}" if guard.term < of_term else f"height {of_height}"
            self._fail(
                machine, f"has said {lacks} {now - since:.1f} s ago; its guard file lacks it"
            )

    def _fail(self, machine: Machine, text: str) -> None:
        self._world.judge.fail("I-23", machine.name, text)


def _troubled(disk: Disk) -> bool:
    return disk.full or disk.guard_full or disk.hangs or disk.slow > 1.0
