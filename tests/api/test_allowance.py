"""Token buckets: what a quiet client may do at once, how debts end, how many names are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.api.allowance import Allowance, client_name


def test_a_full_bucket_lets_a_burst_pass_and_then_asks_to_wait() -> None:
    allowance = Allowance(10, burst_seconds=1)
    for _ in range(10):
        assert allowance.wait_seconds("a", 100.0) == 0
        allowance.charge("a", 100.0)

    assert allowance.wait_seconds("a", 100.0) == pytest.approx(0.1)
    assert allowance.wait_seconds("b", 100.0) == 0
    assert allowance.wait_seconds("a", 100.11) == 0


def test_a_debt_is_waited_for() -> None:
    allowance = Allowance(10, burst_seconds=1)
    allowance.charge("a", 0.0, 30)

    assert allowance.wait_seconds("a", 0.0) == pytest.approx(2.1)
    assert allowance.wait_seconds("a", 2.2) == 0


def test_without_a_speed_nothing_is_bound_or_kept() -> None:
    allowance = Allowance(0)
    allowance.charge("a", 0.0, 10**9)

    assert allowance.wait_seconds("a", 0.0) == 0
    assert len(allowance) == 0


def test_the_one_longest_unheard_of_is_forgotten_first() -> None:
    allowance = Allowance(1, burst_seconds=1, names_max=2)
    allowance.charge("a", 0.0, 5)
    allowance.charge("b", 0.0, 5)
    allowance.charge("a", 0.0)
    allowance.charge("c", 0.0, 5)

    assert len(allowance) == 2
    assert allowance.wait_seconds("b", 0.0) == 0
    assert allowance.wait_seconds("a", 0.0) > 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2)), max_size=60))
def test_nobody_gets_more_than_burst_and_speed_allow(steps: list[tuple[str, float]]) -> None:
    allowance, now = Allowance(5, burst_seconds=2), 0.0
    passed = dict.fromkeys("abc", 0)
    for name, pause in steps:
        now += pause
        if allowance.wait_seconds(name, now) == 0:
            allowance.charge(name, now)
            passed[name] += 1

    assert all(count <= 10 + 5 * now + 1e-6 for count in passed.values())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_network_of_ipv6_is_one_client(host: str, expected: str) -> None:
    assert client_name(host) == expected
