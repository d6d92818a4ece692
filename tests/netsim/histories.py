"""Histories of known verdicts: made by a linearizable register, judged by trying all orders."""

from __future__ import annotations

import random
from itertools import combinations, permutations

from netsim.checker.calls import Call, Value

VALUES = 5


def of_a_register(
    seed: int, *, calls: int, processes: int, lost: float = 0.02, values: int = VALUES
) -> list[Call]:
    """Return what clients see of one register that does each call at one instant within it."""
    pick = random.Random(seed)
    held: Value = None
    made: list[Call] = []
    running: dict[int, Call] = {}
    done: set[int] = set()  # processes whose call has taken effect
    gone: list[Call] = []  # nobody waits for these any more, and they may still take effect
    clock = names = 0
    free = list(range(processes))
    names = processes

    def take_effect(call: Call) -> bool:
        nonlocal held
        if call.kind == "read":
            call.value = held
            return True
        if call.kind == "cas" and held != call.expected:
            return False
        held = call.value
        return True

    while len(made) < calls or running:
        clock += 1
        choice = pick.random()
        if gone and choice < 0.05:
            take_effect(gone.pop(pick.randrange(len(gone))))
        elif free and len(made) < calls and choice < 0.55:
            process = free.pop(pick.randrange(len(free)))
            kind = pick.choice(("read", "write", "cas"))
            value = None if kind == "read" else pick.randrange(values)
            expected = pick.randrange(values) if kind == "cas" else None
            running[process] = call = Call(process, kind, None, value, expected, clock)
            made.append(call)
        elif running:
            process = pick.choice(sorted(running))
            call = running[process]
            if process not in done:
                if pick.random() < lost:
                    del running[process]
                    call.outcome = "info"
                    gone.append(call)
                    free.append(names)
                    names += 1
                    continue
                done.add(process)
                if not take_effect(call):
                    call.outcome = "fail"
            else:
                del running[process]
                done.discard(process)
                call.ended = clock
                call.outcome = "fail" if call.outcome == "fail" else "ok"
                free.append(process)
    return made


def as_log(calls: list[Call]) -> str:
    """Return the log that tells these calls."""
    lines: dict[int, str] = {}
    for call in calls:
        value = "nil" if call.kind == "read" else str(call).partition(" ")[2]
        lines[call.begun] = f"{call.process}\t:invoke\t:{call.kind}\t{value}"
        if call.outcome in ("ok", "fail"):
            told = str(call).partition(" ")[2] or "nil"
            lines[int(call.ended)] = f"{call.process}\t:{call.outcome}\t:{call.kind}\t{told}"
    last = max(lines, default=0)
    return "".join(
        f"INFO  jepsen.util - {lines[at]}\n" if at in lines else "\n" for at in range(1, last + 1)
    )


def explained(calls: list[Call]) -> bool:
    """Say whether some order explains the calls, by trying all orders of all choices."""
    must = [call for call in calls if call.outcome == "ok"]
    may = [call for call in calls if call.outcome in ("info", "open") and call.kind != "read"]
    return any(
        _fits(order)
        for count in range(len(may) + 1)
        for chosen in combinations(may, count)
        for order in permutations([*must, *chosen])
    )


def _fits(order: tuple[Call, ...]) -> bool:
    latest = 0
    held: Value = None
    for call in order:
        if call.ended < latest:
            return False
        latest = max(latest, call.begun)
        if call.kind == "read":
            if call.value != held:
                return False
        elif call.kind == "write" or call.expected == held:
            held = call.value
        else:
            return False
    return True
