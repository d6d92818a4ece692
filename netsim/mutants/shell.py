"""Bugs planted in the pool, in gossip, in what clients are told, and around the disk.

Some stand in netsim's own node and disk, where these do what the daemon's shell does.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from govchaind.ledger import apply
from govchaind.ledger.apply import Ledger
from govchaind.replica import desk
from govchaind.replica.attestation import Attestations
from govchaind.replica.events import Committed, Room, Work, Written
from govchaind.replica.intake import Intake
from govchaind.replica.pool import Pool
from govchaind.replica.replica import Replica
from netsim import disk, faults, node
from netsim.mutants.node import process_in_statement
from netsim.mutants.plant import Plant

_apply: Any = apply
_desk: Any = desk


def failed_write_retried(plant: Plant) -> None:
    """A write that failed is tried again, and "succeeds" (D-3)."""

    def failed(self: faults.Faults, machine: node.Node) -> None:
        waiting = machine.disk.in_flight
        if waiting is not None:
            machine._write(waiting[1])

    plant(faults.Faults, "failed_write", failed)


def failed_write_told(plant: Plant) -> None:
    """A write that failed counts as done: what it was to clear is cleared before it (D-4)."""

    def failed(self: faults.Faults, machine: node.Node) -> None:
        waiting, machine.disk.in_flight = machine.disk.in_flight, None
        if waiting is not None:
            machine.arrive(Written(waiting[1]))

    plant(faults.Faults, "failed_write", failed)


def rot_not_judged(plant: Plant) -> None:
    """A stored value's checksum is not looked at (D-9)."""

    def sound(key: bytes, stored: bytes) -> bytes:
        return stored[:-8]

    plant(disk, "sound", sound)


def older_disk_unnoticed(plant: Plant) -> None:
    """A disk that was set back is not compared with its guard (D-11)."""

    def behind(reader: Any, guard: Any) -> str | None:
        return None

    plant(node, "behind_guard", behind)


def guard_forgets_heights(plant: Plant) -> None:
    """A write that makes no signature durable has the guard forget the heights signed before."""

    def written(self: Replica, ticket: int) -> None:
        before = self._durable
        self._durable = 0
        original(self, ticket)
        attested, self._durable = self._durable, self._durable or before
        self._desk.guard = replace(self._desk.guard, signed_height=attested)

    original = Replica._written
    plant(Replica, "_written", written)


def never_expires_again(plant: Plant) -> None:
    """What is in a block when its time passes is not looked at again, if the block is lost."""

    def expire(self: Pool, time: int) -> Any:
        before = dict(self._taken)
        gone = original(self, time)
        self._expiries = [
            each for each in self._expiries if each[0] >= time or each[1] not in before
        ]
        return gone

    original = Pool.expire
    plant(Pool, "expire", expire)


def synced_batch_lost(plant: Plant) -> None:
    """A crash takes the newest batch that was acknowledged with it (D-14)."""

    def crash(self: disk.Disk, pick: random.Random) -> str:
        side = original(self, pick)
        if len(self.batches) > 3 and pick.random() < 0.2:
            acked = self.acked
            self.set_back(len(self.batches) - 1)
            self.acked = acked
        return side

    original = disk.Disk.crash
    plant(disk.Disk, "crash", crash)


def stored_log_differs(plant: Plant) -> None:
    """A bit of a block flips between its hash and its row (A-5)."""

    def row(entry: Any) -> bytes:
        made: bytes = original(entry)
        return made[:-1] + bytes((made[-1] ^ 1,)) if entry.index % 7 == 5 else made

    original = _desk.log_row
    plant(desk, "log_row", row)


def full_disk_raises(plant: Plant) -> None:
    """A disk without room ends the process with an exception (D-16)."""

    def take(self: Replica, event: Any) -> None:
        if isinstance(event, Room) and not event.available:
            raise OSError("no room")
        original(self, event)

    original = Replica._take
    plant(Replica, "_take", take)


def taken_never_released(plant: Plant) -> None:
    """What a deposed leader had put into blocks stays taken, also when they were cut off."""

    def release(self: Pool) -> None:
        return None

    plant(Pool, "release", release)


def nothing_announced(plant: Plant) -> None:
    """What waits long is not announced: a lost push is never made good."""

    def older(self: Pool, before: float, limit: int) -> list[bytes]:
        return []

    plant(Pool, "older_than", older)


def loudest_goes_first(plant: Plant) -> None:
    """Blocks are filled from one institution's queue before the next one's."""

    def take(self: Pool) -> Any:
        for queue in self._queues.values():
            queue.deficit = 1 << 40
        return original(self)

    original = Pool.take
    plant(Pool, "take", take)


def answers_of_yesterday(plant: Plant) -> None:
    """That an id was free is remembered after it was used."""

    def check(
        self: Ledger, transaction: Any, reader: Any, now: int, *, newest: bool = False
    ) -> int:
        kept = self._unused.copy()
        code = original(self, transaction, reader, now, newest=newest)
        remembered.setdefault(self, set()).update(kept, self._unused)
        self._unused |= remembered[self]
        return code

    remembered: dict[Ledger, set[bytes]] = {}
    original = Ledger.check
    plant(Ledger, "check", check)


def own_clock_believed(plant: Plant) -> None:
    """A node whose clock is far ahead calls expired what the others would take."""

    def time(self: Intake, wall: int) -> int:
        return max(wall, self._ledger.time)

    plant(Intake, "_time", time)


def copies_accepted(plant: Plant) -> None:
    """An offer is accepted although its id was used (Q-8 in kind)."""

    def admit(self: Intake, transaction: Any, source: Any, **known: Any) -> int:
        code = original(self, transaction, source, **known)
        return 0 if code == 4 else code

    original = Intake.admit
    plant(Intake, "admit", admit)


def told_before_durable(plant: Plant) -> None:
    """A height is told in the step that applies it, before its write."""

    def step(self: Replica, now: float, wall_ms: int, events: Any, reader: Any) -> Work:
        work = original(self, now, wall_ms, events, reader)
        waiting = self._desk.pending.notices
        for notice in [each for each in waiting if isinstance(each, Committed)]:
            waiting.remove(notice)
            work.notices.append(notice)
        return work

    original = Replica.step
    plant(Replica, "step", step)


def outcomes_told_wrongly(plant: Plant) -> None:
    """A refusal that names its second operation is told as applied."""

    def init(self: Committed, height: int, time: int, block: bytes, told: Any, *rest: Any) -> None:
        told = [(name, 0 if place == 1 else code, place) for name, code, place in told]
        original(self, height, time, block, told, *rest)

    original = Committed.__init__
    plant(Committed, "__init__", init)


def anything_certifies(plant: Plant) -> None:
    """Attestations are counted without comparing what they say (A-12 in kind)."""
    process_in_statement(plant)

    def receive(self: Attestations, peer: str, attest: Any, batch: Any) -> list[int]:
        gathered = self._open.get(attest.height)
        if gathered is not None and self._key_of(peer, attest.height) is not None:
            gathered.signatures[peer] = attest.signature
            return self._settle(attest.height, batch)
        return original(self, peer, attest, batch)

    original = Attestations.receive
    plant(Attestations, "receive", receive)


def early_attestations_kept(plant: Plant) -> None:
    """Attestations that came early are kept after their height is certified (B-3 in kind)."""

    def receive(self: Attestations, peer: str, attest: Any, batch: Any) -> list[int]:
        self._early.setdefault(f"{peer}/kept", {})[attest.height] = attest
        return original(self, peer, attest, batch)

    original = Attestations.receive
    plant(Attestations, "receive", receive)


def included_stay_in_pool(plant: Plant) -> None:
    """A transaction stays in the pool of whoever did not propose it."""

    def remove(self: Pool, identity: bytes) -> float | None:
        return original(self, identity) if identity in self._taken else None

    original = Pool.remove
    plant(Pool, "remove", remove)


MUTANTS = (
    (failed_write_retried, "I-28"),
    (failed_write_told, "I-9"),
    (rot_not_judged, "I-27"),
    (older_disk_unnoticed, "I-7"),
    (guard_forgets_heights, "I-23"),
    (never_expires_again, "I-29"),
    (synced_batch_lost, "I-26"),
    (stored_log_differs, "I-9"),
    (full_disk_raises, "N-1"),
    (taken_never_released, "L-b"),
    (nothing_announced, "L-b"),
    (loudest_goes_first, "L-h"),
    (answers_of_yesterday, "I-19"),
    (own_clock_believed, "I-19"),
    (copies_accepted, "I-19"),
    (told_before_durable, "I-19"),
    (outcomes_told_wrongly, "I-19"),
    (anything_certifies, "I-22"),
    (early_attestations_kept, "I-29"),
    (included_stay_in_pool, "I-29"),
)
