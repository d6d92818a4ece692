"""What a validator refuses of a leader's blocks, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import StateDiverged
from govchaind.base.limits import CLOCK_AHEAD_MAX_MILLISECONDS
from govchaind.base.types import Hash
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.membership import Membership, membership_of
from govchaind.raft.messages import AppendEntries, Entry
from govchaind.replica.events import Received
from govchaind.replica.messages import Objection
from govchaind.replica.screening import CLOCK_AHEAD, INVALID_BLOCK, Link, screen
from govchaind.replica.store import configuration_of
from tests.replica.cluster import EPOCH, Cluster, genesis_of, member

GENESIS = genesis_of(["a", "b", "c"])
FIRST = GENESIS.membership()
LINK = Link(GENESIS.chain_id, EPOCH, FIRST, FIRST.digest)
Refused = tuple[int, str, str] | None


def block(height: int, previous: Hash, *, time: int | None = None, term: int = 1) -> Block:
    return make_block(
        chain_id=GENESIS.chain_id,
        height=height,
        previous=previous,
        term=term,
        leader="a",
        time=EPOCH + height if time is None else time,
        membership_digest=FIRST.digest,
    )


def configuration_block(membership: Membership) -> Block:
    return make_block(
        chain_id=GENESIS.chain_id,
        height=1,
        previous=GENESIS.chain_id,
        term=1,
        leader="a",
        time=EPOCH + 1,
        membership=membership,
    )


def judge(
    entries: list[Entry], *, commit: int = 0, wall: int = EPOCH, ordered: bool = True
) -> tuple[int, Refused]:
    """Return how many entries are taken, and what is said of the next."""
    taken, refused = screen(
        AppendEntries(1, 0, 0, entries, commit),
        first_new=0,
        link=LINK,
        chain_id=GENESIS.chain_id,
        wall_milliseconds=wall,
        ordered=lambda current, proposed: ordered,
        recovered=lambda recovery: None,
    )
    return len(taken), refused


def test_a_chain_of_blocks_is_taken() -> None:
    first = block(1, GENESIS.chain_id)
    second = block(2, first.hash)
    assert judge([Entry(1, 1, first), Entry(2, 1, second)]) == (2, None)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry(1, 1, block(2, GENESIS.chain_id)), "in the entry of"),
        (Entry(1, 2, block(1, GENESIS.chain_id)), "in the entry of"),
        (Entry(1, 1, block(1, bytes(32))), "does not follow"),
        (Entry(1, 1, block(1, GENESIS.chain_id, time=EPOCH)), "not later"),
        (Entry(1, 1, block(1, GENESIS.chain_id), configuration_of(FIRST)), "configuration"),
    ],
)
def test_a_block_that_breaks_a_rule_is_cut_off(entry: Entry, says: str) -> None:
    taken, refused = judge([entry])
    assert taken == 0
    assert refused is not None
    assert refused[:2] == (1, INVALID_BLOCK)
    assert says in refused[2]


def test_what_stands_before_a_bad_block_is_taken() -> None:
    first = block(1, GENESIS.chain_id)
    taken, refused = judge([Entry(1, 1, first), Entry(2, 1, block(2, bytes(32)))])
    assert taken == 1
    assert refused is not None
    assert refused[0] == 2


def test_skew_holds_back_the_uncommitted_only() -> None:
    far = block(1, GENESIS.chain_id, time=EPOCH + CLOCK_AHEAD_MAX_MILLISECONDS + 1)
    near = block(1, GENESIS.chain_id, time=EPOCH + CLOCK_AHEAD_MAX_MILLISECONDS)
    taken, refused = judge([Entry(1, 1, far)])
    assert taken == 0
    assert refused is not None
    assert refused[:2] == (1, CLOCK_AHEAD)
    assert judge([Entry(1, 1, far)], commit=1) == (1, None)
    assert judge([Entry(1, 1, near)]) == (1, None)


def test_a_configuration_must_be_ordered_and_by_an_earlier_height() -> None:
    wanted = membership_of(FIRST.voters()[:2], 0)
    entry = Entry(1, 1, configuration_block(wanted), configuration_of(wanted))
    assert judge([entry]) == (1, None)
    assert judge([entry], ordered=False)[0] == 0
    early = replace(wanted, ordered_at=1)
    entry = Entry(1, 1, configuration_block(early), configuration_of(early))
    assert judge([entry])[0] == 0


def forged(cluster: Cluster, membership: Membership, height: int, term: int) -> Entry:
    """Return a configuration block that continues the cluster's chain."""
    ledger = cluster.nodes["a"].replica.ledger
    made = make_block(
        chain_id=cluster.genesis.chain_id,
        height=height,
        previous=ledger.last_hash,
        term=term,
        leader="b",
        time=ledger.time + 1,
        membership=membership,
    )
    return Entry(height, term, made, configuration_of(membership))


def test_a_follower_that_has_applied_objects_to_what_state_does_not_order() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    height = cluster.heights()["a"]
    raft = cluster.nodes["a"].replica.raft
    wrong = membership_of([*cluster.genesis.nodes, member("evil", "learner")], 0)
    entry = forged(cluster, wrong, height + 1, raft.term + 1)
    append = AppendEntries(raft.term + 1, height, raft.last_term, [entry], height)
    work = cluster.step("a", [Received("b", append)])
    expected = Objection(append.term, height + 1, INVALID_BLOCK)
    assert ("b", expected) in work.messages
    assert raft.last_index == height


def test_what_a_majority_takes_against_state_stops_the_node_on_apply() -> None:
    """Two blocks arrive at once, so that the second cannot be judged when it comes."""
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    replica = cluster.nodes["a"].replica
    height, term = replica.ledger.height, replica.raft.term + 1
    plain = make_block(
        chain_id=cluster.genesis.chain_id,
        height=height + 1,
        previous=replica.ledger.last_hash,
        term=term,
        leader="b",
        time=replica.ledger.time + 1,
        membership_digest=cluster.genesis.membership().digest,
    )
    wrong = membership_of([*cluster.genesis.nodes, member("evil", "learner")], height + 1)
    carried = make_block(
        chain_id=cluster.genesis.chain_id,
        height=height + 2,
        previous=plain.hash,
        term=term,
        leader="b",
        time=plain.time + 1,
        membership=wrong,
    )
    entries = [
        Entry(height + 1, term, plain),
        Entry(height + 2, term, carried, configuration_of(wrong)),
    ]
    append = AppendEntries(term, height, replica.raft.last_term, entries, height + 2)
    with pytest.raises(StateDiverged, match="not what state orders"):
        cluster.step("a", [Received("b", append)])


def test_blocks_after_a_configuration_block_of_the_same_turn_are_taken() -> None:
    """The membership that a block of this very turn brings is known to the next one's judgement."""
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    leader = cluster.leader()
    follower = next(name for name in "abc" if name != leader)
    cluster.messages.clear()
    cluster.hold_writes = set("abco")
    # The follower sleeps while a step of membership and a block after it are made.
    wanted = membership_of([*cluster.genesis.membership().members, member("o", "learner")], 0)
    replica = cluster.nodes[follower].replica
    first = forged(cluster, wanted, replica.ledger.height + 1, replica.raft.term)
    height, term = first.index, first.term
    replica._executor.wanted = list(wanted.members)
    after = make_block(
        chain_id=cluster.genesis.chain_id,
        height=height + 1,
        previous=first.payload.hash if isinstance(first.payload, Block) else b"",
        term=term,
        leader=leader,
        time=replica.ledger.time + 2,
        membership_digest=wanted.digest,
    )
    last_term = replica.raft.last_term
    appends = [
        AppendEntries(term, height - 1, last_term, [first], height - 1),
        AppendEntries(term, height, term, [Entry(height + 1, term, after)], height - 1),
    ]
    work = cluster.step(follower, [Received(leader, append) for append in appends])
    assert [m for _, m in work.messages if isinstance(m, Objection)] == []
    assert replica.raft.last_index == height + 1
