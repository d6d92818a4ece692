"""Joining by snapshot, as a pure machine: what it believes, whom it leaves, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from govchaind.base.errors import Gone, InvalidProof
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, WriteBatch, prefix_end
from govchaind.base.limits import SNAPSHOT_CHUNK_BYTES_MAX
from govchaind.ledger.apply import Ledger
from govchaind.ledger.beginning import beginning
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.results import load_frontier, read_result
from govchaind.ledger.snapshot_chunk import Place, judge_chunk, judge_parting
from govchaind.ledger.state import check_state
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.tree_proof import hash_key
from govchaind.replica.joining import MARKS, Joining
from govchaind.replica.questions import ANSWER_SECONDS
from govchaind.replica.snapshot_messages import (
    PREPARING,
    UNHELD,
    SnapshotChunk,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.try_time import FRUITLESS_SECONDS
from tests.ledger.chain import Chain
from tests.ledger.snapshots import (
    answer,
    encode_chunk,
    entries_at,
    head_of,
    proof_from,
    root_of,
    steps_of,
)
from tests.ledger.test_trust import reconfigured

PUT = int(Kind.PUT)
Serve = Callable[[str, SnapshotMessage], SnapshotMessage | None]


def long_chain(records: int = 300) -> Chain:
    """Return a chain over two changes of membership, with a checkpoint as its newest height."""
    chain, _ = reconfigured()
    for first in range(100, 100 + records, 50):
        raws = [
            chain.raw((PUT, ["divisions", b"%d" % n, [f"{n}", n], None]))
            for n in range(first, first + 50)
        ]
        chain.apply(*raws, after=300)
    chain.apply(after=300)
    while chain.steps[-1].applied.state_root is None:
        chain.do(PUT, "divisions", b"last", ["last", 1], None)
    return chain


def checkpoint(chain: Chain) -> int:
    return max(step.block.height for step in chain.steps if step.applied.state_root is not None)


def server(chain: Chain, bytes_max: int = 2000) -> Serve:
    """Return an honest server of a chain's newest checkpoint."""
    height = checkpoint(chain)
    entries = entries_at(chain.store, height)

    def serve(_: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if isinstance(message, WantSnapshot):
            steps = steps_of(chain, height, message.era)
            if len(steps) > 1:  # one an answer, as if they were large
                return SnapshotOffer(height, steps[:1], b"", [])
            proof = proof_from(chain, message.seen, height)
            return SnapshotOffer(height, steps, head_of(chain, height), proof)
        assert isinstance(message, WantChunk)
        parting, body = answer(entries, message.depth, message.path, bytes_max)
        return SnapshotChunk(height, message.depth, message.path, parting, body)

    return serve


def run(
    joining: Joining,
    store: MemoryReader,
    serve: Serve,
    peers: tuple[str, ...] = ("node-b", "node-c"),
    *,
    rounds: int = 400,
    start: float = 0.0,
    step: float = 0.1,
) -> float:
    """Ask and answer, writing what holds after each round; return when it ended."""
    now = start
    for _ in range(rounds):
        if joining.done or joining.given_up is not None:
            break
        now += step
        for peer, question in joining.turn(now, peers):
            reply = serve(peer, question)
            if reply is not None:
                joining.heard(now, peer, reply)
        store.apply(joining.batch)
        joining.batch = WriteBatch()
    return now


def finished(joining: Joining, store: MemoryReader) -> MemoryReader:
    assert joining.done, joining.given_up
    store.apply(joining.finish(store))
    return store


def test_a_store_filled_from_a_snapshot_goes_on_as_the_chain_does() -> None:
    chain = long_chain()
    store = MemoryReader()
    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, server(chain))
    finished(joining, store)
    assert joining.left == []
    assert joining.chunks > 10
    assert beginning(store) == checkpoint(chain) == chain.ledger.height
    tree = StateTree()
    tree.check(store, chain.ledger.height)
    assert check_state(store, tree) == joining.entries
    ledger = Ledger(chain.genesis, store)
    raws = [
        chain.raw((PUT, ["divisions", b"100", ["100", 1], 0])),
        chain.steps[-3].block.transactions[0].raw
        if chain.steps[-3].block.transactions
        else chain.raw((PUT, ["divisions", b"x", ["x", 1], None])),
    ]
    for _ in range(3):
        block = chain.block(*raws)
        batch = WriteBatch()
        applied = ledger.apply(block, store, batch)
        store.apply(batch)
        assert applied.statement == chain.take(block).statement
        assert applied.outcomes == chain.steps[-1].applied.outcomes
    assert not list(store.scan(MARKS, prefix_end(MARKS)))
    with pytest.raises(Gone, match="joined by snapshot"):
        read_result(store, beginning(store) - 1)


def test_a_copy_of_a_transaction_from_before_the_snapshot_is_a_duplicate() -> None:
    chain = long_chain(50)
    store = MemoryReader()
    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, server(chain))
    finished(joining, store)
    ledger = Ledger(chain.genesis, store)
    copies = [
        transaction
        for step in chain.steps
        for transaction in step.block.transactions
        if transaction.valid_until > chain.ledger.time
    ]
    assert len(copies) > 50
    for copy in copies:
        expected = chain.ledger.check(copy, chain.store, chain.ledger.time)
        assert ledger.check(copy, store, ledger.time) == expected != 0


@pytest.mark.parametrize("bytes_max", [500, SNAPSHOT_CHUNK_BYTES_MAX])
def test_one_chunk_or_many_make_the_same_store(bytes_max: int) -> None:
    chain = long_chain(100)
    stores = []
    for size in (2000, bytes_max):
        store = MemoryReader()
        joining = Joining(chain.genesis, store, 0.0)
        run(joining, store, server(chain, size))
        stores.append(finished(joining, store).values)
    assert stores[0] == stores[1]
    for table in (Table.STATE, Table.TREE_NODE, Table.LIVE_IDS):
        here = {key for key in stores[0] if key.startswith(table.value)}
        there = {
            key
            for key, value in chain.store.values.items()
            if key.startswith(table.value) and (table != Table.STATE or value[8:] != b"\x00")
        }
        assert here == there


def test_a_wrong_chunk_names_its_sender_and_another_is_asked() -> None:
    chain = long_chain()
    honest, store = server(chain), MemoryReader()

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        reply = honest(peer, message)
        if peer == "node-c" and isinstance(reply, SnapshotChunk) and not reply.parting:
            reply.body = reply.body[:-1] + bytes((reply.body[-1] ^ 1,))
        return reply

    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, serve)
    finished(joining, store)
    assert joining.blamed() == {"node-c"}
    assert [(left.peer, left.for_good) for left in joining.left] == [("node-c", True)]
    StateTree().check(store, chain.ledger.height)


def test_what_is_left_out_added_or_moved_is_no_chunk() -> None:
    chain = long_chain(50)
    height = checkpoint(chain)
    entries = [entry for _, entry in entries_at(chain.store, height)]
    place = Place(0, b"", root_of(chain, height))
    assert judge_chunk(encode_chunk(entries), place, height).entries == len(entries)
    live = next(n for n, entry in enumerate(entries) if entry[2] is not None)
    key, value, ids = entries[live]
    assert ids is not None
    extra = (b"\x04divisions\x00more", value, None)
    for wrong in (
        entries[1:],
        entries[1:2] + entries[:1] + entries[2:],
        [*entries, extra],
        [*entries[:live], (key, value, ids[:-32]), *entries[live + 1 :]],
        [*entries[:live], (key, value, None), *entries[live + 1 :]],
        [*entries[:live], (key, value + b"\x00", ids), *entries[live + 1 :]],
    ):
        with pytest.raises(InvalidProof):
            judge_chunk(encode_chunk(wrong), place, height)


def test_entries_of_another_place_do_not_slip_in_behind_those_of_a_chunk() -> None:
    chain = long_chain(1000)
    height = checkpoint(chain)
    held = entries_at(chain.store, height)
    tried = 0
    for place in judge_parting(answer(held, 0, b"", 0)[1], Place(0, b"", root_of(chain, height))):
        mine = [entry for leaf, entry in held if leaf[0] >> 4 == place.path[0] >> 4]
        last = hash_key(mine[-1][0])[0] & 15
        behind = [entry for leaf, entry in held if leaf[0] >> 4 > place.path[0] >> 4]
        extra = next((one for one in behind if hash_key(one[0])[0] & 15 < last), None)
        assert judge_chunk(encode_chunk(mine), place, height).entries == len(mine)
        if extra is not None:
            tried += 1
            with pytest.raises(InvalidProof, match="another place"):
                judge_chunk(encode_chunk([*mine, extra]), place, height)
    assert tried > 5


def test_a_history_of_its_own_is_left_only_for_one_that_continues_it() -> None:
    chain = long_chain(50)
    own = 14, load_frontier(chain.store, 14).root()
    joining, store = Joining(chain.genesis, MemoryReader(), 0.0, own=own), MemoryReader()
    run(joining, store, server(chain))
    assert joining.done
    other = Joining(chain.genesis, MemoryReader(), 0.0, own=(14, bytes(32)))
    run(other, MemoryReader(), server(chain), rounds=20)
    assert other.head is None
    assert other.blamed() == {"node-b", "node-c"}


def test_a_restart_asks_only_for_what_is_missing() -> None:
    chain = long_chain()
    honest, store = server(chain), MemoryReader()
    first = Joining(chain.genesis, store, 0.0)
    run(first, store, honest, rounds=4)
    assert 0 < first.share < 1
    asked: list[SnapshotMessage] = []

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        asked.append(message)
        return honest(peer, message)

    second = Joining(chain.genesis, store, 0.0)
    assert second.resumed
    assert (second.height, second.entries, second.chunks) == (
        first.height,
        first.entries,
        first.chunks,
    )
    assert second.share == pytest.approx(first.share)
    run(second, store, serve)
    finished(second, store)
    StateTree().check(store, chain.ledger.height)
    whole = Joining(chain.genesis, MemoryReader(), 0.0)
    kept = MemoryReader()
    run(whole, kept, honest)
    assert not any(isinstance(message, WantSnapshot) for message in asked)
    assert second.chunks == whole.chunks
    assert finished(whole, kept).values == store.values


def test_a_silent_peer_is_left_for_another_and_one_that_prepares_is_asked_again() -> None:
    chain = long_chain(100)
    honest, store = server(chain), MemoryReader()
    not_yet = [3]

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if peer == "node-c" and isinstance(message, WantChunk):
            return None
        if isinstance(message, WantChunk) and not_yet[0]:
            not_yet[0] -= 1
            return SnapshotRefusal(message.height, PREPARING)
        return honest(peer, message)

    joining = Joining(chain.genesis, store, 0.0)
    ended = run(joining, store, serve, step=0.5)
    finished(joining, store)
    assert [(left.peer, left.for_good) for left in joining.left] == [("node-c", False)]
    assert ANSWER_SECONDS < ended < 3 * ANSWER_SECONDS


def test_blocks_are_taken_when_nobody_can_give_the_height_or_be_asked() -> None:
    chain = long_chain(50)
    honest = server(chain)

    def unheld(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if isinstance(message, WantChunk):
            return SnapshotRefusal(message.height, UNHELD)
        return honest(peer, message)

    joining, store = Joining(chain.genesis, MemoryReader(), 0.0), MemoryReader()
    run(joining, store, unheld)
    assert joining.given_up == f"no linked node can give height {checkpoint(chain)} any more"
    none = Joining(chain.genesis, MemoryReader(), 0.0)
    run(none, store, lambda _, message: SnapshotRefusal(0, UNHELD), rounds=5)
    assert none.given_up == "no linked node gives a snapshot"
    alone = Joining(chain.genesis, MemoryReader(), 0.0)
    ended = run(alone, store, honest, (), step=1.0)
    assert alone.given_up == "no linked node can be asked for a snapshot"
    assert ended == pytest.approx(FRUITLESS_SECONDS, abs=2)


def test_an_old_snapshot_is_not_worth_joining_at() -> None:
    chain = long_chain(50)
    joining = Joining(chain.genesis, MemoryReader(), 0.0, least=checkpoint(chain) + 1)
    run(joining, MemoryReader(), server(chain), rounds=10)
    assert joining.blamed() == set()  # it is no lie
    assert "least of use" in joining.left[0].reason
    assert joining.given_up == "no linked node gives a snapshot"


def test_a_block_of_the_newest_height_still_knows_its_transactions() -> None:
    chain = long_chain(50)
    raw = chain.raw((PUT, ["divisions", b"end", ["end", 1], None]))
    chain.apply(raw, after=300)
    store = MemoryReader()
    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, server(chain))
    finished(joining, store)
    row = Table.TRANSACTION.value + read_transaction(raw).id
    assert store.get(row) == chain.store.get(row) is not None


def test_a_snapshot_from_before_changes_that_another_told_of_is_of_no_use_but_no_lie() -> None:
    chain = long_chain(100)
    before = max(
        step.block.height
        for step in chain.steps
        if step.applied.state_root is not None and step.block.height < 9
    )
    newest = server(chain)

    def old(message: WantSnapshot) -> SnapshotOffer:
        steps = steps_of(chain, before - 1, message.era)
        proof = proof_from(chain, message.seen, before)
        return SnapshotOffer(before, steps, head_of(chain, before), proof)

    turns: list[str] = []

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if not isinstance(message, WantSnapshot):
            return newest(peer, message)
        turns.append(peer)
        if len(turns) == 1:  # the steps alone, and then the link ends
            return SnapshotOffer(checkpoint(chain), steps_of(chain, checkpoint(chain)), b"", [])
        return old(message) if len(turns) == 2 else newest(peer, message)

    store = MemoryReader()
    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, serve)
    finished(joining, store)
    assert joining.height == checkpoint(chain)
    [left] = joining.left
    assert (left.for_good, joining.blamed()) == (False, set())
    assert "not above the last change" in left.reason


def test_who_gives_changes_above_its_own_snapshot_contradicts_itself() -> None:
    chain = long_chain(100)
    before = min(step.block.height for step in chain.steps if step.applied.state_root is not None)
    joining = Joining(chain.genesis, MemoryReader(), 0.0)
    [(peer, _)] = joining.turn(0.0, ["node-b"])
    steps = steps_of(chain, checkpoint(chain))
    joining.heard(0.0, peer, SnapshotOffer(before, steps, head_of(chain, before), []))
    assert joining.blamed() == {"node-b"}
