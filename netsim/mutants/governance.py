"""Bugs planted in what institutions decide: rules, notice, withdrawal, calendars, mandates."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations import ballots, calendars, mandates, rules
from govchaind.ledger.state_keys import motion_key, rule_key
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant


def half_is_a_majority(plant: Plant) -> None:
    """As many institutions as the rule's share carry a motion, where more are asked."""

    def asked(self: Any, institutions: int) -> int:
        ballots: int = -(-institutions * self.numerator // self.denominator)
        return ballots

    plant(rules.Rule, "ballots", asked)


def ballot_counted_twice(plant: Plant) -> None:
    """An institution's second ballot for one motion counts."""

    def key(motion: bytes, institution: str) -> bytes:
        return b"\x08" + motion + institution.encode() + b"/again"

    plant(ballots, "ballot_key", key)


def notice_skipped(plant: Plant) -> None:
    """A motion is enacted before its notice is over."""

    def rule(motion: int, state: Any) -> Any:
        found = original(motion, state)
        return rules.Rule(found.numerator, found.denominator, found.notice // 2)

    original = rules.rule_of
    plant(ballots, "rule_of", rule)


def rule_by_its_own_kind(plant: Plant) -> None:
    """A rule is changed by what its own kind asks, not by what the strictest does."""

    def rule(motion: int, state: Any) -> Any:
        fields = state.decoded(rule_key(motion))
        return rules.DEFAULT if fields is None else rules.Rule(*fields)

    plant(ballots, "rule_of", rule)


def carried_for_good(plant: Plant) -> None:
    """A motion stays carried when the ballot that carried it is withdrawn."""

    def withdraw(arguments: Any, act: Any, state: Any) -> int:
        before = state.decoded(motion_key(arguments.motion))
        code = original(arguments, act, state)
        if code == 0:
            after = state.decoded(motion_key(arguments.motion))
            state.put_value(motion_key(arguments.motion), [*after[:6], before[6]])
        return code

    original = ballots.withdraw
    operation(plant, 25, withdraw)


def leap_day_in_every_year(plant: Plant) -> None:
    """A calendar of any year has 366 days."""

    def are_working_days(year: int, days: bytes) -> bool:
        del year
        return any(days) and days[-1] & 3 == 0

    plant(calendars, "are_working_days", are_working_days)


def successor_ends_nothing(plant: Plant) -> None:
    """A mandate goes on beside its successor."""

    def earlier(first: int | None, second: int) -> int | None:
        del second
        return first

    plant(mandates, "_earlier", earlier)


MUTANTS = (
    half_is_a_majority,
    ballot_counted_twice,
    notice_skipped,
    rule_by_its_own_kind,
    carried_for_good,
    leap_day_in_every_year,
    successor_ends_nothing,
)
