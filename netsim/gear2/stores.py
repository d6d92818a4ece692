"""Faults that take a store away, for good: a disk wiped, or set back to an older copy.

As in gear 1, the last good copies are never taken: a network that has lost more than a quorum can
do without is beyond what was promised. And a disk is set back only to a copy that the guard file
can tell from the newest: the rest is the operator's page's.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import trio

from govchaind.base.types import NodeId, Seconds
from govchaind.replica.store import behind_guard
from govchaind.runtime.guard import read_guard
from netsim.gear2.disk_looks import Copy
from netsim.gear2.machine import Machine

if TYPE_CHECKING:
    from netsim.gear2.world import World


class Stores:
    """How the disks of one world are lost."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._copies: dict[NodeId, Copy] = {}

    def _say(self, machine: Machine, text: str) -> None:
        self._world.trace.line(trio.current_time(), machine.name, f"* {text}")

    def wipe(self, machine: Machine, pick: random.Random, rest: Seconds) -> None:
        """Put an empty disk in the place of a machine's own; its keys stay."""
        if not machine.disk.writes or not self._world.standing.may_lose(machine):
            return
        machine.crash(rest)
        keep = pick.random() < 0.5
        self._say(machine, f"wiped{'' if keep else ', with its guard file'}")
        self._world.marks.reach("store-wiped")
        self._copies.pop(machine.name, None)
        machine.disk.wipe(keep_guard=keep)
        machine.set_back = False  # also if it was, and has not started since
        machine.no_second()

    def restore(self, machine: Machine, rest: Seconds) -> None:
        """Take a copy of a disk; the next time, set the disk back to it."""
        copy = self._copies.get(machine.name)
        if copy is None:
            if machine.disk.writes:
                self._copies[machine.name] = machine.disk.copy()
            return
        if not self._tells(machine, copy) or not self._world.standing.may_lose(machine):
            return
        machine.crash(rest)
        del self._copies[machine.name]
        if self._tells(machine, copy):
            self._say(machine, "set back to an older copy")
            machine.disk.set_back(copy)  # a second store stays: the copy was of the first
            machine.set_back = True

    @staticmethod
    def _tells(machine: Machine, copy: Copy) -> bool:
        """Say whether the guard file can tell this copy from the newest."""
        guard = machine.disk.guard
        return guard is not None and behind_guard(copy.reader(), read_guard(guard)) is not None
