"""Grants: what was granted, bound to purpose, scope, count and end; each use is signed.

    41 grant         [requester, reference, conditions, until, uses or null]   by who answers
    46 use grant     [reference, number, query]                                by who asked
    47 revoke grant  [requester, reference, ground, reason or null]            by the provider or
                                                                               the supervisor

A grant is named by its request and holds its fields and details. Its conditions are some of those
that the catalogue had when it was asked for, and no others: the ledger refuses what a provider
thinks up, or puts into the catalogue, afterwards. Uses are numbered from 1 without gaps, `query` is
a salted commitment of what was asked. A use beyond the last, or behind the end, is refused and
stays on the ledger with its signature: whoever has the receipts of the grant and of that refusal
can prove the over-use. Where the terms have a clock for deliveries, the first is due when it runs
out: beside that time stand the years of the calendar that were counted, as with a reply (terms.py).
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from govchaind.base.limits import CONDITIONS_MAX
from govchaind.ledger.operations import catalogue, requests, terms
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape
from govchaind.ledger.state_keys import grant_key, request_key
from govchaind.ledger.working_state import Act, WorkingState

Named = Annotated[list[Name], Meta(max_length=CONDITIONS_MAX)]
Uses = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]

# places in a grant's value (state_keys.py)
(
    PROVIDER, PROVIDER_OFFICE, REQUESTER_OFFICE, DATA_SET, REVISION, FIELDS, CONDITIONS, DETAILS,
    GRANTED, UNTIL, USES_MAX, USES, DELIVERY_DUE, REVOKED, GROUND, REASON, HEIGHT,
) = range(17)  # fmt: skip


class Grant(Shape):
    """Arguments of `grant`."""

    requester: Name
    reference: Name
    conditions: Named
    until: Count
    uses: Uses | None


class UseGrant(Shape):
    """Arguments of `use-grant`."""

    reference: Name
    number: Uses
    query: Bytes32


class RevokeGrant(Shape):
    """Arguments of `revoke-grant`."""

    requester: Name
    reference: Name
    ground: Name
    reason: Bytes32 | None


def grant(arguments: Grant, act: Act, state: WorkingState) -> int:
    """Answer with yes."""
    asked_key = request_key(arguments.requester, arguments.reference)
    asked = state.decoded(asked_key)
    if fault := requests.answer_fault(asked, act, state):
        return fault
    if not set(asked[requests.CONDITIONS]).issuperset(arguments.conditions):
        return Code.UNKNOWN_CONDITION
    if len(set(arguments.conditions)) != len(arguments.conditions) or arguments.until <= act.time:
        return Code.BAD_GRANT
    ruled_by = requests.terms_of(asked, state)
    delivery = None
    if ruled_by[terms.DELIVERY] is not None:
        delivery = list(terms.due(ruled_by, ruled_by[terms.DELIVERY], act.time, state))
    state.put_value(
        grant_key(arguments.requester, arguments.reference),
        [
            asked[requests.PROVIDER],
            act.office,
            asked[requests.OFFICE],
            asked[requests.DATA_SET],
            asked[requests.REVISION],
            asked[requests.FIELDS],
            arguments.conditions,
            asked[requests.DETAILS],
            act.time,
            arguments.until,
            arguments.uses,
            0,
            delivery,
            None,
            None,
            None,
            act.height,
        ],
    )
    value = requests.changed(asked, {requests.STATUS: "granted", requests.ANSWERED: act.time})
    state.put_value(asked_key, value)
    entries = {Entry.GRANTED: 1, **requests.in_time(asked, act)}
    requests.count(arguments.requester, value, entries, act, state)
    return Code.APPLIED


def use_grant(arguments: UseGrant, act: Act, state: WorkingState) -> int:
    """Sign for one use, before it."""
    key = grant_key(act.institution, arguments.reference)
    granted = state.decoded(key)
    if granted is None:
        return Code.UNKNOWN_GRANT
    asked = state.decoded(request_key(act.institution, arguments.reference))
    if fault := requests.requester_fault(asked, act, state):
        return fault
    if granted[REVOKED] is not None or act.time > granted[UNTIL]:
        return Code.GRANT_ENDED
    if granted[USES_MAX] is not None and arguments.number > granted[USES_MAX]:
        return Code.GRANT_USED_UP
    if arguments.number != granted[USES] + 1:
        return Code.USE_OUT_OF_ORDER
    state.put_value(key, requests.changed(granted, {USES: arguments.number}))
    requests.count(act.institution, asked, {Entry.USED: 1}, act, state)
    return Code.APPLIED


def revoke_grant(arguments: RevokeGrant, act: Act, state: WorkingState) -> int:
    """End a grant at once, on a ground that the terms know."""
    key = grant_key(arguments.requester, arguments.reference)
    granted = state.decoded(key)
    if granted is None:
        return Code.UNKNOWN_GRANT
    asked = state.decoded(request_key(arguments.requester, arguments.reference))
    ruled_by = requests.terms_of(asked, state)
    data_set = requests.data_set_of(asked, state)
    supervises = requests.supervises(ruled_by, act)
    if not (supervises or catalogue.answers_for(granted[PROVIDER], data_set, act, state)):
        return Code.NOT_PROVIDER
    if granted[REVOKED] is not None or act.time > granted[UNTIL]:
        return Code.GRANT_ENDED
    if arguments.ground not in ruled_by[terms.GROUNDS]:
        return Code.UNKNOWN_GROUND
    changes = {REVOKED: act.time, GROUND: arguments.ground, REASON: arguments.reason}
    state.put_value(key, requests.changed(granted, changes))
    requests.count(arguments.requester, asked, {Entry.REVOKED: 1}, act, state)
    return Code.APPLIED


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "requests", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.GRANT, "grant", Grant, grant),
    _operation(Kind.USE_GRANT, "use-grant", UseGrant, use_grant),
    _operation(Kind.REVOKE_GRANT, "revoke-grant", RevokeGrant, revoke_grant),
)
