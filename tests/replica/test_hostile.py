"""A member that lies: whatever it sends breaks its own link at most, never the node.

What the gate refuses before (shapes, counts of 63 bits, transactions' signatures) is not tried.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govchaind.ledger.block import Block, make_block
from govchaind.ledger.certificate import Certificate
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Entry,
    Heartbeat,
    HeartbeatReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    TimeoutNow,
    Vote,
)
from govchaind.replica.events import Received
from govchaind.replica.messages import (
    Announce,
    Attest,
    Certificates,
    CertifiedBlocks,
    Gossip,
    Head,
    Objection,
    PeerMessage,
    Subscribe,
    Want,
    WantCertificates,
)
from govchaind.replica.replica import TERM_AHEAD_MAX
from tests.replica.cluster import EPOCH, Cluster, next_append, store_id
from tests.replica.test_attestation import attest, certificate, statement

MOST = (1 << 63) - 1
BLOCK = make_block(
    chain_id=bytes(32),
    height=2,
    previous=bytes(32),
    term=1,
    leader="a",
    time=EPOCH + 1,
    membership_digest=bytes(32),
)


def started() -> Cluster:
    cluster = Cluster(["a", "b", "c"], ["o", "p"])
    cluster.run(5)
    return cluster


def goes_on(cluster: Cluster, number: int) -> None:
    """The network still takes a transaction and certifies it everywhere."""
    cluster.run(8)
    height = max(cluster.heights().values())
    assert cluster.offer(cluster.leader(), [cluster.put(number)]) == [0]
    cluster.run(3)
    assert min(cluster.certified().values()) > height
    assert len({node.replica.ledger.last_hash for node in cluster.nodes.values()}) == 1


FLOODS: dict[str, Callable[[int], PeerMessage]] = {
    "announce": lambda n: Announce([(n * 1000 + i).to_bytes(32, "big") for i in range(1000)]),
    "want": lambda n: Want([(n * 1000 + i).to_bytes(32, "big") for i in range(1000)]),
    "want-certificates": lambda n: WantCertificates(MOST - n, MOST),
    "want-no-certificates": lambda n: WantCertificates(0, 0),
    "subscribe": lambda n: Subscribe(MOST - n),
    "attest-ahead": lambda n: Attest(MOST - n, statement(1), bytes(64)),
    "attest-zero": lambda n: Attest(0, b"", bytes(64)),
    "head": lambda n: Head(MOST - n),
    "certificates-none": lambda n: Certificates([]),
    "certificates-ahead": lambda n: Certificates([certificate(MOST - n, "abc")]),
    "blocks-none": lambda n: CertifiedBlocks([]),
    "objection": lambda n: Objection(1 + n % 9, n, "clock-ahead"),
    "gossip-none": lambda n: Gossip([]),
    "read-index": lambda n: ReadIndex(n % 9, n),
    "read-index-reply": lambda n: ReadIndexReply(n % 9, n, MOST),
    "time-out-old": lambda n: TimeoutNow(0),
    "vote": lambda n: Vote(n % 9, True, bool(n % 2), store_id("a")),
    "heartbeat-reply": lambda n: HeartbeatReply(n % 3, store_id("x"), MOST),
    "append-reply": lambda n: AppendReply(n % 3, store_id("x"), bool(n % 2), MOST - n, MOST, MOST),
}


@pytest.mark.parametrize("name", sorted(FLOODS))
@pytest.mark.parametrize("peer", ["b", "o"])
def test_a_flood_costs_neither_the_node_nor_its_memory(name: str, peer: str) -> None:
    cluster = started()
    make = FLOODS[name]
    for number in range(700):
        for target in ("a", "p"):
            cluster.step(target, [Received(peer, make(number))])
        cluster.messages.clear()
    for target in ("a", "p"):
        replica = cluster.nodes[target].replica
        assert sum(len(kept) for kept in replica.attestations._early.values()) <= 512
        assert len(replica._certification.feeder.subscribers()) <= 4
        assert len(replica._observing.follower._heads) <= 4
        assert len(replica._proposer.objections._by_height) <= 8
        assert len(replica._reads) == 0
        assert len(replica._observing._queue) == 0
    goes_on(cluster, 1)


def test_a_lie_in_a_signature_breaks_the_link() -> None:
    cluster = started()
    cluster.deaf = {("a", Attest), ("a", Certificates)}
    cluster.offer(cluster.leader(), [cluster.put(1)])
    cluster.run(1)
    replica = cluster.nodes["a"].replica
    height = replica.attestations.certified + 1
    own = replica.attestations._own(height)
    assert own is not None
    lies: list[PeerMessage] = [
        Attest(height, own.statement, bytes(64)),
        Attest(height, bytes(1000), bytes(64)),
        Certificates([Certificate(own.statement, (("b", bytes(64)), ("c", bytes(64))))]),
        Certificates([Certificate(own.statement, (("a", own.signature),))]),
        Certificates([Certificate(own.statement, (("a", own.signature), ("o", bytes(64))))]),
    ]
    for lie in lies:
        work = cluster.step("a", [Received("b", lie)])
        assert [peer for peer, _ in work.broken_links] == ["b"]
    assert replica.attestations.certified == height - 1
    cluster.deaf = set()
    goes_on(cluster, 2)


@pytest.mark.parametrize("peer", ["b", "o"])
@pytest.mark.parametrize("term", [TERM_AHEAD_MAX + 100, MOST])
def test_terms_are_not_used_up_by_a_lie(term: int, peer: str) -> None:
    cluster = started()
    raft = cluster.nodes["a"].replica.raft
    lies: list[PeerMessage] = [
        RequestVote(term, MOST, MOST, pre=False, transfer=True),
        Vote(term, False, True, store_id(peer)),
        Heartbeat(term, MOST, MOST),
        AppendEntries(term, 0, 0, [], MOST),
        AppendReply(term, store_id(peer), False, 0),
        TimeoutNow(term),
    ]
    before = raft.term
    for lie in lies:
        work = cluster.step("a", [Received(peer, lie)])
        assert [link for link, _ in work.broken_links] == ([peer] if peer == "b" else [])
    assert raft.term == before
    goes_on(cluster, 1)


@pytest.mark.parametrize("peer", ["o", "p", "stranger"])
def test_who_has_no_part_in_raft_is_not_heard_in_it(peer: str) -> None:
    cluster = started()
    replica = cluster.nodes["a"].replica
    term, last = replica.raft.term, replica.raft.last_index
    request = RequestVote(term + 1, MOST, MOST, pre=False, transfer=True)
    for message in (next_append(replica, peer, commit=True), request, Heartbeat(term + 1, 9, 9)):
        work = cluster.step("a", [Received(peer, message)])
        assert [to for to, _ in work.messages if to == peer] == []
    assert (replica.raft.term, replica.raft.last_index) == (term, last)


def test_a_contradiction_of_what_is_committed_breaks_the_link() -> None:
    cluster = started()
    replica = cluster.nodes["a"].replica
    raft = replica.raft
    fork = AppendEntries(raft.term + 1, 0, 0, [Entry(1, raft.term + 1, BLOCK)], 1)
    hash_before = replica.ledger.last_hash
    work = cluster.step("a", [Received("b", fork)])
    assert [peer for peer, _ in work.broken_links] == ["b"]
    assert replica.ledger.last_hash == hash_before
    goes_on(cluster, 1)


NUMBERS = st.one_of(st.integers(0, 6), st.sampled_from([MOST, MOST - 1, 1 << 32]))
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=3)
STORES = st.sampled_from([store_id(name) for name in "abcx"])
NAMES = st.sampled_from(["a", "o", "ao"])  # no quorum: one stops a node, and should


def entries_from(first: int, terms: list[int]) -> list[Entry]:
    entries = []
    for offset, term in enumerate(sorted(terms)):
        index = min(first + 1 + offset, MOST)
        block: Block = make_block(
            chain_id=bytes(32),
            height=max(index, 1),
            previous=bytes(32),
            term=max(term, 1),
            leader="a",
            time=EPOCH + index % 1000 + 1,
            membership_digest=bytes(32),
        )
        entries.append(Entry(index, term, block))
    return entries


def appends(
    term: int, previous: int, previous_term: int, terms: list[int], commit: int
) -> AppendEntries:
    return AppendEntries(term, previous, previous_term, entries_from(previous, terms), commit)


MESSAGES: st.SearchStrategy[PeerMessage] = st.one_of(
    st.builds(appends, NUMBERS, NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=3), NUMBERS),
    st.builds(AppendReply, NUMBERS, STORES, st.booleans(), NUMBERS, NUMBERS, NUMBERS),
    st.builds(Heartbeat, NUMBERS, NUMBERS, NUMBERS),
    st.builds(HeartbeatReply, NUMBERS, STORES, NUMBERS),
    st.builds(RequestVote, NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.booleans()),
    st.builds(Vote, NUMBERS, st.booleans(), st.booleans(), STORES),
    st.builds(TimeoutNow, NUMBERS),
    st.builds(ReadIndex, NUMBERS, NUMBERS),
    st.builds(ReadIndexReply, NUMBERS, NUMBERS, NUMBERS),
    st.builds(Announce, HASHES),
    st.builds(Want, HASHES),
    st.builds(
        lambda height, stated, name: Attest(
            height, statement(max(stated, 1)), attest(name, 1).signature
        ),
        NUMBERS,
        NUMBERS,
        st.sampled_from(["a", "b"]),
    ),
    st.builds(WantCertificates, NUMBERS, NUMBERS),
    st.builds(
        lambda height, names: Certificates([certificate(max(height, 1), names)]), NUMBERS, NAMES
    ),
    st.builds(Head, NUMBERS),
    st.builds(Subscribe, NUMBERS),
    st.builds(
        lambda height, names: CertifiedBlocks([(BLOCK, certificate(max(height, 1), names))]),
        NUMBERS,
        st.just("ab"),
    ),
    st.builds(Objection, NUMBERS, NUMBERS, st.sampled_from(["clock-ahead", "invalid-block", ""])),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "o"]), st.sampled_from(["b", "c", "p"]), MESSAGES
        ),
        max_size=30,
    )
)
def test_no_message_of_a_peer_stops_a_node(lies: list[tuple[str, str, PeerMessage]]) -> None:
    cluster = started()
    for target, peer, message in lies:
        if target != peer:
            cluster.step(target, [Received(peer, message)])
    cluster.run(2)
