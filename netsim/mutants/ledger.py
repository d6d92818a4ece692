"""Bugs planted in the ledger: operations, key policies, ids, state and indexes."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Any

from govchaind.ledger import admission, apply
from govchaind.ledger.live_ids import LiveIds
from govchaind.ledger.operations import institutions, motions, registers
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import OUTCOMES, Code
from govchaind.ledger.state import Checkpoints, State
from govchaind.ledger.state_keys import institution_key
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.working_state import WorkingState
from netsim.mutants.plant import Plant

_apply: Any = apply
_admission: Any = admission
_motions: Any = motions


def operation(plant: Plant, kind: int, act: Any) -> None:
    """Have another function apply one kind of operation."""
    changed = dict(OPERATIONS)
    changed[kind] = dataclasses.replace(OPERATIONS[kind], apply=act)
    plant(apply.Ledger.__init__, "__kwdefaults__", {
        **(apply.Ledger.__init__.__kwdefaults__ or {}), "operations": MappingProxyType(changed),
    })  # fmt: skip


def expected_zero_ignored(plant: Plant) -> None:
    """A put that expects no record yet replaces the one that is there."""

    def put(arguments: Any, act: Any, state: Any) -> int:
        if arguments.expected_revision == 0:
            arguments.expected_revision = None
        return registers.put(arguments, act, state)

    operation(plant, 11, put)


def retired_written_again(plant: Plant) -> None:
    """A retired record can be retired again."""

    def head(record: bytes) -> tuple[int, bool]:
        return original(record)[0], False

    original = registers.record_head
    plant(registers, "record_head", head)


def truth_is_a_number(plant: Plant) -> None:
    """A truth value passes for an integer."""

    def fits(register: Any, value: Any) -> bool:
        plain = [int(v) if type(v) is bool else v for v in value] if type(value) is list else value
        return original(register, value) or original(register, plain)

    original = registers._fits
    plant(registers, "_fits", fits)


def anybody_writes(plant: Plant) -> None:
    """Any office of the owner's institution may write a register."""

    def may(register: Any, act: Any) -> bool:
        return original(register, act) or act.institution == register[4][0]

    original = registers._may_write
    plant(registers, "_may_write", may)


def surplus_signatures_pass(plant: Plant) -> None:
    """Signatures beyond the policy's number are passed over."""

    def policy(transaction: Any, office: Any, time: int) -> int:
        code = original(transaction, office, time)
        return Code.APPLIED if code == Code.SUPERFLUOUS_SIGNATURE else code

    original = _admission._policy
    plant(admission, "_policy", policy)


def one_signature_is_enough(plant: Plant) -> None:
    """One signature is enough, whatever the policy's number is."""

    def policy(transaction: Any, office: Any, time: int) -> int:
        code: int = original(transaction, [office[0], min(office[1], 1), office[2]], time)
        return code

    original = _admission._policy
    plant(admission, "_policy", policy)


def expired_key_signs(plant: Plant) -> None:
    """A key signs after its last valid time."""

    def policy(transaction: Any, office: Any, time: int) -> int:
        seats = [[*seat[:4], None, seat[5]] for seat in office[2]]
        code: int = original(transaction, [office[0], office[1], seats], time)
        return code

    original = _admission._policy
    plant(admission, "_policy", policy)


def revoked_key_signs(plant: Plant) -> None:
    """A revoked key goes on signing."""

    def policy(transaction: Any, office: Any, time: int) -> int:
        seats = [[*seat[:5], None] for seat in office[2]]
        code: int = original(transaction, [office[0], office[1], seats], time)
        return code

    original = _admission._policy
    plant(admission, "_policy", policy)


def rotated_key_stays(plant: Plant) -> None:
    """A key that was replaced does not end with the overlap."""

    def rotate(arguments: Any, act: Any, state: Any) -> int:
        arguments.overlap_until = max(arguments.overlap_until, act.time + 3_600_000)
        return institutions.rotate_key(arguments, act, state)

    operation(plant, 22, rotate)


def own_office_locked_out(plant: Plant) -> None:
    """Whoever is not governing may revoke keys of its own office."""

    def revoke(arguments: Any, act: Any, state: Any) -> int:
        key = institution_key(act.institution)
        governing = state.decoded(key)
        if governing is not None and act.office == arguments.office:
            act = dataclasses.replace(act, office=governing[2])
        return institutions.revoke_key(arguments, act, state)

    operation(plant, 23, revoke)


def refusal_leaves_trace(plant: Plant) -> None:
    """What a refused transaction has written stays (A-6)."""

    def drop(self: WorkingState) -> None:
        self.keep()

    plant(WorkingState, "drop", drop)


def refused_signature_burns_id(plant: Plant) -> None:
    """A copy with too few signatures uses up the id."""
    few = int(Code.SIGNATURES_INSUFFICIENT)
    changed = {**OUTCOMES, few: dataclasses.replace(OUTCOMES[few], consumes_id=True)}
    plant(apply, "OUTCOMES", changed)


def expiry_off_by_a_second(plant: Plant) -> None:
    """A transaction is taken for a second after its time has passed."""

    def admit(transaction: Any, **arguments: Any) -> int:
        code: int = original(transaction, **arguments)
        if code == Code.EXPIRED and arguments["time"] - transaction.valid_until <= 1000:
            arguments["time"] = transaction.valid_until
            code = original(transaction, **arguments)
        return code

    original = _apply.admission
    plant(apply, "admission", admit)


def ids_lapse_early(plant: Plant) -> None:
    """The memory of a block's ids lapses a minute before its time."""

    def lapse(self: LiveIds, reader: Any, batch: Any, time: int) -> list[bytes]:
        return original(self, reader, batch, time + 60_000)

    original = LiveIds.lapse
    plant(LiveIds, "lapse", lapse)


def duplicate_moves_index(plant: Plant) -> None:
    """A copy with a used id is looked up in place of the first one."""
    duplicate = int(Code.DUPLICATE)
    changed = {**OUTCOMES, duplicate: dataclasses.replace(OUTCOMES[duplicate], consumes_id=True)}
    plant(apply, "OUTCOMES", changed)


def cache_not_forgotten(plant: Plant) -> None:
    """A decoded value stays in the cache after it was changed."""

    def keep(self: WorkingState) -> None:
        self.changes.update(self.draft)
        self.draft = {}

    plant(WorkingState, "keep", keep)


def history_of_equal_values_lost(plant: Plant) -> None:
    """A value written again unchanged supersedes nothing, so its past is lost."""

    def write(self: State, reader: Any, batch: Any, height: int, changes: Any, **kept: Any) -> None:
        less = {
            key: value for key, value in changes.items()
            if value is None or self.get(reader, key) != value
        }  # fmt: skip
        original(self, reader, batch, height, less, **kept)

    original = State.write
    plant(State, "write", write)


def past_read_one_late(plant: Plant) -> None:
    """A value as of a height is read as of the height before."""

    def get_at(self: State, reader: Any, key: bytes, height: int) -> bytes | None:
        return original(self, reader, key, height - 1)

    original = State.get_at
    plant(State, "get_at", get_at)


def readmitted_signs_all(plant: Plant) -> None:
    """A node with a new store may sign what its former self has signed (D-10 in kind)."""

    def change(present: Any, wanted: Any, act: Any, state: Any) -> int:
        if present is not None and wanted is not None:
            wanted = dataclasses.replace(wanted, signs_above=present.signs_above)
        code: int = original(present, wanted, act, state)
        return code

    original = _motions._change_node
    plant(motions, "_change_node", change)


def keys_of_removed_kept(plant: Plant) -> None:
    """The keys of a removed node stay taken for ever."""

    def delete(self: WorkingState, key: bytes) -> None:
        if not key.startswith(b"\x0a"):
            self.draft[key] = None

    plant(WorkingState, "delete", delete)


def checkpoint_by_process(plant: Plant) -> None:
    """After a restart the first height is a checkpoint by less than has changed."""

    def init(self: Checkpoints, reader: Any, tree: Any = None) -> None:
        original(self, reader, tree)
        self.pending = {}

    original = Checkpoints.__init__
    plant(Checkpoints, "__init__", init)


def office_of_guest_lost(plant: Plant) -> None:
    """Only the first office of an institution admitted later is founded."""

    def found(institution: Any, height: int, state: Any) -> None:
        if height:
            institution = dataclasses.replace(institution, offices=institution.offices[:1])
        original(institution, height, state)

    original = motions.found_institution
    plant(motions, "found_institution", found)


def another_signature_another_id(plant: Plant) -> None:
    """The id of a transaction hangs on its signatures (A-8)."""

    def init(self: Transaction, raw: bytes, body: bytes, signatures: Any) -> None:
        original(self, raw, body, signatures)
        self.id = self.identity

    original = Transaction.__init__
    plant(Transaction, "__init__", init)


def ids_of_a_block_forgotten(plant: Plant) -> None:
    """An id that was used earlier in the same block is taken for unused (Q-8 in kind)."""
    fresh: set[bytes] = set()

    def add(self: Any, transaction: Any) -> None:
        added(self, transaction)
        self.ids.clear()
        fresh.add(transaction.id)

    # The index's row, which is written at once and read through the view, would tell as well.
    def is_used(reader: Any, wanted: bytes) -> bool:
        return wanted not in fresh and bool(used(reader, wanted))

    def finish(self: Any, *arguments: Any) -> Any:
        fresh.clear()
        return finished(self, *arguments)

    added, used, finished = _apply._Taken.add, _apply._is_used, apply.Ledger._finish
    plant(_apply._Taken, "add", add)
    plant(apply, "_is_used", is_used)
    plant(apply.Ledger, "_finish", finish)


MUTANTS = (
    another_signature_another_id,
    ids_of_a_block_forgotten,
    expected_zero_ignored,
    retired_written_again,
    truth_is_a_number,
    anybody_writes,
    surplus_signatures_pass,
    one_signature_is_enough,
    expired_key_signs,
    revoked_key_signs,
    rotated_key_stays,
    own_office_locked_out,
    refusal_leaves_trace,
    refused_signature_burns_id,
    expiry_off_by_a_second,
    ids_lapse_early,
    duplicate_moves_index,
    cache_not_forgotten,
    history_of_equal_values_lost,
    past_read_one_late,
    readmitted_signs_all,
    keys_of_removed_kept,
    checkpoint_by_process,
    office_of_guest_lost,
)
