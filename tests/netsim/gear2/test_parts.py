"""Gear 2's own parts: the scheduler, signatures, streams, the disk, the HTTP edge."""

from __future__ import annotations

from random import Random
from typing import Any

import nacl.bindings
import pytest
import trio

from govchaind.base.crypto import Domain, SigningKey, verify
from govchaind.base.errors import PeerError, StorageCorrupt, StorageFailed, StorageFull
from govchaind.runtime.environment import HttpBounds
from netsim.gear2.disk import Disk
from netsim.gear2.door import Doors
from netsim.gear2.network import Conditions, SimNetwork, Switchboard
from netsim.gear2.options import FAULTS, draw
from netsim.gear2.path import Path
from netsim.gear2.scheduler import play
from netsim.gear2.sodium import sodium
from netsim.gear2.stream import Pipe, SimStream
from netsim.gear2.transport import Reach, SimTransport
from tests.netsim.batches import batch

core: Any = trio._core._run
BOUNDS = HttpBounds(1, 1.0, 1.0, 1.0)


# --- the scheduler -------------------------------------------------------------------------------


def test_a_run_takes_its_order_from_its_seed_and_puts_trio_back() -> None:
    before = core._ALLOW_DETERMINISTIC_SCHEDULING, core._r

    def order(seed: int) -> list[int]:
        told: list[int] = []

        async def tell(number: int) -> None:
            await trio.sleep(1.0)
            told.append(number)

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(tell, number)

        played = play(seed, main, seconds_max=10.0)
        assert (played.end, played.seconds) == ("done", 1.0)
        return told

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(6)}) > 3
    assert (core._ALLOW_DETERMINISTIC_SCHEDULING, core._r) == before


def test_a_world_asleep_is_a_deadlock_and_one_without_rest_a_livelock() -> None:
    async def asleep() -> None:
        await trio.sleep_forever()

    async def restless() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    assert play(1, asleep, seconds_max=100.0).end == "deadlock"
    assert play(1, restless, seconds_max=100.0, instant_steps_max=500).end == "livelock"


def test_trio_is_put_back_also_after_an_error() -> None:
    before = core._ALLOW_DETERMINISTIC_SCHEDULING, core._r

    async def fails() -> None:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        play(1, fails, seconds_max=1.0)
    assert (core._ALLOW_DETERMINISTIC_SCHEDULING, core._r) == before


# --- signatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("real", [False, True])
def test_signatures_tell_messages_keys_and_domains_apart(real: bool) -> None:
    before = nacl.bindings.crypto_sign, nacl.bindings.crypto_sign_open
    with sodium(real=real):
        key, other = SigningKey(bytes(32)), SigningKey(b"o" * 32)
        signature = key.sign(Domain.ATTESTATION, b"m")
        for _ in range(2):  # the second time from memory
            assert verify(Domain.ATTESTATION, key.public, b"m", signature)
            assert not verify(Domain.ATTESTATION, key.public, b"n", signature)
            assert not verify(Domain.HELLO, key.public, b"m", signature)
            assert not verify(Domain.ATTESTATION, other.public, b"m", signature)
    assert (nacl.bindings.crypto_sign, nacl.bindings.crypto_sign_open) == before
    assert verify(Domain.ATTESTATION, key.public, b"m", signature) is real


# --- streams -------------------------------------------------------------------------------------


def connection(window_bytes: int = 1000) -> tuple[SimStream, SimStream, Path, Path]:
    there = Path("a", "b", Random(1), delay_min=0.1, delay_mean=0.1)
    back = Path("b", "a", Random(2), delay_min=0.1, delay_mean=0.1)
    pipes = Pipe(there), Pipe(back)
    left = SimStream(pipes[1], pipes[0], window_bytes=window_bytes, sent=bytes)
    right = SimStream(pipes[0], pipes[1], window_bytes=window_bytes, sent=bytes)
    left.join(right)
    return left, right, there, back


async def test_what_a_cut_holds_back_arrives_after_it(autojump_clock: object) -> None:
    left, right, there, _ = connection()
    there.cut()
    there.cut()
    await left.send_all(b"late")
    with trio.move_on_after(5.0) as scope:
        await right.receive_some()
    assert scope.cancelled_caught
    there.mend()
    assert not there.open
    there.mend()
    before = trio.current_time()
    assert await right.receive_some() == b"late"
    assert trio.current_time() - before == pytest.approx(0.1)


async def test_one_direction_may_be_cut_alone(autojump_clock: object) -> None:
    left, right, there, _ = connection()
    there.cut()
    await right.send_all(b"heard")
    assert await left.receive_some() == b"heard"


async def test_no_more_than_the_window_is_under_way(autojump_clock: object) -> None:
    left, right, _, _ = connection(window_bytes=10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(left.send_all, bytes(25))
        sizes = [len(await right.receive_some()) for _ in range(3)]
    assert sizes == [10, 10, 5]


async def test_after_a_loss_of_power_what_is_sent_vanishes_until_it_is_back(
    autojump_clock: object,
) -> None:
    left, right, _, _ = connection()
    right.lose_power()
    await left.send_all(b"into the void")
    with trio.move_on_after(60.0) as scope:
        await left.receive_some()
    assert scope.cancelled_caught  # nobody has said a word
    right.power_is_back()
    with pytest.raises(trio.BrokenResourceError):
        await left.receive_some()


async def test_an_idle_half_open_connection_breaks_at_the_next_send(
    autojump_clock: object,
) -> None:
    left, right, _, _ = connection()
    right.lose_power()
    right.power_is_back()
    with pytest.raises(trio.BrokenResourceError):
        await left.send_all(b"are you there?")


async def test_a_reset_ends_both_ends_at_once(autojump_clock: object) -> None:
    left, right, _, _ = connection()
    left.reset()
    for end in (left, right):
        with pytest.raises(trio.BrokenResourceError):
            await end.receive_some()


async def test_a_connection_over_a_cut_is_given_up(autojump_clock: object) -> None:
    board = Switchboard(Conditions(1))
    board.path("a", "b").cut()
    with pytest.raises(PeerError) as caught:
        await SimNetwork(board, "a", bytes(32)).connect("b.sim:1")
    assert caught.value.code == "handshake-slow"


# --- the disk ------------------------------------------------------------------------------------


async def test_a_crash_keeps_the_write_in_flight_whole_or_not_at_all(
    autojump_clock: object,
) -> None:
    sides = set()
    for seed in range(20):
        disk = Disk(Random(seed), write_seconds=1.0)
        await disk.open().write(batch(a=b"1", b=b"1"))
        storage = disk.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(storage.write, batch(a=b"2", b=None, c=b"2"))
            await trio.sleep(0.1)
            storage.die()
            nursery.cancel_scope.cancel()
        assert trio.current_time() % 1.0 != 0.0
        sides.add(tuple(disk.reader().scan(b"a", b"z")))
    assert sides == {((b"a", b"1"), (b"b", b"1")), ((b"a", b"2"), (b"c", b"2"))}


async def test_after_a_failed_write_no_other_is_taken(autojump_clock: object) -> None:
    disk = Disk(Random(1))
    storage = disk.open()
    disk.fails = "write"
    with pytest.raises(StorageFailed, match="write failed"):
        await storage.write(batch(a=b"1"))
    with pytest.raises(StorageFailed, match="refused"):
        await storage.write(batch(a=b"1"))
    assert disk.reader().get(b"a") is None
    await disk.open().write(batch(a=b"1"))
    assert disk.reader().get(b"a") == b"1"


async def test_a_full_disk_takes_nothing_until_there_is_room(autojump_clock: object) -> None:
    disk = Disk(Random(1), guard=b"old")
    storage = disk.open()
    disk.full = True
    assert storage.free_bytes() == 0
    with pytest.raises(StorageFull):
        await storage.write(batch(a=b"1"))
    with pytest.raises(StorageFull):
        await storage.write_guard(b"new")
    assert disk.guard == b"old"
    disk.mend()
    await storage.write(batch(a=b"1"))
    await storage.write_guard(b"new")
    assert (disk.reader().get(b"a"), disk.guard) == (b"1", b"new")


async def test_a_write_that_hangs_goes_on_when_the_disk_is_mended(autojump_clock: object) -> None:
    disk = Disk(Random(1))
    disk.hangs = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.open().write, batch(a=b"1"))
        await trio.sleep(100.0)
        assert disk.reader().get(b"a") is None
        disk.mend()
    assert disk.reader().get(b"a") == b"1"


@pytest.mark.parametrize("seed", range(8))
async def test_a_flipped_bit_is_found_at_the_read_and_beside_it(
    seed: int, autojump_clock: object
) -> None:
    served: list[bytes] = []
    disk = Disk(Random(1), served_rot=served.append)
    storage = disk.open()
    await storage.write(batch(b=b"value"))
    assert disk.flip(Random(seed)) is not None
    for key in (b"b", b"a", b"c"):
        with pytest.raises(StorageCorrupt):
            disk.get(key)
    assert dict(disk.outside().scan(b"a", b"z")) == {b"b": b"value"}
    disk.repair()
    assert (disk.get(b"b"), served) == (b"value", [])


# --- the HTTP edge -------------------------------------------------------------------------------


async def _ask(app: Any, timeout_seconds: float = 5.0) -> tuple[int, bytes]:
    doors, stop = Doors(), trio.Event()
    reach = Reach(doors, Random(1), delay_mean=0.01, lost=0.0)
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[str]) -> None:
            await doors.listen_http(
                app, host="n0.sim", port=7500, setting="api.listen", bounds=BOUNDS,
                report=lambda name, values: None, stop=stop, task_status=task_status,
            )  # fmt: skip

        assert await nursery.start(serve) == "n0.sim:7500"
        transport = SimTransport(reach, "n0", "n0.sim:7500")
        try:
            reply = await transport.request(
                "POST", "/a%20b", query={"q": "1"}, headers={}, body=b"xyz",
                timeout_seconds=timeout_seconds,
            )  # fmt: skip
        finally:
            stop.set()
    return reply.status, reply.body


async def test_a_request_reaches_the_application_and_its_reply_the_client(
    autojump_clock: object,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        said = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} ".encode()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": said, "more_body": True})
        await send({"type": "http.response.body", "body": body})

    assert await _ask(app) == (201, b"POST /a b q=1 xyz")


async def test_an_application_that_breaks_off_is_a_peer_error(autojump_clock: object) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("on purpose")

    with pytest.raises(BaseExceptionGroup) as caught:
        await _ask(app)
    assert caught.group_contains(PeerError, match="broke off")


async def test_a_client_that_leaves_is_told_to_the_application(autojump_clock: object) -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not told or told[-1] != "http.disconnect":
            told.append((await receive())["type"])

    with pytest.raises(BaseExceptionGroup) as caught:
        await _ask(app, timeout_seconds=0.5)
    assert caught.group_contains(PeerError, match="in time")
    assert told == ["http.request", "http.disconnect"]


# --- options -------------------------------------------------------------------------------------


def test_leaving_out_a_fault_changes_nothing_else() -> None:
    seed = next(seed for seed in range(50) if draw(seed).on("crash"))
    whole, less = draw(seed), draw(seed, without=("crash",))
    assert less.faults == tuple(fault for fault in whole.faults if fault != "crash")
    assert [line for line in less.lines() if not line.startswith("faults")] == [
        line for line in whole.lines() if not line.startswith("faults")
    ]


def test_every_fault_is_on_in_some_seeds_and_off_in_others() -> None:
    drawn = [draw(seed) for seed in range(60)]
    for fault in FAULTS:
        assert {options.on(fault) for options in drawn} == {True, False}
