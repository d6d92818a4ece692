"""What a register does, and the verdict on the history of one or many of them.

Keys are independent: a history is linearizable if each key's is (Herlihy and Wing 1990), so each is
searched for itself. A call that failed never happened; one that ended with `:info`, or never, may
happen at any time after it began; a read that told nothing explains nothing. A register holds nil
until it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
    kept.sort(key=lambda call: call.begun)
    kept = [call for call in kept if call.kind != "read" or call.happened]
    orphan = _orphan(kept)
    if orphan is not None:
        kept = [call for call in kept if call.begun < orphan.ended and call is not orphan]
    spans = [span(call) for call in kept]
    if orphan is not None:  # what ends after it may be missing in the order before it
        late = [at for at, call in enumerate(kept) if call.ended > orphan.ended]
        for at in late:
            spans[at] = replace(spans[at], ended=FOREVER)
    found = search(spans, (None,), budget)
    stuck = orphan
    if found.stuck is not None and (orphan is None or found.answer is Answer.NO):
        stuck = kept[found.stuck]
    return KeyVerdict(
        key=key,
        answer=found.answer if orphan is None else Answer.NO,
        calls=len(calls),
        steps=found.steps,
        order=tuple(kept[at] for at in found.order),
        state=found.state[0],
        stuck=stuck,
    )


def _orphan(calls: list[Call]) -> Call | None:
    """Return the first call to end that met a value which nothing before its end can have written:
    then no search is needed to say no, only one for what comes before it."""
    first: dict[Value, list[Call]] = {}
    for call in calls:
        if call.kind != "read":
            first.setdefault(call.value, []).append(call)
    found: Call | None = None
    for call in calls:
        met = call.value if call.kind == "read" else call.expected
        if not call.happened or call.kind == "write" or met is None:
            continue
        writers = (each for each in first.get(met, ()) if each is not call)
        nearest = next(writers, None)
        if nearest is not None and nearest.begun < call.ended:
            continue
        if found is None or call.ended < found.ended:
            found = call
    return found


def overall(verdicts: list[KeyVerdict]) -> Answer:
    """Return the answer for all keys together."""
    answers = {verdict.answer for verdict in verdicts}
    return next((each for each in (Answer.NO, Answer.UNKNOWN) if each in answers), Answer.YES)
