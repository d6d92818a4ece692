"""A chain in a real NATS JetStream: ordered subjects, each message once, whatever dies."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.errors import Conflict, InvalidSetting, PeerError, Refused
from govchaind.bridge.feed import Verified
from govchaind.bridge.following import Following, Reached
from govchaind.bridge.jetstream import JetStreamSink
from govchaind.bridge.nats_messages import Message
from govchaind.bridge.nats_wire import Server, open_connection
from govchaind.ledger.operations.costs import Kind
from tests.bridge.certificates import certificate
from tests.bridge.chain_node import ChainNode, client_of
from tests.bridge.nats_server import NatsServer, start_again
from tests.exit_pack.packed import SECRET_NAME, eventful
from tests.ledger.chain import Chain, filled, with_register


async def bridge(chain: Chain, sink: JetStreamSink, **settings: Any) -> Reached:
    async with client_of(ChainNode(chain)) as client:
        return await Following(client, chain.genesis, sink, **settings).run(once=True)


def sink_of(nats: NatsServer, stream: str) -> JetStreamSink:
    return JetStreamSink(nats.server(), stream, f"of.{stream}")


async def test_each_change_is_a_message_on_the_subject_of_its_register(nats: NatsServer) -> None:
    chain = eventful()

    reached = await bridge(chain, sink_of(nats, "whole"))

    found = await nats.messages("whole")
    assert reached.height == len(chain.steps)
    heights = [one["body"]["height"] for one in found if one["subject"] == "of.whole.heights"]
    assert heights == list(range(1, len(chain.steps) + 1))
    [schema] = [one for one in found if one["subject"] == "of.whole.schemas.divisions"]
    assert schema["body"]["fields"] == [["code", "text"], ["area", "integer"]]
    sevens = [
        one["body"]["value"]
        for one in found
        if one["subject"] == "of.whole.registers.divisions" and one["body"]["key"] == "7"
    ]
    assert sevens == [{"code": "7", "area": 7}, {"code": "7", "area": 8}]
    [case] = [one for one in found if one["subject"] == "of.whole.registers.cases"]
    assert len(bytes.fromhex(case["body"]["value"]["commitment"])) == 32
    assert SECRET_NAME not in json.dumps(found)
    retired = [one["body"]["key"] for one in found if one["body"].get("retired")]
    assert retired == ["3"]
    ids = [one["headers"]["Nats-Msg-Id"] for one in found]
    assert len(set(ids)) == len(ids)
    identity = chain.genesis.chain_id.hex()
    assert ids[:2] == [f"{identity}/1/1", f"{identity}/1/2"]


class Dying(JetStreamSink):
    """Loses its connection after some messages of a batch were taken, again and again."""

    calls = 0
    died = 0

    async def _put(self, batch: list[Message]) -> None:
        for message in batch:
            self.calls += 1
            if self.calls % 7 == 0:
                self.died += 1
                await self.close()
            await super()._put([message])
            if self.calls % 5 == 0:
                self.died += 1
                raise PeerError("the connection is gone")


async def test_each_message_comes_once_however_often_the_connection_breaks(
    nats: NatsServer,
) -> None:
    chain = eventful()
    chain.apply(
        *[chain.raw((int(Kind.PUT), ["divisions", b"m%d" % i, ["m", i], None])) for i in range(9)]
    )
    await bridge(chain, sink_of(nats, "good"))
    sink = Dying(nats.server(), "broken", "of.good")
    await nats.ask("STREAM.UPDATE.good", {"name": "good", "subjects": ["of.else"],
                                          "deny_delete": True, "deny_purge": True,
                                          "discard": "new"})  # fmt: skip

    reached = await bridge(chain, sink, patience_seconds=30)

    assert (reached.height, sink.died > 8) == (len(chain.steps), True)
    good, broken = await nats.messages("good"), await nats.messages("broken")
    told = [[one["subject"], one["headers"]["Nats-Msg-Id"], one["body"]] for one in good]
    assert [[one["subject"], one["headers"]["Nats-Msg-Id"], one["body"]] for one in broken] == told


async def test_a_server_that_is_killed_is_waited_for(nats: NatsServer) -> None:
    chain, _ = filled()
    told: list[str] = []

    class Killing(JetStreamSink):
        async def write(self, verified: Verified) -> int:
            count = await super().write(verified)
            if verified.height == 5:
                nats.kill()
                nursery.start_soon(start_again, nats)
            return count

    async with trio.open_nursery() as nursery:
        sink = Killing(nats.server(), "killed", "killed")
        reached = await bridge(chain, sink, patience_seconds=30, tell=told.append)

    assert (reached.height, reached.heights, len(told) > 0) == (8, 8, True)
    heights = [one["body"]["height"] for one in await nats.messages("killed")]
    assert heights == sorted(heights)
    assert heights.count(5) == 5


async def test_it_goes_on_in_another_process_over_a_change_of_validators(nats: NatsServer) -> None:
    chain = eventful()
    assert chain.membership != chain.genesis.membership()
    await bridge(chain, sink_of(nats, "goes"))
    assert chain.do(Kind.PUT, "divisions", b"later", ["l", 1], None) == 0

    reached = await bridge(chain, sink_of(nats, "goes"))

    assert (reached.height, reached.heights) == (len(chain.steps), 1)
    newest = (await nats.messages("goes"))[-2]
    assert newest["body"]["value"] == {"code": "l", "area": 1}


@pytest.mark.parametrize("idle", [False, True])
async def test_a_second_writer_is_found_out_however_long_it_waited(
    nats: NatsServer, idle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, _ = filled()
    name = f"two-{idle}"
    forgets = {
        "name": name,
        "subjects": [f"of.{name}.>"],
        "duplicate_window": 100_000_000,
    }  # 100 ms
    assert "error" not in await nats.ask(f"STREAM.CREATE.{name}", forgets)

    class Overtaken(JetStreamSink):
        async def write(self, verified: Verified) -> int:
            if verified.height == 5:
                await bridge(chain, sink_of(nats, name))
                await trio.sleep(0.5)  # the server's own clock forgets what was published
                if idle:
                    monkeypatch.setattr("govchaind.bridge.jetstream.IDLE_SECONDS_MAX", -1.0)
            return await super().write(verified)

    with pytest.raises(Conflict) as caught:
        await bridge(chain, Overtaken(nats.server(), name, f"of.{name}"))
    assert caught.value.code == "progress-moved"
    assert len(await nats.messages(name)) == 8 + 4 + 1


async def test_what_no_bridge_has_written_is_not_gone_on_with(nats: NatsServer) -> None:
    chain, _ = filled()
    await bridge(chain, sink_of(nats, "foreign"))
    connection = await open_connection(nats.server())
    await connection.publish([("of.foreign.registers.x", {}, b"{}")])
    await connection.publish([("lone", {}, b"{}")])
    await connection.close()
    with pytest.raises(Conflict) as caught:
        await bridge(chain, sink_of(nats, "foreign"))
    assert caught.value.code == "other-chain"

    connection = await open_connection(nats.server())
    chain_id = {"Govchain-Chain": chain.genesis.chain_id.hex()}
    await bridge(chain, sink_of(nats, "damaged"))
    await connection.publish([("of.damaged.heights", chain_id, b"{}")])
    with pytest.raises(Conflict) as differs:
        await bridge(chain, sink_of(nats, "damaged"))
    await bridge(chain, sink_of(nats, "mixed"))
    await connection.publish([("of.mixed.registers.x", chain_id, b"{}")])
    with pytest.raises(Conflict) as mixed:
        await bridge(chain, sink_of(nats, "mixed"))
    await connection.close()
    assert (differs.value.code, mixed.value.code) == ("stream-differs", "progress-moved")


async def test_a_connection_that_was_idle_is_made_anew(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govchaind.bridge.jetstream.IDLE_SECONDS_MAX", -1.0)
    chain, _ = filled()
    reached = await bridge(chain, sink_of(nats, "idle"))
    assert (reached.heights, len(await nats.messages("idle"))) == (8, 13)


async def test_who_is_not_let_in_is_told(nats: NatsServer) -> None:
    chain, _ = filled()
    wrong = JetStreamSink(nats.server(secret="no"), "x", "x")
    with pytest.raises(InvalidSetting) as caught:
        await bridge(chain, wrong)
    assert caught.value.code == "stream-refuses"
    assert "no" not in caught.value.message.split()

    nobody = JetStreamSink(Server("127.0.0.1", 1), "x", "x")
    with pytest.raises(PeerError) as lost:
        await bridge(chain, nobody, patience_seconds=0.3)
    assert lost.value.code == "stream-unreachable"


async def test_a_server_without_jetstream_is_told() -> None:
    chain, _ = filled()
    plain = NatsServer(jetstream=False)
    try:
        with pytest.raises(PeerError) as caught:
            await bridge(chain, sink_of(plain, "x"), patience_seconds=0.3)
    finally:
        plain.close()
    assert (caught.value.code, "JetStream" in caught.value.message) == ("stream-unreachable", True)


async def test_a_full_stream_stops_the_bridge_and_forgets_nothing(nats: NatsServer) -> None:
    chain, _ = filled()
    await nats.ask("STREAM.CREATE.full", {"name": "full", "subjects": ["of.full.>"],
                                          "max_msgs": 6, "discard": "new"})  # fmt: skip
    with pytest.raises(PeerError) as caught:
        await bridge(chain, sink_of(nats, "full"), patience_seconds=0.3)
    assert "maximum messages" in caught.value.message
    assert len(await nats.messages("full")) == 6


async def test_a_message_that_the_server_does_not_take_is_told() -> None:
    chain = with_register()
    assert chain.do(Kind.PUT, "divisions", b"1", ["x" * 5000, 1], None) == 0
    small = NatsServer(payload_bytes_max=4096)
    try:
        with pytest.raises(Refused) as caught:
            await bridge(chain, sink_of(small, "small"))
        assert len(await small.messages("small")) == 2
    finally:
        small.close()
    assert caught.value.code == "message-too-large"


async def test_over_tls_the_server_must_prove_who_it_is(tmp_path: Path) -> None:
    chain, _ = filled()
    path, key = certificate(tmp_path)
    secured = NatsServer(tls=(path, key))
    codes = {}
    try:
        trusted = ssl.create_default_context(cafile=path)
        good = JetStreamSink(secured.server(trusted), "tls", "tls")
        assert (await bridge(chain, good)).height == 8
        for name, context in {"others": ssl.create_default_context(), "clear": None}.items():
            with pytest.raises(InvalidSetting) as caught:
                await bridge(chain, JetStreamSink(secured.server(context), "tls", "tls"))
            codes[name] = caught.value.code
    finally:
        secured.close()
    assert codes == {"others": "stream-refuses", "clear": "stream-refuses"}


@pytest.mark.parametrize(
    "said",
    [b"", b"HELLO\r\n", b"INFO {\r\n", b"INFO []\r\n", b"x" * 100, b"INFO {}\r\n-ERR 'no room'\r\n",
     b"INFO {}\r\nMSG a 1 x\r\n", b"INFO {}\r\nHMSG a 1 9\r\n", b"INFO {}\r\nMSG\r\n",
     b"INFO {}\r\nMSG a 1 99999999999\r\n"],
)  # fmt: skip
async def test_what_is_no_server_is_told(said: bytes) -> None:
    async def speak(stream: trio.SocketStream) -> None:
        await stream.send_all(said)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, speak, 0)
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(PeerError) as caught:
            await open_connection(Server("127.0.0.1", port))
        nursery.cancel_scope.cancel()
    assert caught.value.code == "stream-unreachable"


async def test_a_silent_server_is_not_waited_for_for_ever(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def say_nothing(stream: trio.SocketStream) -> None:
        del stream
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, say_nothing, 0)
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(PeerError) as caught:
            await open_connection(Server("127.0.0.1", port))
        nursery.cancel_scope.cancel()
    assert "in time" in caught.value.message


@pytest.mark.parametrize(("stream", "prefix"), [("a b", "x"), ("", "x"), ("x", "a..b"), ("x", ">")])
def test_names_that_are_none_are_refused(stream: str, prefix: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        JetStreamSink(Server("h", 1), stream, prefix)
    assert caught.value.code == "bad-stream-name"
