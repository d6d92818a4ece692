"""Serving snapshots: what is laid out is the certified state, and asking much gains nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from govchaind.base.errors import InvalidProof, NotFound
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch, prefix_end
from govchaind.base.limits import SNAPSHOT_ASKED_MAX, SNAPSHOT_CHUNK_BYTES_MAX
from govchaind.base.types import NodeId
from govchaind.ledger.apply import Ledger
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.results import read_result, thinned_row
from govchaind.ledger.snapshot_chunk import Place, judge_chunk, judge_parting, pack_row
from govchaind.ledger.state_tree import StateTree
from govchaind.replica.joining import Joining
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
from govchaind.runtime import snapshot_layout
from govchaind.runtime.lmdb_storage import LmdbSnapshot, LmdbStorage
from govchaind.runtime.snapshot_layout import Layout
from govchaind.runtime.snapshot_server import SnapshotServer, steps_between
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.telemetry import Telemetry
from tests.exit_pack.packed import store
from tests.ledger.chain import Chain
from tests.ledger.snapshots import answer, entries_at, root_of, steps_of
from tests.replica.test_joining import checkpoint, long_chain

PUT = int(Kind.PUT)


async def stored(chain: Chain, path: Path) -> LmdbStorage:
    """Return a real store that holds a chain."""
    batch = WriteBatch()
    for key, value in store(chain).store.scan(b"", b"\xff" * 16):
        batch.put(key, value)
    storage = LmdbStorage(path)
    await storage.write(batch)
    return storage


@pytest.mark.parametrize("bytes_max", [600, SNAPSHOT_CHUNK_BYTES_MAX])
@pytest.mark.parametrize("slice_bytes", [500, 256 * 1024])
async def test_a_layout_answers_as_the_state_was_at_its_height(
    slice_bytes: int, bytes_max: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_layout, "SNAPSHOT_CHUNK_BYTES_MAX", bytes_max)
    monkeypatch.setattr(snapshot_layout, "SLICE_BYTES", slice_bytes)
    chain = long_chain(150)
    height = checkpoint(chain)
    expected = entries_at(chain.store, height)
    for number in range(100, 130):  # values change, one goes, ids lapse: the layout is of before
        chain.do(PUT, "divisions", b"%d" % number, [f"{number}", 0], 0)
    chain.apply(after=120_000)
    chain.apply(after=1000)
    live = Table.LIVE_IDS.value
    assert len(list(chain.store.scan(live, prefix_end(live)))) < sum(
        entry[2] is not None for _, entry in expected
    )
    storage = await stored(chain, tmp_path / "store")
    layout = Layout(tmp_path / "out", height, InlineThreads())
    slices: list[LmdbSnapshot] = []
    snapshot = storage.snapshot

    def counted() -> LmdbSnapshot:
        slices.append(snapshot())
        return slices[-1]

    monkeypatch.setattr(storage, "snapshot", counted)
    await layout.make(storage, root_of(chain, height))
    assert layout.entries == len(expected)
    state = sum(len(row) for _, row in chain.store.scan(b"s", b"t"))
    value = max(len(row) for _, row in chain.store.scan(b"s", b"t"))
    assert state / (slice_bytes + value) <= len(slices) <= state / slice_bytes + 2
    places, chunks = [Place(0, b"", root_of(chain, height))], 0
    while places:
        place = places.pop()
        parting, body = await layout.answer(place.depth, place.path)
        if parting:
            places += judge_parting(body, place)
        else:
            chunks += judge_chunk(body, place, height).entries
            assert (parting, body) == answer(expected, place.depth, place.path, 1 << 30)
    assert chunks == len(expected)
    layout.remove()
    assert not list((tmp_path / "out").iterdir())
    storage.close()


async def test_a_state_that_has_not_its_root_is_not_served(tmp_path: Path) -> None:
    chain = long_chain(50)
    height = checkpoint(chain)
    storage = await stored(chain, tmp_path / "store")
    with pytest.raises(InvalidProof, match="does not have its root"):
        await Layout(tmp_path / "out", height, InlineThreads()).make(storage, bytes(32))
    batch = WriteBatch()
    live = Table.LIVE_IDS.value
    for key, _ in chain.store.scan(live, prefix_end(live)):
        batch.delete(key)
    for key, _ in chain.store.scan(Table.RESULT.value, prefix_end(Table.RESULT.value)):
        at = int.from_bytes(key[1:], "big")
        batch.put(key, thinned_row(read_result(chain.store, at)))  # old blocks were removed
    await storage.write(batch)
    layout, root = Layout(tmp_path / "out", height, InlineThreads()), root_of(chain, height)
    with pytest.raises(NotFound, match="ids of a block"):
        await layout.make(storage, root)
    storage.close()


class Told:
    """What a server has sent, by peer."""

    def __init__(self) -> None:
        self.messages: list[tuple[NodeId, SnapshotMessage]] = []
        self._came = trio.Event()

    async def wait(self) -> None:
        await self._came.wait()
        self._came = trio.Event()

    def send(self, peer: NodeId, message: SnapshotMessage) -> None:
        self.messages.append((peer, message))
        self._came.set()

    def take(self) -> list[SnapshotMessage]:
        found = [message for _, message in self.messages]
        self.messages.clear()
        return found


@asynccontextmanager
async def serving(
    chain: Chain, path: Path, told: Told, rate: float = 1e9, *, keep_ready: bool = False
) -> AsyncIterator[SnapshotServer]:
    storage = await stored(chain, path / "store")
    server = SnapshotServer(
        storage=storage,
        threads=InlineThreads(),
        directory=path / "out",
        send=told.send,
        telemetry=Telemetry(version="test", sink=lambda *_: None),
        bytes_per_second_max=rate,
        keep_ready=keep_ready,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        await trio.testing.wait_all_tasks_blocked()
        yield server
        nursery.cancel_scope.cancel()
    storage.close()


async def asked(
    server: SnapshotServer, told: Told, question: WantSnapshot | WantChunk
) -> SnapshotMessage:
    """Return the answer to one question, asked again while it is being prepared."""
    for _ in range(200):
        server.ask("node-x", question)
        await told.wait()
        [reply] = told.take()
        if not (isinstance(reply, SnapshotRefusal) and reply.code == PREPARING):
            return reply
        await trio.sleep(0.01)
    raise AssertionError("it is never ready")


async def test_a_server_gives_all_that_a_node_needs_to_join(tmp_path: Path) -> None:
    chain, told = long_chain(100), Told()
    second = LmdbStorage(tmp_path / "second")
    snapshot = second.snapshot()
    joining = Joining(chain.genesis, snapshot, 0.0)
    snapshot.close()
    async with serving(chain, tmp_path, told) as server:
        now = 0.0
        while not joining.done:
            now += 1
            for peer, question in joining.turn(now, ["node-a"]):
                assert isinstance(question, WantSnapshot | WantChunk)
                joining.heard(now, peer, await asked(server, told, question))
            await second.write(joining.batch)
            joining.batch = WriteBatch()
    assert joining.left == []
    snapshot = second.snapshot()
    last = joining.finish(snapshot)
    snapshot.close()
    await second.write(last)
    snapshot = second.snapshot()
    assert Ledger(chain.genesis, snapshot).log_root == chain.ledger.log_root
    assert steps_between(snapshot, 0, joining.height) == (steps_of(chain, joining.height), True)
    snapshot.close()
    second.close()


async def test_who_asks_too_much_is_not_answered_and_others_are(tmp_path: Path) -> None:
    chain, told = long_chain(50), Told()
    async with serving(chain, tmp_path, told) as server:
        for _ in range(3 * SNAPSHOT_ASKED_MAX):
            server.ask("greedy", WantSnapshot(0, 0, 0))
        server.ask("other", WantSnapshot(0, 0, 0))
        await trio.testing.wait_all_tasks_blocked(0.05)
    counted = [peer for peer, _ in told.messages]
    assert (counted.count("greedy"), counted.count("other")) == (SNAPSHOT_ASKED_MAX, 1)


async def test_what_is_not_held_is_refused_and_what_lies_ahead_too(tmp_path: Path) -> None:
    chain, told = long_chain(50), Told()
    async with serving(chain, tmp_path, told) as server:
        for height in (1 << 40, chain.ledger.height + 1):
            reply = await asked(server, told, WantChunk(height, 0, b""))
            assert reply == SnapshotRefusal(height, UNHELD)
        offer = await asked(server, told, WantSnapshot(0, 0, 0))
        assert isinstance(offer, SnapshotOffer)
        assert offer.steps == steps_of(chain, offer.height)
        chunk = await asked(server, told, WantChunk(offer.height, 0, b""))
        assert isinstance(chunk, SnapshotChunk)
        wrong = ((64, b"short"), (3, b""), (0, b"more"), (1, b"\xff\xff"), (1, b"\xff"))
        for depth, path in wrong:
            reply = await asked(server, told, WantChunk(offer.height, depth, path))
            assert reply == SnapshotRefusal(offer.height, UNHELD)
        deep = await asked(server, told, WantChunk(offer.height, 64, bytes(32)))
        assert isinstance(deep, SnapshotChunk)
        assert (deep.parting, deep.body) == (False, b"")


async def test_all_bytes_together_keep_to_the_rate(tmp_path: Path) -> None:
    chain, told = long_chain(50), Told()
    async with serving(chain, tmp_path, told, rate=50_000) as server:
        offer = await asked(server, told, WantSnapshot(0, 0, 0))
        began, size = trio.current_time(), 0
        for _ in range(6):
            reply = await asked(server, told, WantChunk(offer.height, 0, b""))
            assert isinstance(reply, SnapshotChunk)
            size += len(reply.body)
        assert size > 30_000
        assert trio.current_time() - began >= size * 5 / 6 / 50_000 * 0.9


@pytest.mark.parametrize("keep_ready", [False, True])
async def test_a_state_is_laid_out_before_anybody_asks_if_it_is_kept_ready(
    tmp_path: Path, *, keep_ready: bool
) -> None:
    chain, told = long_chain(50), Told()
    async with serving(chain, tmp_path, told, keep_ready=keep_ready) as server:
        await trio.testing.wait_all_tasks_blocked(0.2)
        server.ask("node-x", WantChunk(checkpoint(chain), 0, b""))
        await told.wait()
        [reply] = told.take()
        assert isinstance(reply, SnapshotChunk if keep_ready else SnapshotRefusal)


async def test_who_knows_a_later_change_is_given_no_snapshot_from_before_it(
    tmp_path: Path,
) -> None:
    chain, told = long_chain(50), Told()
    [*_, newest] = [
        step.block.height for step in chain.steps if step.applied.state_root is not None
    ]
    async with serving(chain, tmp_path, told) as server:
        offer = await asked(server, told, WantSnapshot(0, newest - 1, 0))
        assert isinstance(offer, SnapshotOffer)
        assert offer.height == newest
        await asked(server, told, WantChunk(newest, 0, b""))  # it is laid out
        refusal = await asked(server, told, WantSnapshot(0, newest, 0))
        assert refusal == SnapshotRefusal(0, UNHELD)


async def test_the_layout_that_nobody_asks_for_goes_not_the_new_one(tmp_path: Path) -> None:
    chain = long_chain(60)
    for number in range(3):
        chain.do(PUT, "divisions", b"new %d" % number, ["x", number], None)
        chain.apply(after=120_000)
    heights = StateTree().checkpoints(chain.store)[-3:]
    storage = await stored(chain, tmp_path / "other")
    oldest, middle, newest = [
        Layout(tmp_path / "out", height, InlineThreads()) for height in heights
    ]
    async with serving(chain, tmp_path, Told()) as server:
        for layout in (newest, middle, oldest):
            await layout.make(storage, root_of(chain, layout.height))
            server._keep(layout)
            await server._answer(WantChunk(newest.height, 0, b""))
        assert set(server._layouts) == {newest.height, oldest.height}
    storage.close()


def test_a_chunk_in_which_a_place_stands_twice_is_refused() -> None:
    row = pack_row(b"k", b"v", None)
    with pytest.raises(InvalidProof, match="not in the order of their places"):
        judge_chunk(row * 25, Place(0, b"", bytes(32)), 7)
