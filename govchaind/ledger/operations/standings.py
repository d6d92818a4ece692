"""The standing of institutions: who is suspended, for the time being, and who is removed, for good.

    10 suspend institution  [name, ground, commitment or null]
    11 restore institution  [name]
    12 remove institution   [name, ground, commitment or null]

While an institution is suspended its offices can author nothing. It does not count: no rule asks
for its ballot, and ballots that it has cast for open motions do not count until it is restored. So
whoever carries a suspension can carry by the same rule what comes after it. Only who is suspended
is removed, and only when the ledger wants no node of it: nodes leave by `remove node`, never by
this. Removal is final; everything that the removed one did stays, and its name is never given
again. Its suspension's ground is a word of the members' own choice; the reasons lie elsewhere, and
the commitment binds them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from govchaind.base.limits import STANDINGS_MAX
from govchaind.base.types import Hash
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Name, Shape
from govchaind.ledger.state_keys import (
    NETWORK,
    NODE,
    ballot_key,
    institution_key,
    standing_key,
)
from govchaind.ledger.working_state import Act, WorkingState

STATE = 0  # place in a standing's value (state_keys.py)
_LISTED = standing_key("")
_INSTITUTION_OF_NODE = 1  # place in a node's value


class Standing(IntEnum):
    """What an institution that has a standing is; one without it takes part."""

    SUSPENDED = 1
    REMOVED = 2


class SuspendInstitution(Shape):
    """Arguments of `suspend-institution`."""

    name: Name
    ground: Name
    commitment: Bytes32 | None


class RestoreInstitution(Shape):
    """Arguments of `restore-institution`."""

    name: Name


class RemoveInstitution(Shape):
    """Arguments of `remove-institution`."""

    name: Name
    ground: Name
    commitment: Bytes32 | None


def standing_of(institution: str, state: WorkingState) -> int:
    """Return 0 for an institution that takes part, else its `Standing`."""
    found = state.decoded(standing_key(institution))
    return 0 if found is None else int(found[STATE])


def standing_refusal(institution: str, state: WorkingState) -> int:
    """Return why an institution can do nothing, or APPLIED."""
    standing = standing_of(institution, state)
    if not standing:
        return Code.APPLIED
    removed = standing == Standing.REMOVED
    return Code.INSTITUTION_REMOVED if removed else Code.INSTITUTION_SUSPENDED


def set_aside(state: WorkingState) -> list[str]:
    """Return the institutions that do not count, sorted."""
    return state.decoded(_LISTED) or []


def counting(state: WorkingState) -> int:
    """Return how many institutions count: the denominator of every rule."""
    institutions: int = state.decoded(NETWORK)[0]
    return institutions - len(set_aside(state))


def void_ballots(motion: Hash, state: WorkingState) -> int:
    """Return how many of a motion's ballots are of institutions that do not count."""
    return sum(1 for name in set_aside(state) if state.get(ballot_key(motion, name)) is not None)


def suspend_institution(arguments: SuspendInstitution, act: Act, state: WorkingState) -> int:
    """Let an institution do nothing, and count for nothing, until it is restored."""
    name = arguments.name
    if state.get(institution_key(name)) is None:
        return Code.NO_SUCH_INSTITUTION
    standing = standing_of(name, state)
    if standing:
        suspended = standing == Standing.SUSPENDED
        return Code.NOTHING_CHANGES if suspended else Code.INSTITUTION_REMOVED
    if counting(state) <= 1:
        return Code.LAST_INSTITUTION
    aside = set_aside(state)
    if len(aside) >= STANDINGS_MAX:
        return Code.TOO_MANY_SUSPENDED
    state.put_value(_LISTED, sorted([*aside, name]))
    _put(Standing.SUSPENDED, arguments, act, state)
    return Code.APPLIED


def restore_institution(arguments: RestoreInstitution, act: Act, state: WorkingState) -> int:
    """Let a suspended institution take part again."""
    del act
    refusal = _not_suspended(arguments.name, state)
    if refusal:
        return refusal
    left = [name for name in set_aside(state) if name != arguments.name]
    if left:
        state.put_value(_LISTED, left)
    else:
        state.delete(_LISTED)
    state.delete(standing_key(arguments.name))
    return Code.APPLIED


def remove_institution(arguments: RemoveInstitution, act: Act, state: WorkingState) -> int:
    """Part with a suspended institution for good."""
    refusal = _not_suspended(arguments.name, state)
    if refusal:
        return refusal
    if any(node[_INSTITUTION_OF_NODE] == arguments.name for _, node in state.scan(NODE)):
        return Code.INSTITUTION_HAS_NODES
    _put(Standing.REMOVED, arguments, act, state)
    return Code.APPLIED


def _not_suspended(name: str, state: WorkingState) -> int:
    if state.get(institution_key(name)) is None:
        return Code.NO_SUCH_INSTITUTION
    standing = standing_of(name, state)
    if standing == Standing.REMOVED:
        return Code.INSTITUTION_REMOVED
    return Code.APPLIED if standing else Code.NOT_SUSPENDED


def _put(
    standing: Standing,
    arguments: SuspendInstitution | RemoveInstitution,
    act: Act,
    state: WorkingState,
) -> None:
    value: list[Any] = [int(standing), arguments.ground, arguments.commitment, act.height, act.time]
    state.put_value(standing_key(arguments.name), value)


MOTIONS = (
    Motion(
        MotionKind.SUSPEND_INSTITUTION,
        "suspend-institution",
        SuspendInstitution,
        suspend_institution,
    ),
    Motion(
        MotionKind.RESTORE_INSTITUTION,
        "restore-institution",
        RestoreInstitution,
        restore_institution,
    ),
    Motion(
        MotionKind.REMOVE_INSTITUTION, "remove-institution", RemoveInstitution, remove_institution
    ),
)
