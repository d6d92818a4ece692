"""Institutions and offices: who may sign for whom. See `state_keys` for layout.

    create office    [name, title, threshold, [key …]]           by the governing office
    set key policy   [office, threshold, [key …]]                by the governing office
    rotate key       [office, old key, new key, title, valid until or null, overlap until]
                                                                 by the governing office or itself
    revoke key       [office, key]                               by the governing office
    name acting      [office, key, acting key, title, valid from, valid until]
                                                                 by the governing office or itself

A key is [public key, title of its holder, valid from, valid until or null]. All act on offices of
the author's own institution. A rotated key is valid at once and sits on the old one's seat; the
old one ends when the overlap does: so an office is handed over. An acting holder's key sits on the
seat of whoever is away, for a time, and ends by itself: one of the two signs, never both. A
governing office can never be left without enough keys that are not revoked; another office can,
since the governing one sets it a new policy.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.limits import OFFICE_KEYS_MAX
from govchaind.ledger.genesis import KeysShape, OfficeKey, Threshold, policy_fault
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.parameters import ACTING_DAYS, parameter_of
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Title
from govchaind.ledger.state_keys import institution_key, office_key
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.ledger.working_state import Act, WorkingState

# places in a seat (state_keys.py)
NUMBER, PUBLIC, HOLDER, VALID_FROM, VALID_UNTIL, REVOKED_AT = range(6)


class CreateOffice(Shape):
    """Arguments of `create-office`."""

    name: Name
    title: Title
    threshold: Threshold
    keys: KeysShape


class SetKeyPolicy(Shape):
    """Arguments of `set-key-policy`."""

    office: Name
    threshold: Threshold
    keys: KeysShape


class RotateKey(Shape):
    """Arguments of `rotate-key`."""

    office: Name
    old: Bytes32
    new: Bytes32
    title: Title
    valid_until: Count | None
    overlap_until: Count


class RevokeKey(Shape):
    """Arguments of `revoke-key`."""

    office: Name
    key: Bytes32


class NameActing(Shape):
    """Arguments of `name-acting`."""

    office: Name
    key: Bytes32
    acting: Bytes32
    title: Title
    valid_from: Count
    valid_until: Count


def seats_of(keys: tuple[OfficeKey, ...]) -> list[list[Any]]:
    """Return one seat for each key of a new policy."""
    return [
        [number, key.public, key.title, key.valid_from, key.valid_until, None]
        for number, key in enumerate(keys)
    ]


def governs(act: Act, state: WorkingState) -> bool:
    """Say whether the author is its institution's governing office."""
    institution = state.decoded(institution_key(act.institution))
    return bool(institution is not None and institution[2] == act.office)


def create_office(arguments: CreateOffice, act: Act, state: WorkingState) -> int:
    """Found an office of the own institution."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = office_key(act.institution, arguments.name)
    if state.get(key) is not None:
        return Code.OFFICE_EXISTS
    keys = tuple(OfficeKey(*item) for item in arguments.keys)
    if policy_fault(arguments.threshold, keys) is not None:
        return Code.BAD_POLICY
    state.put_value(key, [arguments.title, arguments.threshold, seats_of(keys)])
    return Code.APPLIED


def set_key_policy(arguments: SetKeyPolicy, act: Act, state: WorkingState) -> int:
    """Replace all keys of an office, and how many sign together."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = office_key(act.institution, arguments.office)
    return replace_policy(key, arguments.threshold, arguments.keys, act, state)


def replace_policy(
    key: bytes, threshold: int, listed: KeysShape, act: Act, state: WorkingState
) -> int:
    """Give the office under a state key other keys."""
    office = state.decoded(key)
    if office is None:
        return Code.NO_SUCH_OFFICE
    keys = tuple(OfficeKey(*item) for item in listed)
    if policy_fault(threshold, keys) is not None:
        return Code.BAD_POLICY
    usable = sum(1 for item in keys if item.valid_until is None or item.valid_until >= act.time)
    if usable < threshold:
        return Code.BAD_POLICY
    state.put_value(key, [office[0], threshold, seats_of(keys)])
    return Code.APPLIED


def rotate_key(arguments: RotateKey, act: Act, state: WorkingState) -> int:
    """Put a new key on an old one's seat, both valid until the overlap ends."""
    if act.office != arguments.office and not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = office_key(act.institution, arguments.office)
    office = state.decoded(key)
    if office is None:
        return Code.NO_SUCH_OFFICE
    title, threshold, seats = office
    if any(seat[PUBLIC] == arguments.new for seat in seats):
        return Code.KEY_ALREADY_OF_OFFICE
    old = _seat_of(seats, arguments.old)
    if old is None:
        return Code.UNKNOWN_KEY
    if arguments.valid_until is not None and arguments.valid_until < act.time:
        return Code.BAD_POLICY
    until = arguments.overlap_until
    if old[VALID_UNTIL] is not None:
        until = min(until, old[VALID_UNTIL])
    ended = [*old[:VALID_UNTIL], until, None]
    new = [old[NUMBER], arguments.new, arguments.title, act.time, arguments.valid_until, None]
    changed = [ended if seat[PUBLIC] == arguments.old else seat for seat in seats]
    return _seat(key, [title, threshold, changed], new, act, state)


def name_acting(arguments: NameActing, act: Act, state: WorkingState) -> int:
    """Let another key sign for a time in the place of one that stays."""
    if act.office != arguments.office and not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = office_key(act.institution, arguments.office)
    office = state.decoded(key)
    if office is None:
        return Code.NO_SUCH_OFFICE
    if any(seat[PUBLIC] == arguments.acting for seat in office[2]):
        return Code.KEY_ALREADY_OF_OFFICE
    holder = _seat_of(office[2], arguments.key)
    if holder is None:
        return Code.UNKNOWN_KEY
    begins, until = arguments.valid_from, arguments.valid_until
    longest = parameter_of(ACTING_DAYS, state) * MILLISECONDS_A_DAY
    if not (begins <= until and act.time <= until <= act.time + longest):
        return Code.BAD_POLICY
    new = [holder[NUMBER], arguments.acting, arguments.title, begins, until, None]
    return _seat(key, list(office), new, act, state)


def _seat(key: bytes, office: list[Any], new: list[Any], act: Act, state: WorkingState) -> int:
    """Add a key to an office, if there is room."""
    title, threshold, seats = office
    if len(seats) >= OFFICE_KEYS_MAX:  # make room: what can never sign again may go
        seats = [seat for seat in seats if not _is_over(seat, act.time)]
    if len(seats) >= OFFICE_KEYS_MAX:
        return Code.BAD_POLICY
    state.put_value(key, [title, threshold, [*seats, new]])
    return Code.APPLIED


def revoke_key(arguments: RevokeKey, act: Act, state: WorkingState) -> int:
    """End a key at once."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = office_key(act.institution, arguments.office)
    office = state.decoded(key)
    if office is None:
        return Code.NO_SUCH_OFFICE
    title, threshold, seats = office
    old = _seat_of(seats, arguments.key)
    if old is None:
        return Code.UNKNOWN_KEY
    revoked = [*old[:REVOKED_AT], act.time]
    changed = [revoked if seat[PUBLIC] == arguments.key else seat for seat in seats]
    usable = {seat[NUMBER] for seat in changed if not _is_over(seat, act.time)}
    if arguments.office == act.office and len(usable) < threshold:
        return Code.BAD_POLICY
    state.put_value(key, [title, threshold, changed])
    return Code.APPLIED


def _seat_of(seats: list[Any], public: bytes) -> list[Any] | None:
    """Return the seat on which this key sits, unless it is revoked."""
    for seat in seats:
        if seat[PUBLIC] == public and seat[REVOKED_AT] is None:
            return list(seat)
    return None


def _is_over(seat: list[Any], time: int) -> bool:
    """Say whether the key can never sign again."""
    return seat[REVOKED_AT] is not None or (
        seat[VALID_UNTIL] is not None and seat[VALID_UNTIL] < time
    )


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "institutions", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.CREATE_OFFICE, "create-office", CreateOffice, create_office),
    _operation(Kind.SET_KEY_POLICY, "set-key-policy", SetKeyPolicy, set_key_policy),
    _operation(Kind.ROTATE_KEY, "rotate-key", RotateKey, rotate_key),
    _operation(Kind.REVOKE_KEY, "revoke-key", RevokeKey, revoke_key),
    _operation(Kind.NAME_ACTING, "name-acting", NameActing, name_acting),
)
