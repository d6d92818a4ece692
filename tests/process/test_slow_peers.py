"""Clients and peers that take their time: they cost a place for seconds, and nobody waits long.

Slow-loris on both listeners (heads and handshakes that never end, in drops), and a member that is
linked, asks for blocks and never reads them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import trio

from govchaind.base.limits import HTTP_CONNECTIONS_MAX, LINK_WRITE_SECONDS_MAX, UNKNOWN_LINKS_MAX
from govchaind.replica.messages import Subscribe
from govchaind.runtime import codec
from tests.process.conftest import MakeNetwork
from tests.process.hostile_peer import hostile_peer
from tests.process.network import Network, put

DROP_SECONDS = 0.5
HONEST_SECONDS_MAX = 25.0  # the slow ones are cut off after 10


@contextmanager
def slow_clients(address: tuple[str, int], first: bytes, drop: bytes, count: int) -> Iterator[None]:
    """Keep `count` connections that send `first` and then a drop each half second."""
    stop = threading.Event()
    open_now = [connect(address, first) for _ in range(count)]

    def drip() -> None:
        while not stop.wait(DROP_SECONDS):
            for place, stream in enumerate(open_now):
                try:
                    stream.send(drop)
                except OSError:
                    stream.close()
                    open_now[place] = connect(address, first)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for stream in open_now:
            stream.close()


def connect(address: tuple[str, int], first: bytes) -> socket.socket:
    stream = socket.socket()
    stream.setblocking(False)
    stream.connect_ex(address)
    for _ in range(100):
        try:
            stream.send(first)
            break
        except BlockingIOError:
            time.sleep(0.001)
        except OSError:
            break
    return stream


@pytest.fixture
def network(make_network: MakeNetwork) -> Network:
    made = make_network(observers=1)
    made.start(*made.validators)
    made.wait_ready(*made.validators)
    made.create_register(made.leader())
    return made


def test_slow_clients_do_not_shut_out_others(network: Network) -> None:
    target, *others = network.validators
    head = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: "
    with slow_clients(network.api_address(target), head, b"a", HTTP_CONNECTIONS_MAX + 50):
        for i in range(5):
            network.submit(others[0], network.put(f"other-door-{i}"))  # other doors: as ever
        waits = []
        for _ in range(3):  # this door: slowly, for its places are taken and given back
            began = time.monotonic()
            reply = httpx.get(
                f"{network.nodes[target].api}/v1/status",
                timeout=HONEST_SECONDS_MAX,
                trust_env=False,
            )
            assert reply.status_code == 200
            waits.append(time.monotonic() - began)
    assert max(waits) > 1, f"the places were not taken: {waits}"
    network.wait_level(*network.validators)
    began = time.monotonic()
    network.submit(target, network.put("afterwards"))
    assert time.monotonic() - began < HONEST_SECONDS_MAX


def test_slow_handshakes_do_not_shut_out_members(network: Network) -> None:
    target, member, _ = network.validators
    hello = bytes.fromhex("1603010200010001fc0303")  # the start of a ClientHello
    addresses = [network.peer_address(name) for name in (target, member)]
    with (
        slow_clients(addresses[0], hello, b"\x00", 4 * UNKNOWN_LINKS_MAX),
        slow_clients(addresses[1], hello, b"\x00", 4 * UNKNOWN_LINKS_MAX),
    ):
        network.submit(network.leader(), network.put("while-it-drips"))
        network.kill(member)
        network.start(member)
        network.wait_for(
            lambda: (
                set(network.validators) - {member}
                <= set((network.status_or_none(member) or {}).get("peers_linked", []))
            ),
            "a member is shut out",
            HONEST_SECONDS_MAX,
        )
        network.submit(network.leader(), network.put("still-dripping"))
    network.wait_level(*network.validators)


async def test_a_peer_that_never_reads_loses_its_link_only(network: Network) -> None:
    observer = network.names[-1]
    target = network.leader()
    before = memory_bytes(network.daemons[target].pid)

    def write_much() -> None:
        for i in range(12):
            operations = [put(f"bulk-{i}-{k}", "x" * 15_000) for k in range(4)]
            raws = [network.sign("civil-affairs", operations) for _ in range(10)]
            network.submit(target, *raws)

    async with hostile_peer(network, observer, target, receive_bytes=4096) as peer:
        await peer.stream.send_all(codec.frame_of(Subscribe(1)))
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_talking, peer.stream)
            await trio.to_thread.run_sync(write_much)
            told = await trio.to_thread.run_sync(
                lambda: network.wait_event(target, "link.down", peer=observer)
            )
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began < 4 * LINK_WRITE_SECONDS_MAX
    assert told["code"] == "peer-never-reads"
    assert memory_bytes(network.daemons[target].pid) - before < 128 * 1024 * 1024
    for name in network.validators:
        others = set(network.validators) - {name}
        assert others <= set(network.status(name)["peers_linked"])
    await trio.to_thread.run_sync(lambda: network.wait_level(*network.validators))


async def keep_talking(stream: trio.abc.Stream) -> None:
    """Send pings, as a live peer does, and read nothing."""
    try:
        while True:
            await stream.send_all(codec.frame_of(codec.Ping()))
            await trio.sleep(1)
    except trio.BrokenResourceError:
        return


def memory_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024
