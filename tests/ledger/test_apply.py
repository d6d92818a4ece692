"""Applying blocks: all or nothing, the same everywhere, and the memory of ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.crypto import Domain
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvariantBroken, StorageCorrupt
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch, prefix_end
from govchaind.base.limits import LIFETIME_MAX_MILLISECONDS
from govchaind.base.merkle import SUITE_1, AppendTree
from govchaind.base.merkle import root as merkle_root
from govchaind.ledger.apply import Ledger
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code, Outcome
from govchaind.ledger.results import (
    find_block,
    find_transaction,
    outcome_leaf,
    read_result,
    result_row,
    stored_subtree,
)
from govchaind.ledger.state import State, check_state
from govchaind.ledger.state_keys import LIVE, live_key, record_key, register_key
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import assemble, read_transaction
from tests.ledger.chain import LIFETIME, START, Chain, key, with_register

PUT = int(Kind.PUT)
PAIRS: list[Any] = ["pairs", "Pairs", [], "clear", [["registry", "pair"]]]


def put(chain: Chain, name: bytes = b"1", value: Any = None, **author: Any) -> bytes:
    arguments = ["divisions", name, ["a", 1] if value is None else value, None]
    return chain.raw((PUT, arguments), **author)


def record(chain: Chain, name: bytes = b"1") -> Any:
    value = State().get(chain.store, record_key("divisions", name))
    return None if value is None else decode(value, bytes_max=len(value))


def state_of(chain: Chain, *, without_live: bool = False) -> dict[bytes, bytes]:
    """Return all state rows, leaving out when they changed."""
    start = Table.STATE.value
    return {
        stored[1:]: value[8:]
        for stored, value in chain.store.scan(start, prefix_end(start))
        if not (without_live and stored[1:2] == LIVE)
    }


def test_a_put_leaves_record_result_and_indexes() -> None:
    chain = with_register()
    raw = put(chain)
    applied = chain.apply(raw)
    height, block = applied.height, chain.steps[-1].block
    transaction = read_transaction(raw)
    assert applied.outcomes == [Outcome(0)]
    assert record(chain) == [1, False, ["a", 1]]
    assert find_transaction(chain.store, transaction.id) == (height, 0)
    assert find_block(chain.store, block.hash) == height
    result = read_result(chain.store, height)
    assert result.outcomes == ((transaction.id, transaction.identity, 0, None),)
    assert (result.block_hash, result.time) == (block.hash, block.time)
    assert (result.outcomes_root, result.state_root) == (
        applied.outcomes_root,
        applied.state_root,
    )
    leaf = encode([transaction.id, transaction.identity, 0, None])
    assert applied.outcomes_root == merkle_root([SUITE_1.leaf(leaf)])


def test_the_statement_says_what_was_stored() -> None:
    chain = with_register()
    applied = chain.apply(put(chain))
    statement = read_statement(applied.statement)
    assert statement.encode() == applied.statement
    assert (statement.chain_id, statement.height) == (chain.genesis.chain_id, 2)
    tree = AppendTree(2, stored_subtree(chain.store))
    assert statement.log_root == tree.root() == chain.ledger.log_root
    leaves = [SUITE_1.leaf(read_result(chain.store, height).leaf()) for height in (1, 2)]
    assert statement.log_root == merkle_root(leaves)
    assert statement.state_root == StateTree().root(chain.store, 2)


def test_hand_made_encodings_are_the_encoders() -> None:
    a, b, c = bytes(32), b"\x01" * 32, b"\x02" * 32
    for code, operation in ((0, None), (2, None), (16, 0), (105, 99), (300, 24)):
        expected = encode([a, b, code, operation])
        assert outcome_leaf(a, b, Outcome(code, operation)) == expected
    for count in (0, 1, 23, 24, 255, 256, 500):
        leaf = [a, b, 0, None]
        for root in (None, c):
            row = result_row(a, b, root, [encode(leaf)] * count, START)
            assert row == encode([a, b, root, [leaf] * count, START])


def test_operations_of_a_transaction_all_happen_or_none() -> None:
    chain = with_register()
    before = state_of(chain)
    good = (PUT, ["divisions", b"1", ["a", 1], None])
    bad = (PUT, ["divisions", b"1", ["a", 1], 7])
    applied = chain.apply(chain.raw(good, good, bad))
    assert applied.outcomes == [Outcome(Code.REVISION_CONFLICT, 2)]
    after = state_of(chain)
    del after[live_key(applied.height)]
    assert after == before
    assert chain.apply(chain.raw(good, good)).outcomes == [Outcome(0)]
    assert record(chain)[0] == 2


def test_transactions_of_a_block_see_those_before_them() -> None:
    chain = with_register()
    first = put(chain)
    second = chain.raw((PUT, ["divisions", b"1", ["b", 2], 1]))
    stale = chain.raw((PUT, ["divisions", b"1", ["c", 3], 1]))
    assert chain.codes(first, second, stale) == [0, 0, Code.REVISION_CONFLICT]
    assert record(chain) == [2, False, ["b", 2]]


def test_a_dropped_draft_does_not_stay_in_the_cache() -> None:
    chain = with_register()
    create = (int(Kind.CREATE_REGISTER), ["new", "New", [], "clear", []])
    use: tuple[int, list[Any]] = (PUT, ["new", b"1", [], None])
    fail: tuple[int, list[Any]] = (PUT, ["nothing", b"1", [], None])
    codes = chain.codes(chain.raw(create, use, fail), chain.raw(use), chain.raw(create, use))
    assert codes == [Code.UNKNOWN_REGISTER, Code.UNKNOWN_REGISTER, 0]
    assert State().get(chain.store, register_key("new")) is not None


def test_commitments_and_untyped_registers() -> None:
    chain = Chain()
    for name, mode in (("open", "clear"), ("sealed", "commitment")):
        assert chain.do(Kind.CREATE_REGISTER, name, "Title", [], mode, []) == 0
    values: list[Any] = [["a", 1, True, b"x"], [], [None], [[1]], [1 << 63], bytes(32), bytes(31)]
    codes = {
        name: [chain.do(PUT, name, b"1", value, None) for value in values]
        for name in ("open", "sealed")
    }
    wrong = int(Code.VALUE_DOES_NOT_FIT_SCHEMA)
    assert codes["open"] == [0, 0, wrong, wrong, wrong, wrong, wrong]
    assert codes["sealed"] == [wrong, wrong, wrong, wrong, wrong, 0, wrong]


# --- expiry and duplicates ------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (-1, Code.EXPIRED),
        (0, 0),
        (LIFETIME_MAX_MILLISECONDS, 0),
        (LIFETIME_MAX_MILLISECONDS + 1, Code.VALID_TOO_FAR_AHEAD),
    ],
)
def test_the_bounds_of_validity(ahead: int, code: int) -> None:
    chain = with_register()
    until = chain.ledger.time + 100 + ahead
    assert chain.codes(put(chain, valid_until=until), after=100) == [code]


def test_a_refused_id_is_remembered_and_the_first_outcome_stays() -> None:
    chain = with_register()
    refused = put(chain, value=["a", "b"])
    place = (chain.ledger.height + 1, 0)
    codes = chain.codes(refused, refused) + chain.codes(refused)
    assert codes == [Code.VALUE_DOES_NOT_FIT_SCHEMA, Code.DUPLICATE, Code.DUPLICATE]
    assert find_transaction(chain.store, read_transaction(refused).id) == place


def test_meddling_with_signatures_burns_nothing() -> None:
    chain = with_register()
    signers = ["registry one", "registry two"]
    assert chain.do(Kind.CREATE_REGISTER, *PAIRS) == 0
    whole = chain.raw((PUT, ["pairs", b"1", [], None]), office_name="pair", signers=signers)
    body, signatures = read_transaction(whole).body, read_transaction(whole).signatures
    stripped = assemble(body, signatures[:1])
    junk = assemble(body, [*signatures, (key("junk").public, bytes(64))])
    third = key("registry three")
    extra = (third.public, third.sign(Domain.TRANSACTION_BODY, body))
    superfluous = assemble(body, [*signatures, extra])
    assert chain.codes(stripped, junk, superfluous) == [
        Code.SIGNATURES_INSUFFICIENT,
        Code.KEY_NOT_OF_OFFICE,
        Code.SUPERFLUOUS_SIGNATURE,
    ]
    assert find_transaction(chain.store, read_transaction(whole).id) is None
    assert chain.codes(whole, stripped) == [0, Code.DUPLICATE]


def test_ids_lapse_after_the_latest_of_their_block() -> None:
    chain = with_register(live_ids_max=3)
    chain.apply(after=LIFETIME + 200)  # the creation's id lapses
    time = chain.ledger.time
    first = put(chain, valid_until=time + 150)
    assert chain.codes(first, put(chain, valid_until=time + 1_000)) == [0, 0]
    live = live_key(chain.ledger.height)
    assert chain.codes(put(chain), put(chain), after=900) == [0, Code.TOO_MANY_LIVE]
    assert chain.codes(first) == [Code.EXPIRED]  # at time + 1100: now the two have lapsed
    assert State().get(chain.store, live) is None
    assert chain.codes(put(chain), put(chain), put(chain)) == [0, 0, Code.TOO_MANY_LIVE]
    rows = list(chain.store.scan(Table.LIVE_IDS.value, prefix_end(Table.LIVE_IDS.value)))
    assert len(rows) == 2


def test_at_the_very_time_of_expiry_an_id_is_still_a_duplicate() -> None:
    chain = with_register()
    time = chain.ledger.time
    raw = put(chain, valid_until=time + 200)
    assert chain.codes(raw) + chain.codes(raw) + chain.codes(raw) == [
        0,
        Code.DUPLICATE,
        Code.EXPIRED,
    ]


def test_few_records_lapse_in_one_block() -> None:
    chain = with_register()
    for _ in range(20):
        chain.apply(put(chain))
    count = len([name for name in state_of(chain) if name[:1] == LIVE])
    assert count == 21
    lapsed = []
    for _ in range(3):
        chain.apply(after=LIFETIME * 2)
        lapsed.append(
            sum(1 for name, value in state_of(chain).items() if name[:1] == LIVE and value != b"\0")
        )
    assert lapsed == [5, 0, 0]


# --- the machine ------------------------------------------------------------


def test_fatal_errors_are_no_outcomes() -> None:
    chain = with_register()
    broken = chain.block(put(chain))

    class Rotten(MemoryReader):
        def get(self, key: bytes) -> bytes | None:
            if key == named_key(Table.STATE, record_key("divisions", b"1")):
                raise StorageCorrupt("rot")
            return chain.store.get(key)

    with pytest.raises(StorageCorrupt):
        chain.ledger.apply(broken, Rotten(), WriteBatch())


def test_a_block_that_does_not_follow_breaks_an_invariant() -> None:
    chain = with_register()
    block = chain.block()
    chain.take(block)
    with pytest.raises(InvariantBroken):
        chain.ledger.apply(block, chain.store, WriteBatch())


def test_a_store_without_genesis_is_refused() -> None:
    with pytest.raises(StorageCorrupt):
        Ledger(Chain().genesis, MemoryReader())


def test_advice_agrees_with_the_ledger_and_leaves_no_trace() -> None:
    chain = with_register()
    ledger, now = chain.ledger, chain.ledger.time
    raws = {
        put(chain): 0,
        put(chain, chain_id=bytes(32)): Code.WRONG_CHAIN,
        put(chain, valid_until=now - 1): Code.EXPIRED,
        put(chain, signers=["stranger"]): Code.KEY_NOT_OF_OFFICE,
        chain.raw((9999, [])): Code.UNKNOWN_OPERATION,
    }
    for raw, code in raws.items():
        assert ledger.check(read_transaction(raw), chain.store, now) == code
    first = next(iter(raws))
    assert chain.codes(first) == [0]
    assert ledger.check(read_transaction(first), chain.store, now) == Code.DUPLICATE


KEYS = st.sampled_from([b"1", b"2", b"3"])
PUTS = st.tuples(
    st.just(PUT),
    st.tuples(
        st.sampled_from(["divisions", "divisions", "nothing"]),
        KEYS,
        st.sampled_from([["a", 1], ["b", 2], ["a", "b"]]),
        st.none() | st.integers(0, 3),
    ).map(list),
)
RETIRES = st.tuples(st.just(int(Kind.RETIRE)), st.tuples(st.just("divisions"), KEYS).map(list))
CREATES = st.tuples(
    st.just(int(Kind.CREATE_REGISTER)),
    st.sampled_from(["divisions", "other"]).map(lambda name: [name, "T", [], "clear", []]),
)
REVOKES = st.just((int(Kind.REVOKE_KEY), ["pair", key("registry one").public]))
VOTES = st.tuples(
    st.just(int(Kind.VOTE)),
    st.sampled_from(["node-a", "node-d"]).map(
        lambda name: [0, int(MotionKind.REMOVE_NODE), [name]]
    ),
)
SMALL = st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=3)
ANYTHING = st.tuples(st.integers(1, 40), st.lists(SMALL, max_size=3))
OPERATION = PUTS | PUTS | PUTS | RETIRES | CREATES | REVOKES | VOTES | ANYTHING
AUTHOR = st.sampled_from(["registry", "registry", "registry", "court", "bank", "ministry"])
TRANSACTION = st.tuples(
    AUTHOR, st.lists(OPERATION, min_size=1, max_size=3), st.integers(-200, 2_000), st.integers(1, 9)
)
BLOCK = st.tuples(st.lists(TRANSACTION, max_size=4), st.integers(1, 400))


@settings(max_examples=60, deadline=None)
@given(st.lists(BLOCK, min_size=1, max_size=10), st.integers(0, 9))
def test_two_ledgers_and_one_that_restarts_agree(
    blocks: list[tuple[list[Any], int]], restart_at: int
) -> None:
    """Whatever is in the blocks: equal results, refusals change nothing, the tree holds."""
    one, two = with_register(), with_register()
    for number, (transactions, after) in enumerate(blocks):
        if number == restart_at:
            two.restart()
        raws = [
            one.raw(
                *operations,
                institution=institution,
                valid_until=max(1, one.ledger.time + after + ahead),
                salt=salt,
            )
            for institution, operations, ahead, salt in transactions
        ]
        before = state_of(one, without_live=True)
        block = one.block(*raws, after=after)
        applied = one.take(block)
        assert two.take(block) == applied
        if all(outcome.code for outcome in applied.outcomes):
            assert state_of(one, without_live=True) == before
    assert one.store.values == two.store.values
    assert one.ledger.log_root == two.ledger.log_root
    tree = StateTree()
    tree.check(one.store, one.ledger.last_checkpoint)
    check_state(one.store, tree)
    two.restart()
    final = one.block(after=100)
    assert one.take(final) == two.take(final)
