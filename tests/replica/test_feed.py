"""Feeding nodes without a vote: windows, credit, silence, gaps, and upstreams that lie."""

from __future__ import annotations

from govchaind.base.types import Height, NodeId
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate
from govchaind.replica.events import Hold, Received
from govchaind.replica.feed import (
    SILENCE_SECONDS,
    SUBSCRIBERS_MAX,
    WINDOW_HEIGHTS,
    Feeder,
    Follower,
)
from govchaind.replica.messages import CertifiedBlocks, Head, LedgerMessage, Subscribe
from govchaind.replica.observing import STRANDED_SECONDS, UNSERVED_HEIGHTS
from tests.replica.cluster import Cluster, next_append
from tests.replica.test_attestation import certificate
from tests.replica.test_screening import GENESIS, block


class Sent:
    def __init__(self) -> None:
        self.messages: list[tuple[NodeId, LedgerMessage]] = []
        self.fetched = 0

    def take(self, node: NodeId, message: LedgerMessage) -> None:
        self.messages.append((node, message))

    def fetch(self, height: Height) -> tuple[Block, Certificate] | None:
        self.fetched += 1
        return block(height, GENESIS.chain_id), certificate(height, "abc")

    def heights(self, node: NodeId) -> list[Height]:
        return [
            item.height
            for to, message in self.messages
            if to == node and isinstance(message, CertifiedBlocks)
            for item, _ in message.blocks
        ]


def test_a_feeder_sends_what_is_certified_within_the_credit() -> None:
    sent = Sent()
    feeder = Feeder(sent.take)
    feeder.subscribed("o", 3)
    assert not feeder.feed(5, sent.fetch)
    assert sent.heights("o") == [3, 4, 5]
    assert not feeder.feed(5, sent.fetch)
    feeder.feed(1000, sent.fetch)
    assert sent.heights("o") == list(range(3, 3 + WINDOW_HEIGHTS))
    feeder.subscribed("o", 4)  # credit for one more; nothing is sent twice
    feeder.feed(1000, sent.fetch)
    assert sent.heights("o") == list(range(3, 4 + WINDOW_HEIGHTS))


def test_a_subscription_ends_and_begins_again() -> None:
    sent = Sent()
    feeder = Feeder(sent.take)
    feeder.subscribed("o", 1)
    feeder.feed(2, sent.fetch)
    feeder.subscribed("o", 0)
    feeder.feed(9, sent.fetch)
    assert sent.heights("o") == [1, 2]
    feeder.subscribed("o", 1)
    feeder.feed(2, sent.fetch)
    assert sent.heights("o") == [1, 2, 1, 2]
    feeder.left("o")
    assert feeder.subscribers() == []


def test_what_many_want_is_read_once_a_turn() -> None:
    sent = Sent()
    feeder = Feeder(sent.take)
    for number in range(50):
        feeder.subscribed(f"o{number}", 1)
    feeder.feed(3, sent.fetch)
    assert sent.fetched == 3
    assert all(sent.heights(f"o{number}") == [1, 2, 3] for number in range(50))


def test_subscribers_are_bounded_and_hostile_heights_cost_nothing() -> None:
    sent = Sent()
    feeder = Feeder(sent.take)
    for number in range(SUBSCRIBERS_MAX + 5):
        feeder.subscribed(f"o{number}", (1 << 63) - 1)
    assert len(feeder.subscribers()) == SUBSCRIBERS_MAX
    assert not feeder.feed(1000, sent.fetch)
    assert sent.messages == []


def test_a_follower_renews_its_credit_at_half_of_the_window() -> None:
    sent = Sent()
    follower = Follower(sent.take)
    follower.head("a", 500)
    follower.check(0.0, 0, ["a", "b"])
    assert sent.messages == [("a", Subscribe(1))]
    follower.received(0.1, WINDOW_HEIGHTS // 2 - 1)
    assert len(sent.messages) == 1
    follower.received(0.2, WINDOW_HEIGHTS // 2)
    assert sent.messages[1:] == [("a", Subscribe(WINDOW_HEIGHTS // 2 + 1))]


def test_an_upstream_that_is_silent_at_rest_is_kept() -> None:
    sent = Sent()
    follower = Follower(sent.take)
    follower.head("a", 5)
    follower.check(0.0, 5, ["a", "b"])
    follower.check(100.0, 5, ["a", "b"])
    assert sent.messages == [("a", Subscribe(6))]


def test_a_lone_upstream_that_fell_silent_is_asked_from_the_start() -> None:
    sent = Sent()
    follower = Follower(sent.take)
    follower.head("a", 9)
    follower.check(0.0, 5, ["a"])
    follower.check(SILENCE_SECONDS + 1, 5, ["a"])
    assert sent.messages == [("a", Subscribe(6)), ("a", Subscribe(0)), ("a", Subscribe(6))]


def test_upstreams_that_lie_about_their_heads_hold_nobody_up() -> None:
    sent = Sent()
    follower = Follower(sent.take)
    for liar in ("a", "b", "c"):
        follower.head(liar, 1 << 62)
    follower.head("honest", 7)
    chosen = []
    for turn in range(8):
        follower.check(turn * (SILENCE_SECONDS + 1), 0, ["a", "b", "c", "honest"])
        chosen.append(follower.upstream)
    assert chosen == ["a", "b", "c", "honest", "a", "b", "c", "honest"]


def test_the_last_word_of_a_node_that_left_is_forgotten() -> None:
    follower = Follower(Sent().take)
    follower.head("a", 9)
    follower.check(0.0, 0, ["a"])
    follower.left("a")
    assert (follower.upstream, follower.best_head()) == (None, 0)


def test_an_observer_takes_up_after_a_gap() -> None:
    cluster = Cluster(["a"], ["o"])
    cluster.run(1)
    for number in range(5):
        cluster.offer("a", [cluster.put(number)])
        cluster.settle()
    cluster.run(0.5)
    behind = cluster.heights()["o"]
    assert behind == cluster.heights()["a"]
    cluster.cut = {("a", "o")}
    for number in range(5, 8):
        cluster.offer("a", [cluster.put(number)])
        cluster.settle()
    cluster.cut.clear()
    cluster.offer("a", [cluster.put(8)])
    cluster.run(3)
    assert cluster.heights()["o"] == cluster.heights()["a"]
    assert cluster.certified()["o"] == cluster.certified()["a"]


def test_blocks_that_nobody_asked_for_are_not_taken() -> None:
    cluster = Cluster(["a", "b", "c"], ["o", "p"])
    cluster.run(5)
    upstream = cluster.nodes["o"].replica._observing.follower.upstream
    stranger = "p"
    assert upstream != stranger
    height = cluster.heights()["o"]
    unasked = CertifiedBlocks([(block(height + 1, bytes(32)), certificate(height + 1, "abc"))])
    work = cluster.step("o", [Received(stranger, unasked)])
    assert work.broken_links == []
    assert upstream is not None
    work = cluster.step("o", [Received(upstream, unasked)])
    assert [peer for peer, _ in work.broken_links] == [upstream]
    assert cluster.heights()["o"] == height


def test_an_observer_believes_no_leader_without_certificates() -> None:
    """A validator that lies to an observer over Raft finds no ear there."""
    cluster = Cluster(["a", "b", "c"], ["o"])
    cluster.run(5)
    replica = cluster.nodes["o"].replica
    height = replica.ledger.height
    work = cluster.step("o", [Received("a", next_append(replica, "a", commit=True))])
    assert work.write is None
    assert (replica.ledger.height, replica.raft.last_index) == (height, height)
    assert [m for _, m in work.messages if not isinstance(m, Head)] == []


def test_an_observer_takes_no_blocks_while_a_snapshot_is_fetched_for_it() -> None:
    cluster = Cluster(["a"], ["o"])
    cluster.run(3)
    cluster.step("o", [Hold(held=True)])
    held = cluster.heights()["o"]
    cluster.run(3)
    assert cluster.nodes["o"].replica._observing.follower.upstream is None
    for number in range(5):
        cluster.offer("a", [cluster.put(number)])
        cluster.settle()
    cluster.run(3)
    assert cluster.heights()["o"] == held < cluster.heights()["a"]
    assert cluster.nodes["o"].replica.status(cluster.now).seen == cluster.certified()["a"]
    cluster.step("o", [Hold(held=False)])
    cluster.run(3)
    assert cluster.heights()["o"] == cluster.heights()["a"]


def test_a_voter_whose_leader_gives_it_nothing_takes_certified_blocks() -> None:
    observing = Cluster(["a", "b", "c"], []).nodes["c"].replica._observing
    observing.follower.head("b", UNSERVED_HEIGHTS + 10)

    def upstream_at(now: float, commit: int) -> NodeId | None:
        observing.keep_time(now, ["a", "b"], observer=False, leader="a", commit=commit)
        return observing.follower.upstream

    assert upstream_at(1.0, 5) is None
    assert upstream_at(1.0 + STRANDED_SECONDS, 5) is None
    assert upstream_at(2.0 + STRANDED_SECONDS, 5) == "b"
    assert upstream_at(3.0 + STRANDED_SECONDS, 6) is None  # its leader gives it entries again
