"""The model's requests and grants: who asked whom for what, what came of it, and by which clock.

A request is [office, provider, data set, revision, class, conditions, fields, mandate, mandate of
the terms, details, status, asked, due, years counted, extended, answered, ground, reason,
appealed, appeal's details, ruled, appealable, height]; a grant [provider, its office, requester's
office, data set, revision, fields, conditions, details, granted, until, uses at most, uses,
[delivery due, years counted] or null, revoked, ground, reason, height].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model import catalogue, clocks
from netsim.model.offices import governs

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

(OFFICE, PROVIDER, DATA_SET, REVISION, CLASS, CONDITIONS, FIELDS, MANDATE, UNDER, DETAILS, STATUS,
 ASKED, DUE, BY, EXTENDED, ANSWERED, GROUND, REASON, APPEALED, APPEAL_DETAILS, RULED,
 APPEALABLE, HEIGHT,
) = range(23)  # fmt: skip


def request_key(requester: str, reference: str) -> bytes:
    return b"\x12" + requester.encode() + b"\x00" + reference.encode()


def grant_key(requester: str, reference: str) -> bytes:
    return b"\x13" + requester.encode() + b"\x00" + reference.encode()


def _write(draft: Draft, requester: str, reference: str, value: list[Any], **places: Any) -> None:
    """Write a request with some of its places changed."""
    after = list(value)
    for name, each in places.items():
        after[globals()[name]] = each
    draft.put(request_key(requester, reference), after)


def _terms(draft: Draft, asked: list[Any]) -> list[Any]:
    found: list[Any] = draft.get(clocks.terms_key(asked[UNDER]))
    return found


def _count(draft: Draft, requester: str, asked: list[Any], *what: int) -> None:
    clocks.enter(draft, _terms(draft, asked), requester, [asked[PROVIDER], asked[DATA_SET]], *what)


def _asks(draft: Draft, office: str) -> bool:
    return draft.office == office or governs(draft)


def request(draft: Draft, arguments: list[Any]) -> int:
    reference, provider, name, fields, mandate, details = arguments
    if draft.get(request_key(draft.institution, reference)) is not None:
        return Code.REQUEST_EXISTS
    if provider == draft.institution:
        return Code.BAD_REQUEST
    data_set = draft.get(catalogue.data_set_key(provider, name))
    if data_set is None:
        return Code.UNKNOWN_DATA_SET
    if data_set[catalogue.RETIRED]:
        return Code.DATA_SET_RETIRED
    if data_set[catalogue.CLASS] == "not-shared":
        return Code.NOT_SHARED
    if len(set(fields)) < len(fields):
        return Code.BAD_REQUEST
    if not set(fields) <= {field[0] for field in data_set[catalogue.FIELDS]}:
        return Code.UNKNOWN_FIELD
    if refusal := catalogue.mandate_refusal(draft, mandate):
        return refusal
    under = data_set[catalogue.MANDATE]
    terms = draft.get(clocks.terms_key(under))
    if terms is None:
        return Code.NO_TERMS
    due, by = clocks.runs_out(draft, terms, terms[clocks.REPLY], draft.time)
    conditions = [each[0] for each in data_set[catalogue.CONDITIONS]]
    asked = [draft.office, provider, name, data_set[catalogue.REVISION], data_set[catalogue.CLASS],
             conditions, fields, mandate, under, details, "open", draft.time, due, by,
             *[None] * 8, draft.height]  # fmt: skip
    _write(draft, draft.institution, reference, asked)
    _count(draft, draft.institution, asked, clocks.ASKED)
    return Code.APPLIED


def _to_answer(draft: Draft, requester: str, reference: str) -> tuple[int, list[Any]]:
    asked = draft.get(request_key(requester, reference))
    if asked is None:
        return Code.UNKNOWN_REQUEST, []
    if not catalogue.answers_for(draft, asked[PROVIDER], asked[DATA_SET]):
        return Code.NOT_PROVIDER, []
    return Code.APPLIED, asked


def _own(draft: Draft, reference: str) -> tuple[int, list[Any]]:
    asked = draft.get(request_key(draft.institution, reference))
    if asked is None:
        return Code.UNKNOWN_REQUEST, []
    return (Code.APPLIED if _asks(draft, asked[OFFICE]) else Code.NOT_REQUESTER), asked


def _punctual(draft: Draft, asked: list[Any]) -> int:
    return clocks.IN_TIME if draft.time <= asked[DUE] else clocks.LATE


def grant(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, conditions, until, uses = arguments
    refusal, asked = _to_answer(draft, requester, reference)
    if refusal:
        return refusal
    if asked[STATUS] not in ("open", "overturned"):
        return Code.REQUEST_NOT_OPEN
    if not set(conditions) <= set(asked[CONDITIONS]):
        return Code.UNKNOWN_CONDITION
    if until <= draft.time or len(set(conditions)) < len(conditions):
        return Code.BAD_GRANT
    terms = _terms(draft, asked)
    delivery = None
    if terms[clocks.DELIVERY] is not None:
        delivery = [*clocks.runs_out(draft, terms, terms[clocks.DELIVERY], draft.time)]
    value = [
        asked[PROVIDER], draft.office, asked[OFFICE], asked[DATA_SET], asked[REVISION],
        asked[FIELDS], conditions, asked[DETAILS], draft.time, until, uses, 0, delivery,
        None, None, None, draft.height,
    ]  # fmt: skip
    draft.put(grant_key(requester, reference), value)
    _count(draft, requester, asked, clocks.GRANTED, _punctual(draft, asked))
    _write(draft, requester, reference, asked, STATUS="granted", ANSWERED=draft.time)
    return Code.APPLIED


def refuse(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, ground, reason = arguments
    refusal, asked = _to_answer(draft, requester, reference)
    if refusal:
        return refusal
    if asked[STATUS] != "open":
        return Code.REQUEST_NOT_OPEN
    if asked[CLASS] == "unconditional":
        return Code.MUST_BE_SHARED
    terms = _terms(draft, asked)
    if ground not in terms[clocks.GROUNDS]:
        return Code.UNKNOWN_GROUND
    _count(draft, requester, asked, clocks.REFUSED, _punctual(draft, asked))
    _write(draft, requester, reference, asked, STATUS="refused", ANSWERED=draft.time,
           GROUND=ground, REASON=reason,
           APPEALABLE=list(clocks.runs_out(draft, terms, terms[clocks.APPEAL], draft.time)),
    )  # fmt: skip
    return Code.APPLIED


def extend(draft: Draft, arguments: list[Any]) -> int:
    requester, reference = arguments
    asked = draft.get(request_key(requester, reference))
    if asked is None:
        return Code.UNKNOWN_REQUEST
    terms = _terms(draft, asked)
    if terms[clocks.EXTENDER] == "supervisor":
        if not clocks.supervises(draft, terms):
            return Code.NOT_SUPERVISOR
    elif not catalogue.answers_for(draft, asked[PROVIDER], asked[DATA_SET]):
        return Code.NOT_PROVIDER
    if asked[STATUS] != "open":
        return Code.REQUEST_NOT_OPEN
    if terms[clocks.EXTENSION] is None or asked[EXTENDED] is not None:
        return Code.NO_FURTHER_EXTENSION
    if draft.time > asked[DUE]:
        return Code.CLOCK_HAS_RUN_OUT
    due, by = clocks.runs_out(draft, terms, terms[clocks.EXTENSION], asked[DUE])
    years = [*asked[BY], *(each for each in by if each not in asked[BY])]
    _count(draft, requester, asked, clocks.EXTENDED)
    _write(draft, requester, reference, asked, DUE=due, BY=years, EXTENDED=draft.time)
    return Code.APPLIED


def appeal(draft: Draft, arguments: list[Any]) -> int:
    reference, details = arguments
    refusal, asked = _own(draft, reference)
    if refusal:
        return refusal
    terms = _terms(draft, asked)
    if asked[STATUS] == "refused":
        if draft.time > asked[APPEALABLE][0]:
            return Code.CLOCK_HAS_RUN_OUT
    elif asked[STATUS] not in ("open", "overturned") or draft.time <= asked[DUE]:
        return Code.NOTHING_TO_APPEAL
    silent = [] if asked[STATUS] == "refused" else [clocks.LATE]
    due, by = clocks.runs_out(draft, terms, terms[clocks.RULING], draft.time)
    _count(draft, draft.institution, asked, clocks.APPEALED, *silent)
    _write(draft, draft.institution, reference, asked, STATUS="appealed", DUE=due, BY=by,
           APPEALED=draft.time, APPEAL_DETAILS=details)  # fmt: skip
    return Code.APPLIED


def rule(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, overturned, ground, reason = arguments
    asked = draft.get(request_key(requester, reference))
    if asked is None:
        return Code.UNKNOWN_REQUEST
    terms = _terms(draft, asked)
    if not clocks.supervises(draft, terms):
        return Code.NOT_SUPERVISOR
    if asked[STATUS] != "appealed":
        return Code.NOTHING_TO_RULE_ON
    places = {"GROUND": ground, "REASON": reason, "RULED": draft.time}
    if overturned:
        places["DUE"], places["BY"] = clocks.runs_out(draft, terms, terms[clocks.REPLY], draft.time)
    status = "overturned" if overturned else "upheld"
    _count(draft, requester, asked, clocks.OVERTURNED if overturned else clocks.UPHELD)
    _write(draft, requester, reference, asked, STATUS=status, **places)
    return Code.APPLIED


def withdraw(draft: Draft, arguments: list[Any]) -> int:
    refusal, asked = _own(draft, arguments[0])
    if refusal:
        return refusal
    if asked[STATUS] not in ("open", "refused", "appealed", "overturned"):
        return Code.REQUEST_NOT_OPEN
    _count(draft, draft.institution, asked, clocks.WITHDRAWN)
    _write(draft, draft.institution, arguments[0], asked, STATUS="withdrawn")
    return Code.APPLIED


GRANT_UNTIL, GRANT_USES_MAX, GRANT_USES, GRANT_REVOKED = 9, 10, 11, 13


def use(draft: Draft, arguments: list[Any]) -> int:
    reference, number, _ = arguments
    place = grant_key(draft.institution, reference)
    found = draft.get(place)
    if found is None:
        return Code.UNKNOWN_GRANT
    if not _asks(draft, found[2]):
        return Code.NOT_REQUESTER
    if found[GRANT_REVOKED] is not None or draft.time > found[GRANT_UNTIL]:
        return Code.GRANT_ENDED
    if found[GRANT_USES_MAX] is not None and number > found[GRANT_USES_MAX]:
        return Code.GRANT_USED_UP
    if number != found[GRANT_USES] + 1:
        return Code.USE_OUT_OF_ORDER
    draft.put(place, [*found[:GRANT_USES], number, *found[GRANT_USES + 1 :]])
    asked = draft.get(request_key(draft.institution, reference))
    _count(draft, draft.institution, asked, clocks.USED)
    return Code.APPLIED


def revoke(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, ground, reason = arguments
    place = grant_key(requester, reference)
    found = draft.get(place)
    if found is None:
        return Code.UNKNOWN_GRANT
    asked = draft.get(request_key(requester, reference))
    terms = _terms(draft, asked)
    answers = catalogue.answers_for(draft, asked[PROVIDER], asked[DATA_SET])
    if not answers and not clocks.supervises(draft, terms):
        return Code.NOT_PROVIDER
    if found[GRANT_REVOKED] is not None or draft.time > found[GRANT_UNTIL]:
        return Code.GRANT_ENDED
    if ground not in terms[clocks.GROUNDS]:
        return Code.UNKNOWN_GROUND
    draft.put(place, [*found[:GRANT_REVOKED], draft.time, ground, reason, found[-1]])
    _count(draft, requester, asked, clocks.REVOKED)
    return Code.APPLIED
