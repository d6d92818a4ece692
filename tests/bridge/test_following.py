"""How long a bridge bears failures: of the sink, of the nodes, and after a quiet time."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from govchaind.backup.part import Tip
from govchaind.base.errors import Conflict, Gone, InvalidProof, PeerError
from govchaind.bridge.feed import Verified
from govchaind.bridge.following import Following
from govchaind.ledger.genesis import Genesis
from tests.bridge.chain_node import ChainNode, client_of
from tests.ledger.chain import Chain, filled


class Kept:
    """A sink that keeps what it is given, and fails when it is told to."""

    name = "kept"

    def __init__(self) -> None:
        self.tip: Tip | None = None
        self.heights: list[int] = []
        self.fails = 0
        self.opened = 0
        self.open_now = False

    async def open(self, genesis: Genesis) -> Tip | None:
        del genesis
        self.opened += 1
        self.open_now = True
        return self.tip

    async def write(self, verified: Verified) -> int:
        await trio.lowlevel.checkpoint()
        if self.fails > 0:
            self.fails -= 1
            raise PeerError("it is away", code="database-unreachable")
        self.heights.append(verified.height)
        self.tip = verified.tip
        return 0

    async def close(self) -> None:
        self.open_now = False


def following(chain: Chain, client: Any, sink: Kept, **settings: Any) -> Following:
    return Following(client, chain.genesis, sink, **{"patience_seconds": 30.0, **settings})


async def test_a_failure_after_a_quiet_day_is_borne(
    autojump_clock: trio.testing.MockClock,
) -> None:
    chain, _ = filled()
    node, sink = ChainNode(chain, certified=5), Kept()
    async with client_of(node) as client, trio.open_nursery() as nursery:
        nursery.start_soon(following(chain, client, sink).run)
        await trio.sleep(24 * 3600)
        assert sink.heights == [1, 2, 3, 4, 5]
        sink.fails = 3
        node.certified = 8
        node.grow()
        await trio.sleep(24 * 3600)
        assert sink.heights == list(range(1, 9))
        sink.fails = 1
        nursery.cancel_scope.cancel()
    assert (sink.opened, sink.open_now) == (4, False)


async def test_patience_ends_though_the_sink_can_be_opened(
    autojump_clock: trio.testing.MockClock,
) -> None:
    chain, _ = filled()
    sink = Kept()
    sink.fails = 10**6
    told: list[str] = []
    async with client_of(ChainNode(chain)) as client:
        begun = trio.current_time()
        with pytest.raises(PeerError) as caught:
            await following(chain, client, sink, tell=told.append).run()
        lasted = trio.current_time() - begun
    assert caught.value.code == "database-unreachable"
    assert 25 < lasted <= 30
    assert told == ["it is away; trying again."]


async def test_nodes_that_go_are_borne_as_long(autojump_clock: trio.testing.MockClock) -> None:
    chain, _ = filled()
    node, other, sink = ChainNode(chain, certified=5), ChainNode(chain, certified=5), Kept()
    async with client_of(node, other) as client, trio.open_nursery() as nursery:
        nursery.start_soon(following(chain, client, sink).run)
        await trio.sleep(3600)
        node.down = True
        node.grow()
        other.certified = 8
        await trio.sleep(100)
        assert sink.heights == list(range(1, 9))
        nursery.cancel_scope.cancel()

    node.down = other.down = True
    async with client_of(node, other) as client:
        begun = trio.current_time()
        with pytest.raises(PeerError):
            await following(chain, client, sink).run()
        assert 25 < trio.current_time() - begun <= 33


async def test_a_no_of_the_sink_is_final() -> None:
    chain, _ = filled()

    class Moved(Kept):
        async def write(self, verified: Verified) -> int:
            raise Conflict("somebody else was here", code="progress-moved")

    sink = Moved()
    async with client_of(ChainNode(chain)) as client:
        with pytest.raises(Conflict):
            await following(chain, client, sink).run()
    assert (sink.opened, sink.open_now) == (1, False)


async def test_a_write_that_arrives_after_its_connection_broke_is_no_other_writer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    chain, _ = filled()

    class InDoubt(Kept):
        moves = 0

        async def write(self, verified: Verified) -> int:
            if verified.height == 4 and self.moves < 3:
                self.moves += 1
                if self.moves == 1:
                    raise PeerError("it broke")
                raise Conflict("somebody else was here", code="progress-moved")
            return await super().write(verified)

    sink = InDoubt()
    async with client_of(ChainNode(chain)) as client:
        reached = await following(chain, client, sink).run(once=True)
    assert (reached.height, sink.heights) == (8, list(range(1, 9)))


async def test_each_node_may_lie_once_before_the_bridge_ends() -> None:
    chain, _ = filled()

    def cut(what: str, _: int, value: Any) -> Any:
        return value[:-1] if what == "block" else value

    nodes = [ChainNode(chain, name) for name in ("one", "two", "three")]
    for node in nodes:
        node.alter = cut
    told: list[str] = []
    async with client_of(*nodes) as client:
        with pytest.raises(InvalidProof):
            await following(chain, client, Kept(), tell=told.append).run()
    assert [one.partition(":")[0] for one in told] == ["one", "two"]


async def test_nodes_that_lack_the_heights_are_passed_over() -> None:
    chain, _ = filled()
    young, whole, sink = ChainNode(chain, "young"), ChainNode(chain, "whole"), Kept()
    young.begins = 5
    told: list[str] = []
    async with client_of(young, whole) as client:
        reached = await following(chain, client, sink, tell=told.append).run(once=True)
    assert (reached.height, told) == (8, [])  # the client asks another; nobody is at fault
    async with client_of(young, young) as client:
        with pytest.raises(Gone) as caught:
            await following(chain, client, Kept()).run(once=True)
    assert caught.value.code == "before-snapshot"
