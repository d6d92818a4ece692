"""One suite for every implementation of the Network seam.

A new implementation adds one factory to `KINDS`: a function that returns a maker of networks that
reach each other, from a TLS seed, and the address to listen on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import Conflict, PeerError
from govchaind.base.types import PublicKey
from govchaind.runtime.environment import Network
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.tls import TlsIdentity
from netsim.gear2.network import Conditions, SimNetwork, Switchboard

Refusals = list[str]
Handler = Callable[[trio.abc.Stream, PublicKey], Awaitable[None]]
SECONDS = 10.0  # only a failing test takes them


def seed_of(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def key_of(name: str) -> PublicKey:
    return SigningKey(seed_of(name)).public


@dataclass
class Wires:
    """Networks that reach each other, of one kind."""

    kind: str
    board: Switchboard = field(default_factory=lambda: Switchboard(Conditions(1)))

    def network(self, name: str, refused: Refusals | None = None) -> Network:
        codes = [] if refused is None else refused
        if self.kind == "tls":
            identity = TlsIdentity(seed_of(name))
            return TcpNetwork(identity, refused=lambda _, error: codes.append(error.code))
        key = key_of(name)
        return SimNetwork(self.board, name, key, refused=lambda _, error: codes.append(error.code))

    def address(self, name: str) -> str:
        return "127.0.0.1:0" if self.kind == "tls" else f"{name}.sim:0"

    def nobody(self) -> str:
        return "127.0.0.1:1" if self.kind == "tls" else "nobody.sim:1"


@pytest.fixture(params=["tls", "simulated"])
def wires(request: pytest.FixtureRequest) -> Wires:
    return Wires(request.param)


@asynccontextmanager
async def served(
    wires: Wires, handler: Handler, refused: Refusals | None = None, trusts: str = "client"
) -> AsyncIterator[str]:
    """Have "server" listen; give its address."""
    network = wires.network("server", refused)
    network.trust([key_of(trusts)])
    async with trio.open_nursery() as nursery:

        async def listen(*, task_status: trio.TaskStatus[str]) -> None:
            await network.listen(wires.address("server"), handler, task_status=task_status)

        with trio.fail_after(SECONDS):
            yield await nursery.start(listen)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(
    wires: Wires, address: str, trusts: str = "server"
) -> AsyncIterator[tuple[trio.abc.Stream, PublicKey]]:
    """Connect as "client"; close the stream in the end."""
    network = wires.network("client")
    network.trust([key_of(trusts)])
    stream, key = await network.connect(address)
    try:
        yield stream, key
    finally:
        await trio.aclose_forcefully(stream)


async def read_one(wires: Wires, address: str) -> bytes:
    async with connected(wires, address) as (stream, _):
        return bytes(await stream.receive_some(1))


async def send_for_ever(stream: trio.abc.Stream) -> None:
    while True:
        await stream.send_all(b"x" * 1000)
        await trio.sleep(0.01)


async def echo(stream: trio.abc.Stream, key: PublicKey) -> None:
    del key
    while data := await stream.receive_some(65536):
        await stream.send_all(data)


async def exactly(stream: trio.abc.Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = await stream.receive_some(65536)
        assert part
        data += part
    return data


async def test_both_sides_learn_the_others_key(wires: Wires) -> None:
    seen: list[PublicKey] = []

    async def note(stream: trio.abc.Stream, key: PublicKey) -> None:
        seen.append(key)
        await stream.send_all(b"x")

    async with served(wires, note) as address, connected(wires, address) as (stream, key):
        assert await stream.receive_some(1) == b"x"
    assert (seen, key) == ([key_of("client")], key_of("server"))


async def test_bytes_arrive_whole_and_in_order_both_ways(wires: Wires) -> None:
    sent = bytes(range(256)) * 8192
    async with (
        served(wires, echo) as address,
        connected(wires, address) as (stream, _),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(stream.send_all, sent)
        assert await exactly(stream, len(sent)) == sent


async def test_a_close_is_seen_after_what_was_sent_before_it(wires: Wires) -> None:
    async def speak(stream: trio.abc.Stream, key: PublicKey) -> None:
        del key
        await stream.send_all(b"last words")

    async with served(wires, speak) as address, connected(wires, address) as (stream, _):
        assert await exactly(stream, 10) == b"last words"
        assert await stream.receive_some(10) == b""


async def test_one_who_waits_at_a_closed_end_is_woken(wires: Wires) -> None:
    async with served(wires, echo) as address, connected(wires, address) as (stream, _):

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some(10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked(0.05)
            await trio.aclose_forcefully(stream)
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")


async def test_who_does_not_read_holds_up_the_sender(wires: Wires) -> None:
    async def deaf(stream: trio.abc.Stream, key: PublicKey) -> None:
        del stream, key
        await trio.sleep_forever()

    async with served(wires, deaf) as address, connected(wires, address) as (stream, _):
        with trio.move_on_after(0.5) as scope:
            await stream.send_all(bytes(64 * 1024 * 1024))
        assert scope.cancelled_caught


async def test_sending_to_an_end_that_has_closed_fails(wires: Wires) -> None:
    async def leave(stream: trio.abc.Stream, key: PublicKey) -> None:
        del stream, key

    async with served(wires, leave) as address, connected(wires, address) as (stream, _):
        assert await stream.receive_some(1) == b""
        with pytest.raises(trio.BrokenResourceError):
            await send_for_ever(stream)


async def test_a_client_that_is_no_member_reaches_no_handler(wires: Wires) -> None:
    reached: list[PublicKey] = []
    refused: Refusals = []

    async def note(stream: trio.abc.Stream, key: PublicKey) -> None:
        del stream
        reached.append(key)

    async with served(wires, note, refused, trusts="somebody else") as address:
        with suppress(PeerError, trio.BrokenResourceError):  # it may also just see an end
            assert await read_one(wires, address) == b""
        await trio.testing.wait_all_tasks_blocked(0.05)
    assert (reached, refused) == ([], ["peer-unknown"])


async def test_a_server_that_is_no_member_is_refused(wires: Wires) -> None:
    network = wires.network("client")
    network.trust([key_of("somebody else")])
    async with served(wires, echo) as address:
        with pytest.raises(PeerError) as caught:
            await network.connect(address)
    assert caught.value.code == "peer-unknown"


async def test_nobody_at_the_address_is_a_peer_error(wires: Wires) -> None:
    with pytest.raises(PeerError, match="does not answer"):
        await wires.network("client").connect(wires.nobody())


async def test_an_address_in_use_is_told(wires: Wires) -> None:
    other = wires.network("other")
    async with served(wires, echo) as address:
        with pytest.raises(Conflict) as caught:
            await other.listen(address, echo, task_status=trio.TASK_STATUS_IGNORED)
    assert caught.value.code == "address-unusable"


async def test_the_end_of_the_listener_ends_its_connections(wires: Wires) -> None:
    async with AsyncExitStack() as stack:
        async with served(wires, echo) as address:
            stream, _ = await stack.enter_async_context(connected(wires, address))
            await stream.send_all(b"x")
            assert await stream.receive_some(1) == b"x"
        with trio.fail_after(SECONDS), suppress(trio.BrokenResourceError):
            assert await stream.receive_some(1) == b""
