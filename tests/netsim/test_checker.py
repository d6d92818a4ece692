"""The search for linearizations: against the eye, against all orders, against a real register."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.checker.calls import Call
from netsim.checker.heights import Answered, contradiction
from netsim.checker.jepsen import read_history
from netsim.checker.register import check, overall
from netsim.checker.search import Answer
from tests.netsim.histories import as_log, explained, of_a_register


def verdict(text: str, budget: int = 10_000) -> str:
    return overall(check(read_history(text.strip().split("\n")), budget)).value


HISTORIES = {
    "nothing written, nil read": ("yes", "0 :invoke :read nil\n0 :ok :read nil"),
    "nothing written, 1 read": ("no", "0 :invoke :read nil\n0 :ok :read 1"),
    "written, then read": (
        "yes",
        "0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :ok :read 1",
    ),
    "written, then nil read": (
        "no",
        "0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :ok :read nil",
    ),
    "new, then old, beside one write": (
        "no",
        "0 :invoke :write 1\n1 :invoke :read nil\n1 :ok :read 1\n1 :invoke :read nil\n"
        "1 :ok :read nil\n0 :ok :write 1",
    ),
    "a crashed write is read much later": (
        "yes",
        "0 :invoke :write 1\n0 :info :write :timed-out\n1 :invoke :read nil\n1 :ok :read nil\n"
        "1 :invoke :write 2\n1 :ok :write 2\n1 :invoke :read nil\n1 :ok :read 1",
    ),
    "a crashed write takes effect once": (
        "no",
        "0 :invoke :write 1\n0 :info :write :timed-out\n1 :invoke :read nil\n1 :ok :read 1\n"
        "1 :invoke :write 2\n1 :ok :write 2\n1 :invoke :read nil\n1 :ok :read 1",
    ),
    "two crashed writes of one value take effect twice": (
        "yes",
        "0 :invoke :write 1\n0 :info :write 1\n2 :invoke :write 1\n2 :info :write 1\n"
        "1 :invoke :read nil\n1 :ok :read 1\n1 :invoke :write 2\n1 :ok :write 2\n"
        "1 :invoke :read nil\n1 :ok :read 1",
    ),
    "a crashed write is not read before it began": (
        "no",
        "1 :invoke :read nil\n1 :ok :read 1\n0 :invoke :write 1\n0 :info :write 1",
    ),
    "a failed write never happened": (
        "no",
        "0 :invoke :write 1\n0 :fail :write 1\n1 :invoke :read nil\n1 :ok :read 1",
    ),
    "a failed read tells nothing": (
        "yes",
        "0 :invoke :read nil\n0 :fail :read :timed-out\n1 :invoke :read nil\n1 :ok :read nil",
    ),
    "a write that the log does not see the end of": (
        "yes",
        "0 :invoke :write 1\n1 :invoke :read nil\n1 :ok :read 1",
    ),
    "compare and set of what is there": (
        "yes",
        "0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :cas [1 2]\n0 :ok :cas [1 2]\n"
        "0 :invoke :read nil\n0 :ok :read 2",
    ),
    "compare and set of what is not there": (
        "no",
        "0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :cas [2 3]\n0 :ok :cas [2 3]",
    ),
    "two of one value cannot both succeed": (
        "no",
        "0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :cas [1 2]\n1 :invoke :cas [1 3]\n"
        "0 :ok :cas [1 2]\n1 :ok :cas [1 3]",
    ),
    "a crashed compare and set explains a later one": (
        "yes",
        "0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :cas [1 2]\n0 :info :cas :timed-out\n"
        "1 :invoke :cas [2 3]\n1 :ok :cas [2 3]",
    ),
    "crashed calls in a chain explain a read": (
        "yes",
        "0 :invoke :write 1\n0 :info :write 1\n1 :invoke :cas [1 2]\n1 :info :cas [1 2]\n"
        "2 :invoke :cas [2 3]\n2 :info :cas [2 3]\n3 :invoke :read nil\n3 :ok :read 3",
    ),
    "nil compared": (
        "yes",
        "0 :invoke :cas [nil 2]\n0 :ok :cas [nil 2]\n0 :invoke :read nil\n0 :ok :read 2",
    ),
    "keys are independent": (
        "yes",
        "0 :invoke :write [7 1]\n0 :ok :write [7 1]\n0 :invoke :read [8 nil]\n"
        "0 :ok :read [8 nil]\n1 :invoke :cas [7 [1 2]]\n1 :ok :cas [7 [1 2]]",
    ),
    "one bad key is enough": (
        "no",
        "0 :invoke :write [7 1]\n0 :ok :write [7 1]\n0 :invoke :read [8 nil]\n"
        "0 :ok :read [8 nil]\n1 :invoke :read [7 nil]\n1 :ok :read [7 nil]",
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_the_eye_can_judge(name: str) -> None:
    wanted, text = HISTORIES[name]
    assert verdict(text) == wanted


def test_a_budget_that_is_not_enough_is_no_answer() -> None:
    text = "".join(f"{each} :invoke :write {each}\n" for each in range(9))
    text += "".join(f"{each} :ok :write {each}\n" for each in range(9))
    text += "0 :invoke :read nil\n0 :ok :read nil"
    assert verdict(text, budget=50) == "unknown"
    assert verdict(text) == "no"


def test_the_stuck_call_and_the_prefix_before_it_are_told() -> None:
    text = (
        "0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :write 2\n0 :invoke :read nil\n"
        "0 :ok :read 1\n0 :invoke :read nil\n0 :ok :read 3\n1 :ok :write 2\n"
        "0 :invoke :read nil\n0 :ok :read 9"
    )
    (found,) = check(read_history(text.split("\n")), 1000)
    assert found.answer is Answer.NO
    assert found.stuck is not None
    assert (found.stuck.begun, found.stuck.ended, str(found.stuck)) == (6, 7, ":read 3")
    assert [call.begun for call in found.order][:2] == [1, 4]
    whole = text.split("\n")
    assert verdict("\n".join(whole[:7])) == "no"
    assert verdict("\n".join(whole[:6])) == "yes"


VALUES = st.integers(0, 2)


@st.composite
def small_histories(draw: st.DrawFn) -> list[Call]:
    """At most seven calls of at most four processes, with any answers."""
    calls: list[Call] = []
    running: list[Call] = []
    for line in range(1, draw(st.integers(1, 14)) + 1):
        begin = len(calls) < 7 and (not running or (len(running) < 4 and draw(st.booleans())))
        if begin:
            kind = draw(st.sampled_from(["read", "write", "cas"]))
            value = draw(st.none() | VALUES) if kind == "read" else draw(VALUES)
            expected = draw(VALUES) if kind == "cas" else None
            running.append(Call(line, kind, None, value, expected, line))
            calls.append(running[-1])
        elif running:
            call = running.pop(draw(st.integers(0, len(running) - 1)))
            call.outcome = draw(st.sampled_from(["ok", "ok", "ok", "info", "fail"]))
            if call.outcome != "info":
                call.ended = line
    return calls


@given(small_histories())
@settings(max_examples=600, deadline=None)
def test_the_search_says_what_all_orders_say(calls: list[Call]) -> None:
    expected = Answer.YES if explained(calls) else Answer.NO
    (found,) = check(calls)
    assert found.answer is expected
    if found.stuck is not None:  # the smallest prefix: without its last line there is an order
        before = [call for call in calls if call.begun < found.stuck.ended]
        cut = [shortened(call, int(found.stuck.ended)) for call in before]
        assert not explained(before)
        assert explained([call for call in cut if call.outcome != "dropped"])


def shortened(call: Call, line: int) -> Call:
    """Return a call as a log tells it that ends before `line`."""
    if call.ended < line:
        return call
    return Call(
        call.process, call.kind, call.key, call.value, call.expected, call.begun,
        outcome="dropped" if call.outcome == "fail" else "open",
    )  # fmt: skip


@pytest.mark.parametrize("processes", [2, 5, 10])
def test_what_a_register_did_is_always_linearizable(processes: int) -> None:
    for seed in range(100):
        calls = of_a_register(seed, calls=60, processes=processes, lost=0.05)
        assert [each.answer for each in check(calls)] == [Answer.YES], seed


def test_a_log_is_read_as_it_was_told() -> None:
    for seed in range(50):
        calls = of_a_register(seed, calls=40, processes=5, lost=0.1)
        again = read_history(as_log(calls).split("\n"))
        assert [str(call) for call in again if call.happened] == [
            str(call) for call in calls if call.happened
        ]
        assert [call.lines for call in again] == [call.lines for call in calls]


def test_a_value_that_was_never_written_needs_no_search() -> None:
    text = "".join(f"{each} :invoke :write {each}\n" for each in range(9))
    text += "9 :invoke :cas [1 5]\n9 :info :cas [1 5]\n"
    text += "9 :invoke :read nil\n9 :ok :read 99\n9 :invoke :write 99\n"
    (found,) = check(read_history(text.split("\n")), 1)
    assert (found.answer, str(found.stuck)) == (Answer.NO, ":read 99")
    calls = read_history(text.split("\n"))
    assert [each.answer for each in check(calls[::-1])] == [Answer.NO]


def test_a_value_that_was_never_written_is_always_found() -> None:
    for seed in range(100):
        calls = of_a_register(seed, calls=60, processes=5)
        reads = [call for call in calls if call.kind == "read" and call.happened]
        changed = random.Random(seed).choice(reads)
        changed.value = 99
        (found,) = check(calls)
        assert (found.answer, found.stuck) == (Answer.NO, changed), seed


def test_mutated_histories_are_judged_as_all_orders_judge_them() -> None:
    judged = set()
    for seed in range(200):
        calls = of_a_register(seed, calls=7, processes=3, lost=0.1, values=2)
        pick = random.Random(seed)
        changed = pick.choice(calls)
        changed.value = pick.randrange(2)
        expected = Answer.YES if explained(calls) else Answer.NO
        assert overall(check(calls)) is expected, seed
        judged.add(expected)
    assert judged == {Answer.YES, Answer.NO}


def test_ten_thousand_calls_take_seconds() -> None:
    calls = of_a_register(1, calls=10_000, processes=10, lost=0.002)
    began = time.process_time()
    (found,) = check(calls)
    assert found.answer is Answer.YES
    assert time.process_time() - began < 10
    assert found.steps < 100_000


def answered(
    begun: float, ended: float, height: int, revision: int, value: int, *, wrote: bool = False
) -> Answered:
    return Answered(begun, ended, "k", wrote, height, revision, value)


def test_heights_that_fit_contradict_nothing() -> None:
    write = answered(0, 1, 4, 1, 5, wrote=True)
    assert contradiction([write, answered(2, 3, 4, 1, 5), answered(2, 3, 9, 1, 5)]) is None
    assert contradiction([answered(0, 1, 3, 0, 0), answered(0.5, 2, 1, 0, 0)]) is None


def test_heights_that_go_back_are_found() -> None:
    found = contradiction([answered(0, 1, 4, 1, 5, wrote=True), answered(2, 3, 3, 0, 0)])
    assert found is not None
    assert "begun after height 4 was told is answered at height 3" in found
    again = contradiction(
        [answered(0, 1, 4, 1, 5, wrote=True), answered(2, 3, 4, 2, 6, wrote=True)]
    )
    assert again is not None
    assert "a write of 'k'" in again


def test_a_read_that_shows_another_state_is_found() -> None:
    found = contradiction([answered(0, 1, 4, 1, 5, wrote=True), answered(2, 3, 5, 1, 6)])
    assert found is not None
    assert "shows revision 1 at height 5" in found
