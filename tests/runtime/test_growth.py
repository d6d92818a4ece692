"""What a store's growth says of the time until it is full, and of the price of a transaction."""

from __future__ import annotations

from govchaind.runtime.growth import TELLS_AFTER_SECONDS, WINDOW_SECONDS, Growth

GIB = 1 << 30


def test_nothing_is_said_of_a_store_that_was_just_started() -> None:
    growth = Growth()
    assert (growth.full_in_seconds(), growth.bytes_a_transaction()) == (None, None)
    for minute in range(10):
        growth.look(minute * 60.0, used_bytes=minute * GIB, free_bytes=GIB)
    growth.transactions = 5
    assert (growth.full_in_seconds(), growth.bytes_a_transaction()) == (None, None)


def test_the_pace_tells_when_it_is_full_and_what_a_transaction_takes() -> None:
    growth = Growth()
    growth.look(0.0, used_bytes=1_000_000, free_bytes=10_000_000)
    growth.transactions = 2_000
    growth.look(TELLS_AFTER_SECONDS, used_bytes=2_000_000, free_bytes=9_000_000)
    assert growth.full_in_seconds() == 9 * TELLS_AFTER_SECONDS
    assert growth.bytes_a_transaction() == 500


def test_a_store_that_does_not_grow_is_never_full() -> None:
    growth = Growth()
    for used in (5_000, 4_000):
        growth.look(TELLS_AFTER_SECONDS * (5_000 - used), used_bytes=used, free_bytes=10)
    assert growth.full_in_seconds() is None
    assert growth.bytes_a_transaction() is None


def test_only_the_last_day_counts() -> None:
    growth = Growth()
    growth.look(0.0, used_bytes=0, free_bytes=GIB)
    for hour in range(1, 49):
        used = 1_000_000 + hour * 1_000  # a burst in the first hour, then little
        growth.look(hour * 3600.0, used_bytes=used, free_bytes=24_000)
    assert growth.full_in_seconds() == WINDOW_SECONDS
