"""A verdict on a history, for a person and for a program."""

from __future__ import annotations

from typing import Any

from netsim.checker.calls import Call, Value, said
from netsim.checker.register import KeyVerdict
from netsim.checker.search import FOREVER, Answer

PREFIX_SHOWN = 12


def _place(call: Call) -> str:
    return f"  {call.lines:>9}  process {call.process:<4} {call}"


def _rest(verdict: KeyVerdict, calls: list[Call]) -> list[Call]:
    """Return the other calls that had begun and were in no order yet when the stuck one ended."""
    stuck = verdict.stuck
    if stuck is None:
        return []
    placed = {id(call) for call in verdict.order}
    return [
        call
        for call in calls
        if call.key == verdict.key
        and call is not stuck
        and call.begun < stuck.ended
        and call.happened is not False
        and (call.kind != "read" or call.happened)
        and id(call) not in placed
    ]


def _shown(verdict: KeyVerdict) -> list[str]:
    """Return the last calls of the prefix, with what the register holds after each."""
    lines = []
    held: Value = None
    for call in verdict.order:
        if call.kind != "read":
            held = call.value
        lines.append(f"{_place(call):<40} holds {said(held)}")
    left_out = len(lines) - PREFIX_SHOWN
    return [f"  … {left_out} before", *lines[left_out:]] if left_out > 0 else lines


def lines(verdict: KeyVerdict, calls: list[Call]) -> list[str]:
    """Return the verdict on one key, for a person."""
    name = "register" if verdict.key is None else f"key {said(verdict.key)}"
    head = f"{name}: {verdict.answer.value}, {verdict.calls} calls, {verdict.steps} steps"
    stuck = verdict.stuck
    if verdict.answer is Answer.YES or stuck is None:
        return [head]
    told = [head]
    if verdict.answer is Answer.NO:
        told.append(f"no order gets past line {int(stuck.ended)}, the end of this call:")
    else:
        told.append(f"the budget is used up; no order got past line {int(stuck.ended)} by then:")
    told.append(_place(stuck))
    told.append(f"longest linearizable prefix, {len(verdict.order)} calls:")
    told += _shown(verdict)
    rest = _rest(verdict, calls)
    if rest:
        told.append("also under way, or never answered, and in no place that helps:")
        told += [_place(call) for call in rest]
    return told


def as_json(verdict: KeyVerdict) -> dict[str, Any]:
    """Return the verdict on one key, for a program."""
    return {
        "key": verdict.key,
        "answer": verdict.answer.value,
        "calls": verdict.calls,
        "steps": verdict.steps,
        "stuck": None if verdict.stuck is None else _call(verdict.stuck),
        "order": [_call(call) for call in verdict.order],
        "state": verdict.state,
    }


def _call(call: Call) -> dict[str, Any]:
    value = [call.expected, call.value] if call.kind == "cas" else call.value
    return {
        "process": call.process,
        "operation": call.kind,
        "value": value,
        "begun_line": call.begun,
        "ended_line": None if call.ended == FOREVER else int(call.ended),
        "outcome": call.outcome,
    }
