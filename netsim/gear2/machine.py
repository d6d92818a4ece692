"""One machine: a disk, a clock, keys, and a process that is `run_node` and nothing else.

A crash is: the disk decides the write in flight, the connections close or fall silent, the node's
scope is cancelled; and then `run_node` is called again on what the disk holds.
"""

from __future__ import annotations

import random
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.errors import (
    GovchaindError,
    PeerError,
    StorageCorrupt,
    StorageFull,
    StoreReplaced,
)
from govchaind.base.types import NodeId, Seconds
from govchaind.node import Running, run_node
from govchaind.replica.events import Prune
from govchaind.replica.pruning import may_go_below
from govchaind.replica.screening import CLOCK_AHEAD
from govchaind.runtime.drive import Drive
from govchaind.runtime.environment import Environment
from govchaind.runtime.guard import guard_bytes, unborn
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.telemetry import Telemetry
from netsim.clock import Clock
from netsim.gear2.disk import Disk, SimStorage
from netsim.gear2.landmarks import ACCUSES, landmark
from netsim.gear2.network import SimNetwork
from netsim.gear2.second import Second
from netsim.gear2.stream import SimStream
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.world import World

BROKEN = ("http.request_failed", "http.connection_failed")
STOP_SECONDS_MAX = 6.0  # grace of two seconds, a hand-over of two, and the rest
NEVER = float("inf")


class Machine:
    """One node's machine over all its lives."""

    def __init__(self, name: NodeId, world: World) -> None:
        options = world.options
        self._world = world
        self.name = name
        self.identity = world.chain.identity(name)
        self.config = world.chain.config(name)
        self.clock = Clock()
        self.disk = Disk(
            source(options.seed, f"gear2/disk/{name}"),
            write_seconds=options.write_mean,
            guard=guard_bytes(unborn(self.identity.first_store)),
            served_rot=self._served_rot,
        )
        self.second = self._make_second()
        self.lives = 0
        self.running = False
        self.leads: int | None = None  # the term that it says it leads
        self.kept_down = False
        self.joined_at = 0  # by snapshot, the last time
        self.set_back = False  # its disk, to an older copy that it must find out
        self.network: SimNetwork | None = None
        self._entropy = source(options.seed, f"gear2/entropy/{name}")
        self._storage: SimStorage | None = None
        self._scope = trio.CancelScope()
        self._stop = trio.Event()
        self._replaced = False  # the life before ended because a snapshot was whole
        self._asked: Seconds = 0.0  # to stop
        self._drive: Drive | None = None  # of a running node, where blocks are removed
        self._crashed = False
        self._rest: Seconds = 0.0  # until it starts again
        self._resting = trio.CancelScope()
        self._lost: list[SimStream] = []  # connections that power took
        self._ended_stores: list[weakref.ref[SimStorage]] = []
        if world.drawing is not None:
            self.disk.write_is_durable = self._draw_progress

    def _make_second(self) -> Second | None:
        """Return the second store, where nodes join by snapshot in this run."""
        options, scratch = self._world.options, self._world.scratch
        if scratch is None:
            return None
        pick = source(options.seed, f"gear2/second/{self.name}")
        disk = Disk(pick, write_seconds=options.write_mean, served_rot=self._served_rot)
        return Second(disk, scratch / self.name, pick)

    @property
    def disks(self) -> list[Disk]:
        """All that is written here."""
        return [self.disk] if self.second is None else [self.disk, self.second.disk]

    def some_disk(self, pick: random.Random) -> Disk:
        """Draw one of those that hold a store."""
        return pick.choice(self.disks) if self.second and self.second.there else self.disk

    def mend_disks(self) -> None:
        """End all that is wrong with them, but for what is written wrongly."""
        for disk in self.disks:
            disk.mend()

    def no_second(self) -> None:
        """Have no second store: it was on the disk that is lost."""
        if self.second is not None:
            self.second.discard()

    @property
    def _rotted(self) -> bool:
        return any(disk.rotted for disk in self.disks)

    @property
    def stops(self) -> bool:
        """Whether its process has been asked to stop."""
        return self._stop.is_set()

    @property
    def _failed(self) -> bool:
        return any(disk.failed_at is not None for disk in self.disks)

    def _say(self, text: str) -> None:
        self._world.trace.line(trio.current_time(), self.name, text)

    def _draw(self, state: str) -> None:
        """Tell a picture whether the process runs."""
        if self._world.drawing is not None:
            self._world.drawing.state(self.name, state)

    def _draw_progress(self) -> None:
        """Tell a picture how far the node has come."""
        if self._world.drawing is not None:
            self._world.drawing.reached(self.name, self.disk)

    def _served_rot(self, key: bytes) -> None:
        self._world.judge.fail("I-27", self.name, f"row {key.hex()[:24]} is rotten and was served")

    # --- one life after the other ----------------------------------------------------------------

    async def run(self, first: Seconds) -> None:
        """Live, rest, live again, until cancelled."""
        self._rest = first
        while True:
            with trio.CancelScope(deadline=trio.current_time() + self._rest) as self._resting:
                await trio.sleep_forever()
            if self.kept_down:
                self._rest = NEVER
                continue
            await self._live()

    def start_now(self) -> None:
        """Start at once if it rests."""
        self.kept_down = False
        self._resting.cancel()

    def _environment(self) -> Environment:
        world, disk = self._world, self.disk
        storage = self._storage = disk.open()
        network = self.network = SimNetwork(
            world.board, self.name, self.identity.tls_public, refused=self._refused
        )
        return Environment(
            storage=storage,
            network=network,
            threads=InlineThreads(),
            wall_milliseconds=lambda: self.clock.wall_ms(trio.current_time()),
            entropy=self._entropy.randbytes,
            guard_read=lambda: disk.guard,
            guard_write=storage.write_guard,
            listen_http=world.doors.listen_http,
            snapshots=None if self.second is None else self.second.doors(),
        )

    async def _live(self) -> None:
        world = self._world
        self.lives += 1
        if self.lives > 1:
            world.marks.reach("restarted")
        self.running, self._crashed, self._rest = True, False, 0.5
        if not self._replaced:
            self._stop = trio.Event()
        self._replaced = False
        for stream in self._lost:
            stream.power_is_back()
        self._lost = []
        world.reach.silent.discard(self.name)
        self._say(f"* life {self.lives}")
        self._draw("")
        telemetry = Telemetry(version="netsim", sink=self._told)
        error: Exception | None = None
        with trio.CancelScope() as self._scope:
            try:
                await self._exchange(telemetry)
                await run_node(
                    self.config,
                    world.chain.genesis,
                    self.identity,
                    self._environment(),
                    telemetry,
                    stop=self._stop,
                    attend=self._attend if world.options.on("prune") else None,
                )
            except Exception as caught:  # judged below: what may end a node is known
                error = caught
        self.running, self.leads = False, None
        self._draw("down")
        if not self._crashed:
            self._ended(error)
        self._leaves_nothing()

    async def _attend(self, running: Running) -> None:
        """Have what an operator may ask of a running node at hand."""
        self._drive = running.drive
        try:
            await trio.sleep_forever()
        finally:
            self._drive = None

    def prune(self) -> None:
        """Ask for more to be removed than may go: what must stay the node itself decides."""
        if self._drive is not None and may_go_below(self.disk.outside()) > 1:
            self._say(f"* shall remove blocks below {self.disk.applied}")
            self._drive.let_prune(Prune(self.disk.applied, 0, None))

    async def _exchange(self, telemetry: Telemetry) -> None:
        """Go on with the second store if it is whole, as production does before it opens one."""
        second = self.second
        if second is None:
            return
        if second.there:
            self._world.joins.exchanges(self)
        height = await second.take_place(self.disk, telemetry)
        if height is not None:
            self.joined_at = height
            self._world.marks.reach("snapshot-joined")

    def _leaves_nothing(self) -> None:
        """N-4: no listener, door or snapshot outlives a process; its memory is looked at later."""
        world, storage = self._world, self._storage
        left = [f"listener {each}" for each in world.board.listening(self.name)]
        left += [f"door {each}" for each in world.doors.of(f"{self.name}.sim")]
        if storage is not None:
            left += ["snapshot"] * storage.snapshots
            self._ended_stores.append(weakref.ref(storage))
        self._storage = None
        if self.second is not None:
            left += ["snapshot"] * self.second.snapshots
            self.second.let_go()
        if left:
            world.judge.fail("N-4", self.name, f"a process has ended and left {', '.join(left)}")

    def _in_time(self) -> None:
        """L-i: a process that is asked to stop is gone soon, unless its disk keeps it."""
        took = trio.current_time() - self._asked
        kept = any(self._world.options.on(kind) for kind in ("disk-hang", "disk-slow", "disk-full"))
        if took > STOP_SECONDS_MAX and not kept:
            text = f"{took:.1f} s after it was asked to stop a process ends"
            self._world.judge.fail("L-i", self.name, text)

    def remembered(self) -> int:
        """Return how many processes that have ended are still in memory; collect garbage first."""
        ended = self._ended_stores + (self.second.ended if self.second is not None else [])
        return sum(1 for each in ended if each() is not None)

    def _ended(self, error: Exception | None) -> None:
        """Judge why a process ended by itself."""
        open_still = len(self._world.board.streams(self.name))
        if open_still:
            text = f"a process has ended and left {open_still} connections"
            self._world.judge.fail("N-4", self.name, text)
        self.network_ends(silently=False)
        explained = error is None
        if isinstance(error, StoreReplaced):
            explained = self.second is not None and self.second.there
            self._replaced, self._rest = True, 0.0  # its process starts it again at once
        elif isinstance(error, StorageCorrupt):
            explained = self._rotted
            self._world.marks.reach("rot-found")
            self.disk.repair()
            if self.second is not None and self.second.disk.rotted:
                self.second.discard()
        elif isinstance(error, StorageFull):
            self._world.marks.reach("disk-full")
            explained = True  # at its start; its operator makes room and starts it again
        elif self._failed and isinstance(error, GovchaindError):
            explained = error.code == "storage-failed"
            self._world.marks.reach("disk-failed")
        if error is None:
            self._world.marks.reach("stopped")
            self._in_time()
        self._say(f"* ended: {'asked to' if error is None else _named(error)}")
        if not explained and error is not None:
            self._world.judge.fail("N-1", self.name, _named(error))

    def _told(self, level: str, name: str, values: Mapping[str, Any]) -> None:
        shown = " ".join(f"{key}={value}" for key, value in values.items())
        self._say(f"= {level} {name} {shown}")
        judge = self._world.judge
        landmark(self, self._world, name, values)
        liar = self._world.liar.name
        lied = liar is not None and liar in (self.name, values.get("peer"), values.get("leader"))
        if name in ACCUSES and values.get("reason") != CLOCK_AHEAD:  # clocks differ as drawn
            if not lied:
                judge.fail("I-30", self.name, f"{name} {shown}")
        elif name in BROKEN or (name == "link.down" and values.get("code") == "link-failed"):
            if not self._rotted:
                judge.fail("I-30", self.name, f"{name} {shown}")
        elif name == "store.set_back":
            if not self.set_back:
                judge.fail("N-1", self.name, f"takes its own disk for an older one: {shown}")
            self.set_back = False
        elif name == "snapshot.peer_left" and values["for_good"] and values["peer"] != liar:
            judge.fail("I-30", self.name, f"{name} {shown}")

    def _refused(self, address: str, error: PeerError) -> None:
        self._say(f"= refused {address} {error.code}")

    # --- what faults do --------------------------------------------------------------------------

    def network_ends(self, *, silently: bool) -> None:
        """Close all connections, or have them fall silent."""
        board = self._world.board
        if silently:
            self._world.marks.reach("power-cut")
            self._lost += board.lose_power(self.name)
            self._world.reach.silent.add(self.name)
            return
        for stream in board.streams(self.name):
            stream.close()

    def crash(self, rest: Seconds, *, silently: bool = False) -> None:
        """End the process at once; it starts again after `rest`."""
        if not self.running or self._crashed:
            return
        self._crashed = True
        self._rest = rest
        side = "" if self._storage is None else self._storage.die()
        if self.second is not None:
            if self.second.there:
                self._world.marks.reach("joiner-crashed")
            side = side or self.second.die()
        if side:
            self._world.marks.reach("restarted-in-write")
        self.network_ends(silently=silently)
        self._say(f"* crash {side}{' silently' if silently else ''}, rests {rest:.3f}")
        self._scope.cancel()

    def crash_at_next_write(self, rest: Seconds, *, silently: bool, writes: int = 1) -> None:
        """End the process as it begins its next write, or that which comes after so many."""

        def now() -> None:
            nonlocal writes
            writes -= 1
            if writes:
                return
            for disk in self.disks:
                disk.write_begins = lambda: None
            self.crash(rest, silently=silently)

        for disk in self.disks:
            disk.write_begins = now

    def stop(self, rest: Seconds) -> None:
        """Ask the process to end, as SIGTERM does."""
        if self.running and not self._crashed:
            self._rest = rest
            self._asked = trio.current_time()
            self._say("* asked to stop")
            self._stop.set()


def _named(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}({', '.join(_named(each) for each in error.exceptions)})"
    return f"{type(error).__name__}: {error}"
