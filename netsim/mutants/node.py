"""Bugs planted in the ledger and in the replica."""

from __future__ import annotations

import itertools
from typing import Any

from govchaind.base.errors import PeerError
from govchaind.base.types import Hash
from govchaind.ledger import apply
from govchaind.raft import acceptance
from govchaind.raft.core import Raft, Role
from govchaind.raft.messages import HardState
from govchaind.replica import leadership, parts
from govchaind.replica.attestation import Attestations
from govchaind.replica.certification import Certification
from govchaind.replica.events import Decided, Work
from govchaind.replica.execution import Executor
from govchaind.replica.replica import Replica
from govchaind.replica.screening import Screener
from govchaind.replica.store import APPLIED, block_of
from netsim.mutants.plant import Plant

# These modules import by name what is replaced here; that is no part of what they export.
_apply: Any = apply
_leadership: Any = leadership


def term_forgotten(plant: Plant) -> None:
    """A node starts in term 0, whatever its disk holds (E-2)."""

    def hard_state(reader: Any) -> HardState:
        return HardState(0, None)

    plant(parts, "hard_state", hard_state)


def chain_not_linked(plant: Plant) -> None:
    """A leader links each block to the chain's beginning, and nobody looks."""
    original = _leadership.make_block

    def make(**arguments: Any) -> Any:
        if arguments["height"] > 5:
            arguments["previous"] = arguments["chain_id"]
        return original(**arguments)

    def judge(self: Screener, message: Any, wall: int) -> tuple[Any, None]:
        return message, None

    plant(leadership, "make_block", make)
    plant(Screener, "judge", judge)


def process_in_result(plant: Plant) -> None:
    """What a process has counted reaches the result of a height (A-1, A-2 in kind)."""
    count = itertools.count()
    original = _apply.result_row

    def row(*arguments: Any) -> bytes:
        row: bytes = original(*arguments[:-1], arguments[-1] + next(count) % 3)
        return row

    plant(apply, "result_row", row)


def process_in_statement(plant: Plant) -> None:
    """What a process has counted reaches the statement that it signs."""
    count = itertools.count()
    original = _apply.result_leaf

    def leaf(*arguments: Any) -> bytes:
        leaf: bytes = original(*arguments)
        return leaf + next(count).to_bytes(8, "big")

    plant(apply, "result_leaf", leaf)


def ids_forgotten(plant: Plant) -> None:
    """Ids that were used are not remembered (Q-9)."""
    original = _apply.admission

    def admit(transaction: Any, **arguments: Any) -> int:
        def unused(_: Hash) -> bool:
            return False

        code: int = original(transaction, **{**arguments, "id_is_used": unused})
        return code

    plant(apply, "admission", admit)


def attested_before_durable(plant: Plant) -> None:
    """An attestation leaves with any write, also when its own is not durable yet (B-1)."""
    original = Certification.written

    def written(self: Certification, done: Any, now: float) -> None:
        done.attested = self._executor.ledger.height
        original(self, done, now)

    plant(Certification, "written", written)


def applied_written_late(plant: Plant) -> None:
    """The applied height goes into the write after the one that holds the state (E-3 in kind)."""
    original = Executor.apply
    held: dict[Executor, bytes] = {}

    def late(self: Executor, block: Any, reader: Any, pending: Any, now: float) -> int:
        before = held.get(self)
        cost = original(self, block, reader, pending, now)
        row = pending.batch.changes.pop(APPLIED)
        if row is not None:
            held[self] = row
        if before is not None:
            pending.batch.put(APPLIED, before)
        return cost

    plant(Executor, "apply", late)


def promoted_never_signs(plant: Plant) -> None:
    """A learner never signs the block that promotes it (found here, H-6)."""

    def may_sign(self: Attestations, height: int) -> bool:
        before, after = self._certifying(height)
        member = before.member(self._name) or after.member(self._name)
        return member is not None and member.role == "validator" and height > member.signs_above

    plant(Attestations, "_may_sign", may_sign)


def restart_settles_nothing(plant: Plant) -> None:
    """After a restart, what is signed already is not counted again (found here, H-4; D-7)."""

    def settle(self: Attestations, batch: Any) -> list[int]:
        return []

    plant(Attestations, "settle", settle)


def step_raises(plant: Plant) -> None:
    """Something raises out of a step: a truncation is not foreseen."""
    original = acceptance.accept_append

    def accept(state: Any, now: float, sender: str, append: Any) -> None:
        if append.previous_index > 20:
            raise KeyError(append.previous_index)
        original(state, now, sender, append)

    plant(acceptance, "accept_append", accept)


def honest_peer_accused(plant: Plant) -> None:
    """A heartbeat of an older term, which any delay makes, is taken for a lie."""

    def answer(state: Any, sender: str, message: Any) -> None:
        raise PeerError(f"{sender} speaks in term {message.term}, which is over")

    plant(acceptance, "answer_older", answer)


def told_on_append(plant: Plant) -> None:
    """A leader tells its clients as soon as it has appended their transactions (Q-10)."""
    original = Replica.step

    def step(self: Replica, now: float, wall_ms: int, events: Any, reader: Any) -> Work:
        before = self.raft.last_index
        work = original(self, now, wall_ms, events, reader)
        for index in range(before + 1, self.raft.last_index + 1):
            if self.raft.role is Role.LEADER:
                block = block_of(self.raft.entry(index))
                told: list[tuple[Hash, int, int | None]] = [
                    (transaction.id, 0, None) for transaction in block.transactions
                ]
                work.notices.append(Decided(index, told, None))
        return work

    plant(Replica, "step", step)


def changes_overlap(plant: Plant) -> None:
    """A membership change is proposed while another is under way (M-1)."""

    def may(self: Raft) -> bool:
        leading = self._state.leading
        return leading is not None and leading.transfer is None

    def change(self: Any, now: float, wall: int, wanted: Any, ordered_at: int) -> bool:
        self._drains = False
        current = self._memberships.latest()
        found = leadership.next_membership(self._raft, current, wanted, ordered_at, now)[0]
        if found is None or not may(self._raft):
            return False
        self._propose(now, wall, [], found)
        return True

    plant(Raft, "may_change_configuration", may)
    plant(leadership.Proposer, "_change_membership", change)


def follower_clock_in_result(plant: Plant) -> None:
    """The clock of whoever applies a block reaches its result (A-2)."""
    original = Replica.step
    walls: list[int] = [0]

    def step(self: Replica, now: float, wall_ms: int, events: Any, reader: Any) -> Work:
        walls[0] = wall_ms
        return original(self, now, wall_ms, events, reader)

    def row(*arguments: Any) -> bytes:
        made: bytes = made_before(*arguments[:-1], max(arguments[-1], walls[0] // 10_000))
        return made + bytes(walls[0] > arguments[-1] + 15_000)

    made_before = _apply.result_row
    plant(Replica, "step", step)
    plant(apply, "result_row", row)


def misshapen_raises(plant: Plant) -> None:
    """An attestation that is not a statement ends the process of whoever gets it."""
    original = Attestations.receive

    def receive(self: Attestations, peer: str, attest: Any, batch: Any) -> list[int]:
        if len(attest.statement) > 256:
            raise IndexError(len(attest.statement))
        return original(self, peer, attest, batch)

    plant(Attestations, "receive", receive)
