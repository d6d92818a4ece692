"""Mandates: the documents that order what is done, with effect, end and successor.

    8 adopt mandate   [name, title, number, issuer, digest of the document, effect from,
                       until or null, predecessor or null]
    9 repeal mandate  [name, from]
   15 restore mandate [name, effect from, until or null]

The document itself is public and lies elsewhere; its hash is here. A mandate ends at `until`, at
its repeal, or when its successor's effect begins, whichever is first. It is never removed: what was
done under it keeps its ground. Times are block time; neither a repeal nor a successor ends anything
in the past. The repeal of a successor brings nothing back: an ended mandate is in force again only
by a motion that says so, and only where none of its line is in force beside it. Its value then has
the new times, and it may get a successor again; what it was before is its history.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.types import BlockTime
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Title
from govchaind.ledger.state_keys import mandate_key
from govchaind.ledger.working_state import Act, WorkingState

# places in a mandate's value (state_keys.py)
EFFECT, UNTIL, PREDECESSOR, SUCCESSOR, ENDS, ADOPTED = range(4, 10)


class AdoptMandate(Shape):
    """Arguments of `adopt-mandate`."""

    name: Name
    title: Title
    number: Title
    issuer: Title
    document: Bytes32
    effect: Count
    until: Count | None
    predecessor: Name | None


class RepealMandate(Shape):
    """Arguments of `repeal-mandate`."""

    name: Name
    ends: Count


class RestoreMandate(Shape):
    """Arguments of `restore-mandate`."""

    name: Name
    effect: Count
    until: Count | None


def adopt_mandate(arguments: AdoptMandate, act: Act, state: WorkingState) -> int:
    """Adopt a mandate; it may take the place of an earlier one."""
    key = mandate_key(arguments.name)
    if state.get(key) is not None:
        return Code.MANDATE_EXISTS
    if arguments.until is not None and arguments.until <= arguments.effect:
        return Code.BAD_MANDATE
    if arguments.predecessor is not None:
        before = state.decoded(mandate_key(arguments.predecessor))
        if before is None:
            return Code.UNKNOWN_MANDATE
        if before[SUCCESSOR] is not None:
            return Code.MANDATE_HAS_SUCCESSOR
        if arguments.effect < before[EFFECT]:
            return Code.BAD_MANDATE
        ended = _earlier(before[ENDS], max(arguments.effect, act.time))
        value = [*before[:SUCCESSOR], arguments.name, ended, *before[ENDS + 1 :]]
        state.put_value(mandate_key(arguments.predecessor), value)
    state.put_value(
        key,
        [
            arguments.title,
            arguments.number,
            arguments.issuer,
            arguments.document,
            arguments.effect,
            arguments.until,
            arguments.predecessor,
            None,
            arguments.until,
            act.height,
        ],
    )
    return Code.APPLIED


def repeal_mandate(arguments: RepealMandate, act: Act, state: WorkingState) -> int:
    """End a mandate, now or later."""
    key = mandate_key(arguments.name)
    mandate = state.decoded(key)
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    if arguments.ends < act.time:
        return Code.BAD_MANDATE
    ends = mandate[ENDS]
    if ends is not None and ends <= arguments.ends:
        return Code.NOTHING_CHANGES
    state.put_value(key, [*mandate[:ENDS], arguments.ends, *mandate[ENDS + 1 :]])
    return Code.APPLIED


def restore_mandate(arguments: RestoreMandate, act: Act, state: WorkingState) -> int:
    """Bring a mandate that has ended back into force, now or later."""
    key = mandate_key(arguments.name)
    mandate = state.decoded(key)
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    effect, until = arguments.effect, arguments.until
    if effect < act.time or (until is not None and until <= effect):
        return Code.BAD_MANDATE
    if mandate[ENDS] is None or mandate[ENDS] > effect:
        return Code.NOTHING_CHANGES
    before, after = (_mandate(mandate[place], state) for place in (PREDECESSOR, SUCCESSOR))
    for other in (before, after):
        if other is not None and (other[ENDS] is None or other[ENDS] > effect):
            return Code.MANDATE_LINE_IN_FORCE
    if after is not None and after[SUCCESSOR] is not None:  # only the line's last ones return
        return Code.MANDATE_LINE_IN_FORCE
    if before is not None:
        if before[SUCCESSOR] not in (None, arguments.name):  # its place is another's by now
            return Code.MANDATE_LINE_IN_FORCE
        linked = [*before[:SUCCESSOR], arguments.name, *before[ENDS:]]
        if linked != before:
            state.put_value(mandate_key(mandate[PREDECESSOR]), linked)
    value = [*mandate[:EFFECT], effect, until, mandate[PREDECESSOR], None, until, mandate[ADOPTED]]
    state.put_value(key, value)
    return Code.APPLIED


def _mandate(name: str | None, state: WorkingState) -> list[Any] | None:
    return None if name is None else state.decoded(mandate_key(name))


def is_in_force(mandate: list[Any], time: BlockTime) -> bool:
    """Say whether a mandate's value orders anything at a block time."""
    return bool(mandate[EFFECT] <= time and (mandate[ENDS] is None or time < mandate[ENDS]))


def _earlier(first: BlockTime | None, second: BlockTime) -> BlockTime:
    return second if first is None else min(first, second)


MOTIONS = (
    Motion(MotionKind.ADOPT_MANDATE, "adopt-mandate", AdoptMandate, adopt_mandate),
    Motion(MotionKind.REPEAL_MANDATE, "repeal-mandate", RepealMandate, repeal_mandate),
    Motion(MotionKind.RESTORE_MANDATE, "restore-mandate", RestoreMandate, restore_mandate),
)
