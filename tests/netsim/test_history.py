"""The linearizability search, on histories small enough to judge by eye."""

from __future__ import annotations

from govchaind.ledger.outcomes import Code
from govchaind.replica.events import Decided
from netsim.history import History, Operation, linearizable


def put(value: int, begun: float, ended: float | None, expected: int | None = None) -> Operation:
    kind = "put" if expected is None else "cas"
    code = None if ended is None else int(Code.APPLIED)
    return Operation(0, kind, b"k", value, expected, begun, 0, bytes((value,)), ended, code)


def read(value: int, revision: int, begun: float, ended: float) -> Operation:
    found = Operation(1, "read", b"k", value, None, begun, 0, b"", ended)
    found.revision = revision
    return found


def test_a_read_after_a_write_sees_it() -> None:
    assert linearizable([put(5, 0, 1), read(5, 1, 2, 3)], {}) is True
    assert linearizable([put(5, 0, 1), read(0, 0, 2, 3)], {}) is False


def test_a_read_beside_a_write_sees_either() -> None:
    assert linearizable([put(5, 0, 4), read(0, 0, 1, 2), read(5, 1, 3, 4)], {}) is True
    assert linearizable([put(5, 0, 4), read(5, 1, 1, 2), read(0, 0, 3, 4)], {}) is False


def test_an_unanswered_write_may_happen_late_or_never() -> None:
    assert linearizable([put(5, 0, None), read(0, 0, 1, 2)], {}) is True
    assert linearizable([put(5, 0, None), read(0, 0, 1, 2), read(5, 1, 3, 4)], {}) is True
    assert linearizable([put(5, 3, None), read(5, 1, 1, 2)], {}) is False


def test_a_compare_and_set_applies_to_its_revision_only() -> None:
    assert linearizable([put(5, 0, 1), put(6, 2, 3, expected=1), read(6, 2, 4, 5)], {}) is True
    assert linearizable([put(5, 0, 1), put(6, 2, 3, expected=0)], {}) is False
    refused = put(6, 2, 3, expected=1)
    refused.code = int(Code.REVISION_CONFLICT)
    assert linearizable([put(5, 0, 1), refused], {}) is False


def test_two_compare_and_sets_of_one_revision_do_not_both_apply() -> None:
    both = [put(5, 0, 9, expected=0), put(6, 0, 9, expected=0)]
    assert linearizable(both, {}) is False


def test_a_budget_that_is_not_enough_is_no_answer() -> None:
    calls = [put(value, 0, 9) for value in range(1, 9)]
    assert linearizable([*calls, read(0, 9, 10, 11)], {}, budget=50) is None


def test_a_wrong_hint_changes_no_answer() -> None:
    calls = [put(5, 0, 9), put(6, 0, 9), read(5, 2, 10, 11)]
    assert linearizable(calls, {b"\x05": (1, 0), b"\x06": (2, 0)}) is True
    assert linearizable(calls, {b"\x05": (2, 0), b"\x06": (1, 0)}) is True


def test_the_chain_keeps_a_search_short_whatever_it_has_refused() -> None:
    """Nobody was answered: only what the chain applied, in its order, explains what is read."""
    history = History(watched=True)
    calls = [put(value, 0, None) for value in range(1, 25)]
    for call in (*calls, read(22, 11, 30, 31)):
        history.begin(call)
    codes = {call.id: Code.EXPIRED if call.value % 2 else Code.APPLIED for call in calls}
    order = [call.id for call in (*calls[11::-1], *calls[12:22], calls[23])]
    outcomes: list[tuple[bytes, int, int | None]] = [
        (transaction, int(codes[transaction]), None) for transaction in order
    ]
    history.block(Decided(1, outcomes[:-1], None))
    history.block(Decided(2, outcomes[-1:], None))
    assert history.check_search() == [(b"k", "yes")]
