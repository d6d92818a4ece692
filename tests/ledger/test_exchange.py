"""Duties, the catalogue, requests with their clocks, grants and accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from govchaind.ledger.operations import catalogue, grants, requests
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import grant_key, request_key
from govchaind.ledger.working_days import working_days
from tests.ledger import exchange
from tests.ledger.chain import INSTITUTIONS, START, Chain
from tests.ledger.exchange import DAY, ask, asked, data_set, refuse, with_catalogue, with_request

MONTH = 2026 * 12 + 8  # September 2026, when the chain of the tests starts


def end_of(year: int, month: int, day: int) -> int:
    """Return the last millisecond of a day in Beijing."""
    midnight = datetime(year, month, day, 16, tzinfo=UTC)  # 24:00 eight hours ahead of UTC
    return int(midnight.timestamp() * 1000) - 1


def test_the_chain_of_the_tests_starts_when_these_tests_think() -> None:
    assert datetime.fromtimestamp(START / 1000, UTC).date().isoformat() == "2026-09-21"


# --- duties and catalogue -----------------------------------------------------------------


def test_a_duty_rests_on_a_mandate_in_force_and_goes_to_an_office_there_is() -> None:
    chain = Chain()
    duty = ["civil", "Civil status", "head", "law"]
    assert chain.do(Kind.ASSIGN_DUTY, *duty) == Code.UNKNOWN_MANDATE
    exchange.adopt_mandate(chain, "law", until=START + DAY)
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil", "none", "law") == Code.NO_SUCH_OFFICE
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert chain.do(Kind.ASSIGN_DUTY, *duty, **pair) == Code.NOT_GOVERNING_OFFICE
    assert chain.do(Kind.END_DUTY, "civil", **pair) == Code.NOT_GOVERNING_OFFICE
    assert chain.do(Kind.ASSIGN_DUTY, *duty) == 0
    assert chain.do(Kind.ASSIGN_DUTY, *duty) == Code.NOTHING_CHANGES
    chain.apply(after=DAY)
    again = ["civil", "Civil status", "pair", "law"]
    assert chain.do(Kind.ASSIGN_DUTY, *again) == Code.MANDATE_NOT_IN_FORCE


def test_a_duty_ends_after_its_data_sets() -> None:
    chain = with_catalogue()
    assert chain.do(Kind.END_DUTY, "civil") == Code.DUTY_HAS_DATA_SETS
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages") == 0
    assert chain.do(Kind.END_DUTY, "civil") == 0
    assert chain.do(Kind.END_DUTY, "civil") == Code.UNKNOWN_DUTY
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set("births")) == Code.UNKNOWN_DUTY


def test_the_duty_s_office_speaks_for_its_data_sets_and_no_other() -> None:
    chain = with_catalogue()
    pair: dict[str, Any] = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    births = data_set("births")
    assert chain.do(Kind.PUBLISH_DATA_SET, *births, **pair) == Code.NOT_DUTY_OFFICE
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages", **pair) == Code.NOT_DUTY_OFFICE
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "pair", "law") == 0
    assert chain.do(Kind.PUBLISH_DATA_SET, *births, **pair) == 0
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages") == 0  # the governing office may always


@pytest.mark.parametrize(
    "changes",
    [
        {"conditions": []},
        {"sharing": "unconditional"},
        {"sharing": "not-shared"},
        {"fields": [*exchange.FIELDS, exchange.FIELDS[0]]},
        {"conditions": [*exchange.CONDITIONS, exchange.CONDITIONS[0]]},
    ],
)
def test_what_the_catalogue_cannot_say_is_refused(changes: dict[str, Any]) -> None:
    chain = with_catalogue()
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set("births", **changes)) == Code.BAD_DATA_SET


def test_an_entry_too_large_for_a_value_is_refused() -> None:
    chain = with_catalogue()
    fields = [[f"field-{number}", "字" * 200, "text"] for number in range(100)]
    wide = data_set("births", fields=fields)
    assert chain.do(Kind.PUBLISH_DATA_SET, *wide) == Code.VALUE_TOO_LARGE


def test_a_revision_replaces_the_one_it_names_and_retirement_is_final() -> None:
    chain = with_catalogue()
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set()) == Code.DATA_SET_EXISTS
    wanted = data_set(sharing="unconditional", conditions=[])
    assert chain.do(Kind.REVISE_DATA_SET, *wanted, 2) == Code.REVISION_CONFLICT
    assert chain.do(Kind.REVISE_DATA_SET, *wanted, 1) == 0
    entry = exchange.entry(chain)
    assert (entry[catalogue.REVISION], entry[catalogue.CLASS]) == (2, "unconditional")
    births = data_set("births")
    assert chain.do(Kind.REVISE_DATA_SET, *births, 1) == Code.UNKNOWN_DATA_SET
    assert chain.do(Kind.RETIRE_DATA_SET, "births") == Code.UNKNOWN_DATA_SET
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages") == 0
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages") == Code.DATA_SET_RETIRED
    assert chain.do(Kind.REVISE_DATA_SET, *wanted, 3) == Code.DATA_SET_RETIRED
    assert ask(chain) == Code.DATA_SET_RETIRED


def test_a_data_set_may_move_to_another_duty() -> None:
    chain = with_catalogue()
    assert chain.do(Kind.ASSIGN_DUTY, "families", "Families", "head", "law") == 0
    assert chain.do(Kind.REVISE_DATA_SET, *data_set(duty="families"), 1) == 0
    assert chain.do(Kind.END_DUTY, "civil") == 0
    assert chain.do(Kind.END_DUTY, "families") == Code.DUTY_HAS_DATA_SETS


# --- terms and clocks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mandate": "none"}, Code.UNKNOWN_MANDATE),
        ({"supervisor": ["court", "none"]}, Code.NO_SUCH_OFFICE),
        ({"grounds": ["no-basis", "no-basis"]}, Code.BAD_TERMS),
        ({"reply": [10, True]}, Code.BAD_TERMS),
        ({"calendar": "china", "reply": [10, True]}, Code.APPLIED),
    ],
)
def test_terms_that_do_not_fit_are_refused(changes: dict[str, Any], code: int) -> None:
    chain = Chain()
    exchange.adopt_mandate(chain, "law")
    assert exchange.set_terms(chain, exchange.terms(**changes)) == code


def test_a_request_needs_terms() -> None:
    chain = Chain()
    exchange.adopt_mandate(chain, "law")
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "head", "law") == 0
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set()) == 0
    assert ask(chain) == Code.NO_TERMS


def test_a_clock_ends_with_its_last_day() -> None:
    chain = with_request()
    assert asked(chain)[requests.DUE] == end_of(2026, 10, 1)
    assert asked(chain)[requests.BY] == []


def test_working_days_are_those_of_the_newest_version_when_the_clock_starts() -> None:
    chain = Chain()
    exchange.adopt_mandate(chain, "law")
    working = exchange.terms(calendar="china", reply=[5, True])
    assert exchange.set_terms(chain, working) == 0
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "head", "law") == 0
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set()) == 0
    assert ask(chain) == 0  # on a Monday; no calendar is adopted: Mondays to Fridays
    assert asked(chain)[requests.DUE] == end_of(2026, 9, 28)
    assert asked(chain)[requests.BY] == [[2026, 0]]
    for version in (1, 2):
        free = {datetime(2026, 9, 24 + day, tzinfo=UTC).date() for day in range(version)}
        days = working_days(2026, free, set())
        adopted = ["china", 2026, version, 480, days]
        assert chain.vote(MotionKind.ADOPT_CALENDAR, adopted, *INSTITUTIONS[:3])[-1] == 0
    assert asked(chain)[requests.DUE] == end_of(2026, 9, 28)  # a clock that runs is not moved
    assert ask(chain, "r-2") == 0
    second = exchange.value(chain, request_key("bank", "r-2"))
    assert second[requests.DUE] == end_of(2026, 9, 30)
    assert second[requests.BY] == [[2026, 2]]


def test_a_clock_over_the_new_year_names_both_years() -> None:
    chain = with_catalogue(calendar="china", reply=[90, True])
    assert ask(chain) == 0
    assert asked(chain)[requests.BY] == [[2026, 0], [2027, 0]]


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider": "bank"}, Code.BAD_REQUEST),
        ({"fields": ["status", "status"]}, Code.BAD_REQUEST),
        ({"data_set": "births"}, Code.UNKNOWN_DATA_SET),
        ({"fields": ["income"]}, Code.UNKNOWN_FIELD),
        ({"mandate": "none"}, Code.UNKNOWN_MANDATE),
    ],
)
def test_a_request_that_does_not_fit_is_refused(changes: dict[str, Any], code: int) -> None:
    chain = with_catalogue()
    assert ask(chain, **changes) == code


def test_a_reference_is_used_once_and_secret_data_are_not_asked_for() -> None:
    chain = with_request()
    assert ask(chain) == Code.REQUEST_EXISTS
    secret = data_set("adoptions", sharing="not-shared", conditions=[])
    assert chain.do(Kind.PUBLISH_DATA_SET, *secret) == 0
    assert ask(chain, "r-2", data_set="adoptions") == Code.NOT_SHARED


def test_who_answers_is_the_provider_s_office_and_only_while_the_request_is_open() -> None:
    chain = with_request()
    assert exchange.grant(chain, institution="court") == Code.NOT_PROVIDER
    assert refuse(chain, institution="bank") == Code.NOT_PROVIDER
    other = ["bank", "r-9", "no-basis", None]
    assert chain.do(Kind.REFUSE, *other) == Code.UNKNOWN_REQUEST
    assert refuse(chain, "because") == Code.UNKNOWN_GROUND
    assert refuse(chain) == 0
    assert refuse(chain) == Code.REQUEST_NOT_OPEN
    assert exchange.grant(chain) == Code.REQUEST_NOT_OPEN


def test_what_is_shared_without_condition_is_not_refused_also_if_the_catalogue_changes() -> None:
    chain = with_catalogue()
    free = data_set("births", sharing="unconditional", conditions=[])
    assert chain.do(Kind.PUBLISH_DATA_SET, *free) == 0
    assert ask(chain, data_set="births") == 0
    assert chain.do(Kind.REVISE_DATA_SET, *data_set("births"), 1) == 0
    assert refuse(chain) == Code.MUST_BE_SHARED
    assert exchange.grant(chain, "no-copies") == Code.UNKNOWN_CONDITION
    assert exchange.grant(chain) == 0


def test_a_condition_that_the_catalogue_did_not_have_is_refused() -> None:
    chain = with_request()
    assert exchange.grant(chain, "pays-ten") == Code.UNKNOWN_CONDITION
    later = data_set(conditions=[*exchange.CONDITIONS, ["pays-ten", "Pays ten"]])
    assert chain.do(Kind.REVISE_DATA_SET, *later, 1) == 0
    assert exchange.grant(chain, "pays-ten") == Code.UNKNOWN_CONDITION
    assert exchange.grant(chain, "on-site", "on-site") == Code.BAD_GRANT
    assert exchange.grant(chain, until=chain.ledger.time) == Code.BAD_GRANT
    assert exchange.grant(chain, "on-site", "no-copies") == 0
    assert exchange.granted(chain)[grants.DELIVERY_DUE] == [end_of(2026, 9, 24), []]


def test_a_delivery_is_due_by_working_days_and_names_the_years_counted() -> None:
    chain = with_catalogue(calendar="china", delivery=[5, True])
    assert (ask(chain), ask(chain, "r-2"), ask(chain, "r-3")) == (0, 0, 0)
    assert exchange.grant(chain) == 0  # on a Monday; no calendar is adopted: Mondays to Fridays
    assert exchange.granted(chain)[grants.DELIVERY_DUE] == [end_of(2026, 9, 28), [[2026, 0]]]
    days = working_days(2026, {datetime(2026, 9, 24, tzinfo=UTC).date()}, set())
    adopted = ["china", 2026, 1, 480, days]
    assert chain.vote(MotionKind.ADOPT_CALENDAR, adopted, *INSTITUTIONS[:3])[-1] == 0
    assert exchange.granted(chain)[grants.DELIVERY_DUE][1] == [[2026, 0]]  # it is not moved
    until = chain.ledger.time + 200 * DAY
    assert chain.do(Kind.GRANT, "bank", "r-2", [], until, None) == 0
    second = exchange.value(chain, grant_key("bank", "r-2"))
    assert second[grants.DELIVERY_DUE] == [end_of(2026, 9, 29), [[2026, 1]]]
    chain.apply(after=100 * DAY)  # to 30 December
    assert chain.do(Kind.GRANT, "bank", "r-3", [], until, None) == 0
    third = exchange.value(chain, grant_key("bank", "r-3"))
    assert third[grants.DELIVERY_DUE] == [end_of(2027, 1, 6), [[2026, 1], [2027, 0]]]


def test_time_is_extended_once_by_whom_the_terms_name() -> None:
    chain = with_request()
    extension = (Kind.EXTEND, "bank", "r-1")
    assert chain.do(Kind.EXTEND, "bank", "r-9") == Code.UNKNOWN_REQUEST
    assert chain.do(*extension) == Code.NOT_SUPERVISOR
    assert chain.do(*extension, institution="court") == 0
    assert asked(chain)[requests.DUE] == end_of(2026, 10, 6)
    assert chain.do(*extension, institution="court") == Code.NO_FURTHER_EXTENSION
    own = with_request(extender="provider")
    assert own.do(*extension, institution="court") == Code.NOT_PROVIDER
    own.apply(after=11 * DAY)
    assert own.do(*extension) == Code.CLOCK_HAS_RUN_OUT
    assert refuse(own) == 0
    assert own.do(*extension) == Code.REQUEST_NOT_OPEN
    none = with_request(extension=None)
    assert none.do(*extension, institution="court") == Code.NO_FURTHER_EXTENSION


def test_a_refusal_is_appealed_overturned_and_then_only_granted() -> None:
    chain = with_request()
    assert exchange.appeal(chain) == Code.NOTHING_TO_APPEAL
    assert exchange.rule(chain, overturned=True) == Code.NOTHING_TO_RULE_ON
    assert refuse(chain) == 0
    pair = {"office_name": "pair", "signers": ["bank one", "bank two"]}
    assert exchange.appeal(chain, **pair) == Code.NOT_REQUESTER
    assert exchange.appeal(chain) == 0
    assert asked(chain)[requests.DUE] == end_of(2026, 10, 6)
    assert exchange.rule(chain, overturned=True, institution="registry") == Code.NOT_SUPERVISOR
    unknown = ["bank", "r-9", True, "no-basis", None]
    assert chain.do(Kind.RULE, *unknown, institution="court") == Code.UNKNOWN_REQUEST
    assert exchange.rule(chain, overturned=True) == 0
    assert refuse(chain) == Code.REQUEST_NOT_OPEN
    assert exchange.grant(chain) == 0
    assert asked(chain)[requests.STATUS] == "granted"


def test_an_appeal_comes_in_time_or_never_and_upheld_is_final() -> None:
    chain = with_request()
    assert refuse(chain) == 0
    chain.apply(after=8 * DAY)
    assert exchange.appeal(chain) == Code.CLOCK_HAS_RUN_OUT
    other = with_request()
    assert refuse(other) == 0
    assert exchange.appeal(other) == 0
    assert exchange.rule(other, overturned=False) == 0
    assert exchange.grant(other) == Code.REQUEST_NOT_OPEN
    withdrawal = other.do(Kind.WITHDRAW_REQUEST, "r-1", institution="bank")
    assert withdrawal == Code.REQUEST_NOT_OPEN


def test_silence_is_appealed_when_the_clock_has_run_out_and_a_late_answer_is_an_answer() -> None:
    chain = with_request()
    chain.apply(after=10 * DAY)
    assert exchange.appeal(chain) == Code.NOTHING_TO_APPEAL
    chain.apply(after=DAY)
    late = with_request()
    assert exchange.appeal(chain) == 0
    assert exchange.account(chain, MONTH + 1)[Entry.LATE] == 1
    late.apply(after=11 * DAY)
    assert refuse(late) == 0
    row = exchange.account(late, MONTH + 1)
    assert (row[Entry.LATE], row[Entry.IN_TIME]) == (1, 0)


def test_who_asked_may_ask_no_longer() -> None:
    chain = with_request()
    withdrawal = (Kind.WITHDRAW_REQUEST, "r-1")
    assert chain.do(*withdrawal, institution="court") == Code.UNKNOWN_REQUEST
    assert chain.do(*withdrawal, institution="bank") == 0
    assert exchange.grant(chain) == Code.REQUEST_NOT_OPEN


def test_new_terms_move_no_clock_that_runs_also_not_that_of_an_appeal() -> None:
    chain = with_request()
    assert refuse(chain) == 0
    shorter = exchange.terms(appeal=[1, False])
    assert exchange.set_terms(chain, shorter, turn=1) == 0
    chain.apply(after=3 * DAY)
    assert exchange.appeal(chain) == 0
    other = with_request()
    assert refuse(other) == 0
    assert exchange.set_terms(other, exchange.terms(appeal=[30, False]), turn=1) == 0
    other.apply(after=9 * DAY)
    assert exchange.appeal(other) == Code.CLOCK_HAS_RUN_OUT


def test_a_silence_after_a_ruling_is_appealed_too() -> None:
    chain = with_request()
    assert refuse(chain) == 0
    assert exchange.appeal(chain) == 0
    assert exchange.rule(chain, overturned=True) == 0
    assert exchange.appeal(chain) == Code.NOTHING_TO_APPEAL
    chain.apply(after=11 * DAY)
    assert exchange.appeal(chain) == 0
    assert exchange.rule(chain, overturned=True) == 0
