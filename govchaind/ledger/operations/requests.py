"""Requests with a clock: who asked whom for which data, and what was answered by when.

    40 request   [reference, provider, data set, fields, mandate, details]     by who asks
    41 grant     see grants.py                                                 by who answers
    42 refuse    [requester, reference, ground, reason or null]                by who answers
    43 extend    [requester, reference]                                        as the terms say
    44 appeal    [reference, details]                                          by who asks
    45 rule      [requester, reference, overturned, ground, reason or null]    by the supervisor
    48 withdraw request  [reference]                                           by who asks

`reference` is the requester's own, unique among its requests. `details` and `reason` are salted
commitments (commitment.py) of what only the parties and the supervisor read; in clear are offices,
clocks and codes. The clocks are those of the terms under the mandate that the data set rested on
when it was asked for (terms.py).

    open ──grant──▶ granted
     │  └─refuse─▶ refused ──appeal──▶ appealed ──rule──▶ upheld (final)
     └──(the clock has run out)─appeal──▶ appealed ──rule──▶ overturned ──grant──▶ granted

A clock that runs out changes nothing by itself and needs nobody's report: who looks compares the
time of the newest block with `due`. An answer after it is still an answer, and counts as late.
What was overturned can only be granted; a new clock runs for it. A silence, before an answer or
after a ruling, is appealed against once its clock has run out, and then counts as late. Until when
a refusal may be appealed against is set when it is made.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.limits import DATA_SET_FIELDS_MAX
from govchaind.ledger.operations import accounts, catalogue, terms
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.duties import mandate_fault
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Name, Shape
from govchaind.ledger.state_keys import data_set_key, request_key, terms_key
from govchaind.ledger.working_state import Act, WorkingState

Status = Literal["open", "granted", "refused", "appealed", "upheld", "overturned", "withdrawn"]
AskedFields = Annotated[list[Name], Meta(min_length=1, max_length=DATA_SET_FIELDS_MAX)]

# places in a request's value (state_keys.py)
(
    OFFICE, PROVIDER, DATA_SET, REVISION, SHARING, CONDITIONS, FIELDS, MANDATE, UNDER, DETAILS,
    STATUS, ASKED, DUE, BY, EXTENDED, ANSWERED, GROUND, REASON, APPEALED, APPEAL_DETAILS,
    RULED, APPEALABLE, HEIGHT,
) = range(23)  # fmt: skip


class Request(Shape):
    """Arguments of `request`."""

    reference: Name
    provider: Name
    data_set: Name
    fields: AskedFields
    mandate: Name
    details: Bytes32


class Refuse(Shape):
    """Arguments of `refuse`."""

    requester: Name
    reference: Name
    ground: Name
    reason: Bytes32 | None


class Extend(Shape):
    """Arguments of `extend`."""

    requester: Name
    reference: Name


class Appeal(Shape):
    """Arguments of `appeal`."""

    reference: Name
    details: Bytes32


class RuleOn(Shape):
    """Arguments of `rule`."""

    requester: Name
    reference: Name
    overturned: bool
    ground: Name
    reason: Bytes32 | None


class WithdrawRequest(Shape):
    """Arguments of `withdraw-request`."""

    reference: Name


def request(arguments: Request, act: Act, state: WorkingState) -> int:
    """Ask for data; the provider's clock starts."""
    key = request_key(act.institution, arguments.reference)
    if state.get(key) is not None:
        return Code.REQUEST_EXISTS
    if arguments.provider == act.institution:
        return Code.BAD_REQUEST
    data_set = state.decoded(data_set_key(arguments.provider, arguments.data_set))
    if data_set is None:
        return Code.UNKNOWN_DATA_SET
    if data_set[catalogue.RETIRED]:
        return Code.DATA_SET_RETIRED
    if data_set[catalogue.CLASS] == "not-shared":
        return Code.NOT_SHARED
    known = {field[0] for field in data_set[catalogue.FIELDS]}
    if len(set(arguments.fields)) != len(arguments.fields):
        return Code.BAD_REQUEST
    if not known.issuperset(arguments.fields):
        return Code.UNKNOWN_FIELD
    if fault := mandate_fault(arguments.mandate, act, state):
        return fault
    ruled_by = state.decoded(terms_key(data_set[catalogue.MANDATE]))
    if ruled_by is None:
        return Code.NO_TERMS
    due, by = terms.due(ruled_by, ruled_by[terms.REPLY], act.time, state)
    value: list[Any] = [
        act.office,
        arguments.provider,
        arguments.data_set,
        data_set[catalogue.REVISION],
        data_set[catalogue.CLASS],
        [condition[0] for condition in data_set[catalogue.CONDITIONS]],
        arguments.fields,
        arguments.mandate,
        data_set[catalogue.MANDATE],
        arguments.details,
        "open",
        act.time,
        due,
        by,
        *([None] * (HEIGHT - EXTENDED)),
        act.height,
    ]
    state.put_value(key, value)
    count(act.institution, value, {Entry.ASKED: 1}, act, state)
    return Code.APPLIED


def refuse(arguments: Refuse, act: Act, state: WorkingState) -> int:
    """Answer with no, and say on which ground."""
    key = request_key(arguments.requester, arguments.reference)
    asked = state.decoded(key)
    if fault := answer_fault(asked, act, state):
        return fault
    if asked[STATUS] == "overturned":
        return Code.REQUEST_NOT_OPEN
    if asked[SHARING] == "unconditional":
        return Code.MUST_BE_SHARED
    ruled_by = terms_of(asked, state)
    if arguments.ground not in ruled_by[terms.GROUNDS]:
        return Code.UNKNOWN_GROUND
    value = changed(
        asked,
        {
            STATUS: "refused",
            ANSWERED: act.time,
            GROUND: arguments.ground,
            REASON: arguments.reason,
            APPEALABLE: list(terms.due(ruled_by, ruled_by[terms.APPEAL], act.time, state)),
        },
    )
    state.put_value(key, value)
    count(arguments.requester, value, {Entry.REFUSED: 1, **in_time(asked, act)}, act, state)
    return Code.APPLIED


def extend(arguments: Extend, act: Act, state: WorkingState) -> int:
    """Give the provider more time: once, before the time is over, by whom the terms name."""
    key = request_key(arguments.requester, arguments.reference)
    asked = state.decoded(key)
    if asked is None:
        return Code.UNKNOWN_REQUEST
    ruled_by = terms_of(asked, state)
    if ruled_by[terms.EXTENDER] == "supervisor":
        if not supervises(ruled_by, act):
            return Code.NOT_SUPERVISOR
    elif not catalogue.answers_for(asked[PROVIDER], data_set_of(asked, state), act, state):
        return Code.NOT_PROVIDER
    if asked[STATUS] != "open":
        return Code.REQUEST_NOT_OPEN
    if ruled_by[terms.EXTENSION] is None or asked[EXTENDED] is not None:
        return Code.NO_FURTHER_EXTENSION
    if act.time > asked[DUE]:
        return Code.CLOCK_HAS_RUN_OUT
    due, by = terms.due(ruled_by, ruled_by[terms.EXTENSION], asked[DUE], state)
    value = changed(asked, {DUE: due, BY: _together(asked[BY], by), EXTENDED: act.time})
    state.put_value(key, value)
    count(arguments.requester, value, {Entry.EXTENDED: 1}, act, state)
    return Code.APPLIED


def appeal(arguments: Appeal, act: Act, state: WorkingState) -> int:
    """Take a refusal, or a silence, to the supervisor; its clock starts."""
    key = request_key(act.institution, arguments.reference)
    asked = state.decoded(key)
    if fault := requester_fault(asked, act, state):
        return fault
    ruled_by = terms_of(asked, state)
    entries = {Entry.APPEALED: 1}
    if asked[STATUS] == "refused":
        if act.time > asked[APPEALABLE][0]:
            return Code.CLOCK_HAS_RUN_OUT
    elif asked[STATUS] not in ("open", "overturned") or act.time <= asked[DUE]:
        return Code.NOTHING_TO_APPEAL
    else:
        entries[Entry.LATE] = 1
    due, by = terms.due(ruled_by, ruled_by[terms.RULING], act.time, state)
    value = changed(
        asked,
        {
            STATUS: "appealed",
            DUE: due,
            BY: by,
            APPEALED: act.time,
            APPEAL_DETAILS: arguments.details,
        },
    )
    state.put_value(key, value)
    count(act.institution, value, entries, act, state)
    return Code.APPLIED


def rule(arguments: RuleOn, act: Act, state: WorkingState) -> int:
    """Uphold a refusal, or order that the data be given."""
    key = request_key(arguments.requester, arguments.reference)
    asked = state.decoded(key)
    if asked is None:
        return Code.UNKNOWN_REQUEST
    ruled_by = terms_of(asked, state)
    if not supervises(ruled_by, act):
        return Code.NOT_SUPERVISOR
    if asked[STATUS] != "appealed":
        return Code.NOTHING_TO_RULE_ON
    changes: dict[int, Any] = {
        STATUS: "upheld",
        RULED: act.time,
        GROUND: arguments.ground,
        REASON: arguments.reason,
    }
    entry = Entry.UPHELD
    if arguments.overturned:
        due, by = terms.due(ruled_by, ruled_by[terms.REPLY], act.time, state)
        changes |= {STATUS: "overturned", DUE: due, BY: by}
        entry = Entry.OVERTURNED
    value = changed(asked, changes)
    state.put_value(key, value)
    count(arguments.requester, value, {entry: 1}, act, state)
    return Code.APPLIED


def withdraw_request(arguments: WithdrawRequest, act: Act, state: WorkingState) -> int:
    """Ask no longer; all clocks of the request stop."""
    key = request_key(act.institution, arguments.reference)
    asked = state.decoded(key)
    if fault := requester_fault(asked, act, state):
        return fault
    if asked[STATUS] not in ("open", "refused", "appealed", "overturned"):
        return Code.REQUEST_NOT_OPEN
    value = changed(asked, {STATUS: "withdrawn"})
    state.put_value(key, value)
    count(act.institution, value, {Entry.WITHDRAWN: 1}, act, state)
    return Code.APPLIED


# --- what the rules share with those of grants ------------------------------------------------


def answer_fault(asked: list[Any] | None, act: Act, state: WorkingState) -> int:
    """Say why the author cannot answer a request, or APPLIED if it can."""
    if asked is None:
        return Code.UNKNOWN_REQUEST
    if not catalogue.answers_for(asked[PROVIDER], data_set_of(asked, state), act, state):
        return Code.NOT_PROVIDER
    return Code.APPLIED if asked[STATUS] in ("open", "overturned") else Code.REQUEST_NOT_OPEN


def requester_fault(asked: list[Any] | None, act: Act, state: WorkingState) -> int:
    """Say why the author cannot act for who asked, or APPLIED if it can."""
    if asked is None:
        return Code.UNKNOWN_REQUEST
    may = act.office == asked[OFFICE] or governs(act, state)
    return Code.APPLIED if may else Code.NOT_REQUESTER


def changed(value: list[Any], changes: dict[int, Any]) -> list[Any]:
    """Return a value with some places changed."""
    return [changes.get(place, item) for place, item in enumerate(value)]


def in_time(asked: list[Any], act: Act) -> dict[Entry, int]:
    """Return how an answer given now counts."""
    return {Entry.LATE if act.time > asked[DUE] else Entry.IN_TIME: 1}


def data_set_of(asked: list[Any], state: WorkingState) -> list[Any]:
    """Return the data set that was asked for, as the catalogue has it now."""
    found: list[Any] = state.decoded(data_set_key(asked[PROVIDER], asked[DATA_SET]))
    return found


def terms_of(asked: list[Any], state: WorkingState) -> list[Any]:
    """Return the terms under which a request stands: those of its data set's mandate when asked."""
    found: list[Any] = state.decoded(terms_key(asked[UNDER]))
    return found


def count(
    requester: str, asked: list[Any], entries: dict[Entry, int], act: Act, state: WorkingState
) -> None:
    """Enter into the account of both sides what has just happened to a request."""
    month = terms.period(terms_of(asked, state), act.time)
    accounts.count(month, asked[PROVIDER], asked[DATA_SET], requester, entries, state)


def supervises(ruled_by: list[Any], act: Act) -> bool:
    """Return whether the office that acts is the supervisor that the terms name."""
    return bool(ruled_by[terms.SUPERVISOR] == [act.institution, act.office])


def _together(first: terms.Used, second: terms.Used) -> terms.Used:
    return [*first, *(use for use in second if use not in first)]


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "requests", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.REQUEST, "request", Request, request),
    _operation(Kind.REFUSE, "refuse", Refuse, refuse),
    _operation(Kind.EXTEND, "extend", Extend, extend),
    _operation(Kind.APPEAL, "appeal", Appeal, appeal),
    _operation(Kind.RULE, "rule", RuleOn, rule),
    _operation(Kind.WITHDRAW_REQUEST, "withdraw-request", WithdrawRequest, withdraw_request),
)
