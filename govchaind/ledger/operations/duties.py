"""Duties (职责目录): what an office is there for, and the document that orders it.

    30 assign duty  [name, title, office, mandate]   by the governing office
    31 end duty     [name]                           by the governing office

A duty that is assigned again goes to the office, or rests on the mandate, that is named then. It
cannot end while data sets of the catalogue hang on it.
"""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.mandates import is_in_force
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Name, Shape, Title
from govchaind.ledger.state_keys import duty_key, mandate_key, office_key
from govchaind.ledger.working_state import Act, WorkingState

# places in a duty's value (state_keys.py)
TITLE, OFFICE, MANDATE, DATA_SETS, ENDED, HEIGHT = range(6)


class AssignDuty(Shape):
    """Arguments of `assign-duty`."""

    name: Name
    title: Title
    office: Name
    mandate: Name


class EndDuty(Shape):
    """Arguments of `end-duty`."""

    name: Name


def mandate_fault(name: str, act: Act, state: WorkingState) -> int:
    """Say why a mandate orders nothing now, or APPLIED if it does."""
    mandate = state.decoded(mandate_key(name))
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    return Code.APPLIED if is_in_force(mandate, act.time) else Code.MANDATE_NOT_IN_FORCE


def assign_duty(arguments: AssignDuty, act: Act, state: WorkingState) -> int:
    """Give a duty of the own institution to one of its offices."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    if state.get(office_key(act.institution, arguments.office)) is None:
        return Code.NO_SUCH_OFFICE
    if fault := mandate_fault(arguments.mandate, act, state):
        return fault
    key = duty_key(act.institution, arguments.name)
    before = state.decoded(key)
    wanted = [arguments.title, arguments.office, arguments.mandate]
    if before is not None and before[ENDED] is None and before[:DATA_SETS] == wanted:
        return Code.NOTHING_CHANGES
    data_sets = 0 if before is None else before[DATA_SETS]
    state.put_value(key, [*wanted, data_sets, None, act.height])
    return Code.APPLIED


def end_duty(arguments: EndDuty, act: Act, state: WorkingState) -> int:
    """End a duty on which no data set hangs any more."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = duty_key(act.institution, arguments.name)
    duty = state.decoded(key)
    if duty is None or duty[ENDED] is not None:
        return Code.UNKNOWN_DUTY
    if duty[DATA_SETS]:
        return Code.DUTY_HAS_DATA_SETS
    state.put_value(key, [*duty[:ENDED], act.time, duty[HEIGHT]])
    return Code.APPLIED


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "catalogue", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.ASSIGN_DUTY, "assign-duty", AssignDuty, assign_duty),
    _operation(Kind.END_DUTY, "end-duty", EndDuty, end_duty),
)
