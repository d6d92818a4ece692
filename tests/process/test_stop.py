"""Ends that are asked for: SIGTERM, Ctrl-C, and with clients that still listen."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from tests.process.conftest import MakeNetwork
from tests.process.network import Network
from tests.process.writer import Writer

HAND_OVER_SECONDS_MAX = 10.0


@pytest.fixture
def network(make_network: MakeNetwork) -> Network:
    made = make_network()
    made.start_all()
    made.create_register(made.leader())
    return made


def listen_for_events(network: Network, name: str) -> socket.socket:
    """Open an event stream and take its head; leave the rest unread."""
    stream = socket.create_connection(network.api_address(name), timeout=10)
    stream.sendall(b"GET /v1/events?from=1 HTTP/1.1\r\nHost: node\r\n\r\n")
    head = b""
    while b"event: block" not in head:
        data = stream.recv(4096)
        assert data, f"the stream ended: {head!r}"
        head += data
    assert b"200" in head.split(b"\r\n", 1)[0]
    return stream


def rest_of(stream: socket.socket) -> bytes:
    rest = b""
    while data := stream.recv(65536):
        rest += data
    return rest


@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")  # of cut requests
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_leader_that_is_asked_to_stop_hands_over_first(
    number: signal.Signals, network: Network
) -> None:
    leader = network.leader()
    term = network.status(leader)["term"]
    others = [name for name in network.names if name != leader]
    with Writer(network, "writer", first_node=network.names.index(others[0])) as writer:
        network.wait_for(lambda: writer.count > 10, "nothing is written")
        began = time.monotonic()
        code = network.stop(leader, number=number)
        assert time.monotonic() - began < HAND_OVER_SECONDS_MAX
        assert code == 0
        count = writer.count
        network.wait_for(lambda: writer.count > count, "nothing is written without it")
    log = [told["event"] for told in network.events(leader)]
    assert log[-1] == "node.stopped"
    own = [told for told in network.events(leader, "raft.role_changed") if told["term"] > term]
    assert own, "it did not see its successor"
    assert own[-1]["role"] == "follower"
    assert own[-1]["leader"] in (*others, None)
    assert writer.unexpected == []
    network.start(leader)
    network.wait_ready(leader)
    network.wait_level()
    for transaction in writer.acknowledged:
        told = network.json(leader, f"/v1/transactions/{transaction.hex()}")
        assert told["status"] == "certified"


def test_event_streams_end_when_the_node_stops_and_hold_it_up_no_longer(network: Network) -> None:
    name = network.leader()
    streams = [listen_for_events(network, name) for _ in range(8)]
    began = time.monotonic()
    assert network.stop(name) == 0
    assert time.monotonic() - began < HAND_OVER_SECONDS_MAX
    for stream in streams:
        rest_of(stream)  # it ends, with or without more events
        stream.close()


def test_a_second_ctrl_c_ends_at_once(network: Network) -> None:
    name = network.names[0]
    daemon = network.daemons[name]
    network.submit(network.leader(), network.put("kept"))
    daemon.send(signal.SIGINT)
    network.wait_event(name, "node.stopping")
    daemon.send(signal.SIGINT)
    assert network.wait_end(name) in (0, 130, -signal.SIGINT)  # it may have been over already
    network.start(name)
    network.wait_ready(name)
    assert network.record(name, "kept") == "value"
