"""Datagrams to a real socket, by path and by abstract name; a watchdog fed by progress only."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from govchaind.base.errors import InvalidSetting, StorageFull
from govchaind.replica.events import ReadAsked
from govchaind.runtime.supervisor import (
    STATUS_CHARACTERS_MAX,
    Supervisor,
    status_line,
    supervisor_of,
)
from tests.runtime.driven import World, write_on_read


class Listener:
    """The supervisor's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(f"\0{address[1:]}" if address[0] == "@" else address)

    def heard(self) -> list[str]:
        """Return what has come since the last call."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    path = str(tmp_path / "notify")
    made = Listener(path if request.param == "path" else f"@{path}")
    yield made
    made.socket.close()


@pytest.fixture
def supervisor(listener: Listener) -> Iterator[Supervisor]:
    made = supervisor_of(
        {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "20000000"}, os.getpid()
    )
    yield made
    made.close()


def test_a_message_is_one_datagram(supervisor: Supervisor, listener: Listener) -> None:
    assert supervisor.mention("READY=1", "STATUS=fine")
    assert listener.heard() == ["READY=1\nSTATUS=fine"]


async def test_reloading_names_the_moment(supervisor: Supervisor, listener: Listener) -> None:
    before = time.monotonic_ns() // 1000
    await supervisor.reloading()
    [heard] = listener.heard()
    first, _, second = heard.partition("\n")
    assert first == "RELOADING=1"
    name, _, moment = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.monotonic_ns() // 1000


async def test_what_must_arrive_waits_for_room(
    supervisor: Supervisor, listener: Listener, autojump_clock: trio.testing.MockClock
) -> None:
    while supervisor.mention("STATUS=filling"):
        pass
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.say, "READY=1")
        await trio.testing.wait_all_tasks_blocked()
        assert "READY=1" not in listener.heard()
    assert listener.heard() == ["READY=1"]


async def test_what_must_arrive_does_not_wait_for_ever(
    supervisor: Supervisor, listener: Listener, autojump_clock: trio.testing.MockClock
) -> None:
    while supervisor.mention("STATUS=filling"):
        pass
    await supervisor.say("READY=1")
    assert trio.current_time() == pytest.approx(5, abs=0.1)
    assert "READY=1" not in listener.heard()


def test_a_supervisor_that_has_gone_costs_nothing(tmp_path: Path) -> None:
    alone = Supervisor(str(tmp_path / "nobody"))
    assert alone.mention("READY=1")
    alone.close()
    assert alone.mention("READY=1")


async def test_without_one_nothing_is_said_or_fed() -> None:
    alone = supervisor_of({"WATCHDOG_USEC": "1000000"}, 1)

    async def progress() -> None:
        raise AssertionError("nobody asked")

    await alone.feed(progress)
    assert alone.watchdog_seconds is None
    assert alone.mention("READY=1")


@pytest.mark.parametrize("address", ["vsock:2:9", "relative/path", "@", "/"])
def test_another_kind_of_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidSetting, match="neither a path nor an abstract name"):
        supervisor_of({"NOTIFY_SOCKET": address}, 1)


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_of_this_process(
    environment: dict[str, str], seconds: float | None
) -> None:
    found = supervisor_of({"NOTIFY_SOCKET": "/nobody", **environment}, 7)
    assert found.watchdog_seconds == seconds
    found.close()


def test_the_status_is_one_bounded_line() -> None:
    assert status_line("one\nREADY=1  two") == "STATUS=one READY=1 two"
    assert len(status_line("x" * 1000)) == STATUS_CHARACTERS_MAX + len("STATUS=")


async def test_turns_of_an_idle_loop_feed_the_watchdog(
    supervisor: Supervisor, listener: Listener, autojump_clock: trio.testing.MockClock
) -> None:
    world = World(write_on_read)
    async with world.running():
        with trio.move_on_after(59):
            await supervisor.feed(world.drive.wait_turn)
    assert listener.heard() == ["WATCHDOG=1"] * 6  # at 0, 10, … 50


async def test_a_loop_that_hangs_starves_it_while_all_else_goes_on(
    supervisor: Supervisor, listener: Listener, autojump_clock: trio.testing.MockClock
) -> None:
    world = World(write_on_read)
    async with world.running():
        with trio.move_on_after(25):
            await supervisor.feed(world.drive.wait_turn)
        assert listener.heard() == ["WATCHDOG=1"] * 3
        world.guard_hangs = True  # for a minute; the loop waits for the first guard file
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(1)
        with trio.move_on_after(55):
            await supervisor.feed(world.drive.wait_turn)
        assert listener.heard() == []
        with trio.move_on_after(15):
            await supervisor.feed(world.drive.wait_turn)
        assert listener.heard() == ["WATCHDOG=1"] * 2


async def test_a_loop_that_waits_for_room_is_fed(
    supervisor: Supervisor, listener: Listener, autojump_clock: trio.testing.MockClock
) -> None:
    """No new start makes room: who ended the node for it would take its reads away too."""
    world = World(write_on_read)
    world.guard_problem = StorageFull("full")
    async with world.running():
        world.inbox.put_own(ReadAsked(1))
        await trio.sleep(1)
        with trio.move_on_after(25):
            await supervisor.feed(world.drive.wait_turn)
        assert world.guards == []
    assert listener.heard() == ["WATCHDOG=1"] * 3
