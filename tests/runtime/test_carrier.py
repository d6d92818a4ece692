"""Two nodes' carriers over real TLS: what is brought, resumed, and refused."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import Busy, Invalid, NotFound
from govchaind.ledger.membership import Member
from govchaind.runtime import carrier as module
from govchaind.runtime.carrier import Carrier, Pace, Recorded
from govchaind.runtime.spool import Parcel, Spool
from govchaind.runtime.system import InlineThreads, wall_milliseconds
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.tls import TlsIdentity
from tests.ledger.chain import key

CHAIN = bytes(32)
CONTENT = bytes(range(251)) * 9000
DELIVERY = ("bank", "loan-7", 1)
DIGEST = hashlib.sha256(CONTENT).digest()
PARCEL = Parcel(*DELIVERY, DIGEST)
SECONDS = 20.0


def seed(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def member(name: str) -> Member:
    public = TlsIdentity(seed(name)).public
    return Member(name, name, "observer", key(name).public, public, name.encode().ljust(16), ())


MEMBERS = tuple(member(name) for name in ("sender", "receiver", "third"))


class Side:
    """One node's carrier, with what it told."""

    def __init__(self, folder: Path, name: str, **limits: float) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        self.recorded: dict[tuple[str, str, int], Recorded] = {}
        telemetry = Telemetry(
            version="test", sink=lambda _, name, values: self.events.append((name, dict(values)))
        )
        self.metrics = telemetry.metrics
        self.spool = Spool(
            folder / name,
            quota_bytes=10**8,
            hold_seconds=1000,
            reserve_bytes=0,
            threads=InlineThreads(),
            wall_milliseconds=wall_milliseconds,
        )
        self.network = TcpNetwork(TlsIdentity(seed(name)), setting="delivery.listen")
        self.carrier = Carrier(
            name=name,
            chain_id=CHAIN,
            spool=self.spool,
            network=self.network,
            judge=self.recorded.get,
            members=lambda: MEMBERS,
            telemetry=telemetry,
            carries_max=int(limits.get("carries", 4)),
            bytes_per_second_max=1e9,
            chunk_seconds_max=limits.get("seconds", SECONDS),
        )

    def named(self, name: str) -> list[dict[str, object]]:
        return [values for told, values in self.events if told == name]

    def moved(self, way: str) -> float:
        return (
            self.metrics.registry.get_sample_value("govchaind_delivery_bytes_total", {"way": way})
            or 0.0
        )

    def refused(self, reason: str) -> float:
        return (
            self.metrics.registry.get_sample_value(
                "govchaind_delivery_refused_total", {"reason": reason}
            )
            or 0.0
        )

    async def take_all(self, content: bytes = CONTENT) -> None:
        offset, whole = 0, False
        while not whole:
            chunk = content[offset : offset + 1_000_000]
            offset, whole = await self.carrier.bring(DELIVERY, len(content), offset, chunk)


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(SECONDS):
        while True:
            if condition():
                return
            await trio.sleep(0.02)


@asynccontextmanager
async def pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **limits: float
) -> AsyncIterator[tuple[Side, Side, str]]:
    """Two carriers that run; the receiver's listens."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(module, "RETRY_SECONDS_MIN", 0.1)
    sender, receiver = Side(tmp_path, "sender"), Side(tmp_path, "receiver", **limits)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(receiver.carrier.run, "127.0.0.1:0")
        assert await nursery.start(sender.carrier.run, None) is None
        for side in (sender, receiver):
            side.recorded[DELIVERY] = Recorded(DIGEST, 10**8, ("receiver", address))
        yield sender, receiver, address
        nursery.cancel_scope.cancel()


async def test_a_file_goes_from_a_client_over_two_nodes_to_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch) as (sender, receiver, _):
        await sender.take_all()
        await until(lambda: receiver.carrier.state(DELIVERY)[2])
        found = b""
        while len(found) < len(CONTENT):
            part, length = await receiver.carrier.fetch(DELIVERY, len(found), 1_000_000)
            assert length == len(CONTENT)
            found += part
        await until(lambda: sender.spool.count == 0)  # passed on whole, so it goes here
    assert found == CONTENT
    ways = [sender.moved("brought"), sender.moved("sent"), receiver.moved("received")]
    assert ways == [len(CONTENT)] * 3
    assert receiver.moved("fetched") == len(CONTENT)
    assert sender.named("delivery.passed_on") == [{"delivery": "bank/loan-7/1", "peer": "receiver"}]


async def test_it_goes_on_where_the_receiver_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch) as (sender, receiver, _):
        have = receiver.spool.begin(PARCEL, len(CONTENT))
        await receiver.spool.append(PARCEL, have, CONTENT[:2_000_000])
        await sender.take_all()
        await until(lambda: receiver.carrier.state(DELIVERY)[2])
    assert receiver.moved("received") == len(CONTENT) - 2_000_000


async def test_a_whole_part_that_was_never_checked_is_checked_when_it_is_brought_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch) as (sender, receiver, _):
        for side in (sender, receiver):
            side.spool.begin(PARCEL, len(CONTENT))
            with monkeypatch.context() as patched:
                patched.setattr("os.fsync", _broken)
                with pytest.raises(Busy):
                    await side.spool.append(PARCEL, 0, CONTENT)
        assert await sender.carrier.bring(DELIVERY, len(CONTENT), 0, b"") == (len(CONTENT), True)
        await until(lambda: receiver.carrier.state(DELIVERY)[2])
    assert receiver.moved("received") == 0


def _broken(descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


async def test_only_what_the_ledger_records_for_this_node_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch) as (sender, receiver, address):
        del receiver.recorded[DELIVERY]
        await sender.take_all()
        await until(lambda: receiver.refused("not-recorded"))
        await until(lambda: sender.named("delivery.pass_on_failed"))
        assert sender.named("delivery.pass_on_failed")[0]["code"] == "carry-refused"
        receiver.recorded[DELIVERY] = Recorded(DIGEST, 10**8, ("third", address))
        await until(lambda: receiver.refused("not-the-box"))
        receiver.recorded[DELIVERY] = Recorded(bytes(32), 10**8, ("receiver", address))
        await until(lambda: receiver.refused("not-the-recorded-file"))
        receiver.recorded[DELIVERY] = Recorded(DIGEST, 1000, ("receiver", address))
        await until(lambda: receiver.refused("too-large"))
        assert receiver.spool.count == 0
        receiver.recorded[DELIVERY] = Recorded(DIGEST, 10**8, ("receiver", address))
        await until(lambda: receiver.carrier.state(DELIVERY)[2])


async def dial(name: str, address: str) -> trio.abc.Stream:
    network = TcpNetwork(TlsIdentity(seed(name)))
    network.trust([each.tls_key for each in MEMBERS])
    stream, _ = await network.connect(address)
    return stream


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


OFFER = encode([1, CHAIN, *DELIVERY, DIGEST, len(CONTENT)])


async def test_forged_chunks_are_thrown_away_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch) as (_, receiver, address):
        stream = await dial("third", address)
        await stream.send_all(frame(OFFER))
        forged = bytes(len(CONTENT))
        for at in range(0, len(forged), 500_000):
            await stream.send_all(frame(forged[at : at + 500_000]))
        await until(lambda: receiver.refused("not-the-recorded-file"))
        assert receiver.spool.count == 0
        await stream.aclose()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (encode([1, bytes(31) + b"\1", *DELIVERY, DIGEST, 10]), "other-chain"),
        (encode([2, CHAIN, *DELIVERY, DIGEST, 10]), "carry-malformed"),
        (encode([1, CHAIN, "../../etc", "x", 1, DIGEST, 10]), "carry-malformed"),
        (b"\xff\xff nonsense", "carry-malformed"),
        (b"x" * 5000, "carry-malformed"),
    ],
)
async def test_a_peer_that_offers_nonsense_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, code: str
) -> None:
    async with pair(tmp_path, monkeypatch) as (_, receiver, address):
        stream = await dial("third", address)
        await stream.send_all(frame(said))
        await until(lambda: receiver.refused(code))
        assert receiver.named("delivery.refused")[0]["peer"] == "third"
        await stream.aclose()


async def test_slow_and_too_many_senders_hold_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, monkeypatch, carries=2, seconds=0.5) as (sender, receiver, address):
        silent = [await dial("third", address) for _ in range(3)]
        await until(lambda: receiver.refused("carries-max") == 2)  # one node has half the places
        await sender.take_all()
        await until(lambda: receiver.carrier.state(DELIVERY)[2])
        await until(lambda: receiver.refused("carry-slow") == 1)
        for stream in silent:
            await trio.aclose_forcefully(stream)


async def test_clients_bring_only_what_is_recorded_and_not_more(tmp_path: Path) -> None:
    side = Side(tmp_path, "sender")
    with pytest.raises(NotFound) as caught:
        await side.carrier.bring(DELIVERY, 10, 0, b"x")
    assert caught.value.code == "not-recorded"
    side.recorded[DELIVERY] = Recorded(DIGEST, 100, None)
    for length in (0, 101):
        with pytest.raises(Invalid):
            await side.carrier.bring(DELIVERY, length, 0, b"x")
    assert side.spool.count == 0


async def test_what_is_received_is_swept_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.05)
    side = Side(tmp_path, "sender")
    side.recorded[DELIVERY] = Recorded(DIGEST, 10**8, None)
    async with trio.open_nursery() as nursery:
        await nursery.start(side.carrier.run, None)
        await side.take_all()
        assert side.spool.whole() == [PARCEL]
        del side.recorded[DELIVERY]
        await until(lambda: side.spool.count == 0)
        nursery.cancel_scope.cancel()


async def test_bytes_keep_to_their_pace(autojump_clock: trio.testing.MockClock) -> None:
    pace = Pace(1000)
    begin = trio.current_time()
    for _ in range(6):
        await pace.take(500)
    assert trio.current_time() - begin == pytest.approx(2.5)  # the first passes at once
