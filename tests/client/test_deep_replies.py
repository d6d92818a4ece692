"""Lists in lists without end are a node's fault, and no fault of the software."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest
from trio.testing import MockClock

from govchaind.base.errors import PeerError
from govchaind.client.events import follow
from govchaind.client.nodes import Nodes
from govchaind.client.refusals import json_of
from govchaind.client.transport import Reply
from tests.bridge.chain_node import ChainNode
from tests.ledger.chain import filled

DEEP = "[" * 200_000


def test_a_reply_that_is_too_deep_is_no_json() -> None:
    with pytest.raises(RecursionError):
        json.loads(DEEP)
    with pytest.raises(PeerError) as caught:
        json_of(Reply(200, {"content-type": "application/json"}, DEEP.encode()), "node")
    assert caught.value.code == "unexpected-reply"


async def test_an_event_that_is_too_deep_is_no_event(autojump_clock: MockClock) -> None:
    chain, _ = filled()

    class Deep(ChainNode):
        def _data(self, height: int) -> str:
            del height
            return DEEP

    stream = follow(Nodes([Deep(chain)]), 1, certified=True, patience_seconds=1)
    async with aclosing(stream) as events:
        with pytest.raises(PeerError) as caught:
            await anext(events)
    assert caught.value.code == "unexpected-reply"
