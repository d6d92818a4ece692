"""The pool: bounds, fairness between institutions, and what is taken, given back, and expires."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.limits import (
    BLOCK_BYTES_MAX,
    BLOCK_COST_MICROSECONDS_MAX,
    BLOCK_OPERATIONS_MAX,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import Transaction
from govchaind.replica.pool import EXPIRIES_KEPT, Pool
from tests.replica.cluster import EPOCH, genesis_of, key, signed

GENESIS = genesis_of(["a"])
SIGNER = [key("anybody")]
NUMBERS = count()


@lru_cache(maxsize=4096)
def made(
    institution: str, salt: int, operations: int = 1, filling: int = 1, until: int = EPOCH + 600_000
) -> Transaction:
    """Return a transaction of so many operations, each with so many bytes to fill it."""
    written: list[tuple[int, list[object]]] = [
        (int(Kind.PUT), ["register", b"key", [bytes(filling)], None])
    ] * operations
    return signed(GENESIS, institution, written, salt=salt, valid_until=until, signers=SIGNER)


def take_all(pool: Pool) -> list[list[Transaction]]:
    """Return block after block until nothing waits."""
    blocks = []
    while block := pool.take():
        blocks.append(block)
    return blocks


def test_one_institution_leaves_room_for_the_others() -> None:
    pool = Pool(count_max=40)
    taken_in = sum(pool.add(made("flood", salt), 0.0) for salt in range(40))
    assert taken_in == 10
    assert not pool.is_full()
    assert pool.add(made("calm", 0), 0.0)


def test_bytes_are_bounded_for_all_and_for_each() -> None:
    size = made("a", 0, 1, 1000).size
    pool = Pool(bytes_max=8 * size)
    assert [pool.add(made("a", salt, 1, 1000), 0.0) for salt in range(3)] == [True, True, False]
    for name in ("b", "c", "d"):
        assert pool.add(made(name, 0, 1, 1000), 0.0)
        assert pool.add(made(name, 1, 1, 1000), 0.0)
    assert pool.bytes == 8 * size
    assert not pool.add(made("e", 0), 0.0)


def test_a_known_one_is_no_news() -> None:
    pool = Pool(count_max=4)
    first = made("a", 0)
    assert pool.add(first, 1.0)
    assert pool.add(first, 2.0)
    assert len(pool) == 1
    assert pool.remove(first.identity) == 1.0
    assert pool.remove(first.identity) is None
    assert (len(pool), pool.bytes, pool.waiting_operations) == (0, 0, 0)


def test_a_block_keeps_all_three_bounds() -> None:
    pool = Pool()
    for salt in range(20):
        pool.add(made("many", salt, operations=60), 0.0)
        pool.add(made("large", salt, 1, 15_000), 0.0)
    blocks = take_all(pool)
    for block in blocks:
        assert sum(len(item.operations) for item in block) <= BLOCK_OPERATIONS_MAX
        assert sum(item.cost for item in block) <= BLOCK_COST_MICROSECONDS_MAX
        assert sum(item.size for item in block) < BLOCK_BYTES_MAX
    assert sum(len(block) for block in blocks) == 40


def test_what_is_taken_comes_back_first_and_in_order() -> None:
    pool = Pool()
    items = [made("a", salt) for salt in range(3)]
    for item in items[:2]:
        pool.add(item, 0.0)
    assert pool.take() == items[:2]
    assert pool.take() == []
    assert pool.waiting == 0
    pool.add(items[2], 0.0)
    pool.release()
    assert pool.waiting_operations == 3
    assert pool.take() == items


def test_what_the_log_holds_goes_into_no_other_block() -> None:
    pool = Pool()
    items = [made("a", salt) for salt in range(2)]
    for item in items:
        pool.add(item, 0.0)
    pool.mark_taken(items[0].identity)
    pool.mark_taken(items[0].identity)
    pool.mark_taken(bytes(32))
    assert pool.take() == items[1:]
    assert len(pool) == 2


def test_expiry_spares_what_is_in_a_block() -> None:
    pool = Pool()
    early = made("a", 0, until=EPOCH + 10)
    late = made("a", 1, until=EPOCH + 20)
    pool.add(early, 0.0)
    pool.mark_taken(early.identity)
    pool.add(late, 0.0)
    assert pool.expire(EPOCH + 20) == []
    assert pool.expire(EPOCH + 21) == [late]
    pool.release()
    assert pool.expire(EPOCH + 21) == [early]
    assert (len(pool), pool.bytes, pool.next_expiry) == (0, 0, None)


def test_expiries_of_included_ones_are_swept() -> None:
    pool = Pool()
    for _ in range(3 * EXPIRIES_KEPT):
        item = made("a", next(NUMBERS))
        pool.add(item, 0.0)
        pool.remove(item.identity)
    assert len(pool._expiries) <= EXPIRIES_KEPT + 2


def test_no_institution_hides_what_others_wait_for() -> None:
    pool = Pool()
    for salt in range(100):
        pool.add(made("flood", salt), 0.0)
    lone = made("calm", 0)
    pool.add(lone, 1.0)
    young = made("young", 0)
    pool.add(young, 5.0)
    found = pool.older_than(2.0, 30)
    assert lone.identity in found
    assert young.identity not in found
    assert len(found) == 11


def test_what_is_large_is_not_passed_over_for_ever() -> None:
    """Thirteen institutions fill a block before it is the turn of what needs a fifth of one."""
    pool = Pool()
    flooding = [f"flood-{number}" for number in range(13)]
    for name in flooding:
        for _ in range(400):
            pool.add(made(name, next(NUMBERS)), 0.0)
    large = made("calm", 0, operations=100)
    pool.add(large, 0.0)
    assert any(large in pool.take() for _ in range(4))


@settings(max_examples=40, deadline=None)
@given(
    others=st.integers(1, 16),
    operations=st.integers(1, 100),
    filling=st.integers(0, 500),
    flood_operations=st.sampled_from([1, 3, 50]),
    ahead=st.integers(0, 30),
)
def test_an_institution_waits_a_bounded_number_of_blocks(
    others: int, operations: int, filling: int, flood_operations: int, ahead: int
) -> None:
    """Each round of turns serves everybody: five make good for the largest transaction there is."""
    pool = Pool()
    flooding = [f"flood-{number}" for number in range(others)]

    def flood() -> None:
        for name in flooding:
            queue = pool._queues.get(name)
            for _ in range(120 - (len(queue.waiting) if queue else 0)):
                pool.add(made(name, next(NUMBERS) % 2048, flood_operations), 0.0)

    for _ in range(ahead % 3):
        flood()
        for item in pool.take():
            pool.remove(item.identity)
    flood()
    lone = made("calm", 0, operations, filling)
    assert pool.add(lone, 0.0)
    blocks = 0
    while True:
        blocks += 1
        chosen = pool.take()
        if lone in chosen:
            break
        for item in chosen:
            pool.remove(item.identity)
        flood()
        assert blocks <= 2 + 6 * (1 + others * 150 // BLOCK_OPERATIONS_MAX)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "take", "release", "remove", "mark", "expire"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 12),
        ),
        max_size=60,
    )
)
def test_its_accounts_agree_after_any_history(history: list[tuple[str, str, int]]) -> None:
    pool = Pool(count_max=24)
    for act, name, number in history:
        item = made(name, number, 1 + number % 4, until=EPOCH + number)
        match act:
            case "add":
                pool.add(item, float(number))
            case "take":
                pool.take()
            case "release":
                pool.release()
            case "remove":
                pool.remove(item.identity)
            case "mark":
                pool.mark_taken(item.identity)
            case _:
                pool.expire(EPOCH + number)
        waiting = [entry for queue in pool._queues.values() for entry in queue.waiting.values()]
        assert pool.waiting == len(waiting)
        assert pool.waiting_operations == sum(len(entry.operations) for entry in waiting)
        assert pool.bytes == sum(entry.size for entry, _ in pool._all.values())
        assert sorted(pool._turns) == sorted(n for n, q in pool._queues.items() if q.waiting)
        assert all(queue.count <= 6 for queue in pool._queues.values())
        assert {entry.id for entry, _ in pool._all.values()} == set(pool._ids)


def test_it_knows_a_body_however_many_signed_copies_of_it_it_has() -> None:
    pool = Pool()
    first = made("a", 1)
    second = signed(
        GENESIS, "a", first.operations, salt=1, valid_until=first.valid_until, signers=[key("b")]
    )
    assert (first.id, first.identity == second.identity) == (second.id, False)
    for item in (first, second):
        assert pool.add(item, 0.0)
    pool.remove(first.identity)
    assert pool.has(first.id)
    pool.remove(second.identity)
    assert not pool.has(first.id)
