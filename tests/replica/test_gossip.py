"""Spreading transactions: about one copy a node, and repair of what was lost."""

from __future__ import annotations

from govchaind.base.types import Hash, NodeId
from govchaind.ledger.transaction import Transaction
from govchaind.replica.gossip import ANNOUNCE_MAX, PUSH_BYTES_MAX, WANTED_BYTES_MAX, Gossiper
from govchaind.replica.messages import Announce, Gossip, LedgerMessage, Want
from tests.replica.cluster import Cluster
from tests.replica.test_pool import made

VOTERS = ["a", "b", "c"]


class Sent:
    """A gossiper and what it sends."""

    def __init__(self, name: str) -> None:
        self.messages: list[tuple[NodeId, LedgerMessage]] = []
        self.gossiper = Gossiper(name=name, send=self.take)

    def take(self, node: NodeId, message: LedgerMessage) -> None:
        self.messages.append((node, message))

    def pushed(self) -> list[tuple[NodeId, list[Transaction]]]:
        return [(to, m.transactions) for to, m in self.messages if isinstance(m, Gossip)]


def test_a_validator_pushes_what_a_client_brings_to_every_other() -> None:
    assert Sent("b").gossiper.targets(None, VOTERS, ["a", "c", "o"]) == ["a", "c"]


def test_a_validator_pushes_on_what_a_node_without_a_vote_brings() -> None:
    assert Sent("b").gossiper.targets("o", VOTERS, ["a", "c", "o"]) == ["a", "c"]


def test_what_a_validator_brings_is_pushed_to_nobody() -> None:
    assert Sent("b").gossiper.targets("a", VOTERS, ["a", "c"]) == []


def test_an_observer_pushes_to_one_validator() -> None:
    assert Sent("o").gossiper.targets(None, VOTERS, ["b", "c", "p"]) == ["b"]


def test_pushes_go_in_few_messages_within_bounds() -> None:
    sent = Sent("a")
    items = [made("x", salt, 4, 15_000) for salt in range(20)]
    for item in items:
        sent.gossiper.push(item, ["b"])
    sent.gossiper.flush()
    parts = [part for _, part in sent.pushed()]
    assert [item for part in parts for item in part] == items
    assert all(sum(item.size for item in part) <= PUSH_BYTES_MAX for part in parts)
    assert len(parts) == 3
    sent.messages.clear()
    sent.gossiper.flush()
    assert sent.messages == []


def test_announcements_and_wishes_are_answered_within_bounds() -> None:
    sent = Sent("a")
    many = [number.to_bytes(32, "big") for number in range(2 * ANNOUNCE_MAX)]
    sent.gossiper.announced("b", many, lambda _: False)
    assert sent.messages == [("b", Want(many[:ANNOUNCE_MAX]))]
    sent.messages.clear()
    sent.gossiper.announced("b", many, lambda _: True)
    assert sent.messages == []

    large = made("x", 0, 4, 15_000)

    def find(identity: Hash) -> Transaction | None:
        return large if identity[-1] % 2 else None

    sent.gossiper.wanted("b", [many[1]] * 100, find)
    sent.gossiper.flush()
    assert sent.pushed() == [("b", [large])]
    sent.messages.clear()
    sent.gossiper.wanted("b", many[:ANNOUNCE_MAX], find)
    sent.gossiper.flush()
    total = sum(item.size for _, part in sent.pushed() for item in part)
    assert WANTED_BYTES_MAX <= total < WANTED_BYTES_MAX + large.size


def test_nobody_announces_to_itself_or_to_nobody() -> None:
    sent = Sent("a")
    sent.gossiper.repair(1.0, "a", [bytes(32)])
    sent.gossiper.repair(1.0, None, [bytes(32)])
    sent.gossiper.repair(1.0, "b", [])
    assert sent.messages == []
    assert sent.gossiper.next_repair == 2.0
    sent.gossiper.repair(2.0, "b", [bytes(32)])
    assert sent.messages == [("b", Announce([bytes(32)]))]


def test_each_validator_gets_about_one_copy() -> None:
    cluster = Cluster(["a", "b", "c", "d"], ["o"])
    cluster.run(5)
    for number in range(20):
        cluster.offer("abcdo"[number % 5], [cluster.put(number)])
        cluster.run(0.2)
    copies = sum(node.replica._intake.copies for node in cluster.nodes.values())
    assert copies == 0
    assert len({node.replica.ledger.last_hash for node in cluster.nodes.values()}) == 1


def test_a_push_that_was_lost_is_made_good() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.run(5)
    leader = cluster.leader()
    follower = next(name for name in cluster.nodes if name != leader)
    others = [name for name in cluster.nodes if name != follower]
    cluster.cut = {(follower, other) for other in others}
    item = cluster.put(1)
    assert cluster.offer(follower, [item]) == [0]
    cluster.messages.clear()
    cluster.cut.clear()
    cluster.run(0.9)
    assert cluster.nodes[leader].replica.known(item.identity) is None
    height = cluster.heights()[leader]
    cluster.run(2.0)
    assert cluster.heights()[leader] > height
    assert all(node.replica.known(item.identity) is None for node in cluster.nodes.values())


def test_an_observer_is_not_held_up_by_one_deaf_validator() -> None:
    cluster = Cluster(["a", "b", "c", "d"], ["o"])
    cluster.run(5)
    leader = cluster.leader()
    height = cluster.heights()[leader]
    cluster.cut = {("o", "a")}  # links stay up; what is said on this one is lost
    assert cluster.offer("o", [cluster.put(1)]) == [0]
    cluster.run(4.0)
    assert cluster.heights()[leader] > height
