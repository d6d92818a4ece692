"""The tail in memory, what is handed out, and what is let go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.errors import InvariantBroken, NotFound
from govchaind.raft.log import ENTRY_OVERHEAD_BYTES, Log
from govchaind.raft.messages import Entry
from tests.raft.alone import log
from tests.raft.disk import Disk, Text, Write, configuration, store_of


def stored(terms: list[int]) -> Disk:
    disk = Disk(store_of("n1"), configuration(["n1"]))
    disk.seen = log(terms)
    return disk


def test_entries_are_handed_out_once() -> None:
    tail = Log(stored([1]))
    for entry in log([1, 2], first=2):
        tail.append(entry)
    assert tail.take() == (None, log([1, 2], first=2))
    assert tail.take() == (None, [])
    assert (tail.last_index, tail.last_term, tail.first_in_memory) == (3, 2, 2)


def test_a_truncation_of_what_was_handed_out_is_handed_out() -> None:
    tail = Log(stored([1, 1, 1]))
    tail.truncate(2)
    for entry in log([2, 2], first=2):
        tail.append(entry)
    tail.truncate(3)
    assert tail.take() == (2, log([2], first=2))
    tail.append(Entry(3, 2, Text("")))
    tail.truncate(3)
    assert tail.take() == (None, [])
    tail.truncate(2)
    assert tail.take() == (2, [])
    assert (tail.last_index, tail.last_term) == (1, 1)


def test_gaps_and_older_terms_are_refused() -> None:
    tail = Log(stored([2]))
    for index, term in ((3, 2), (1, 2), (2, 1)):
        with pytest.raises(InvariantBroken):
            tail.append(Entry(index, term, Text("")))
    with pytest.raises(InvariantBroken):
        tail.truncate(2)


def test_outside_the_log_is_not_found() -> None:
    tail = Log(stored([1]))
    with pytest.raises(NotFound):
        tail.term(2)
    for index in (0, 2):
        with pytest.raises(NotFound):
            tail.entry(index)
    assert tail.term(0) == 0


def test_memory_is_bounded_by_what_is_safe_to_let_go() -> None:
    disk = stored([])
    tail = Log(disk, cache_bytes_max=10 * ENTRY_OVERHEAD_BYTES)
    for index in range(1, 101):
        tail.append(Entry(index, 1, Text("")))
    _, entries = tail.take()
    disk.put(Write(entries, None, None, 1))
    tail.evict(0)
    assert tail.first_in_memory == 1
    tail.evict(50)
    assert tail.first_in_memory == 51
    tail.evict(100)
    assert tail.bytes_in_memory <= 10 * ENTRY_OVERHEAD_BYTES
    assert [tail.entry(index).index for index in range(1, 101)] == list(range(1, 101))
    tail.truncate(60)
    assert (tail.last_index, tail.term(59), tail.bytes_in_memory) == (59, 1, 0)


def test_a_slice_holds_at_least_one_entry() -> None:
    tail = Log(stored([]))
    for index in range(1, 5):
        tail.append(Entry(index, 1, Text("x" * 100)))
    size = 100 + ENTRY_OVERHEAD_BYTES
    assert [len(tail.slice(2, limit)[0]) for limit in (1, size, 2 * size, 9 * size)] == [1, 1, 2, 3]
    assert tail.slice(5, 100) == ([], 0)


@given(st.lists(st.integers(1, 6), max_size=30).map(sorted), st.integers(0, 7), st.data())
def test_last_with_term_up_to_is_what_a_walk_finds(
    terms: list[int], term: int, data: st.DataObject
) -> None:
    tail = Log(stored(terms))
    floor = data.draw(st.integers(0, len(terms)))
    ceiling = data.draw(st.integers(floor, len(terms) + 3))
    walk = [
        index for index in range(floor, min(ceiling, len(terms)) + 1) if tail.term(index) <= term
    ]
    assert tail.last_with_term_up_to(term, floor=floor, ceiling=ceiling) == max(walk, default=floor)
