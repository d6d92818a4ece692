"""One simulated machine: a process that runs a Replica, its disk, its clock and its guard file.

It does what `runtime/drive.py` does, on simulated time: events gather while a step is due, one step
takes them all, its messages leave at once, its write becomes durable later as one unit, and then
`Written` goes in. A failed write ends the process. The guard file is written lazily, after the
store, and like any file it keeps what was last synced.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import StorageCorrupt
from govchaind.base.limits import GUARD_INTERVAL_SECONDS
from govchaind.base.types import NodeId, StoreId
from govchaind.raft.core import Role
from govchaind.replica.events import Event, Guard, Room, Written
from govchaind.replica.replica import Replica
from govchaind.replica.store import behind_guard
from govchaind.runtime.codec import PROTOCOL_VERSION
from netsim.clock import Clock
from netsim.disk import Disk
from netsim.options import source
from netsim.properties.base import Violation

if TYPE_CHECKING:
    from netsim.world import World

ROOM_RETRY_SECONDS = 0.5


class Node:
    """One machine. `life` is 0 while no process runs, and never used twice."""

    def __init__(self, name: NodeId, world: World, *, observer: bool) -> None:
        self.name = name
        self.world = world
        self.observer = observer
        self.random = source(world.options.seed, f"node/{name}")
        self.signer: SigningKey = world.signatures.key(
            f"node/{name}", lambda domain, message: world.checks.signed(self, domain, message)
        )
        self.tls_key = world.signatures.key(f"tls/{name}").public
        self.clock = Clock()
        self.stores_made = 0
        self.guard: Guard | None = None
        self.disk = self._new_disk()
        self.replica: Replica | None = None
        self.life = 0
        self.lives = 0
        self.guard_due = 0.0
        self.inbox: list[Event] = []
        self.step_due = False
        self.wake_at = float("inf")
        self.paused = False
        self.protocol = PROTOCOL_VERSION  # which its software speaks; links need the same one
        self.step_cost = 0.0  # seconds that each step takes, when slow
        self.failed = 0  # the life in which a write has failed
        self.crash_on_write = False  # the process dies when its next write is issued

    # --- stores and processes --------------------------------------------------------------------

    @property
    def store(self) -> StoreId:
        return self.disk.store

    def next_store_id(self) -> StoreId:
        """Return the id of the store that would be made next: known ahead, as keys are."""
        number = self.stores_made
        return self.world.store_id(self.name, number)

    def store_at_start(self) -> StoreId:
        """Return under which store it takes part: another than the disk's, once it starts, if that
        is behind what the guard file remembers."""
        behind = None
        if not self.life and self.guard is not None:
            behind = behind_guard(self.disk.image, self.guard)
        return self.store if behind is None else self.next_store_id()

    def _new_disk(self) -> Disk:
        store = self.next_store_id()
        self.stores_made += 1
        return Disk(store, self.world.first_write(store, self.guard))

    def wipe(self, *, keep_guard: bool) -> None:
        """The disk is gone; another store takes its place."""
        self.disk = self._new_disk()
        if not keep_guard:
            self.guard = None

    def start(self) -> None:
        """Run a process on what the disk holds; behind its guard, a store becomes a new one."""
        world = self.world
        try:
            reason = None if self.guard is None else behind_guard(self.disk.reader, self.guard)
        except StorageCorrupt:
            world.faults.rotted(self)
            return
        if reason is not None:
            world.trace.line(world.heap.now, self.name, f"store behind its guard: {reason}")
            world.marks.reach("store-behind-guard")
            self.wipe(keep_guard=True)
        self.lives += 1
        self.life = self.lives
        self.inbox = []
        self.step_due = False
        self.paused = False
        self.wake_at = float("inf")
        now = world.heap.now
        try:
            self.replica = self._replica(now)
        except Violation:
            raise
        except StorageCorrupt as error:
            if not self.disk.rotten:
                world.checks.stopped_by_itself(self, error)
            world.faults.rotted(self)
            return
        except Exception as error:
            world.checks.stopped_by_itself(self, error)
            raise
        world.trace.line(now, self.name, f"start life {self.life} store {self.store[:3].hex()}")
        self._draw("")
        world.checks.started(self)
        world.workload.history.fill(self.disk.image, self.replica.ledger.height)
        world.network.process_began(self.name)
        self._wake()

    def _replica(self, now: float) -> Replica:
        world = self.world
        return Replica(
            name=self.name,
            store=self.disk.store,
            genesis=world.genesis,
            signer=self.signer,
            verify=world.signatures.verify,
            timing=world.timing,
            random=random.Random(self.random.getrandbits(64)),
            reader=self.disk.reader,
            now=now,
            wall_ms=self.clock.wall_ms(now),
            guard=None if self.guard is None else replace(self.guard),
        )

    def stop(self, *, silently: bool) -> str:
        """The process is gone at once; says which side of the write in flight the disk is on."""
        self.life = 0
        self.replica = None
        self.inbox = []
        side = self.disk.crash(self.random)
        self.world.network.process_ended(self.name, silently=silently)
        self._draw("down")
        return side

    def _draw(self, state: str) -> None:
        """Tell a picture whether the process runs."""
        record = self.world.trace.record
        if record is not None:
            record.state(self.world.heap.now, self.name, state)

    def _draw_step(self, replica: Replica) -> None:
        """Tell a picture what the node is now."""
        record = self.world.trace.record
        if record is not None:
            raft, certified = replica.raft, replica.attestations.certified
            role = raft.role.name.lower().replace("_", "-")
            now = self.world.heap.now
            record.stepped(now, self.name, role, raft.term, raft.commit, certified)

    # --- the loop --------------------------------------------------------------------------------

    def accepts(self, peer: NodeId) -> bool:
        """Say whether this node takes a link from `peer`."""
        replica = self.replica
        return replica is not None and any(member.name == peer for member in replica.members())

    def arrive(self, event: Event) -> None:
        """Put an event into the inbox and see to it that a step is due."""
        if not self.life:
            return
        self.inbox.append(event)
        self._soon()

    def _soon(self) -> None:
        if not self.step_due and not self.paused:
            self.step_due = True
            self.world.heap.after(self.step_cost, self._step, self.life)

    def _wake(self) -> None:
        """Have a step made at the replica's deadline, if nothing comes before."""
        replica = self.replica
        if replica is None:
            return
        deadline = replica.deadline
        if deadline < self.wake_at:
            self.wake_at = deadline
            self.world.heap.at(deadline, self._woken, self.life, deadline)

    def _woken(self, life: int, at: float) -> None:
        if life != self.life or at != self.wake_at:
            return
        self.wake_at = float("inf")
        replica = self.replica
        if replica is None:
            return
        if replica.deadline <= self.world.heap.now:
            self._soon()
        else:
            self._wake()

    def pause(self) -> None:
        self.paused = True
        self._draw("paused")

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            self._draw("")
            self.step_due = False
            self._soon()

    def _step(self, life: int) -> None:
        if life != self.life or self.paused or not self.step_due:
            return
        self.step_due = False
        replica, world = self.replica, self.world
        if replica is None:
            return
        events, self.inbox = self.inbox, []
        now = world.heap.now
        checks = world.checks
        judged = world.signatures.judged
        try:
            skewed = world.options.follower_skew
            wall = self._wall(replica, now) if skewed else self.clock.wall_ms(now)
            work = replica.step(now, wall, events, self.disk.reader)
        except Violation:
            raise
        except StorageCorrupt as error:
            if not self.disk.rotten:
                checks.stopped_by_itself(self, error)
            world.faults.rotted(self)
            return
        except Exception as error:
            checks.stopped_by_itself(self, error)
            raise
        if world.liar.name is not None:
            world.liar.cost(self, events, world.signatures.judged - judged)
        if world.trace.record is not None:
            self._draw_step(replica)
        checks.after_step(self, events, work)
        send, honest = world.network.send, world.liar.name != self.name
        for to, message in work.messages:
            checks.leaving(self, to, message)
            if honest:
                send(self.name, to, message)
            else:
                for told in world.liar.told(self, to, message):
                    send(self.name, to, told)
        if work.write is not None:
            checks.writing(self, work)
            self.disk.begin(work.write, work.ticket)
            if self.crash_on_write:
                self.crash_on_write = False
                world.faults.crash(self, "at a write")
                return
            self._write(work.ticket)
        for notice in work.notices:
            world.noticed(self, notice)
            if self.life != life:
                return
        for peer, reason in work.broken_links:
            checks.accused(self, peer, reason)
        if now >= self.guard_due:
            self._keep_guard(now)
        self._wake()

    def _wall(self, replica: Replica, now: float) -> int:
        """Return what this node's clock shows; who follows may be ahead of who leads (I-31)."""
        wall = self.clock.wall_ms(now)
        skew = self.world.options.follower_skew
        follows = replica.raft.role is Role.FOLLOWER
        if follows and len(replica.raft.configuration.voters) > 1:
            wall += int(skew * 1000)
        return wall

    def _keep_guard(self, now: float) -> None:
        if self.replica is None:
            return
        self.guard_due = now + GUARD_INTERVAL_SECONDS
        told = self.replica.guard()
        self.world.checks.guarded(self, self.guard, told)
        self.guard = Guard(told.store, told.term, told.vote, told.signed_height, told.last_index)

    # --- writing ---------------------------------------------------------------------------------

    def _write(self, ticket: int) -> None:
        disk, world = self.disk, self.world
        mean = world.options.write_mean * disk.slow
        wait = mean * (0.5 + self.random.random())
        world.heap.after(wait, self._durable, self.life, disk, ticket)

    def mend_disk(self) -> None:
        """End all that is wrong with the disk; a write that hangs goes on."""
        disk = self.disk
        disk.slow, disk.full, disk.hung_until, disk.fails = 1.0, False, 0.0, False
        disk.rotten.clear()
        self.crash_on_write = False
        if disk.in_flight is not None:
            self._write(disk.in_flight[1])

    def _durable(self, life: int, disk: Disk, ticket: int) -> None:
        """The write in flight ends, well or badly."""
        world = self.world
        now = world.heap.now
        if life != self.life or disk.in_flight is None or disk.in_flight[1] != ticket:
            return
        if disk.hung_until > now:
            world.heap.at(disk.hung_until, self._durable, life, disk, ticket)
            return
        if disk.fails:
            disk.fails = False
            self.failed = life
            world.faults.failed_write(self)
            return
        if disk.full:
            if not disk.told_full:
                disk.told_full = True
                world.trace.line(now, self.name, "disk full")
                self.arrive(Room(False))
            world.heap.after(ROOM_RETRY_SECONDS, self._durable, life, disk, ticket)
            return
        disk.complete()
        world.trace.line(now, self.name, f"durable {ticket} {len(disk.batches[-1])}")
        world.checks.durable(self)
        disk.acked = len(disk.batches)
        self.arrive(Written(ticket))
        if disk.told_full:
            disk.told_full = False
            self.arrive(Room(True))
