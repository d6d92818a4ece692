"""When a node joins by snapshot, when it does not, and how a try ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.errors import StorageCorrupt, StoreReplaced
from govchaind.base.merkle import SUITE_1
from govchaind.base.types import NodeId
from govchaind.replica.events import Status
from govchaind.replica.snapshot_messages import (
    BUSY,
    PREPARING,
    UNHELD,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
)
from govchaind.replica.store import applied_height
from govchaind.replica.try_time import PREPARING_SECONDS
from govchaind.runtime.environment import SnapshotDoors
from govchaind.runtime.joining import (
    BLOCKS_SHARE,
    PAUSE_SECONDS,
    STALLED_BLOCKS,
    STALLED_SECONDS,
    WHOLE,
    Joiner,
)
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.telemetry import Telemetry
from tests.replica.test_joining import checkpoint, long_chain, server
from tests.runtime.driven import MemorySnapshot, ScriptedStorage
from tests.runtime.test_noticeboard import STATUS

CHAIN = long_chain(100)
HEIGHT = checkpoint(CHAIN)
SERVE = server(CHAIN)
Answer = Callable[[str, SnapshotMessage], SnapshotMessage | None]


class Kept(ScriptedStorage):
    """A second store that outlives its closing."""

    def close(self) -> None:
        self.closed = True


class Made:
    """A joiner and its world, all of it a test's own."""

    def __init__(
        self,
        answer: Answer = SERVE,
        *,
        behind: int = 0,
        new: int = 5,
        linked: Sequence[str] = ("node-b", "node-c"),
    ) -> None:
        self.answer = answer
        self.status = replace(STATUS, role="observer", height=0, last_height=0, seen=HEIGHT)
        self.held: list[bool] = []
        self.held_since = self.held_seconds = 0.0
        self.told: list[tuple[str, dict[str, object]]] = []
        self.asked: list[SnapshotMessage] = []
        self.second = Kept()
        self.discarded = 0
        self.joiner = Joiner(
            genesis=CHAIN.genesis,
            doors=SnapshotDoors(
                begun=lambda: bool(self.second.written),
                open=lambda: self.second,
                discard=self._discard,
                scratch=Path("none"),
                threads=InlineThreads(),
            ),
            status=self._status,
            linked=lambda: linked,
            send=self._send,
            own=lambda: (0, SUITE_1.empty()),
            hold=self._hold,
            telemetry=Telemetry(version="test", sink=self._tell),
            behind_blocks=behind,
            new_blocks=new,
        )

    def _status(self) -> Status:
        return self.status

    def _hold(self, on: bool) -> None:
        now = trio.current_time()
        if self.held and self.held[-1]:
            self.held_seconds += now - self.held_since
        self.held.append(on)
        self.held_since = now

    def _discard(self) -> None:
        self.discarded += 1
        self.second.written.clear()

    def _send(self, peer: NodeId, message: SnapshotMessage) -> None:
        self.asked.append(message)
        reply = self.answer(peer, message)
        if reply is not None:
            self.joiner.heard(peer, reply)

    def _tell(self, _level: str, event: str, values: Mapping[str, object]) -> None:
        self.told.append((event, dict(values)))

    def events(self, name: str) -> list[dict[str, object]]:
        return [values for event, values in self.told if event == name]

    async def live(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self.joiner.run()

    def image(self) -> MemorySnapshot:
        snapshot = MemorySnapshot()
        for batch in self.second.written:
            snapshot.apply(batch)
        return snapshot


async def test_a_new_node_joins_and_says_so_on_the_way(
    autojump_clock: trio.testing.MockClock,
) -> None:
    made = Made()
    with pytest.raises(StoreReplaced):
        await made.joiner.run()
    [begun] = made.events("snapshot.begun")
    assert begun["reason"] == f"it is {HEIGHT} blocks behind"
    assert made.events("snapshot.progress")[-1]["share"] == 1.0
    assert applied_height(made.image()) == HEIGHT
    assert made.image().get(WHOLE) is not None
    assert made.held[0] is True
    assert made.discarded == 0


async def test_a_damaged_second_store_costs_a_try_and_the_own_one_the_node(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody needs the second: it is dropped, and fetched anew."""
    made = Made()

    def damaged(*_: object) -> MemorySnapshot:
        raise StorageCorrupt("a row is not what was written")

    with monkeypatch.context() as patched:
        patched.setattr(made.second, "snapshot", damaged)
        await made.live(5)
    [given_up] = made.events("snapshot.given_up")
    assert given_up["reason"] == "a row is not what was written"
    assert (made.held[-1], made.discarded) == (False, 1)
    with pytest.raises(StoreReplaced):
        await made.joiner.run()
    other = Made()
    monkeypatch.setattr(other.joiner, "_own", damaged)
    with pytest.raises(StorageCorrupt):
        await other.joiner.run()


@pytest.mark.parametrize(
    ("new", "behind", "status"),
    [
        (0, 0, {}),
        (HEIGHT + 1, 0, {}),
        (5, 0, {"role": "leader"}),
        (5, 0, {"seen": 0}),
        (5, HEIGHT, {"height": HEIGHT // 2, "last_height": HEIGHT // 2}),
    ],
)
async def test_who_is_not_far_behind_asks_nothing(
    new: int, behind: int, status: dict[str, Any], autojump_clock: trio.testing.MockClock
) -> None:
    made = Made(new=new, behind=behind)
    made.status = replace(made.status, **status)
    await made.live(STALLED_SECONDS - 2)
    assert made.asked == []
    assert made.held in ([], [True, False])


async def test_one_who_lies_about_its_height_takes_no_history_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    made = Made(behind=5)
    near = HEIGHT - 2
    made.status = replace(made.status, height=near, last_height=near, seen=1 << 40)
    await made.live(STALLED_SECONDS * 3)
    assert len(made.events("snapshot.given_up")) > 1
    assert made.events("snapshot.given_up")[0]["reason"] == "no linked node gives a snapshot"
    assert made.held[-1] is False
    assert not any(left["for_good"] for left in made.events("snapshot.peer_left"))
    assert made.discarded == len(made.events("snapshot.given_up"))


async def test_who_is_given_no_blocks_asks_for_a_snapshot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    made = Made(new=1000)
    made.status = replace(made.status, seen=STALLED_BLOCKS)
    await made.live(STALLED_SECONDS - 2)
    assert made.asked == []
    await made.live(5)
    [first, *_] = made.events("snapshot.begun")
    assert first["reason"] == "no linked node has given block 1"
    assert HEIGHT < STALLED_BLOCKS  # so it is of no use here
    assert made.events("snapshot.given_up") != []


async def test_who_lacks_few_blocks_at_rest_asks_for_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A block a minute, each of them announced a little before it can be applied."""
    made = Made(new=1000)
    made.status = replace(made.status, seen=STALLED_BLOCKS - 1)
    await made.live(STALLED_SECONDS * 10)
    assert made.asked == []
    assert made.events("snapshot.begun") == []


@pytest.mark.parametrize("code", [None, BUSY, PREPARING])
async def test_one_who_lies_about_its_height_and_says_nothing_more_stops_nobody(
    code: str | None, autojump_clock: trio.testing.MockClock
) -> None:
    """Beside it stands one who has nothing so high; most of the time is for blocks."""

    def answer(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        if peer == "node-b":
            return None if code is None else SnapshotRefusal(0, code)
        return SERVE(peer, message)

    made, seconds = Made(answer, behind=5), 6 * 3600.0
    near = HEIGHT - 2
    made.status = replace(made.status, height=near, last_height=near, seen=10**9)
    await made.live(seconds)
    assert len(made.events("snapshot.given_up")) > 5
    assert 0 < made.held_seconds <= seconds / (1 + BLOCKS_SHARE) + PREPARING_SECONDS


async def test_after_a_try_that_was_given_up_blocks_have_their_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    made = Made(lambda _, message: SnapshotRefusal(0, UNHELD))
    await made.live(PAUSE_SECONDS - 1)
    assert len(made.events("snapshot.given_up")) == 1
    assert made.held[-1] is False
    await made.live(PAUSE_SECONDS * 5)
    assert len(made.events("snapshot.given_up")) == 3  # then a long pause


async def test_a_node_that_is_killed_goes_on_where_it_was(
    autojump_clock: trio.testing.MockClock,
) -> None:
    left = [12]

    def few(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        left[0] -= 1
        return SERVE(peer, message) if left[0] > 0 else None

    first = Made(few)
    await first.live(8)
    assert first.second.written != []
    second = Made()
    second.second = first.second
    with pytest.raises(StoreReplaced):
        await second.joiner.run()
    [begun] = second.events("snapshot.begun")
    assert begun["resumed"] is True
    assert float(str(begun["share"])) > 0
    assert not any(isinstance(message, SnapshotOffer) for message in second.asked)
    assert applied_height(second.image()) == HEIGHT


async def test_a_snapshot_that_blocks_have_overtaken_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    left = [12]

    def few(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        left[0] -= 1
        return SERVE(peer, message) if left[0] > 0 else None

    first = Made(few)
    await first.live(8)
    second = Made()
    second.second = first.second
    second.status = replace(second.status, height=HEIGHT, last_height=HEIGHT)
    await second.live(3)
    [given_up] = second.events("snapshot.given_up")
    assert f"beyond height {HEIGHT}" in str(given_up["reason"])
    assert second.second.written == []


def test_answers_that_nobody_waits_for_are_left_aside() -> None:
    made = Made()
    made.joiner.heard("node-b", SnapshotRefusal(1, UNHELD))
    assert made.joiner.share is None


async def test_those_who_say_nothing_and_come_first_keep_nobody_from_joining(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """More of them than one try has time for."""
    silent = [f"node-a{number}" for number in range(5)]

    def answer(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        return None if peer in silent else SERVE(peer, message)

    made = Made(answer, linked=[*silent, "node-b", "node-c"])
    with pytest.raises(StoreReplaced):
        await made.live(3600.0)
    assert len(made.events("snapshot.given_up")) == 1


async def test_no_peer_takes_the_places_of_others_answers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One says what it was not asked, as often as it can; what another gives is judged."""

    def answer(peer: str, message: SnapshotMessage) -> SnapshotMessage | None:
        for _ in range(200):
            made.joiner.heard("node-b", SnapshotRefusal(HEIGHT, UNHELD))
        return SERVE(peer, message) if peer == "node-c" else None

    made = Made(answer, linked=["node-c", "node-b"])
    with pytest.raises(StoreReplaced):
        await made.live(60.0)
