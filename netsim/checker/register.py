"""What a register does, and the verdict on the history of one or many of them.

Keys are independent: a history is linearizable if each key's is (Herlihy and Wing 1990), so each is
searched for itself. A call that failed never happened; one that ended with `:info`, or never, may
happen at any time after it began; a read that told nothing explains nothing. A register holds nil
until it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netsim.checker.calls import Call, Value
from netsim.checker.search import FOREVER, Answer, Span, search

MODELS = {
    "cas-register": ("read", "write", "cas"),
    "register": ("read", "write"),
}
BUDGET = 1_000_000

Held = tuple[Value]  # a state is never None: that is what an effect returns for "impossible"


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What came of one key."""

    key: Value
    answer: Answer
    calls: int
    steps: int
    order: tuple[Call, ...]  # the linearization, or the longest that begins one
    state: Value  # after `order`
    stuck: Call | None  # the history up to the end of this call has no linearization


def span(call: Call) -> Span[Held]:
    """Return what the search is to know of a call that may have happened."""
    ended = float(call.ended) if call.happened else FOREVER
    effect = _effect(call)
    return Span(
        call.begun,
        ended,
        effect,
        pure=call.kind == "read",
        blind=call.kind == "write",
        same=(call.kind, call.value, call.expected),
    )


def _effect(call: Call) -> Callable[[Held], Held | None]:
    value, expected = (call.value,), (call.expected,)
    if call.kind == "read":
        return lambda state: state if state == value else None
    if call.kind == "write":
        return lambda state: value
    return lambda state: value if state == expected else None


def check(calls: list[Call], budget: int = BUDGET) -> list[KeyVerdict]:
    """Search each key's history, with so many steps for each; in the order of first calls."""
    by_key: dict[Value, list[Call]] = {}
    for call in calls:
        by_key.setdefault(call.key, []).append(call)
    return [_check_key(key, found, budget) for key, found in by_key.items()]


def _check_key(key: Value, calls: list[Call], budget: int) -> KeyVerdict:
    kept = [call for call in calls if call.happened is not False]
    kept = [call for call in kept if call.kind != "read" or call.happened]
    found = search([span(call) for call in kept], (None,), budget)
    return KeyVerdict(
        key=key,
        answer=found.answer,
        calls=len(calls),
        steps=found.steps,
        order=tuple(kept[at] for at in found.order),
        state=found.state[0],
        stuck=None if found.stuck is None else kept[found.stuck],
    )


def overall(verdicts: list[KeyVerdict]) -> Answer:
    """Return the answer for all keys together."""
    answers = {verdict.answer for verdict in verdicts}
    return next((each for each in (Answer.NO, Answer.UNKNOWN) if each in answers), Answer.YES)
