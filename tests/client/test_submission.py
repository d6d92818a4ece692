"""Submitting: the same bytes, through any node, until the fate is known; never something twice."""

from __future__ import annotations

from collections.abc import Callable

import cbor2
import pytest
import trio
from trio.testing import MockClock

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import Busy, InvalidEncoding, PeerError
from govchaind.base.limits import HTTP_BATCH_TRANSACTIONS_MAX, HTTP_BODY_BYTES_MAX
from govchaind.client.client import Client, connect
from govchaind.client.keyfile import Author
from govchaind.client.submission import batches
from govchaind.client.tracing import ClientTraces
from govchaind.ledger.transaction import read_transaction
from tests.client.scripted_node import (
    Answer,
    Asked,
    ScriptedNode,
    closed_port,
    error_answer,
    json_answer,
    scripted,
)

CHAIN = bytes(32)
AUTHOR = Author("ministry", "head", (SigningKey(bytes(32)),))
NOW = 1_790_000_000_000
PUT = (11, ["counties", b"110101", ["Dongcheng"], None])


def row(raw: bytes, status: str, **more: object) -> dict[str, object]:
    empty = dict.fromkeys(("code", "outcome", "text", "remedy", "height", "position", "operation"))
    return {"id": read_transaction(raw).id.hex(), "status": status, **empty, **more}


def deciding(status: str, **more: object) -> Callable[[Asked], Answer]:
    """Answer every submission with one status."""

    def respond(asked: Asked) -> Answer:
        rows = [row(raw, status, **more) for raw in cbor2.loads(asked.body)]
        return json_answer({"height": 7, "transactions": rows})

    return respond


committed = deciding("committed", code=0, outcome="applied", height=7, position=0)


def client_of(
    nodes: list[ScriptedNode],
    *more: str,
    seconds: float = 30,
    traces: ClientTraces | None = None,
) -> Client:
    salts = iter(range(1, 100))
    return connect(
        [*more, *(node.url for node in nodes)],
        chain_id=CHAIN,
        entropy=lambda length: next(salts).to_bytes(length, "big"),
        wall_ms=lambda: NOW,
        deadline_seconds=seconds,
        traces=traces,
    )


async def test_a_transaction_is_signed_as_given_and_its_fate_returned() -> None:
    async with scripted(committed) as nodes, client_of(nodes) as client:
        raw = client.sign(AUTHOR, [PUT], lifetime_milliseconds=5_000)
        fates = await client.submit([raw])

    made = read_transaction(raw)
    assert (made.institution, made.office, made.valid_until) == ("ministry", "head", NOW + 5_000)
    assert [(fate.id, fate.status, fate.height) for fate in fates] == [(made.id, "committed", 7)]
    assert fates[0].applied
    assert [asked.path for asked in nodes[0].asked] == ["/v1/transactions"]
    assert nodes[0].asked[0].query["wait"] == "committed"
    assert cbor2.loads(nodes[0].asked[0].body) == [raw]


async def test_a_dead_node_is_passed_over() -> None:
    async with scripted(committed) as nodes, client_of(nodes, await closed_port()) as client:
        fates = await client.submit([client.sign(AUTHOR, [PUT])])

    assert fates[0].applied


@pytest.mark.parametrize(
    "bad",
    [
        Answer(hang_up=0),
        Answer(body=b'{"transactions": [' + b" " * 100, hang_up=20),
        error_answer(503, "no-leader", retry_after="1"),
        error_answer(500, "internal-error"),
        Answer(status=200, body=b"<html>"),
        json_answer([1, 2]),
        json_answer({"transactions": []}),
    ],
)
async def test_what_failed_midway_is_sent_again_elsewhere_unchanged(
    bad: Answer, fast: MockClock
) -> None:
    async with scripted(lambda _: bad, committed) as nodes, client_of(nodes) as client:
        raw = client.sign(AUTHOR, [PUT])
        fates = await client.submit([raw])

    sent = [cbor2.loads(asked.body) for node in nodes for asked in node.asked]
    assert fates[0].applied
    assert len(sent) >= 2
    assert all(batch == [raw] for batch in sent)


async def test_a_node_that_never_answers_is_passed_over(fast: MockClock) -> None:
    async with (
        scripted(lambda _: Answer(hang=True), committed) as nodes,
        client_of(nodes, seconds=60) as client,
    ):
        fates = await client.submit([client.sign(AUTHOR, [PUT])])

    assert fates[0].applied
    assert len(nodes[0].asked) == 1


async def test_only_what_is_still_open_is_sent_again(fast: MockClock) -> None:
    def first(asked: Asked) -> Answer:
        raws = cbor2.loads(asked.body)
        rows = [row(raws[0], "committed", code=0, height=3, position=0), row(raws[1], "pending")]
        return json_answer({"transactions": rows}, 202)

    async with scripted(first, committed) as nodes, client_of(nodes) as client:
        one, two = client.sign(AUTHOR, [PUT]), client.sign(AUTHOR, [PUT])
        fates = await client.submit([one, two])

    assert [fate.height for fate in fates] == [3, 7]
    assert cbor2.loads(nodes[1].asked[0].body) == [two]


async def test_a_full_pool_is_no_answer_while_there_is_another_node(fast: MockClock) -> None:
    full = deciding("refused", code=200, outcome="pool-full")
    async with scripted(full, committed) as nodes, client_of(nodes) as client:
        fates = await client.submit([client.sign(AUTHOR, [PUT])])

    assert fates[0].status == "committed"


@pytest.mark.parametrize(
    ("status", "code", "final"),
    [("refused", 205, True), ("expired", 2, True), ("committed", 105, True)],
)
async def test_a_definite_answer_ends_the_waiting(status: str, code: int, final: bool) -> None:
    async with scripted(deciding(status, code=code)) as nodes, client_of(nodes) as client:
        fates = await client.submit([client.sign(AUTHOR, [PUT])], wait="committed")

    assert (fates[0].status, fates[0].code, fates[0].final) == (status, code, final)
    assert not fates[0].applied
    assert len(nodes[0].asked) == 1


async def test_a_reply_that_refuses_all_of_them_still_answers_for_each() -> None:
    def respond(asked: Asked) -> Answer:
        rows = [row(raw, "refused", code=205) for raw in cbor2.loads(asked.body)]
        error = {"code": "bad-signature", "message": "no", "remedy": "sign"}
        return json_answer({"transactions": rows, "error": error}, 400)

    async with scripted(respond) as nodes, client_of(nodes) as client:
        fates = await client.submit([client.sign(AUTHOR, [PUT]), client.sign(AUTHOR, [PUT])])

    assert [fate.code for fate in fates] == [205, 205]


async def test_at_the_deadline_the_open_ones_are_returned_as_they_are(fast: MockClock) -> None:
    async with scripted(deciding("pending")) as nodes, client_of(nodes, seconds=3) as client:
        began = trio.current_time()
        fates = await client.submit([client.sign(AUTHOR, [PUT])])

    assert [fate.status for fate in fates] == ["pending"]
    assert trio.current_time() - began <= 3.5
    assert len(nodes[0].asked) > 1


async def test_with_no_node_at_all_it_is_a_peer_error(fast: MockClock) -> None:
    async with client_of([], await closed_port(), await closed_port(), seconds=2) as client:
        with pytest.raises(PeerError) as caught:
            await client.submit([client.sign(AUTHOR, [PUT])])

    assert caught.value.code == "unreachable"
    assert "none of 2 nodes" in caught.value.message


async def test_when_all_are_busy_to_the_end_it_is_busy(fast: MockClock) -> None:
    busy = error_answer(507, "storage-full", retry_after="30")
    async with scripted(lambda _: busy) as nodes, client_of(nodes, seconds=2) as client:
        with pytest.raises(Busy) as caught:
            await client.submit([client.sign(AUTHOR, [PUT])])

    assert (caught.value.code, caught.value.retry_after_seconds) == ("storage-full", 30)


async def test_bytes_that_are_no_transaction_are_never_sent() -> None:
    async with scripted(committed) as nodes, client_of(nodes) as client:
        with pytest.raises(InvalidEncoding):
            await client.submit([b"not a transaction"])

    assert nodes[0].asked == []


@pytest.mark.parametrize(
    "spoil",
    [
        {"status": "done"},
        {"height": "seven"},
        {"code": True},
        {"id": "00" * 32},
        {"id": None},
    ],
)
async def test_a_nonsensical_row_is_the_nodes_fault(
    spoil: dict[str, object], fast: MockClock
) -> None:
    def respond(asked: Asked) -> Answer:
        rows = [{**row(raw, "committed", code=0), **spoil} for raw in cbor2.loads(asked.body)]
        return json_answer({"transactions": rows})

    async with scripted(respond) as nodes, client_of(nodes, seconds=1) as client:
        with pytest.raises(PeerError) as caught:
            await client.submit([client.sign(AUTHOR, [PUT])])

    assert caught.value.code == "unexpected-reply"


async def test_a_single_fate_is_waited_for(fast: MockClock) -> None:
    statuses = iter(["unknown", "pending", "committed", "certified"])

    async def run(client: Client, raw: bytes) -> str:
        return (await client.fate(read_transaction(raw).id, wait="certified")).status

    def respond(asked: Asked) -> Answer:
        identifier = asked.path.rpartition("/")[2]
        return json_answer({"id": identifier, "status": next(statuses), "code": 0})

    async with scripted(respond) as nodes, client_of(nodes) as client:
        status = await run(client, client.sign(AUTHOR, [PUT]))

    assert status == "certified"


def test_batches_are_bounded_in_count_and_bytes() -> None:
    many = [(bytes(32), b"x" * 10)] * (HTTP_BATCH_TRANSACTIONS_MAX + 1)
    large = [(bytes(32), b"x" * 60_000)] * 100

    assert [len(batch) for batch in batches(many)] == [HTTP_BATCH_TRANSACTIONS_MAX, 1]
    assert sum(len(batch) for batch in batches(large)) == 100
    assert all(
        sum(len(raw) + 5 for _, raw in batch) < HTTP_BODY_BYTES_MAX for batch in batches(large)
    )
    assert list(batches([])) == []
