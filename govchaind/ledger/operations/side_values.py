"""Side values: texts that the ledger binds and does not hold; who may read one; its removal.

    70 record side value         [commitment, sealed, length, [[institution, office] …],
                                  [requester, reference] or null]     by whoever has the text
    motion 70 remove side value  [institution, commitment, ground]

A side value is named by the institution that recorded it and by the salted commitment to its text,
the same that a request, a refusal or a ruling carries (commitment.py). `sealed` is the SHA-256 of
the sealed file and `length` its bytes; the file itself lies in the nodes' own folders, never in a
transaction, a block or the state. So a vote can order it removed and no hash is broken: what stays
is a commitment whose salt is gone with the text, the name of the ground, and the day.

What is about a request is sealed to the institutions of both parties and to the supervisor of its
terms, but for the one that records it, which has the text. A removed one is never recorded again
under its name.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from govchaind.base.limits import SIDE_READERS_MAX, SIDE_SEALED_BYTES_MAX
from govchaind.ledger.operations import requests, terms
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Name, Shape
from govchaind.ledger.state_keys import office_key, request_key, side_value_key, terms_key
from govchaind.ledger.working_state import Act, WorkingState

Readers = Annotated[list[tuple[Name, Name]], Meta(min_length=1, max_length=SIDE_READERS_MAX)]

# places in a side value's value (state_keys.py)
OFFICE, SEALED, LENGTH, READERS, ABOUT, RECORDED, REMOVED, HEIGHT = range(8)


class RecordSideValue(Shape):
    """Arguments of `record-side-value`."""

    commitment: Bytes32
    sealed: Bytes32
    length: Annotated[int, Meta(ge=1, le=SIDE_SEALED_BYTES_MAX)]
    readers: Readers
    about: tuple[Name, Name] | None


class RemoveSideValue(Shape):
    """Arguments of `remove-side-value`."""

    institution: Name
    commitment: Bytes32
    ground: Name


def record_side_value(arguments: RecordSideValue, act: Act, state: WorkingState) -> int:
    """Bind a sealed text to its commitment, and say which offices may fetch it."""
    key = side_value_key(act.institution, arguments.commitment)
    present = state.decoded(key)
    if present is not None:
        removed = present[REMOVED] is not None
        return Code.SIDE_VALUE_REMOVED if removed else Code.SIDE_VALUE_EXISTS
    readers = [list(reader) for reader in arguments.readers]
    if len(set(arguments.readers)) != len(readers):
        return Code.BAD_READERS
    if any(state.get(office_key(*reader)) is None for reader in arguments.readers):
        return Code.BAD_READERS
    if arguments.about is not None and (fault := _about_fault(arguments, act, state)):
        return fault
    about = None if arguments.about is None else list(arguments.about)
    value: list[Any] = [act.office, arguments.sealed, arguments.length, readers, about, act.time]
    state.put_value(key, [*value, None, act.height])
    return Code.APPLIED


def remove_side_value(arguments: RemoveSideValue, act: Act, state: WorkingState) -> int:
    """Order that nodes part with a sealed text for good."""
    key = side_value_key(arguments.institution, arguments.commitment)
    present = state.decoded(key)
    if present is None:
        return Code.UNKNOWN_SIDE_VALUE
    if present[REMOVED] is not None:
        return Code.SIDE_VALUE_REMOVED
    changes = {REMOVED: [arguments.ground, act.time], HEIGHT: act.height}
    state.put_value(key, requests.changed(present, changes))
    return Code.APPLIED


def parties(about: tuple[str, str], asked: list[Any], state: WorkingState) -> tuple[set[str], Any]:
    """Return the institutions of a request, and the office that supervises it, if one does."""
    ruled_by = state.decoded(terms_key(asked[requests.UNDER]))
    supervisor = None if ruled_by is None else ruled_by[terms.SUPERVISOR]
    return {about[0], asked[requests.PROVIDER]}, supervisor


def _about_fault(arguments: RecordSideValue, act: Act, state: WorkingState) -> int:
    about = arguments.about
    asked = None if about is None else state.decoded(request_key(*about))
    if about is None or asked is None:
        return Code.UNKNOWN_REQUEST
    institutions, supervisor = parties(about, asked, state)
    own = [act.institution, act.office]
    if act.institution not in institutions and own != supervisor:
        return Code.NOT_OF_THE_REQUEST
    reading = {institution for institution, _ in arguments.readers} | {act.institution}
    if not reading >= institutions:
        return Code.PARTY_LEFT_OUT
    told = supervisor in (None, own) or tuple(supervisor) in arguments.readers
    return Code.APPLIED if told else Code.PARTY_LEFT_OUT


OPERATIONS = (
    Operation(
        int(Kind.RECORD_SIDE_VALUE),
        "record-side-value",
        "side values",
        COST_MICROSECONDS[Kind.RECORD_SIDE_VALUE],
        RecordSideValue,
        record_side_value,
    ),
)
MOTIONS = (
    Motion(
        MotionKind.REMOVE_SIDE_VALUE, "remove-side-value", RemoveSideValue, remove_side_value
    ),
)  # fmt: skip
