"""Ids say the trace and whether there is one; all who ask come to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from govchaind.tracing.ids import EVERY, TraceIds, is_traced, threshold_of, trace_ids


def test_a_trace_is_named_by_the_transaction() -> None:
    transaction = bytes(range(32))
    assert trace_ids(transaction) == TraceIds(bytes(range(16)), bytes(range(16, 24)))


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0, 0), (0.25, EVERY // 4), (1 / 3, 1431655765), (1, EVERY), (1e-12, 0), (0.1, 429496729)],
)
def test_a_ratio_becomes_an_integer(ratio: float, expected: int) -> None:
    assert threshold_of(ratio) == expected


def test_bytes_24_to_27_are_judged() -> None:
    low, high = bytes(24) + b"\x3f\xff\xff\xff" + bytes(4), bytes(24) + b"\x40\x00\x00\x00" * 2
    quarter = threshold_of(0.25)
    assert (is_traced(low, quarter), is_traced(high, quarter)) == (True, False)
    assert (is_traced(low, 0), is_traced(bytes([255]) * 32, EVERY)) == (False, True)


@given(some.binary(min_size=32, max_size=32), some.floats(0, 1), some.floats(0, 1))
def test_who_traces_more_traces_what_others_trace(transaction: bytes, a: float, b: float) -> None:
    less, more = sorted((threshold_of(a), threshold_of(b)))
    assert is_traced(transaction, more) or not is_traced(transaction, less)
