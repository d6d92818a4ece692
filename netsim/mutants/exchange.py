"""Bugs planted in the catalogue, in requests and their clocks, in grants and in accounts."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations import catalogue, grants, requests, terms
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import calendar_key, data_set_key, grant_key, request_key
from govchaind.ledger.working_days import CalendarYear
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant

_requests: Any = requests
_catalogue: Any = catalogue
_terms: Any = terms


def todays_condition_accepted(plant: Plant) -> None:
    """A grant may ask for a condition that came into the catalogue after the request."""

    def grant(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == Code.UNKNOWN_CONDITION:
            asked = state.decoded(request_key(arguments.requester, arguments.reference))
            today = requests.data_set_of(asked, state)[catalogue.CONDITIONS]
            known = {*asked[requests.CONDITIONS], *(condition[0] for condition in today)}
            if known.issuperset(arguments.conditions):
                arguments.conditions = []
                code = original(arguments, act, state)
        return code

    original = grants.grant
    operation(plant, 41, grant)


def late_is_in_time(plant: Plant) -> None:
    """An answer after its time counts as one in time."""

    def in_time(asked: list[Any], act: Any) -> dict[Entry, int]:
        del asked, act
        return {Entry.IN_TIME: 1}

    plant(_requests, "in_time", in_time)


def account_of_the_month_asked(plant: Plant) -> None:
    """What happens to a request counts in the month in which it was asked."""

    def count(requester: str, asked: list[Any], entries: Any, act: Any, state: Any) -> None:
        month = terms.period(requests.terms_of(asked, state), asked[requests.ASKED])
        names = (asked[requests.PROVIDER], asked[requests.DATA_SET], requester)
        _requests.accounts.count(month, *names, entries, state)
        del act

    plant(_requests, "count", count)


def used_beyond_the_last(plant: Plant) -> None:
    """One use more than the grant allows is accepted."""

    def use_grant(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == Code.GRANT_USED_UP:
            key = grant_key(act.institution, arguments.reference)
            granted = state.decoded(key)
            if arguments.number == granted[grants.USES] + 1:
                state.put_value(key, requests.changed(granted, {grants.USES: arguments.number}))
                code = Code.APPLIED
        return code

    original = grants.use_grant
    operation(plant, 46, use_grant)


def appeal_at_any_time(plant: Plant) -> None:
    """A refusal can be appealed against after the clock for it has run out."""

    def appeal(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == Code.CLOCK_HAS_RUN_OUT:
            key = request_key(act.institution, arguments.reference)
            asked = state.decoded(key)
            state.put_value(key, requests.changed(asked, {requests.APPEALABLE: [act.time, []]}))
            code = original(arguments, act, state)
        return code

    original = requests.appeal
    operation(plant, 44, appeal)


def extended_from_now(plant: Plant) -> None:
    """An extension runs from when it is given, not from the day on which the answer was due."""
    now: list[int] = []

    def extend(arguments: Any, act: Any, state: Any) -> int:
        now.append(act.time)
        try:
            return original(arguments, act, state)
        finally:
            now.pop()

    def due(ruled_by: list[Any], clock: list[Any], start: int, state: Any) -> Any:
        return counted(ruled_by, clock, now[-1] if now else start, state)

    original, counted = requests.extend, terms.due
    operation(plant, 43, extend)
    plant(_terms, "due", due)


def first_calendar_for_ever(plant: Plant) -> None:
    """Working days are those of a year's first version, whatever corrects it."""

    def year(calendar: str, number: int, state: Any) -> Any:
        first = state.decoded(calendar_key(calendar, number, 1))
        if first is None:
            return original(calendar, number, state)
        return 1, CalendarYear(first[0], first[1])

    original = _terms._year
    plant(_terms, "_year", year)


def retired_still_asked(plant: Plant) -> None:
    """A data set that is retired takes requests."""

    def request(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == Code.DATA_SET_RETIRED:
            key = data_set_key(arguments.provider, arguments.data_set)
            retired = state.decoded(key)
            state.put_value(key, requests.changed(retired, {catalogue.RETIRED: False}))
            code = original(arguments, act, state)
            state.put_value(key, retired)
        return code

    original = requests.request
    operation(plant, 40, request)


def overturned_refused_again(plant: Plant) -> None:
    """What the supervisor has ordered to be given can be refused once more."""

    def refuse(arguments: Any, act: Any, state: Any) -> int:
        key = request_key(arguments.requester, arguments.reference)
        asked = state.decoded(key)
        if asked is not None and asked[requests.STATUS] == "overturned":
            state.put_value(key, requests.changed(asked, {requests.STATUS: "open"}))
        return original(arguments, act, state)

    original = requests.refuse
    operation(plant, 42, refuse)


def any_office_answers(plant: Plant) -> None:
    """Any office of the provider answers, whatever its duty is."""

    def answers_for(institution: str, data_set: list[Any], act: Any, state: Any) -> bool:
        del data_set, state
        return bool(institution == act.institution)

    plant(_catalogue, "answers_for", answers_for)


def anybody_rules(plant: Plant) -> None:
    """Any office rules on appeals."""

    def supervises(ruled_by: list[Any], act: Any) -> bool:
        del ruled_by, act
        return True

    plant(_requests, "supervises", supervises)


def duty_counts_no_leaving(plant: Plant) -> None:
    """A data set that is retired or moved still hangs on its duty."""

    def count(duty_name: str, change: int, act: Any, state: Any) -> None:
        original(duty_name, max(0, change), act, state)

    original = _catalogue._count
    plant(_catalogue, "_count", count)


MUTANTS = (
    todays_condition_accepted,
    late_is_in_time,
    account_of_the_month_asked,
    used_beyond_the_last,
    appeal_at_any_time,
    extended_from_now,
    first_calendar_for_ever,
    retired_still_asked,
    overturned_refused_again,
    any_office_answers,
    anybody_rules,
    duty_counts_no_leaving,
)
