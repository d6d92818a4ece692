"""What a server of NATS may say: nothing of it is more than a failed connection, or an answer."""

from __future__ import annotations

import json

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import memory_stream_pair

from govchaind.base.errors import GovchaindError, InvalidSetting, PeerError
from govchaind.bridge.jetstream import JetStreamSink
from govchaind.bridge.nats_wire import Reply, Server, _greeted
from tests.exit_pack.packed import eventful

SERVER = Server("127.0.0.1", 4222)
WORDS = st.sampled_from(
    [b"MSG", b"HMSG", b"PING", b"PONG", b"+OK", b"-ERR", b"INFO", b" a", b" 1", b" 2", b" 99",
     b" -1", b" \xb2", b"\r\n", b"{}", b"NATS/1.0", b"503", b"_INBOX.x.0", b"\x00", b"msg"],
)  # fmt: skip


async def says(data: bytes) -> str:
    """Return how a connection to a server that says this, and hangs up, ends."""
    ours, theirs = memory_stream_pair()
    await theirs.send_all(data)
    await theirs.send_eof()
    try:
        connection = await _greeted(ours, SERVER)
        reply = await connection.request("x", b"y")
    except (PeerError, InvalidSetting) as error:
        return error.code
    return reply.status


@given(data=st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=20).map(b"".join)))
@settings(max_examples=300, deadline=None)
def test_anything_said_ends_in_a_code(data: bytes) -> None:
    assert trio.run(says, b"INFO {}\r\n" + data) in ("stream-unreachable", "stream-refuses")
    assert trio.run(says, data) in ("stream-unreachable", "stream-refuses")


async def test_pings_are_answered_and_other_inboxes_are_left_aside() -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await theirs.send_all(b'INFO {"max_payload": 100}\r\n')
            said = b""
            while b"PING\r\n" not in said:
                said += await theirs.receive_some()
            inbox = said.partition(b"SUB ")[2].partition(b".*")[0]
            await theirs.send_all(b"PING\r\n+OK\r\nPONG\r\n")
            while b"x\r\n" not in said:
                said += await theirs.receive_some()
            assert b"PONG\r\n" in said
            await theirs.send_all(b"MSG other 1 2\r\nno\r\nHMSG " + inbox)
            await theirs.send_all(b".0 1 16 18\r\nNATS/1.0 503\r\n\r\nok\r\n")

        nursery.start_soon(serve)
        connection = await _greeted(ours, SERVER)
        reply = await connection.request("subject", b"x")
    assert (connection.payload_bytes_max, reply) == (100, Reply(b"ok", "503"))


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{", "[" * 100_000, "{}", '{"state": 5}', '{"state": {"last_seq": "x"}}',
     '{"error": {"code": 400}}', '{"error": {"err_code": "x", "description": 5}}'],
)  # fmt: skip
async def test_answers_of_jetstream_that_are_none_are_told(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answers:
        async def request(self, subject: str, payload: bytes) -> Reply:
            del subject, payload
            return Reply(answer.encode(), "")

        async def close(self) -> None:
            """Nothing is held."""

    async def connected(_: Server) -> Answers:
        return Answers()

    monkeypatch.setattr("govchaind.bridge.jetstream.open_connection", connected)
    with pytest.raises(GovchaindError) as caught:
        await JetStreamSink(SERVER, "x", "x").open(eventful().genesis)
    assert caught.value.code in ("stream-unreachable", "stream-differs")


def test_info_that_is_too_deep_is_no_info() -> None:
    deep = "[" * 100_000
    with pytest.raises(RecursionError):
        json.loads(deep)
    assert trio.run(says, f"INFO {deep}\r\n".encode()) == "stream-unreachable"
