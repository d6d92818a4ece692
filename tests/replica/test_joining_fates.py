"""Joining among peers of every kind, by chance: it always ends with the certified state."""

from __future__ import annotations

from random import Random

import pytest

from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.replica.joining import Joining
from govchaind.replica.snapshot_messages import (
    BUSY,
    PREPARING,
    UNHELD,
    SnapshotChunk,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
    WantChunk,
)
from tests.replica.test_joining import Serve, finished, long_chain, run, server

CHAIN = long_chain(200)
HONEST = server(CHAIN, 3000)
KINDS = ("honest", "liar", "silent", "unable", "slow", "late", "leaving")
PEERS = ("node-a", "node-b", "node-c", "node-d", "node-e")


def wrong(reply: SnapshotMessage, random: Random) -> SnapshotMessage:
    """Return an answer with one bit, one place, one height, or its kind changed."""
    if isinstance(reply, SnapshotOffer):
        if not reply.head:
            return reply
        at = random.randrange(len(reply.head))
        head = reply.head[:at] + bytes((reply.head[at] ^ 1,)) + reply.head[at + 1 :]
        return SnapshotOffer(reply.height, reply.steps, head, reply.consistency)
    assert isinstance(reply, SnapshotChunk)
    at = random.randrange(len(reply.body))
    body = reply.body[:at] + bytes((reply.body[at] ^ 4,)) + reply.body[at + 1 :]
    parting = reply.parting if random.random() < 0.7 else not reply.parting
    return SnapshotChunk(reply.height, reply.depth, reply.path, parting, body)


class Fate:
    """One run: who is what, and what is on its way."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.kinds = {peer: self.random.choice(KINDS) for peer in PEERS}
        self.kinds[self.random.choice(PEERS)] = "honest"  # without one nobody could join
        self.store = MemoryReader()
        self.joining = Joining(CHAIN.genesis, self.store, 0.0)
        self.way: list[tuple[float, str, SnapshotMessage]] = []
        self.now = 0.0
        self.lives = 1
        self.liars: set[str] = set()

    def linked(self) -> list[str]:
        away = int(self.now / 7) % 2
        return [peer for peer in PEERS if not (away and self.kinds[peer] == "leaving")]

    def answer(self, peer: str, question: SnapshotMessage) -> None:
        kind, random = self.kinds[peer], self.random
        if kind == "silent" or (kind == "slow" and random.random() < 0.3):
            return
        delay = random.random() * (12 if kind == "late" else 0.2)
        reply = HONEST(peer, question)
        assert reply is not None
        if kind == "unable" and isinstance(question, WantChunk):
            reply = SnapshotRefusal(question.height, random.choice((UNHELD, BUSY, PREPARING)))
        elif kind == "liar" and random.random() < 0.5:
            reply = wrong(reply, random)
        self.way.append((self.now + delay, peer, reply))

    def turn(self) -> None:
        self.now += 0.25
        for peer, question in self.joining.turn(self.now, self.linked()):
            self.answer(peer, question)
        due = [letter for letter in self.way if letter[0] <= self.now]
        self.way = [letter for letter in self.way if letter[0] > self.now]
        self.random.shuffle(due)
        for _, peer, message in due:
            self.joining.heard(self.now, peer, message)
        self.liars |= self.joining.blamed()
        if self.random.random() < 0.3:
            self.store.apply(self.joining.batch)
            self.joining.batch = WriteBatch()
        if self.random.random() < 0.01 and not self.joining.done:
            self.joining = Joining(CHAIN.genesis, self.store, self.now)  # it was killed
            self.way.clear()
            self.lives += 1


def whole() -> dict[bytes, bytes]:
    store = MemoryReader()
    joining = Joining(CHAIN.genesis, store, 0.0)
    serve: Serve = HONEST
    run(joining, store, serve)
    return finished(joining, store).values


@pytest.mark.parametrize("seed", range(60))
def test_it_ends_with_the_certified_state_whoever_the_peers_are(seed: int) -> None:
    fate = Fate(seed)
    while not fate.joining.done and fate.joining.given_up is None and fate.now < 2000:
        fate.turn()
    assert fate.joining.given_up is None, fate.kinds
    fate.store.apply(fate.joining.batch)
    fate.store.apply(fate.joining.finish(fate.store))
    assert fate.store.values == whole()
    assert fate.liars <= {peer for peer, kind in fate.kinds.items() if kind == "liar"}
