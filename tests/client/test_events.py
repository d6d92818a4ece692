"""The stream of blocks: resumed by height, without gaps or repeats, whatever nodes do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from trio.testing import MockClock

from govchaind.base.errors import Gone, Invalid, NotFound, PeerError
from govchaind.client.client import connect
from tests.client.scripted_node import Answer, Asked, ScriptedNode, error_answer, scripted

STREAM = {"content-type": "text/event-stream"}


def block(height: int) -> str:
    return f"event: block\nid: {height}\ndata: {json.dumps({'height': height})}\n\n"


def streaming(text: Callable[[int], str]) -> Callable[[Asked], Answer]:
    """Answer each subscription with text made from the height that it asks for."""

    def respond(asked: Asked) -> Answer:
        return Answer(body=text(int(asked.query["from"])).encode(), headers=STREAM)

    return respond


async def heights(nodes: list[ScriptedNode], count: int, *, patience: float = 60) -> list[int]:
    found: list[int] = []
    client = connect([node.url for node in nodes])
    async with client, client.events(1, patience_seconds=patience) as events:
        async for event in events:
            found.append(event["height"])
            if len(found) == count:
                break
    return found


async def test_events_come_in_order_with_comments_between() -> None:
    async with scripted(
        streaming(lambda first: ": ping\n\n" + block(first) + ": ping\n\n" + block(first + 1))
    ) as nodes:
        found = await heights(nodes, 2)

    assert found == [1, 2]


async def test_a_broken_stream_is_resumed_at_the_height_that_is_due(fast: MockClock) -> None:
    async with scripted(streaming(block), streaming(block)) as nodes:
        found = await heights(nodes, 4)

    assert found == [1, 2, 3, 4]
    assert [asked.query["from"] for asked in nodes[0].asked] == ["1", "3"]
    assert [asked.query["from"] for asked in nodes[1].asked] == ["2", "4"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda first: block(first + 1),  # a gap
        lambda first: block(first) + block(first),  # a repeat
        lambda first: f"event: block\nid: {first}\ndata: not json\n\n",
        lambda first: f"event: block\nid: {first}\ndata: [1]\n\n",
        lambda first: "data: " + "x" * 2_000_000 + "\n\n",
    ],
)
async def test_a_node_that_lies_is_broken_off(wrong: Callable[[int], str], fast: MockClock) -> None:
    async with scripted(
        streaming(wrong), streaming(lambda first: "".join(map(block, range(first, first + 9))))
    ) as nodes:
        found = await heights(nodes, 5)

    assert found == [1, 2, 3, 4, 5]


async def test_after_long_silence_of_all_it_gives_up(fast: MockClock) -> None:
    async with scripted(lambda _: Answer(hang_up=0)) as nodes:
        with pytest.raises(PeerError):
            await heights(nodes, 1, patience=1)


async def test_a_definite_no_ends_it() -> None:
    async with scripted(lambda _: error_answer(404, "not-found")) as nodes:
        with pytest.raises(NotFound):
            await heights(nodes, 1)


async def test_a_node_that_lags_is_passed_over(fast: MockClock) -> None:
    def lagging(asked: Asked) -> Answer:
        if int(asked.query["from"]) > 2:
            return error_answer(400, "height-ahead")
        return Answer(body=block(2).encode(), headers=STREAM)

    async with scripted(streaming(block), lagging) as nodes:
        found = await heights(nodes, 4)

    assert found == [1, 2, 3, 4]


async def test_a_node_that_begins_later_is_passed_over(fast: MockClock) -> None:
    """It has joined by snapshot, or removed old blocks; when none has them, it is said."""
    gone = error_answer(410, "before-snapshot", "height 1 is not held here")
    async with scripted(lambda _: gone, streaming(block), lambda _: gone) as nodes:
        assert await heights(nodes, 2) == [1, 2]
        with pytest.raises(Gone, match="height 1 is not held here"):
            await heights([nodes[0], nodes[2]], 1)


async def test_a_first_height_that_is_not_there_yet_is_a_definite_no() -> None:
    async with scripted(lambda _: error_answer(400, "height-ahead")) as nodes:
        with pytest.raises(Invalid):
            await heights(nodes, 1)


async def test_another_event_is_passed_by() -> None:
    async with scripted(
        streaming(lambda first: "event: hello\ndata: {}\n\n" + block(first))
    ) as nodes:
        found = await heights(nodes, 1)

    assert found == [1]
