"""The catalogue (数据目录): which data an institution holds, and on what conditions it shares them.

    32 publish data set  [name, title, duty, fields, update cycle, sharing class, conditions,
                          service address or null, mandate]
    33 revise data set   the same, and the revision that is revised
    34 retire data set   [name]

All by the office that has the duty, or the institution's governing one. A field is [name, title,
type]. A condition is [name, text]: a grant may ask for these and no others. Data that are shared
without condition have none, data shared on condition have some, data that are not shared have none.
Each revision replaces the one before, whose value stays in the state's history; a data set that is
retired stays readable, and takes no new requests. The data themselves are never on the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.encoding import encode
from govchaind.base.limits import CONDITIONS_MAX, DATA_SET_FIELDS_MAX, VALUE_BYTES_MAX
from govchaind.ledger.operations import duties
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Name, Shape, Title
from govchaind.ledger.state_keys import data_set_key, duty_key
from govchaind.ledger.working_state import Act, WorkingState

FieldType = Literal["text", "number", "date", "boolean", "image", "file"]
Fields = Annotated[
    list[tuple[Name, Title, FieldType]], Meta(min_length=1, max_length=DATA_SET_FIELDS_MAX)
]
Conditions = Annotated[list[tuple[Name, Title]], Meta(max_length=CONDITIONS_MAX)]
Cycle = Literal[
    "real-time", "daily", "weekly", "monthly", "quarterly", "yearly", "irregular", "once"
]
SharingClass = Literal["unconditional", "conditional", "not-shared"]

# places in a data set's value (state_keys.py)
(
    REVISION, RETIRED, TITLE, DUTY, FIELDS, CYCLE, CLASS, CONDITIONS, SERVICE, MANDATE, HEIGHT,
) = range(11)  # fmt: skip


class PublishDataSet(Shape):
    """Arguments of `publish-data-set`."""

    name: Name
    title: Title
    duty: Name
    fields: Fields
    cycle: Cycle
    sharing: SharingClass
    conditions: Conditions
    service: Title | None
    mandate: Name


class ReviseDataSet(Shape):
    """Arguments of `revise-data-set`."""

    name: Name
    title: Title
    duty: Name
    fields: Fields
    cycle: Cycle
    sharing: SharingClass
    conditions: Conditions
    service: Title | None
    mandate: Name
    revision: Count


class RetireDataSet(Shape):
    """Arguments of `retire-data-set`."""

    name: Name


def publish_data_set(arguments: PublishDataSet, act: Act, state: WorkingState) -> int:
    """Put a data set into the catalogue."""
    if state.get(data_set_key(act.institution, arguments.name)) is not None:
        return Code.DATA_SET_EXISTS
    if fault := _refusal(arguments, act, state):
        return fault
    _count(arguments.duty, 1, act, state)
    return _write(arguments, 1, act, state)


def revise_data_set(arguments: ReviseDataSet, act: Act, state: WorkingState) -> int:
    """Replace what the catalogue says of a data set."""
    present = state.decoded(data_set_key(act.institution, arguments.name))
    if present is None:
        return Code.UNKNOWN_DATA_SET
    if present[RETIRED]:
        return Code.DATA_SET_RETIRED
    if present[REVISION] != arguments.revision:
        return Code.REVISION_CONFLICT
    if fault := _author_fault(present[DUTY], act, state):
        return fault
    if fault := _refusal(arguments, act, state):
        return fault
    if arguments.duty != present[DUTY]:
        _count(present[DUTY], -1, act, state)
        _count(arguments.duty, 1, act, state)
    return _write(arguments, present[REVISION] + 1, act, state)


def retire_data_set(arguments: RetireDataSet, act: Act, state: WorkingState) -> int:
    """Take no more requests for a data set."""
    key = data_set_key(act.institution, arguments.name)
    present = state.decoded(key)
    if present is None:
        return Code.UNKNOWN_DATA_SET
    if present[RETIRED]:
        return Code.DATA_SET_RETIRED
    if fault := _author_fault(present[DUTY], act, state):
        return fault
    _count(present[DUTY], -1, act, state)
    state.put_value(key, [present[REVISION] + 1, True, *present[TITLE:]])
    return Code.APPLIED


def answers_for(institution: str, data_set: list[Any], act: Act, state: WorkingState) -> bool:
    """Say whether the author answers for a data set: its duty's office, or the governing one."""
    if act.institution != institution:
        return False
    return _author_fault(data_set[DUTY], act, state) == Code.APPLIED


def _author_fault(duty_name: str, act: Act, state: WorkingState) -> int:
    duty = state.decoded(duty_key(act.institution, duty_name))
    if duty is None:
        return Code.UNKNOWN_DUTY
    may = duty[duties.OFFICE] == act.office or governs(act, state)
    return Code.APPLIED if may else Code.NOT_DUTY_OFFICE


def _refusal(wanted: PublishDataSet | ReviseDataSet, act: Act, state: WorkingState) -> int:
    """Say why the catalogue cannot say this, or APPLIED if it can."""
    duty = state.decoded(duty_key(act.institution, wanted.duty))
    if duty is None or duty[duties.ENDED] is not None:
        return Code.UNKNOWN_DUTY
    if fault := _author_fault(wanted.duty, act, state):
        return fault
    if fault := duties.mandate_fault(wanted.mandate, act, state):
        return fault
    fields = {field[0] for field in wanted.fields}
    conditions = {condition[0] for condition in wanted.conditions}
    if len(fields) != len(wanted.fields) or len(conditions) != len(wanted.conditions):
        return Code.BAD_DATA_SET
    if bool(conditions) != (wanted.sharing == "conditional"):
        return Code.BAD_DATA_SET
    return Code.APPLIED


def _count(duty_name: str, change: int, act: Act, state: WorkingState) -> None:
    key = duty_key(act.institution, duty_name)
    duty = list(state.decoded(key))
    duty[duties.DATA_SETS] += change
    state.put_value(key, duty)


def _write(
    wanted: PublishDataSet | ReviseDataSet, revision: int, act: Act, state: WorkingState
) -> int:
    value = encode(
        [
            revision,
            False,
            wanted.title,
            wanted.duty,
            [list(field) for field in wanted.fields],
            wanted.cycle,
            wanted.sharing,
            [list(condition) for condition in wanted.conditions],
            wanted.service,
            wanted.mandate,
            act.height,
        ]
    )
    if len(value) > VALUE_BYTES_MAX:
        return Code.VALUE_TOO_LARGE
    state.put(data_set_key(act.institution, wanted.name), value)
    return Code.APPLIED


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "catalogue", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.PUBLISH_DATA_SET, "publish-data-set", PublishDataSet, publish_data_set),
    _operation(Kind.REVISE_DATA_SET, "revise-data-set", ReviseDataSet, revise_data_set),
    _operation(Kind.RETIRE_DATA_SET, "retire-data-set", RetireDataSet, retire_data_set),
)
