"""What makes nodes join by snapshot, and what goes wrong while they do.

A machine is away for long, or has an empty disk; so it comes back far behind. Who has begun to
fetch is then at times killed, as it writes or in between, or loses those who serve it; and who
exchanges its stores is killed in the midst of that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from govchaind.base.types import Seconds
from netsim.gear2.stores import Stores
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.machine import Machine
    from netsim.gear2.world import World

AWAY_SECONDS = (3.0, 12.0)
SOON_SECONDS = 0.5  # a fetch takes about so long
REST_SECONDS = 2.0  # at most, until who was killed here starts again


class Joins:
    """The absences and ambushes of one run; `run` is cancelled when the safety phase ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pick = source(world.options.seed, "gear2/fault/joins")
        self._stores = Stores(world)
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Have machines fall behind until cancelled."""
        pick, options = self._pick, self._world.options
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                while True:
                    await trio.sleep(pick.expovariate(1 / options.fault_every))
                    machine = pick.choice(list(self._world.machines.values()))
                    away = pick.uniform(*AWAY_SECONDS)
                    if pick.random() < 0.5:
                        self._stores.wipe(machine, pick, away if pick.random() < 0.5 else 0.1)
                    else:
                        machine.crash(away, silently=pick.random() < options.power_cuts)
            finally:
                self._nursery = None

    def fetches(self, machine: Machine) -> None:
        """Take that a machine has begun to fetch a snapshot."""
        pick = self._pick
        draw = pick.random()
        if self._nursery is None:
            return
        rest = pick.uniform(0.0, REST_SECONDS)
        if draw < 0.2:
            machine.crash_at_next_write(rest, silently=False, writes=pick.randint(1, 3))
        elif draw < 0.35:
            self._soon(SOON_SECONDS * pick.random(), lambda: machine.crash(rest))
        elif draw < 0.55:
            others = [each for each in self._world.machines.values() if each is not machine]
            if others:
                server = pick.choice(others)
                self._soon(SOON_SECONDS * pick.random(), lambda: server.crash(rest))

    def exchanges(self, machine: Machine) -> None:
        """Take that a machine begins to exchange its stores."""
        pick = self._pick
        if pick.random() < 0.3 and self._nursery is not None:
            rest = pick.uniform(0.0, REST_SECONDS)
            wait = 2 * self._world.options.write_mean * pick.random()
            self._soon(wait, lambda: machine.crash(rest))

    def _soon(self, seconds: Seconds, act: Callable[[], None]) -> None:
        async def later() -> None:
            await trio.sleep(seconds)
            act()

        if self._nursery is not None:
            self._nursery.start_soon(later)
