"""Two and three shells over real loopback TLS, without a replica: links, lanes and bad peers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from unittest.mock import ANY

import pytest
import trio
import trio.testing

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import PeerError
from govchaind.base.types import NodeId
from govchaind.ledger.membership import Member
from govchaind.raft.messages import AppendEntries, Entry, Heartbeat
from govchaind.replica.events import Event, LinkDown, LinkUp, Received
from govchaind.replica.messages import Gossip
from govchaind.runtime import codec
from govchaind.runtime.gate import Gate
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.link import Frames, Self, greet, judge_hello
from govchaind.runtime.mesh import Mesh
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.tls import TlsIdentity, TlsKeys
from tests.runtime.made import block, member, none_known, seed_of, self_of, transaction

BAD_GOSSIP = Gossip([transaction(1, bad=True)])
OTHER_CHAIN = b"\x02" * 32


@dataclass(slots=True)
class Shell:
    """One node's outer parts."""

    mesh: Mesh
    inbox: Inbox
    gate: Gate
    log: list[tuple[str, dict[str, object]]]
    telemetry: Telemetry

    async def next(self, wanted: type[Event], *, seconds: float = 5.0) -> list[Event]:
        """Take events until one of the wanted kind comes; return all."""
        taken: list[Event] = []
        with trio.fail_after(seconds):
            while not any(isinstance(event, wanted) for event in taken):
                taken += await self.inbox.take(trio.current_time() + seconds)
        return taken

    def said(self, name: str) -> list[str]:
        return [str(values.get("code")) for said, values in self.log if said == name]


def shell(
    own: Self, members: list[Member], *, seed: bytes | None = None, following: Self | None = None
) -> Shell:
    log: list[tuple[str, dict[str, object]]] = []
    telemetry = Telemetry(
        version="0", sink=lambda level, name, values: log.append((name, dict(values)))
    )
    inbox = Inbox()
    first = TlsIdentity(seed or seed_of(f"{own.node} tls"))
    further = [] if following is None else [TlsIdentity(seed_of(f"{own.node} tls next"))]
    network = TcpNetwork(TlsKeys(first, *further))
    gate = Gate(InlineThreads(), known=none_known)
    mesh = Mesh(
        own=own,
        network=network,
        inbox=inbox,
        gate=gate,
        telemetry=telemetry,
        jitter=random.Random(1),
        members=members,
        following=[] if following is None else [following],
    )
    return Shell(mesh, inbox, gate, log, telemetry)


@asynccontextmanager
async def running(*names: str) -> AsyncIterator[dict[NodeId, Shell]]:
    """Run shells that know each other's addresses."""
    members = [member(name) for name in names]
    shells = {name: shell(self_of(name), members) for name in names}
    async with trio.open_nursery() as nursery:
        addresses = {}
        for name, made in shells.items():
            nursery.start_soon(made.gate.run)
            addresses[name] = await nursery.start(made.mesh.run, "127.0.0.1:0")
        placed = tuple(member(name, addresses[name]) for name in names)
        for made in shells.values():
            made.mesh.members_changed(placed)
        yield shells
        nursery.cancel_scope.cancel()


async def settled(condition: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait until a condition of real sockets holds."""
    with trio.fail_after(seconds):
        while not condition():
            await trio.testing.wait_all_tasks_blocked(0.005)


async def test_each_pair_has_one_link_and_says_so_once() -> None:
    async with running("ada", "ben", "cid") as shells:
        await settled(lambda: all(len(made.mesh.linked()) == 2 for made in shells.values()))
        await trio.testing.wait_all_tasks_blocked(0.05)
        for name, made in shells.items():
            events = await made.next(LinkUp)
            others = sorted(set(shells) - {name})
            assert sorted(event.peer for event in events if isinstance(event, LinkUp)) == others
            assert not any(isinstance(event, LinkDown) for event in events)
            assert made.mesh.linked() == others
            ups = {e.peer: e.store for e in events if isinstance(e, LinkUp)}
            assert ups == {other: seed_of(other)[:16] for other in others}


async def test_messages_arrive_in_order_in_their_lanes() -> None:
    async with running("ada", "ben") as shells:
        await settled(lambda: bool(shells["ada"].mesh.linked() and shells["ben"].mesh.linked()))
        append = AppendEntries(3, 7, 3, [Entry(8, 3, block(8, [transaction(1, keys=3)]))], 0)
        shells["ada"].mesh.send("ben", codec.frame_of(append))
        for number in range(100):
            shells["ada"].mesh.send("ben", codec.frame_of(Heartbeat(3, 7, number)))
        shells["ada"].mesh.send("ben", codec.frame_of(Gossip([transaction(2)])))
        received: list[Event] = []
        while not any(
            isinstance(event, Received) and isinstance(event.message, Gossip) for event in received
        ):
            received += await shells["ben"].next(Received)
        messages = [event.message for event in received if isinstance(event, Received)]
        kinds = [type(message) for message in messages]
        assert kinds[:2] == [Heartbeat, AppendEntries]  # the first: told before verification
        rounds = [message.round for message in messages[2:] if isinstance(message, Heartbeat)]
        assert rounds == list(range(100))
        text = shells["ben"].telemetry.metrics.text().decode()
        assert 'govchaind_peer_received_bytes_total{peer="ada"}' in text


async def test_a_broken_link_is_told_at_once_and_comes_back() -> None:
    async with running("ada", "ben") as shells:
        await settled(lambda: bool(shells["ada"].mesh.linked() and shells["ben"].mesh.linked()))
        await shells["ben"].next(LinkUp)
        shells["ada"].mesh.end_link("ben", "it lied")
        assert shells["ada"].said("link.misbehaved") == []
        await shells["ben"].next(LinkDown, seconds=1)
        await shells["ben"].next(LinkUp)
        assert shells["ada"].said("link.misbehaved") == ["misbehaved"]


async def test_each_member_has_its_line_in_the_metrics_until_it_leaves() -> None:
    async with running("ada", "ben", "cid") as shells:
        await settled(lambda: all(len(made.mesh.linked()) == 2 for made in shells.values()))
        ada = shells["ada"]
        value = ada.telemetry.metrics.registry.get_sample_value
        peer = {"peer": "ben"}
        assert value("govchaind_peer_link_up", peer) == 1
        assert value("govchaind_peer_waiting_bytes", peer) == 0
        heard = value("govchaind_peer_heard_seconds", peer)
        assert heard is not None
        assert 0 <= heard < 5
        ada.mesh.end_link("ben", "it lied")
        await ada.next(LinkDown)
        assert value("govchaind_peer_link_up", peer) == 0
        ada.mesh.members_changed((member("ada"), member("cid")))
        assert value("govchaind_peer_link_up", peer) is None
        assert value("govchaind_peer_heard_seconds", peer) is None
        assert value("govchaind_peer_link_up", {"peer": "cid"}) == 1


async def test_two_observers_that_never_dial_each_other_show_no_broken_link() -> None:
    members = [member("ada", role="observer"), member("ben", role="observer"), member("cid")]
    made = shell(self_of("ada"), members)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.mesh.run, "127.0.0.1:0")
        value = made.telemetry.metrics.registry.get_sample_value
        found = {name: value("govchaind_peer_link_up", {"peer": name}) for name in ("ben", "cid")}
        nursery.cancel_scope.cancel()
    assert found == {"ben": None, "cid": 0}


async def test_a_member_that_left_loses_its_link_and_nobody_else() -> None:
    async with running("ada", "ben", "cid") as shells:
        await settled(lambda: all(len(made.mesh.linked()) == 2 for made in shells.values()))
        ada = shells["ada"]
        ada.mesh.members_changed((member("ada"), member("ben")))
        await settled(lambda: ada.mesh.linked() == ["ben"])
        events = await ada.next(LinkDown)
        assert [event.peer for event in events if isinstance(event, LinkDown)] == ["cid"]


@asynccontextmanager
async def raw_peer(
    server: Shell, address: str, name: str = "ben"
) -> AsyncIterator[tuple[trio.abc.Stream, Frames]]:
    """Be a peer whose greeting is honest, and whatever the test likes after it."""
    own = self_of(name)
    client = TcpNetwork(TlsIdentity(seed_of(f"{name} tls")), [member("ada").tls_key])
    stream, key = await client.connect(address)
    frames = Frames(stream)
    members = {"ada": member("ada")}
    await greet(stream, frames, own, key, members.get)
    try:
        yield stream, frames
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def lone_server() -> AsyncIterator[tuple[Shell, str]]:
    """Run ada alone; ben is a member that never answers by itself."""
    made = shell(self_of("ada"), [member("ada"), member("ben")])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.gate.run)
        address = await nursery.start(made.mesh.run, "127.0.0.1:0")
        yield made, address
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("sent", "event", "code"),
    [
        (b"\xff\xff\xff\xff", "link.down", "peer"),
        (b"\x00\x00\x00\x00", "link.down", "peer"),
        (b"\x00\x00\x00\x01\xff", "link.misbehaved", "invalid-encoding"),
        (b"\x00\x00\x00\x02\x81\x19", "link.misbehaved", "invalid-encoding"),
        (
            codec.frame_of(Gossip([transaction(1, bad=True)])),
            "link.misbehaved",
            "invalid-signature",
        ),
        (codec.frame_of(self_of("ben").hello(bytes(32))), "link.down", "bad-hello"),
        (codec.frame_of(codec.Refusal("x", "go away")), "link.down", "refused-by-peer"),
    ],
)
async def test_what_a_peer_sends_wrongly_ends_its_link_only(
    sent: bytes, event: str, code: str
) -> None:
    async with lone_server() as (ada, address):
        async with raw_peer(ada, address) as (stream, _):
            await ada.next(LinkUp)
            await stream.send_all(sent)
            await ada.next(LinkDown)
            await settled(lambda: ada.said(event) == [code])
        async with raw_peer(ada, address) as (stream, _):
            await ada.next(LinkUp)
            await stream.send_all(codec.frame_of(Heartbeat(1, 0, 5)))
            events = await ada.next(Received)
            assert Received("ben", Heartbeat(1, 0, 5)) in events


async def test_the_newer_link_of_a_peer_replaces_the_older() -> None:
    async with lone_server() as (ada, address), raw_peer(ada, address) as (_, old):
        await ada.next(LinkUp)
        async with raw_peer(ada, address) as (stream, _):
            await settled(lambda: ada.said("link.down") == ["link-replaced"])
            events = await ada.next(LinkUp)
            kinds = [type(event) for event in events]
            assert kinds == [LinkDown, LinkUp]
            await stream.send_all(codec.frame_of(Heartbeat(1, 0, 6)))
            await ada.next(Received)
        last = codec.split(await old.take(bytes_max=1000, seconds=5))
        assert codec.read(last, none_known) == codec.Refusal("link-replaced", ANY)
        with pytest.raises((PeerError, trio.BrokenResourceError)):
            await old.take(bytes_max=1000, seconds=5)


async def test_one_identity_in_two_places_is_told_of_once() -> None:
    async with lone_server() as (ada, address), AsyncExitStack() as stack:
        for _ in range(6):
            await stack.enter_async_context(raw_peer(ada, address))
        await settled(lambda: len(ada.said("link.up")) == 6)
        assert len(ada.said("link.identity_twice")) == 1


async def test_another_chain_is_refused_with_a_reason_on_both_sides() -> None:
    async with lone_server() as (ada, address):
        client = TcpNetwork(TlsIdentity(seed_of("ben tls")), [member("ada").tls_key])
        stream, key = await client.connect(address)
        frames = Frames(stream)
        own = self_of("ben", chain_id=OTHER_CHAIN)
        with pytest.raises(PeerError) as caught:
            await greet(stream, frames, own, key, {"ada": member("ada")}.get)
        assert caught.value.code == "other-chain"
        body = await frames.take(bytes_max=1000, seconds=5)
        refusal = codec.read(codec.split(body), none_known)
        assert isinstance(refusal, codec.Refusal)
        assert refusal.code == "other-chain"
        await settled(lambda: ada.said("link.refused") == ["other-chain"])
        assert ada.mesh.linked() == []
        await trio.aclose_forcefully(stream)


def test_a_hello_is_judged_whole() -> None:
    ada, ben = self_of("ada"), self_of("ben")
    members = {"ada": member("ada"), "ben": member("ben")}
    hello = ben.hello(ada.tls_key)
    assert judge_hello(hello, ada, ben.tls_key, members.get) == member("ben")
    eve = SigningKey(seed_of("eve"))
    wrong = [
        (replace(hello, protocol=2), ben.tls_key, "other-protocol"),
        (replace(hello, chain_id=OTHER_CHAIN), ben.tls_key, "other-chain"),
        (replace(hello, node="eve"), ben.tls_key, "peer-unknown"),
        (hello, eve.public, "peer-unknown"),
        (ada.hello(ada.tls_key), ada.tls_key, "same-identity"),
        (ben.hello(eve.public), ben.tls_key, "bad-hello"),  # made for another channel
        (replace(hello, store=bytes(16)), ben.tls_key, "bad-hello"),
        (replace(ben, signer=eve).hello(ada.tls_key), ben.tls_key, "bad-hello"),
    ]
    for said, key, code in wrong:
        with pytest.raises(PeerError) as caught:
            judge_hello(said, ada, key, members.get)
        assert caught.value.code == code


def next_self(name: str) -> Self:
    """Return what a node says of itself under the keys that it is to have."""
    return replace(
        self_of(name),
        tls_key=SigningKey(seed_of(f"{name} tls next")).public,
        signer=SigningKey(seed_of(f"{name} attests next")),
    )


def next_member(name: str, address: str) -> Member:
    own = next_self(name)
    return replace(member(name, address), tls_key=own.tls_key, attestation_key=own.signer.public)


@asynccontextmanager
async def changing() -> AsyncIterator[tuple[Shell, Shell, dict[str, str]]]:
    """Run ada, who holds two pairs of keys, and ben; neither knows where the other is yet."""
    members = [member("ada"), member("ben")]
    ada = shell(self_of("ada"), members, following=next_self("ada"))
    ben = shell(self_of("ben"), members)
    async with trio.open_nursery() as nursery:
        addresses = {}
        for name, made in (("ada", ada), ("ben", ben)):
            nursery.start_soon(made.gate.run)
            addresses[name] = await nursery.start(made.mesh.run, "127.0.0.1:0")
        yield ada, ben, addresses
        nursery.cancel_scope.cancel()


def knows(made: Shell, addresses: dict[str, str], *, next_keys: bool) -> None:
    """Have a node know ada by the one or the other pair of keys."""
    as_member = next_member if next_keys else member
    made.mesh.members_changed((as_member("ada", addresses["ada"]), member("ben", addresses["ben"])))


async def test_a_change_of_keys_cuts_no_link_and_the_next_one_is_of_the_new_key() -> None:
    async with changing() as (ada, ben, addresses):
        for made in (ada, ben):
            knows(made, addresses, next_keys=False)
        await settled(lambda: all(made.mesh.linked() for made in (ada, ben)))
        for made in (ada, ben):
            knows(made, addresses, next_keys=True)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert [made.said("link.down") for made in (ada, ben)] == [[], []]
        assert len(ada.said("link.own_key")) == 1
        ada.mesh.end_link("ben", "a test ends it")
        await settled(lambda: len(ben.said("link.up")) == 2)
        assert ben.said("link.refused") == []


async def test_a_node_that_nobody_links_to_shows_its_other_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("govchaind.runtime.mesh.DOUBT_SECONDS", 0.3)
    async with changing() as (ada, ben, addresses):
        knows(ben, addresses, next_keys=True)  # ada was away when it was decided
        knows(ada, addresses, next_keys=False)
        await settled(lambda: all(made.mesh.linked() for made in (ada, ben)), seconds=20)
        assert len(ada.said("link.own_key")) % 2 == 1  # and so it ends with the next key
