"""What goes wrong in gear 2, when, and for how long: one task for each kind of fault that is on.

A fault never takes the last good copies: at most so many disks rot at a time as a quorum can do
without, and what rots is put back when its node has found it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from govchaind.base.quorum import certificate_quorum, majority
from govchaind.base.types import Seconds
from govchaind.runtime.drive import SCRUB_ROWS, UPKEEP_SECONDS
from netsim.gear2.machine import Machine
from netsim.gear2.path import Path
from netsim.gear2.stores import Stores
from netsim.options import source
from netsim.partitions import SHAPES, Directions, cut_out

if TYPE_CHECKING:
    from netsim.gear2.world import World

RARER = {
    "disk-error": 2.0, "disk-full": 2.0, "rot": 2.0, "stop": 2.0, "clock": 2.0, "wipe": 2.0,
}  # fmt: skip

SLOW_DISKS = ("disk-hang", "disk-slow", "disk-full")
GUARDS_FULL = 0.3  # of all disks that are full: only the one of the guard file


class Faults:
    """All kinds of one run; `run` is cancelled when the safety phase ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = source(world.options.seed, "gear2/faults")
        self._guards = source(world.options.seed, "gear2/faults/guards")
        self._nursery: trio.Nursery | None = None
        self._parted = False
        self._stores = Stores(world)
        self._kinds: dict[str, Callable[[], None]] = {
            "reset": self._reset,
            "clog": self._clog,
            "cut": self._cut,
            "partition": self._partition,
            "crash": self._crash,
            "stop": self._stop,
            "disk-slow": self._disk_slow,
            "disk-hang": self._disk_hang,
            "disk-error": self._disk_error,
            "disk-full": self._disk_full,
            "rot": self._rot,
            "wipe": self._wipe,
            "restore": self._restore,
            "clock": self._clock,
            "prune": self._prune,
        }

    async def run(self) -> None:
        """Have things go wrong until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for kind, act in self._kinds.items():
                if self._world.options.on(kind):
                    nursery.start_soon(self._happen, kind, act)
            await trio.sleep_forever()

    async def _happen(self, kind: str, act: Callable[[], None]) -> None:
        pick = source(self._world.options.seed, f"gear2/fault/{kind}")
        mean = self._world.options.fault_every * RARER.get(kind, 1.0)
        while True:
            await trio.sleep(pick.expovariate(1 / mean))
            self._random = pick
            act()

    def _lasts(self) -> Seconds:
        return self._random.expovariate(1 / self._world.options.fault_lasts)

    def _later(self, seconds: Seconds, act: Callable[[], None]) -> None:
        """End a fault; when the phase ends first, healing does."""

        async def wait() -> None:
            await trio.sleep(seconds)
            act()

        if self._nursery is not None:
            self._nursery.start_soon(wait)

    def _say(self, name: str, text: str) -> None:
        self._world.trace.line(trio.current_time(), name, f"* {text}")

    def _some(self) -> Machine | None:
        running = [each for each in self._world.machines.values() if each.running]
        return self._random.choice(running) if running else None

    def _prune(self) -> None:
        machine = self._some()
        if machine is not None:
            machine.prune()

    # --- network ---------------------------------------------------------------------------------

    def _pair(self) -> list[str] | None:
        names = self._world.chain.names
        return self._random.sample(names, 2) if len(names) > 1 else None

    def _reset(self) -> None:
        machine = self._some()
        streams = self._world.board.streams(machine.name) if machine is not None else []
        if machine is not None and streams:
            self._say(machine.name, "a connection is reset")
            self._world.marks.reach("connection-reset")
            self._random.choice(streams).reset()

    def _cut_all(self, directions: Directions, lasts: Seconds) -> None:
        board = self._world.board
        paths: list[Path] = [board.path(*each) for each in directions]
        for path in paths:
            path.cut()

        def mend() -> None:
            self._say("-", f"mend {len(paths)}")
            for path in paths:
                path.mend()

        self._later(lasts, mend)

    def _clog(self) -> None:
        pair = self._pair()
        if pair is not None:
            lasts = 0.3 * self._lasts()
            self._say(pair[0], f"clog to {pair[1]} {lasts:.3f}")
            self._cut_all([(pair[0], pair[1])], lasts)

    def _cut(self) -> None:
        pair = self._pair()
        if pair is not None:
            directions: Directions = [(pair[0], pair[1])]
            if self._random.random() < 0.5:
                directions.append((pair[1], pair[0]))
            self._say(pair[0], f"cut {' '.join('>'.join(each) for each in directions)}")
            self._cut_all(directions, 2 * self._lasts())

    def _partition(self) -> None:
        names = self._world.chain.names
        if self._parted or len(names) < 2:
            return
        shape = self._random.choice(SHAPES)
        directions = cut_out(shape, list(names), self._random)
        lasts = 2 * self._lasts()
        self._say("-", f"partition {shape} {' '.join('>'.join(each) for each in directions)}")
        self._world.marks.reach("partition")
        self._parted = True
        self._cut_all(directions, lasts)
        self._later(lasts, self._whole)

    def _whole(self) -> None:
        self._parted = False

    # --- processes -------------------------------------------------------------------------------

    def _crash(self) -> None:
        pick, options = self._random, self._world.options
        if pick.random() < 0.1:
            self._world.marks.reach("all-restarted")
            for machine in self._world.machines.values():
                machine.crash(pick.random() * 3)
            return
        machine_ = self._some()
        if machine_ is None:
            return
        silently = pick.random() < options.power_cuts
        if pick.random() < 0.5:
            machine_.crash_at_next_write(self._lasts(), silently=silently)
        else:
            machine_.crash(self._lasts(), silently=silently)

    def _stop(self) -> None:
        machine = self._some()
        if machine is not None:
            machine.stop(self._lasts())

    # --- disks and clocks ------------------------------------------------------------------------

    def _disk_slow(self) -> None:
        machine = self._some()
        if machine is None:
            return
        slow = self._random.choice((5.0, 50.0, 200.0))
        self._say(machine.name, f"disk slow {slow}")
        self._each(machine, "slow", slow)
        self._later(self._lasts(), partial(self._each, machine, "slow", 1.0))

    @staticmethod
    def _each(machine: Machine, name: str, value: object) -> None:
        """Have one thing be so on all disks of a machine."""
        for disk in machine.disks:
            setattr(disk, name, value)

    def _disk_hang(self) -> None:
        machine = self._some()
        if machine is not None:
            self._each(machine, "hangs", value=True)
            if machine.leads:
                self._world.marks.reach("disk-hung-leader")
            self._say(machine.name, "disk hangs")
            self._later(2 * self._lasts(), machine.mend_disks)

    def _disk_error(self) -> None:
        machine = self._some()
        if machine is not None:
            disk = machine.some_disk(self._random)
            disk.fails = self._random.choice(("write", "sync"))
            self._say(machine.name, f"next {disk.fails} will fail")

    def _disk_full(self) -> None:
        machine = self._some()
        if machine is None:
            return
        what = "guard_full" if self._guards.random() < GUARDS_FULL else "full"
        self._say(machine.name, "disk is full" if what == "full" else "disk of the guard is full")
        self._each(machine, what, value=True)
        self._later(self._lasts(), partial(self._each, machine, what, value=False))

    def _rot(self) -> None:
        machines = list(self._world.machines.values())
        voters = len(self._world.chain.voters)
        spare = voters - max(majority(voters), certificate_quorum(voters))
        rotten = [each for each in machines if each.disk.flipped]
        machine = self._some()
        if machine is None or (len(rotten) >= max(spare, 1) and machine not in rotten):
            return
        disk = machine.some_disk(self._random)
        key = disk.flip(self._random)
        if key is None:
            return
        self._say(machine.name, f"a bit flips in row {key.hex()[:24]}")
        slowed = any(self._world.options.on(kind) for kind in SLOW_DISKS)
        if self._nursery is not None and disk is machine.disk and not slowed:
            self._nursery.start_soon(self._read_in_time, machine, key)

    async def _read_in_time(self, machine: Machine, key: bytes) -> None:
        """I-27: a node reads through its store again and again, so what has rotted is found."""
        life, turns = machine.lives, machine.disk.rows / SCRUB_ROWS + 3
        seconds = 2 * turns * UPKEEP_SECONDS  # it may grow meanwhile
        await trio.sleep(seconds)
        if machine.running and machine.lives == life and key in machine.disk.flipped:
            text = f"has not read row {key.hex()[:24]}, rotten for {seconds:.0f} s"
            self._world.judge.fail("I-27", machine.name, text)

    def _any(self) -> Machine:
        return self._random.choice(list(self._world.machines.values()))

    def _wipe(self) -> None:
        self._stores.wipe(self._any(), self._random, self._lasts())

    def _restore(self) -> None:
        self._stores.restore(self._any(), self._lasts())

    def _clock(self) -> None:
        world = self._world
        machine = self._any()
        now = trio.current_time()
        self._say(machine.name, machine.clock.disturb(self._random, world.options.clock_skew, now))
