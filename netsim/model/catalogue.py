"""The model's duties and catalogue: what offices are there for, and which data they hold.

A duty is [title, office, mandate, data sets, ended, height]; a data set [revision, retired, title,
duty, fields, cycle, class, conditions, service, mandate, height].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.base.encoding import encode
from govchaind.ledger.outcomes import Code
from netsim.model.offices import governs, institution_key
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

ENTRY_BYTES_MAX = 16 * 1024
REVISION, RETIRED, TITLE, DUTY, FIELDS, CYCLE, CLASS, CONDITIONS, SERVICE, MANDATE = range(10)


def duty_key(institution: str, name: str) -> bytes:
    return b"\x0e" + institution.encode() + b"\x00" + name.encode()


def data_set_key(institution: str, name: str) -> bytes:
    return b"\x0f" + institution.encode() + b"\x00" + name.encode()


def mandate_refusal(draft: Draft, name: str) -> int:
    """Return why a mandate orders nothing now, or 0."""
    mandate = draft.get(b"\x0d" + name.encode())
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    begins, ends = mandate[4], mandate[8]
    if draft.time < begins or (ends is not None and draft.time >= ends):
        return Code.MANDATE_NOT_IN_FORCE
    return Code.APPLIED


def assign_duty(draft: Draft, arguments: list[Any]) -> int:
    name, title, office, mandate = arguments
    if not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    if draft.get(office_key(draft.institution, office)) is None:
        return Code.NO_SUCH_OFFICE
    if refusal := mandate_refusal(draft, mandate):
        return refusal
    before = draft.get(duty_key(draft.institution, name))
    hanging = 0 if before is None else before[3]
    if before is not None and before[4] is None and before[:3] == [title, office, mandate]:
        return Code.NOTHING_CHANGES
    duty = [title, office, mandate, hanging, None, draft.height]
    draft.put(duty_key(draft.institution, name), duty)
    return Code.APPLIED


def end_duty(draft: Draft, arguments: list[Any]) -> int:
    if not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    place = duty_key(draft.institution, arguments[0])
    duty = draft.get(place)
    if duty is None or duty[4] is not None:
        return Code.UNKNOWN_DUTY
    if duty[3]:
        return Code.DUTY_HAS_DATA_SETS
    draft.put(place, [*duty[:4], draft.time, duty[5]])
    return Code.APPLIED


def publish(draft: Draft, arguments: list[Any]) -> int:
    name, wanted = arguments[0], arguments[1:]
    if draft.get(data_set_key(draft.institution, name)) is not None:
        return Code.DATA_SET_EXISTS
    if refusal := _refusal(draft, wanted):
        return refusal
    _hang(draft, wanted[1], 1)
    return _write(draft, name, [1, False, *wanted, draft.height])


def revise(draft: Draft, arguments: list[Any]) -> int:
    name, wanted, revision = arguments[0], arguments[1:-1], arguments[-1]
    before = draft.get(data_set_key(draft.institution, name))
    if before is None:
        return Code.UNKNOWN_DATA_SET
    if before[RETIRED]:
        return Code.DATA_SET_RETIRED
    if revision != before[REVISION]:
        return Code.REVISION_CONFLICT
    if refusal := _author_refusal(draft, before[DUTY]):
        return refusal
    if refusal := _refusal(draft, wanted):
        return refusal
    if before[DUTY] != wanted[1]:
        _hang(draft, before[DUTY], -1)
        _hang(draft, wanted[1], 1)
    return _write(draft, name, [revision + 1, False, *wanted, draft.height])


def retire(draft: Draft, arguments: list[Any]) -> int:
    place = data_set_key(draft.institution, arguments[0])
    before = draft.get(place)
    if before is None:
        return Code.UNKNOWN_DATA_SET
    if before[RETIRED]:
        return Code.DATA_SET_RETIRED
    if refusal := _author_refusal(draft, before[DUTY]):
        return refusal
    _hang(draft, before[DUTY], -1)
    draft.put(place, [before[REVISION] + 1, True, *before[2:]])
    return Code.APPLIED


def answers_for(draft: Draft, provider: str, data_set: str) -> bool:
    """Say whether the author answers for a data set as the catalogue has it now."""
    if draft.institution != provider:
        return False
    duty = draft.get(duty_key(provider, draft.get(data_set_key(provider, data_set))[DUTY]))
    return governs(draft) or bool(duty[1] == draft.office)


def is_institution(draft: Draft, name: str) -> bool:
    return draft.get(institution_key(name)) is not None


def _author_refusal(draft: Draft, duty_name: str) -> int:
    duty = draft.get(duty_key(draft.institution, duty_name))
    if duty is None or duty[4] is not None:
        return Code.UNKNOWN_DUTY
    if duty[1] != draft.office and not governs(draft):
        return Code.NOT_DUTY_OFFICE
    return Code.APPLIED


def _refusal(draft: Draft, wanted: list[Any]) -> int:
    """Return why the catalogue cannot say this, or 0."""
    _, duty_name, fields, _, sharing, conditions, _, mandate = wanted
    if refusal := _author_refusal(draft, duty_name) or mandate_refusal(draft, mandate):
        return refusal
    for listed in (fields, conditions):
        names = [each[0] for each in listed]
        if len(set(names)) < len(names):
            return Code.BAD_DATA_SET
    if bool(conditions) != (sharing == "conditional"):
        return Code.BAD_DATA_SET
    return Code.APPLIED


def _hang(draft: Draft, duty_name: str, change: int) -> None:
    """Count the data sets that hang on a duty."""
    place = duty_key(draft.institution, duty_name)
    duty = draft.get(place)
    draft.put(place, [*duty[:3], duty[3] + change, *duty[4:]])


def _write(draft: Draft, name: str, value: list[Any]) -> int:
    if len(encode(value)) > ENTRY_BYTES_MAX:
        return Code.VALUE_TOO_LARGE
    draft.put(data_set_key(draft.institution, name), value)
    return Code.APPLIED
