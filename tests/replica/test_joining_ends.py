"""A try to join comes to its end whatever its peers do: who gives nothing does not keep it on."""

from __future__ import annotations

import pytest

from govchaind.base.keyvalue import MemoryReader
from govchaind.replica.joining import Joining
from govchaind.replica.questions import (
    ANSWER_SECONDS,
    ASKED_OF_ONE_MAX,
    SILENCES_MAX,
    SILENT_SECONDS,
)
from govchaind.replica.snapshot_messages import (
    BUSY,
    PREPARING,
    UNHELD,
    SnapshotMessage,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.try_time import FRUITLESS_SECONDS, PREPARING_SECONDS
from tests.replica.test_joining import Serve, checkpoint, finished, long_chain, run, server

CHAIN = long_chain(100)
HEIGHT = checkpoint(CHAIN)
HONEST = server(CHAIN)
PEERS = ("node-b", "node-c", "node-d")
DAY = 24 * 3600.0


def tried(serve: Serve, *, seconds: float = DAY, step: float = 0.5) -> tuple[Joining, float]:
    """Return a try that was asked for so long, or to its end, and when that was."""
    joining = Joining(CHAIN.genesis, MemoryReader(), 0.0)
    ended = run(joining, MemoryReader(), serve, PEERS, rounds=int(seconds / step), step=step)
    return joining, ended


def test_a_silent_peer_beside_two_that_give_no_snapshot_does_not_keep_the_try() -> None:
    asked: list[str] = []

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        asked.append(peer)
        return None if peer == "node-b" else SnapshotRefusal(0, UNHELD)

    joining, ended = tried(serve)
    assert joining.given_up == "no linked node gives a snapshot"
    assert asked.count("node-b") == SILENCES_MAX
    two = 2 * ANSWER_SECONDS + SILENT_SECONDS
    assert ended == pytest.approx(two, abs=2)
    assert two < FRUITLESS_SECONDS


def alone_with(then: str | None) -> Serve:
    """Return peers of which one gives a true head that no other has, and then says this only."""

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if peer != "node-b":
            return SnapshotRefusal(message.height if isinstance(message, WantChunk) else 0, UNHELD)
        if isinstance(message, WantSnapshot):
            return HONEST(peer, message)
        assert isinstance(message, WantChunk)
        return None if then is None else SnapshotRefusal(message.height, then)

    return serve


def test_who_gives_a_head_and_then_nothing_does_not_keep_the_try() -> None:
    joining, ended = tried(alone_with(None))
    assert joining.given_up == f"no linked node can give height {HEIGHT} any more"
    assert ended < FRUITLESS_SECONDS
    joining, ended = tried(alone_with(BUSY))
    assert joining.given_up == "nothing that holds has come for 60 seconds"
    assert ended == pytest.approx(FRUITLESS_SECONDS, abs=2)


def test_a_state_that_is_being_laid_out_is_waited_for_but_not_for_ever() -> None:
    joining, ended = tried(alone_with(PREPARING))
    assert joining.given_up == "nothing that holds has come for 599 seconds"
    assert ended == pytest.approx(PREPARING_SECONDS, abs=2)
    not_yet = [int(PREPARING_SECONDS * 0.9)]  # a question a second is put to it

    def large(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if peer != "node-b" or isinstance(message, WantSnapshot):
            return alone_with(None)(peer, message)
        not_yet[0] -= 1
        if not_yet[0] > 0:
            return SnapshotRefusal(message.height, PREPARING)
        return HONEST(peer, message)

    joining, ended = tried(large, step=1.0)
    assert joining.done
    assert ended == pytest.approx(PREPARING_SECONDS * 0.9, abs=30)


def test_who_said_once_that_it_prepares_has_no_more_time_for_it() -> None:
    said = [False]

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        code = BUSY if said[0] else PREPARING
        said[0] |= isinstance(message, WantChunk) and peer == "node-b"
        return alone_with(code)(peer, message)

    joining, ended = tried(serve)
    assert joining.given_up is not None
    assert ended == pytest.approx(FRUITLESS_SECONDS, abs=3)


def test_who_gives_a_chunk_and_prepares_again_has_its_ten_minutes_once() -> None:
    answers = [0]

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if peer != "node-b" or isinstance(message, WantSnapshot):
            return alone_with(PREPARING)(peer, message)
        answers[0] += 1
        given = answers[0] % 400 < ASKED_OF_ONE_MAX  # all of a turn: a refusal takes back the rest
        return HONEST(peer, message) if given else SnapshotRefusal(message.height, PREPARING)

    joining, ended = tried(serve, step=1.0)
    assert joining.given_up is not None
    assert joining.chunks > 0
    assert ended < PREPARING_SECONDS + 2 * FRUITLESS_SECONDS


def test_what_comes_slowly_but_comes_is_taken() -> None:
    """Each third answer is lost: the peer is never silent twice running, and something moves."""
    store, asked = MemoryReader(), [0]

    def serve(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        asked[0] += 1
        return HONEST(peer, message) if asked[0] % 3 else None

    joining = Joining(CHAIN.genesis, store, 0.0)
    ended = run(joining, store, serve, ("node-b",), rounds=4000, step=0.5)
    finished(joining, store)
    assert ended > FRUITLESS_SECONDS


def test_a_peer_whose_link_ends_again_and_again_is_not_a_silent_one() -> None:
    joining = Joining(CHAIN.genesis, MemoryReader(), 0.0)
    now, asked = 0.0, 0
    for _ in range(3):
        asked += len(joining.turn(now, ["node-b"]))
        joining.turn(now + 1, [])
        now += 1 + SILENT_SECONDS / 2
        joining.turn(now, [])
        now += SILENT_SECONDS / 2
        joining.heard(now, "node-b", SnapshotRefusal(0, PREPARING))  # so that time does not run out
        now += 1
    assert joining.given_up is None
    assert asked == 3
