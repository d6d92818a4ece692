"""Time limits of a link, on Trio's simulated clock and streams in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing

from govchaind.base.errors import Invalid, PeerError
from govchaind.base.limits import (
    HANDSHAKE_SECONDS_MAX,
    LINK_IDLE_SECONDS_MAX,
    LINK_WRITE_SECONDS_MAX,
)
from govchaind.runtime import codec
from govchaind.runtime.gate import Gate
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.link import PING_SECONDS, Frames, Link, greet
from govchaind.runtime.outbox import Outbox
from govchaind.runtime.system import InlineThreads
from tests.runtime.made import member, none_known, self_of

Pipe = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]


class Clogged(trio.abc.Stream):
    """A stream whose other end lives and speaks, but never reads."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep_forever()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.sleep_forever()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep(1)
        return codec.frame_of(codec.Ping())

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def link_on(stream: trio.abc.Stream, outbox: Outbox) -> Link:
    return Link(
        stream=stream,
        frames=Frames(stream),
        peer="ben",
        outbox=outbox,
        inbox=Inbox(),
        gate=Gate(InlineThreads(), known=none_known),
        sent=lambda count: None,
        received=lambda count: None,
        refused=lambda reason: None,
    )


@asynccontextmanager
async def a_link() -> AsyncIterator[tuple[Pipe, Outbox, list[tuple[float, PeerError | Invalid]]]]:
    """Run a link; give the other end, its outbox, and where its end will stand."""
    here, there = trio.testing.memory_stream_pair()
    outbox = Outbox()
    ends: list[tuple[float, PeerError | Invalid]] = []

    async def run() -> None:
        error = await link_on(here, outbox).run()
        ends.append((trio.current_time(), error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        yield there, outbox, ends
        nursery.cancel_scope.cancel()


async def test_a_silent_peer_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    started = trio.current_time()
    async with a_link() as (_, _, ends):
        await trio.sleep(LINK_IDLE_SECONDS_MAX * 3)
    ((at, error),) = ends
    assert error.code == "link-idle"
    assert at - started == pytest.approx(LINK_IDLE_SECONDS_MAX)


async def test_two_idle_ends_keep_each_other_alive(autojump_clock: trio.testing.MockClock) -> None:
    async with a_link() as (there, _, ends):
        other: list[PeerError | Invalid] = []

        async def answer() -> None:
            other.append(await link_on(there, Outbox()).run())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await trio.sleep(LINK_IDLE_SECONDS_MAX * 20)
            assert (ends, other) == ([], [])
            nursery.cancel_scope.cancel()


async def test_an_idle_writer_says_so_in_time(autojump_clock: trio.testing.MockClock) -> None:
    async with a_link() as (there, _, _):
        started = trio.current_time()
        ping = codec.frame_of(codec.Ping())
        assert await there.receive_some(100) == ping
        assert trio.current_time() - started == pytest.approx(PING_SECONDS)
        assert PING_SECONDS * 2 < LINK_IDLE_SECONDS_MAX


async def test_drops_of_bytes_do_not_buy_time(autojump_clock: trio.testing.MockClock) -> None:
    """Slow-loris: a frame must be whole in time, however lively it trickles."""
    started = trio.current_time()
    async with a_link() as (there, _, ends):
        await there.send_all((1000).to_bytes(4, "big"))
        while not ends:
            await trio.sleep(1)
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await there.send_all(b"\x00")
    ((at, error),) = ends
    assert error.code == "link-idle"
    assert at - started == pytest.approx(LINK_IDLE_SECONDS_MAX)


async def test_a_peer_that_never_reads_loses_its_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    started = trio.current_time()
    outbox = Outbox()
    outbox.push(codec.frame_of(codec.Ping()))
    error = await link_on(Clogged(), outbox).run()
    assert trio.current_time() - started == pytest.approx(LINK_WRITE_SECONDS_MAX)
    assert error.code == "peer-never-reads"


async def test_a_greeting_has_bounded_time(autojump_clock: trio.testing.MockClock) -> None:
    here, _there = trio.testing.memory_stream_pair()
    started = trio.current_time()
    with pytest.raises(PeerError) as caught:
        await greet(
            here, Frames(here), self_of("ada"), member("ben").tls_key, {"ben": member("ben")}.get
        )
    assert caught.value.code in ("handshake-slow", "link-idle")  # two limits of one length
    assert trio.current_time() - started == pytest.approx(HANDSHAKE_SECONDS_MAX)


async def test_a_greeting_longer_than_one_is_refused() -> None:
    here, there = trio.testing.memory_stream_pair()
    await there.send_all((codec.HELLO_BYTES_MAX + 1).to_bytes(4, "big"))
    with pytest.raises(PeerError, match="are allowed"):
        await greet(here, Frames(here), self_of("ada"), bytes(32), {"ben": member("ben")}.get)


async def test_frames_are_found_however_bytes_are_cut() -> None:
    here, there = trio.testing.memory_stream_pair()
    bodies = [bytes((number,)) * (number + 1) for number in range(40)]
    joined = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    frames = Frames(here)

    async def send() -> None:
        for start in range(0, len(joined), 7):
            await there.send_all(joined[start : start + 7])
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        found = [await frames.take(bytes_max=100, seconds=5) for _ in bodies]
    assert found == bodies
    assert frames.received == len(joined)
