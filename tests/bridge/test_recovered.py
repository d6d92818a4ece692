"""A bridge comes over a recovery by office keys, also when it is started again amid it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from govchaind.base.errors import Conflict, InvalidProof
from govchaind.bridge.following import Following, Reached
from govchaind.ledger.results import read_result
from tests.bridge.chain_node import ChainNode, client_of
from tests.bridge.test_following import Kept
from tests.ledger.chain import Chain, filled
from tests.recovery.disaster import lose, recovered, uncertified
from tests.recovery.test_followers import Rows, rows
from tests.replica.cluster import Cluster


class ClusterNode(ChainNode):
    """Gives the certified blocks of a cluster's node."""

    def __init__(self, cluster: Cluster, given: Rows) -> None:
        super().__init__(Chain())
        self.chain.genesis = cluster.genesis
        self.given = given
        self.node_itself = next(iter(cluster.nodes.values()))
        self.certified = len(given)

    @property
    def length(self) -> int:
        return len(self.given)

    def _pair(self, height: int) -> list[Any]:
        raw, certificate = self.given[height - 1]
        return [raw, certificate if height <= self.newest else None]

    def _data(self, height: int) -> str:
        result = read_result(self.node_itself.disk, height)
        listed = [{"code": code, "operation": place} for _, _, code, place in result.outcomes]
        return json.dumps({"height": height, "transactions": listed})


async def follow(node: ClusterNode, sink: Kept, told: list[str]) -> Reached:
    async with client_of(node) as client:
        made = Following(client, node.chain.genesis, sink, tell=told.append, patience_seconds=1)
        return await made.run(once=True)


async def test_a_bridge_started_again_within_a_recovery_goes_on() -> None:
    cluster = uncertified()
    leader = cluster.leader()
    one, two, *others = (name for name in "abcde" if name != leader)
    lose(cluster, leader, *others)
    recovery = recovered(cluster, one, two)
    cluster.run(3)
    given = rows(cluster)
    certified, height = recovery.body.certified, recovery.body.height
    assert len(given) >= height > certified + 1
    node, sink, told = ClusterNode(cluster, given), Kept(), list[str]()
    node.certified = certified + 1
    await follow(node, sink, told)
    assert (sink.heights[-1], told) == (certified + 1, [])

    node.certified = len(given)
    reached = await follow(node, sink, told)

    assert (reached.height, sink.heights) == (len(given), list(range(1, len(given) + 1)))
    assert ["once more from genesis" in one for one in told] == [True]


async def test_progress_of_another_history_is_found_out_then() -> None:
    chain, _ = filled()
    sink = Kept()
    async with client_of(ChainNode(chain, certified=5)) as client:
        await Following(client, chain.genesis, sink).run(once=True)
    assert sink.tip is not None
    sink.tip = replace(sink.tip, block_hash=bytes(32))
    async with client_of(ChainNode(chain)) as client:
        with pytest.raises(Conflict) as caught:
            await Following(client, chain.genesis, sink).run(once=True)
    assert (caught.value.code, sink.heights) == ("other-history", [1, 2, 3, 4, 5])


async def test_a_node_that_lies_is_still_the_end() -> None:
    chain, _ = filled()
    node, sink = ChainNode(chain, certified=5), Kept()
    async with client_of(node) as client:
        await Following(client, chain.genesis, sink).run(once=True)
        node.certified = 8

        def cut(what: str, height: int, value: Any) -> Any:
            return value[:-1] if what == "block" and height == 7 else value

        node.alter = cut
        with pytest.raises(InvalidProof):
            await Following(client, chain.genesis, sink).run(once=True)
    assert sink.heights == [1, 2, 3, 4, 5, 6]
