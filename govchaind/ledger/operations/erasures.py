"""Erasure of what was delivered, and loss: three ends of a delivery that are never mixed up.

    56 order erasure    [requester, reference, number, deadline, holders]   by the sender
    57 confirm erasure  [requester, reference, number, answer]              by each holder
    58 report lost      [requester, reference, number, ground]              by a party

An order names the offices that hold the data or may do so, the receiver among them, and a block
time. Each answers for itself: its keys and copies are destroyed, or it never had any. Whoever has
signed a receipt cannot say that it never had it. An answer after the deadline is still an answer.
Who has not answered is a derived fact that nobody has to file: the order stays in the index of open
ones, sorted by deadline, until the last answer.

A delivery ends as **erased** (all have answered, one had it and destroyed it), **never delivered**
(all have answered that they never had it) or **lost** (a party has said so). What was lost before
the order needs no further answer of that holder.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.limits import ERASURE_HOLDERS_MAX, ERASURE_MILLISECONDS_MAX
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.deliveries import (
    ANSWER,
    ERASE_DEADLINE,
    ERASE_HOLDERS,
    ERASURE,
    HOLDER,
    LOST,
    RECEIVED,
    RECEIVER,
    SENDER,
    Number,
    found,
    speaks_for,
)
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.requests import changed
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Name, Shape
from govchaind.ledger.state_keys import erasure_key, office_key
from govchaind.ledger.working_state import Act, WorkingState

Holders = Annotated[list[tuple[Name, Name]], Meta(min_length=1, max_length=ERASURE_HOLDERS_MAX)]
LostGround = Literal["on-the-way", "stolen", "key-lost"]


class OrderErasure(Shape):
    """Arguments of `order-erasure`."""

    requester: Name
    reference: Name
    number: Number
    deadline: Count
    holders: Holders


class ConfirmErasure(Shape):
    """Arguments of `confirm-erasure`."""

    requester: Name
    reference: Name
    number: Number
    answer: Literal["destroyed", "never-had"]


class ReportLost(Shape):
    """Arguments of `report-lost`."""

    requester: Name
    reference: Name
    number: Number
    ground: LostGround


def order_erasure(arguments: OrderErasure, act: Act, state: WorkingState) -> int:
    """Order each holder to destroy its keys and copies by a time."""
    key, delivery = found(arguments, state)
    if delivery is None:
        return Code.UNKNOWN_DELIVERY
    if not speaks_for(delivery[SENDER], act, state):
        return Code.NOT_SENDER
    if delivery[ERASURE] is not None:
        return Code.ERASURE_ORDERED
    if not act.time < arguments.deadline <= act.time + ERASURE_MILLISECONDS_MAX:
        return Code.BAD_ERASURE
    offices = [list(holder) for holder in arguments.holders]
    if len(set(arguments.holders)) != len(offices) or delivery[RECEIVER] not in offices:
        return Code.BAD_ERASURE
    for institution, office in offices:
        if state.get(office_key(institution, office)) is None:
            return Code.NO_SUCH_OFFICE
    lost = delivery[LOST]
    holders = [
        [each, "lost", lost[1]] if lost is not None and lost[2] == each else [each, None, None]
        for each in offices
    ]
    erasure = [arguments.deadline, act.time, holders]
    state.put_value(key, changed(delivery, {ERASURE: erasure}))
    if any(holder[ANSWER] is None for holder in holders):
        state.put_value(_index(arguments, erasure), act.height)
    return Code.APPLIED


def confirm_erasure(arguments: ConfirmErasure, act: Act, state: WorkingState) -> int:
    """Answer an order: destroyed, or never had."""
    key, delivery = found(arguments, state)
    if delivery is None:
        return Code.UNKNOWN_DELIVERY
    if delivery[ERASURE] is None:
        return Code.NO_ERASURE_ORDERED
    place = _place_of(act, delivery)
    if place is None:
        return Code.NOT_A_HOLDER
    holder = delivery[ERASURE][ERASE_HOLDERS][place]
    if holder[ANSWER] is not None:
        return Code.ALREADY_ANSWERED
    had_it = delivery[RECEIVED] is not None and holder[HOLDER] == delivery[RECEIVER]
    if arguments.answer == "never-had" and had_it:
        return Code.RECEIPT_SAYS_OTHERWISE
    _answer(arguments, key, delivery, {place: arguments.answer}, act, state)
    return Code.APPLIED


def report_lost(arguments: ReportLost, act: Act, state: WorkingState) -> int:
    """Say that a delivery did not come, or is out of its holder's hands."""
    key, delivery = found(arguments, state)
    if delivery is None:
        return Code.UNKNOWN_DELIVERY
    place = _place_of(act, delivery)
    party = [act.institution, act.office]
    if place is None and party not in (delivery[SENDER], delivery[RECEIVER]):
        return Code.NOT_A_PARTY
    if arguments.ground == "on-the-way" and delivery[RECEIVED] is not None:
        return Code.RECEIPT_SAYS_OTHERWISE
    if place is not None:
        if delivery[ERASURE][ERASE_HOLDERS][place][ANSWER] is not None:
            return Code.ALREADY_ANSWERED
    elif delivery[LOST] is not None:
        return Code.DELIVERY_LOST
    if delivery[LOST] is None:
        delivery = changed(delivery, {LOST: [arguments.ground, act.time, party]})
    _answer(arguments, key, delivery, {} if place is None else {place: "lost"}, act, state)
    return Code.APPLIED


def _place_of(act: Act, delivery: list[Any]) -> int | None:
    """Return the author's place among the holders that an order names; None: it is none."""
    if delivery[ERASURE] is None:
        return None
    party = [act.institution, act.office]
    holders = delivery[ERASURE][ERASE_HOLDERS]
    return next((at for at, holder in enumerate(holders) if holder[HOLDER] == party), None)


def _answer(
    arguments: Any,
    key: bytes,
    delivery: list[Any],
    answers: dict[int, str],
    act: Act,
    state: WorkingState,
) -> None:
    """Write a delivery with further answers; the last one takes it off the index."""
    if answers:
        erasure = delivery[ERASURE]
        holders = [
            [holder[HOLDER], answers[at], act.time] if at in answers else holder
            for at, holder in enumerate(erasure[ERASE_HOLDERS])
        ]
        erasure = changed(erasure, {ERASE_HOLDERS: holders})
        delivery = changed(delivery, {ERASURE: erasure})
        if all(holder[ANSWER] is not None for holder in holders):
            state.delete(_index(arguments, erasure))
    state.put_value(key, delivery)


def _index(arguments: Any, erasure: list[Any]) -> bytes:
    named = (arguments.requester, arguments.reference, arguments.number)
    return erasure_key(erasure[ERASE_DEADLINE], *named)


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "deliveries", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.ORDER_ERASURE, "order-erasure", OrderErasure, order_erasure),
    _operation(Kind.CONFIRM_ERASURE, "confirm-erasure", ConfirmErasure, confirm_erasure),
    _operation(Kind.REPORT_LOST, "report-lost", ReportLost, report_lost),
)
