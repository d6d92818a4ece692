"""Reading: errors come back as our own classes, a definite no ends it, replies are bounded."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from govchaind.base.errors import (
    Busy,
    Conflict,
    Gone,
    GovchaindError,
    Invalid,
    InvalidEncoding,
    InvalidSetting,
    InvalidSignature,
    NotFound,
    NotPermitted,
    PeerError,
)
from govchaind.client.client import Client, connect
from govchaind.client.questions import record_path
from govchaind.client.transport import HttpTransport, check_url
from tests.client.scripted_node import Answer, Asked, error_answer, json_answer, scripted


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "invalid", Invalid),
        (400, "invalid-signature", InvalidSignature),
        (403, "not-permitted", NotPermitted),
        (404, "not-found", NotFound),
        (409, "conflict", Conflict),
        (410, "gone", Gone),
        (413, "too-large", InvalidEncoding),
        (418, "teapot", PeerError),
        (503, "no-leader", Busy),
        (507, "storage-full", Busy),
    ],
)
async def test_an_error_reply_becomes_its_class(
    status: int, code: str, expected: type[GovchaindError]
) -> None:
    async with (
        scripted(lambda _: error_answer(status, code, "what is wrong")) as nodes,
        connect([nodes[0].url], deadline_seconds=0) as client,
    ):
        with pytest.raises(GovchaindError) as caught:
            await client.status()

    error = caught.value
    assert type(error) is expected
    assert (error.code, error.message, error.remedy) == (code, "what is wrong", "do something")


async def test_a_definite_no_is_not_asked_again_elsewhere() -> None:
    def refuse(_: Asked) -> Answer:
        return error_answer(404, "not-found")

    async with (
        scripted(refuse, refuse) as nodes,
        connect([node.url for node in nodes]) as client,
    ):
        with pytest.raises(NotFound):
            await client.record("counties", b"1")

    assert [len(node.asked) for node in nodes] == [1, 0]


@pytest.mark.parametrize("code", ["height-pruned", "before-snapshot"])
async def test_a_block_that_one_node_does_not_hold_is_asked_of_each_other_once(code: str) -> None:
    gone = error_answer(410, code, "block 7 is gone here")
    has = Answer(200, b"block", {"content-type": "application/cbor"})
    async with (
        scripted(lambda _: gone, lambda _: has, lambda _: gone) as nodes,
        connect([nodes[0].url, nodes[1].url]) as client,
        connect([nodes[0].url, nodes[2].url]) as nowhere,
    ):
        assert await client.block(7) == b"block"
        with pytest.raises(Gone, match="block 7 is gone here"):
            await nowhere.block(7)
        assert [len(node.asked) for node in nodes] == [2, 1, 1]


async def test_a_nodes_text_cannot_write_on_the_terminal() -> None:
    async with (
        scripted(lambda _: error_answer(404, "x\x1b[2J", "a\nb\x07c" + "d" * 9999)) as nodes,
        connect([nodes[0].url]) as client,
    ):
        with pytest.raises(NotFound) as caught:
            await client.status()

    assert caught.value.code == "x[2J"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) <= 500


async def test_a_reply_beyond_the_bound_is_cut_off() -> None:
    async with scripted(lambda _: Answer(body=b"x" * 4096)) as nodes:
        client = Client([HttpTransport(nodes[0].url, reply_bytes_max=1024)], deadline_seconds=0)
        async with client:
            with pytest.raises(PeerError) as caught:
                await client.block(1)

    assert caught.value.code == "reply-too-large"


async def test_a_receipt_is_waited_for_until_it_is_certified(fast: MockClock) -> None:
    early = error_answer(503, "not-certified-yet", retry_after="1")
    answers = iter([early, error_answer(409, "not-certified-yet"), Answer(body=b"receipt")])
    async with (
        scripted(lambda _: next(answers)) as nodes,
        connect([nodes[0].url]) as client,
    ):
        receipt = await client.receipt(bytes(32))

    assert receipt == b"receipt"


async def test_queries_are_what_the_api_knows() -> None:
    async with (
        scripted(lambda _: json_answer({"height": 3})) as nodes,
        connect([nodes[0].url]) as client,
    ):
        await client.record("counties", "东城".encode(), height=9, linearizable=True)
        await client.history("counties", b"a/b", before=4)

    first, second = nodes[0].asked
    assert first.path == "/v1/registers/counties/records/%E4%B8%9C%E5%9F%8E"
    assert first.query == {"height": "9", "linearizable": "true"}
    assert second.path == "/v1/registers/counties/records/612f62/history"
    assert second.query == {"key_hex": "true", "limit": "100", "before": "4"}


@pytest.mark.parametrize("key", [b"\xff", b"a/b", b".", b"..", b"a\nb"])
def test_a_key_that_is_no_plain_text_goes_as_hex(key: bytes) -> None:
    path, query = record_path("r", key)

    assert path.endswith(key.hex())
    assert query == {"key_hex": "true"}


@pytest.mark.parametrize("url", ["ftp://a", "http://", "://x", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting):
        check_url(url)


def test_a_bare_host_and_port_means_http() -> None:
    assert check_url("127.0.0.1:7500") == "http://127.0.0.1:7500"
    assert check_url("https://node.example/") == "https://node.example"


def test_a_client_without_nodes_is_refused() -> None:
    with pytest.raises(InvalidSetting):
        Client([])


async def test_signing_needs_the_chain() -> None:
    from govchaind.base.crypto import SigningKey
    from govchaind.client.keyfile import Author

    async with connect(["127.0.0.1:1"]) as client:
        with pytest.raises(InvalidSetting):
            client.sign(Author("a", "b", (SigningKey(bytes(32)),)), [])
