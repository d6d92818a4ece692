"""By how many a motion is carried, and how long before it takes effect: a rule for each kind.

    5 set rule  [motion kind, numerator, denominator, notice in milliseconds]

A motion is carried by more than numerator/denominator of the institutions there are; 1/1 means all
of them. Without a rule it is more than half, without notice. A rule asks for half at least. To set
a rule takes what the strictest rule asks, so that nothing can be made easy by an easier vote first.
The recovery of an office never takes all: the one that is lost has no vote. Nor does a suspension,
or its end. The institutions there are: those that count (standings.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from govchaind.base.limits import NOTICE_MILLISECONDS_MAX, RULE_DENOMINATOR_MAX
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Shape
from govchaind.ledger.state_keys import rule_key
from govchaind.ledger.working_state import Act, WorkingState

Part = Annotated[int, Meta(ge=1, le=RULE_DENOMINATOR_MAX)]


@dataclass(frozen=True, slots=True)
class Rule:
    """More than `numerator`/`denominator` of all institutions, then `notice`."""

    numerator: int
    denominator: int
    notice: int  # milliseconds

    def ballots(self, institutions: int) -> int:
        """Return how many of so many institutions carry a motion."""
        return min(institutions, institutions * self.numerator // self.denominator + 1)


DEFAULT = Rule(1, 2, 0)
# Whose office is lost cannot vote for its new keys, and nobody votes for his own suspension; what
# is done about a suspended one must never hang on a single other.
_NEVER_ALL = (
    MotionKind.RECOVER_OFFICE,
    MotionKind.SUSPEND_INSTITUTION,
    MotionKind.RESTORE_INSTITUTION,
)
_NUMBERS = frozenset(int(kind) for kind in MotionKind)


class SetRule(Shape):
    """Arguments of `set-rule`."""

    motion: Count
    numerator: Part
    denominator: Part
    notice: Annotated[int, Meta(ge=0, le=NOTICE_MILLISECONDS_MAX)]


def rule_of(motion: int, state: WorkingState) -> Rule:
    """Return the rule of one kind of motion as it is now."""
    if motion != MotionKind.SET_RULE:
        return _stored(motion, state)
    return strictest(_stored(kind, state) for kind in MotionKind)


def strictest(rules: Iterable[Rule]) -> Rule:
    """Return the rule that asks as much as each of these does, in votes and in notice."""
    share, notice = DEFAULT, 0
    for rule in rules:
        if rule.numerator * share.denominator > share.numerator * rule.denominator:
            share = rule
        notice = max(notice, rule.notice)
    return Rule(share.numerator, share.denominator, notice)


def _stored(motion: int, state: WorkingState) -> Rule:
    fields = state.decoded(rule_key(motion))
    return DEFAULT if fields is None else Rule(*fields)


def set_rule(arguments: SetRule, act: Act, state: WorkingState) -> int:
    """Set by how many one kind of motion is carried, and its notice."""
    del act
    if arguments.motion not in _NUMBERS:
        return Code.UNKNOWN_MOTION
    numerator, denominator = arguments.numerator, arguments.denominator
    if not denominator <= 2 * numerator <= 2 * denominator:
        return Code.BAD_RULE
    if arguments.motion in _NEVER_ALL and numerator == denominator:
        return Code.BAD_RULE
    key = rule_key(arguments.motion)
    value = [numerator, denominator, arguments.notice]
    if (state.decoded(key) or [1, 2, 0]) == value:
        return Code.NOTHING_CHANGES
    state.put_value(key, value)
    return Code.APPLIED


MOTIONS = (Motion(MotionKind.SET_RULE, "set-rule", SetRule, set_rule),)
