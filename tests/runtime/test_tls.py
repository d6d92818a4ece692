"""Pinned TLS over loopback: who is let in, who is not, and what a slow or loud stranger can do."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import Conflict, InvalidSetting, PeerError
from govchaind.runtime.tcp import TcpNetwork, join_address, split_address
from govchaind.runtime.tls import (
    Contexts,
    TlsIdentity,
    TlsKeys,
    judge_certificate,
    make_certificate,
)
from tests.runtime.made import seed_of

ADA, BEN, EVE = (seed_of(name) for name in ("ada tls", "ben tls", "eve tls"))
PUBLIC = {seed: SigningKey(seed).public for seed in (ADA, BEN, EVE)}
LONG_AGO = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)


@dataclass(slots=True)
class Server:
    """A listening node that greets each peer with its key, in hex."""

    network: TcpNetwork
    address: str
    met: list[bytes] = field(default_factory=list)
    refused: list[PeerError] = field(default_factory=list)


@asynccontextmanager
async def serving(
    *, members: list[bytes], handshake_seconds: float = 5.0, unknown_max: int = 16
) -> AsyncIterator[Server]:
    refused: list[PeerError] = []
    met: list[bytes] = []
    network = TcpNetwork(
        TlsIdentity(ADA),
        [PUBLIC[seed] for seed in members],
        refused=lambda _, error: refused.append(error),
        handshake_seconds=handshake_seconds,
        unknown_max=unknown_max,
    )

    async def handler(stream: trio.abc.Stream, key: bytes) -> None:
        met.append(key)
        await stream.send_all(b"hello")
        await stream.receive_some(1)

    async with trio.open_nursery() as nursery:
        address = await nursery.start(network.listen, "127.0.0.1:0", handler)
        yield Server(network, address, met, refused)
        nursery.cancel_scope.cancel()


async def greeting(client: TcpNetwork, address: str) -> bytes:
    """Connect and return what the server says; a refusal shows at the first read."""
    stream, key = await client.connect(address)
    assert key == PUBLIC[ADA]
    try:
        said = bytes(await stream.receive_some(100))
        if not said:
            raise PeerError("closed after the handshake")
        return said
    except trio.BrokenResourceError as error:
        raise PeerError("refused after the handshake") from error
    finally:
        await trio.aclose_forcefully(stream)


async def test_members_meet_and_see_each_others_keys() -> None:
    async with serving(members=[BEN]) as server:
        client = TcpNetwork(TlsIdentity(BEN), [PUBLIC[ADA]])
        assert await greeting(client, server.address) == b"hello"
        assert server.met == [PUBLIC[BEN]]


async def test_a_stranger_is_refused_by_the_server() -> None:
    async with serving(members=[BEN]) as server:
        client = TcpNetwork(TlsIdentity(EVE), [PUBLIC[ADA]])
        with pytest.raises(PeerError):
            await greeting(client, server.address)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert server.met == []
        assert [error.code for error in server.refused] == ["peer-unknown"]


async def test_a_stranger_is_refused_by_the_client() -> None:
    async with serving(members=[BEN]) as server:
        client = TcpNetwork(TlsIdentity(BEN), [PUBLIC[EVE]])
        with pytest.raises(PeerError) as caught:
            await client.connect(server.address)
        assert caught.value.code == "peer-unknown"
        assert server.met == []


async def test_an_expired_certificate_stops_nothing() -> None:
    async with serving(members=[BEN]) as server:
        expired = make_certificate(BEN, last_day=LONG_AGO)
        client = TcpNetwork(TlsIdentity(BEN, expired), [PUBLIC[ADA]])
        assert await greeting(client, server.address) == b"hello"


async def test_a_certificate_with_ca_true_is_refused_though_its_key_is_a_members() -> None:
    async with serving(members=[BEN]) as server:
        authority = make_certificate(BEN, authority=True)
        client = TcpNetwork(TlsIdentity(BEN, authority), [PUBLIC[ADA]])
        with pytest.raises(PeerError):
            await greeting(client, server.address)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert server.met == []
        assert [error.code for error in server.refused] == ["certificate-authority"]


def minted(signer_seed: bytes, holder_seed: bytes) -> bytes:
    """Return a certificate of the holder's key, signed by another member's key."""
    signer = Ed25519PrivateKey.from_private_bytes(signer_seed)
    holder = Ed25519PrivateKey.from_private_bytes(holder_seed)
    issuer = signer.public_key().public_bytes_raw().hex()

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder()
        .subject_name(name("govchaind node"))
        .issuer_name(name(issuer))
        .public_key(holder.public_key())
        .serial_number(2)
        .not_valid_before(LONG_AGO)
        .not_valid_after(LONG_AGO.replace(year=2120))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, None)
    )
    return made.public_bytes(Encoding.PEM)


async def test_a_certificate_that_a_member_made_for_another_key_is_refused() -> None:
    async with serving(members=[BEN]) as server:
        client = TcpNetwork(TlsIdentity(EVE, minted(BEN, EVE)), [PUBLIC[ADA]])
        with pytest.raises(PeerError):
            await greeting(client, server.address)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert server.met == []
        assert [error.code for error in server.refused] == ["peer-unknown"]


async def test_a_change_of_members_is_a_new_epoch() -> None:
    async with serving(members=[BEN]) as server:
        client = TcpNetwork(TlsIdentity(EVE), [PUBLIC[ADA]])
        server.network.trust([PUBLIC[EVE]])
        assert await greeting(client, server.address) == b"hello"
        server.network.trust([PUBLIC[BEN]])
        with pytest.raises(PeerError):
            await greeting(client, server.address)


async def test_slow_strangers_do_not_shut_a_member_out() -> None:
    async with serving(members=[BEN], unknown_max=4) as server:
        host, port = split_address(server.address)
        crowd = [await trio.open_tcp_stream(host, port) for _ in range(12)]
        client = TcpNetwork(TlsIdentity(BEN), [PUBLIC[ADA]])
        assert await greeting(client, server.address) == b"hello"
        assert server.network.handshakes <= 4
        for stream in crowd:
            await trio.aclose_forcefully(stream)


async def test_a_handshake_has_bounded_time() -> None:
    async with serving(members=[BEN], handshake_seconds=0.05) as server:
        host, port = split_address(server.address)
        stream = await trio.open_tcp_stream(host, port)
        await stream.send_all(b"\x16")
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert [error.code for error in server.refused] == ["handshake-slow"]


async def test_junk_instead_of_tls_ends_that_connection_only() -> None:
    async with serving(members=[BEN]) as server:
        host, port = split_address(server.address)
        stream = await trio.open_tcp_stream(host, port)
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n" * 10)
        with trio.fail_after(5):
            while True:
                try:
                    if not await stream.receive_some(100):
                        break
                except trio.BrokenResourceError:
                    break
        await stream.aclose()
        client = TcpNetwork(TlsIdentity(BEN), [PUBLIC[ADA]])
        assert await greeting(client, server.address) == b"hello"
        assert [error.code for error in server.refused] == ["handshake-failed"]


async def test_nobody_there_is_a_peer_error() -> None:
    client = TcpNetwork(TlsIdentity(BEN), [PUBLIC[ADA]])
    async with serving(members=[BEN]) as server:
        address = server.address
    with pytest.raises(PeerError, match="does not answer"):
        await client.connect(address)


async def test_a_port_that_is_taken_is_told() -> None:
    async with serving(members=[BEN]) as server:
        other = TcpNetwork(TlsIdentity(BEN), [])

        async def handler(stream: trio.abc.Stream, key: bytes) -> None:
            raise AssertionError

        with pytest.raises(Conflict, match=r"cannot listen.*the port is taken") as caught:
            await other.listen(server.address, handler)
        assert caught.value.code == "address-unusable"


def test_addresses_are_taken_apart_and_put_together() -> None:
    for address, parts in {"a.example:1": ("a.example", 1), "[::1]:7000": ("::1", 7000)}.items():
        assert split_address(address) == parts
        assert join_address(*parts) == address
    for wrong in ("a.example", ":1", "a.example:", "a.example:x", "a.example:65536"):
        with pytest.raises(InvalidSetting):
            split_address(wrong)


def test_a_certificate_is_the_same_each_time_and_shows_no_secret() -> None:
    assert make_certificate(ADA) == make_certificate(ADA)
    assert ADA.hex() not in repr(TlsIdentity(ADA))
    assert TlsIdentity(ADA).public == PUBLIC[ADA]


def test_own_key_is_no_peer() -> None:
    contexts = Contexts(TlsIdentity(ADA), [PUBLIC[ADA], PUBLIC[BEN]])
    assert contexts.members == {PUBLIC[BEN]}


def der_of(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_the_judgement_after_the_handshake_names_what_is_wrong() -> None:
    members = frozenset([PUBLIC[BEN]])
    assert judge_certificate(der_of(make_certificate(BEN)), members) == PUBLIC[BEN]
    for shown, code in (
        (b"no certificate", "certificate-unreadable"),
        (der_of(make_certificate(EVE)), "peer-unknown"),
        (der_of(minted(BEN, EVE)), "peer-unknown"),
        (der_of(minted(EVE, BEN)), "certificate-unreadable"),
        (der_of(make_certificate(BEN, authority=True)), "certificate-authority"),
        (other_algorithm(), "certificate-unreadable"),
    ):
        with pytest.raises(PeerError) as caught:
            judge_certificate(shown, members)
        assert caught.value.code == code


def other_algorithm() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(LONG_AGO)
        .not_valid_after(LONG_AGO.replace(year=2120))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


async def test_a_node_that_holds_two_keys_shows_the_one_that_it_presents() -> None:
    keys = TlsKeys(TlsIdentity(BEN), TlsIdentity(EVE))
    async with serving(members=[BEN, EVE]) as server:
        client = TcpNetwork(keys, [PUBLIC[ADA]])
        assert await greeting(client, server.address) == b"hello"
        client.present(PUBLIC[EVE])
        assert await greeting(client, server.address) == b"hello"
        client.present(b"\x09" * 32)  # one that it does not hold
        assert await greeting(client, server.address) == b"hello"
        assert server.met == [PUBLIC[BEN], PUBLIC[EVE], PUBLIC[EVE]]
