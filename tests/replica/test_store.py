"""Rows: the first write, the view, the log's reader, and a store that is behind its guard."""

from __future__ import annotations

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSetting, InvariantBroken, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.raft.messages import Entry, HardState
from govchaind.replica.events import Guard
from govchaind.replica.store import (
    APPLIED,
    FLOOR,
    FORMAT_KEY,
    HARD_STATE,
    StoredLog,
    View,
    applied_height,
    behind_guard,
    block_of,
    check_store,
    hard_state,
    last_index,
    log_row,
    put_store_id,
    signing_floor,
    store_batch,
    stored_genesis,
    stored_store_id,
)
from tests.replica.cluster import genesis_of, store_id
from tests.replica.test_desk import entry

GENESIS = genesis_of(["a"])
STORE = store_id("a")


def made() -> MemoryReader:
    disk = MemoryReader()
    disk.apply(store_batch(GENESIS, STORE))
    return disk


def put(disk: MemoryReader, key: bytes, value: object) -> None:
    batch = WriteBatch()
    batch.put(key, encode(value))
    disk.apply(batch)


def test_a_new_store_holds_height_zero() -> None:
    disk = made()
    check_store(disk, GENESIS)
    assert stored_store_id(MemoryReader()) is None
    assert stored_store_id(disk) == STORE
    assert stored_genesis(disk).chain_id == GENESIS.chain_id
    assert hard_state(disk) == HardState(0, None)
    assert (applied_height(disk), last_index(disk), signing_floor(disk)) == (0, 0, 0)
    assert StoredLog(View(disk), lambda _: None).memberships() == [(0, GENESIS.membership(), None)]


def test_another_chains_store_and_another_format_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="another chain"):
        check_store(made(), genesis_of(["b"]))
    disk = made()
    put(disk, FORMAT_KEY, 3)
    with pytest.raises(InvalidSetting, match="format 3"):
        check_store(disk, GENESIS)


@pytest.mark.parametrize("read", [hard_state, applied_height, stored_genesis])
def test_a_row_that_is_missing_is_rot(read: object) -> None:
    assert callable(read)
    with pytest.raises(StorageCorrupt):
        read(MemoryReader())


def test_the_view_shows_the_newest_of_three_layers() -> None:
    disk = MemoryReader()
    for key in (b"a", b"b", b"c"):
        put(disk, key, 0)
    view = View(disk)
    view.in_flight = WriteBatch()
    view.in_flight.put(b"b", encode(1))
    view.in_flight.delete(b"c")
    view.pending.put(b"c", encode(2))
    view.pending.delete(b"a")
    view.pending.put(b"d", encode(2))
    expected = [(b"b", encode(1)), (b"c", encode(2)), (b"d", encode(2))]
    assert list(view.scan(b"a", b"z")) == expected
    assert list(view.scan(b"a", b"z", reverse=True)) == expected[::-1]
    assert [view.get(key) for key in (b"a", b"b", b"c")] == [None, encode(1), encode(2)]


def test_the_log_gives_back_what_was_put_into_it() -> None:
    disk = made()
    batch = WriteBatch()
    entries = [entry(1), entry(2, 3, learner="b")]
    for item in entries:
        batch.put(height_key(Table.LOG, item.index), log_row(item))
    disk.apply(batch)
    log = StoredLog(View(disk), lambda _: None)
    assert (log.last_index(), log.term(0), log.term(2)) == (2, 0, 3)
    for item in entries:
        found = log.entry(item.index)
        assert (found.term, found.configuration) == (item.term, item.configuration)
        assert block_of(found).raw == block_of(item).raw
    with pytest.raises(StorageCorrupt):
        log.entry(3)


def test_a_block_that_is_not_readable_is_rot_and_no_peers_fault() -> None:
    disk = made()
    raw = block_of(entry(1)).raw
    put(disk, height_key(Table.LOG, 1), [1, raw[:-1] + b"\x00"])
    with pytest.raises(StorageCorrupt, match="entry 1"):
        StoredLog(View(disk), lambda _: None).entry(1)


def test_an_entry_without_a_block_cannot_be() -> None:
    class Other:
        size = 1

    with pytest.raises(InvariantBroken):
        block_of(Entry(1, 1, Other()))


def guard(*, store: bytes = STORE, term: int = 5, vote: str | None = "b", signed: int = 9) -> Guard:
    return Guard(store, term, vote, signed, 20)


def test_a_store_that_was_set_back_is_known_by_its_guard() -> None:
    disk = made()
    put(disk, HARD_STATE, [5, "b"])
    put(disk, APPLIED, 9)
    assert behind_guard(disk, guard()) is None
    assert behind_guard(disk, guard(vote=None)) is None
    assert "term" in (behind_guard(disk, guard(term=6)) or "")
    assert "vote" in (behind_guard(disk, guard(vote="c")) or "")
    assert "signed" in (behind_guard(disk, guard(signed=10)) or "")


def test_a_store_of_another_id_is_older_unless_it_was_made_after_the_one_remembered() -> None:
    """Else one that was set back twice, or found again, would vote a second time."""
    disk, other = made(), bytes(16)
    put(disk, HARD_STATE, [5, "b"])
    put(disk, APPLIED, 9)
    assert "not the store" in (behind_guard(disk, guard(store=other)) or "")
    batch = WriteBatch()
    put_store_id(batch, STORE, guard(store=other))
    disk.apply(batch)
    assert behind_guard(disk, guard(store=other, term=99, signed=99)) is None
    assert "not the store" in (behind_guard(disk, guard(store=b"z" * 16)) or "")


def test_a_store_that_came_into_a_term_without_a_vote_is_not_taken_for_one_set_back() -> None:
    """By certified blocks or a snapshot; the guard file says the term before the store does."""
    disk = made()
    put(disk, HARD_STATE, [2, "b"])
    put(disk, APPLIED, 9)
    put(disk, height_key(Table.LOG, 9), [5, b"block"])
    assert behind_guard(disk, guard(vote=None)) is None
    assert "vote" in (behind_guard(disk, guard(vote="b")) or "")
    assert "term" in (behind_guard(disk, guard(term=6, vote=None)) or "")


def test_a_store_that_catches_up_is_not_taken_for_one_set_back() -> None:
    disk = made()
    put(disk, HARD_STATE, [5, "b"])
    put(disk, APPLIED, 3)
    put(disk, FLOOR, 9)
    assert behind_guard(disk, guard(signed=9)) is None
    assert "signed" in (behind_guard(disk, guard(signed=10)) or "")
