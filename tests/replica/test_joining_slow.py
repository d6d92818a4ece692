"""Joining by snapshot over slow links: what comes late is taken, and is not asked for once more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.replica.joining import Joining
from govchaind.replica.questions import ANSWER_SECONDS
from govchaind.replica.snapshot_messages import SnapshotChunk, SnapshotMessage
from govchaind.replica.try_time import FRUITLESS_SECONDS, PREPARING_SECONDS
from tests.replica.test_joining import Serve, finished, long_chain, server

PARTING_SECONDS = 0.1


class SlowLink:
    """One peer's link: what is sent over it comes one after the other."""

    def __init__(self, serve: Serve, chunk_seconds: float) -> None:
        self.serve = serve
        self.chunk_seconds = chunk_seconds
        self.free_at = 0.0
        self.under_way: list[tuple[float, SnapshotMessage]] = []
        self.carried = 0  # chunks of entries
        self.most_asked = 0

    def ask(self, now: float, question: SnapshotMessage) -> None:
        reply = self.serve("-", question)
        assert reply is not None
        entries = isinstance(reply, SnapshotChunk) and not reply.parting
        self.carried += entries
        took = self.chunk_seconds if entries else PARTING_SECONDS
        self.free_at = max(self.free_at, now) + took
        self.under_way.append((self.free_at, reply))
        self.most_asked = max(self.most_asked, len(self.under_way))

    def arrived(self, now: float) -> list[SnapshotMessage]:
        come = [reply for at, reply in self.under_way if at <= now]
        self.under_way = [(at, reply) for at, reply in self.under_way if at > now]
        return come


def join(joining: Joining, store: MemoryReader, links: dict[str, SlowLink], until: float) -> float:
    now = 0.0
    while now < until and not joining.done and joining.given_up is None:
        now += 0.25
        for peer, link in links.items():
            for reply in link.arrived(now):
                joining.heard(now, peer, reply)
        for peer, question in joining.turn(now, list(links)):
            links[peer].ask(now, question)
        store.apply(joining.batch)
        joining.batch = WriteBatch()
    return now


@pytest.mark.parametrize("seconds", [[15.0], [4.0], [15.0, 25.0], [0.1, 40.0]])
def test_who_is_slow_gives_all_the_same(seconds: Sequence[float]) -> None:
    serve = server(long_chain())
    links = {f"node-{place}": SlowLink(serve, each) for place, each in enumerate(seconds)}
    store = MemoryReader()
    joining = Joining(long_chain().genesis, store, 0.0)
    join(joining, store, links, 3600.0)
    finished(joining, store)
    assert joining.blamed() == set()
    assert joining.chunks > 10
    carried = sum(link.carried for link in links.values())
    assert carried <= joining.chunks + 8, "what came late was asked for again"
    slowest = max(links.values(), key=lambda link: link.chunk_seconds)
    assert slowest.most_asked <= 6, "the pipe of a slow peer is filled on and on"


def test_who_gives_crumbs_does_not_hold_a_node_for_ever() -> None:
    """One piece in eight seconds, and each as small as can be."""
    chain = long_chain(1500)
    joining, store = Joining(chain.genesis, MemoryReader(), 0.0), MemoryReader()
    link = SlowLink(server(chain, bytes_max=1), 8.0)
    ended = join(joining, store, {"node-b": link}, 24 * 3600.0)
    assert joining.given_up is not None
    assert joining.given_up.startswith("only ")
    assert joining.chunks > 50
    assert ended < PREPARING_SECONDS + FRUITLESS_SECONDS


def test_what_was_not_asked_of_a_peer_is_left_aside() -> None:
    serve = server(long_chain())
    joining = Joining(long_chain().genesis, MemoryReader(), 0.0)
    answers: list[SnapshotMessage] = []
    now = 0.0
    while not answers:
        now += 0.1
        for _, question in joining.turn(now, ["node-b"]):
            reply = serve("node-b", question)
            assert reply is not None
            if isinstance(reply, SnapshotChunk) and not reply.parting:
                answers.append(reply)
            else:
                joining.heard(now, "node-b", reply)
    joining.heard(now, "node-c", answers[0])
    assert joining.chunks == 0
    joining.turn(now + ANSWER_SECONDS, ["node-b"])  # too late, so far
    joining.heard(now + ANSWER_SECONDS, "node-c", answers[0])
    assert joining.chunks == 0
    joining.heard(now + ANSWER_SECONDS, "node-b", answers[0])
    assert joining.chunks == 1
    joining.heard(now + ANSWER_SECONDS, "node-b", answers[0])
    assert joining.chunks == 1
