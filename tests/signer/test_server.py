"""The signer over a real socket: who may ask, what is no request, two that ask for one height."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from govchaind.base.crypto import Domain, SigningKey, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.runtime.signer_frames import (
    FRAME_BYTES_MAX,
    STATEMENTS_MAX,
    SignerStream,
    request_bytes,
)
from govchaind.signer import server as server_module
from govchaind.signer.guard import begin_guard
from govchaind.signer.process import run
from govchaind.signer.server import CONNECTIONS_MAX, SignerServer, given_listener, listen
from tests.signer.test_guard import statement

KEY = SigningKey(bytes(32))


class Running:
    """A signer that answers, and what it tells."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.connections: list[trio.abc.Stream] = []

    def report(self, name: str, **values: Any) -> None:
        self.told.append((name, values))

    def said(self, name: str) -> list[dict[str, Any]]:
        return [values for told, values in self.told if told == name]

    async def connect(self) -> SignerStream:
        return SignerStream(await self.stream())

    async def stream(self) -> trio.abc.Stream:
        self.connections.append(await trio.open_unix_socket(str(self.path)))
        return self.connections[-1]


@asynccontextmanager
async def running(folder: Path, *, user: int | None = None) -> AsyncIterator[Running]:
    made = Running(folder / "signer.sock")
    guard = begin_guard(folder / "guard", KEY.public, 0)
    may_ask = os.getuid() if user is None else user
    server = SignerServer(KEY, guard, user=may_ask, report=made.report)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, listen(made.path))
        yield made
        for stream in made.connections:
            await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()


async def test_it_signs_statements_and_greetings_each_in_its_domain(tmp_path: Path) -> None:
    async with running(tmp_path) as signer:
        node = await signer.connect()
        who = await node.ask("who", [], seconds=5)
        assert (who.public, who.highest, who.answers) == (KEY.public, 0, ())
        stated = statement(3)
        reply = await node.ask("attest", [stated], seconds=5)
        [(signature, reason)] = reply.answers
        assert (reply.highest, reason) == (3, "")
        assert verify(Domain.ATTESTATION, KEY.public, stated, signature)
        [(hello, _)] = (await node.ask("hello", [stated], seconds=5)).answers
        assert verify(Domain.HELLO, KEY.public, stated, hello)
        assert not verify(Domain.ATTESTATION, KEY.public, stated, hello)
        again = await node.ask("attest", [stated], seconds=5)
        assert again.answers == ((signature, ""),)


async def test_two_nodes_with_one_key_get_one_signature_a_height(tmp_path: Path) -> None:
    signed: dict[int, set[bytes]] = {}

    async def node(signer: Running, content: int) -> None:
        frames = await signer.connect()
        for height in range(1, 40):
            stated = statement(height, content)
            [(signature, _)] = (await frames.ask("attest", [stated], seconds=5)).answers
            if signature:
                signed.setdefault(height, set()).add(stated)

    async with running(tmp_path) as signer, trio.open_nursery() as nursery:
        for content in range(3):
            nursery.start_soon(node, signer, content)
    assert sorted(signed) == list(range(1, 40))
    assert {len(stated) for stated in signed.values()} == {1}


async def test_the_socket_is_its_owners(tmp_path: Path) -> None:
    async with running(tmp_path) as signer:
        assert stat.S_IMODE(signer.path.stat().st_mode) == 0o600


async def test_another_user_is_told_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, user=os.getuid() + 1) as signer:
        node = await signer.connect()
        with pytest.raises(PeerError) as caught:
            await node.ask("who", [], seconds=5)
        assert caught.value.code == "signer-away"
        [refused] = signer.said("signer.connection_refused")
        assert refused["reason"] == f"user {os.getuid()} is not the one that may ask"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(64),
        (FRAME_BYTES_MAX + 1).to_bytes(4, "big"),
        (5).to_bytes(4, "big") + b"\xff" * 5,
        *(
            len(body).to_bytes(4, "big") + body
            for body in (
                encode([1, "sign-this", [b"x"]]),
                encode([2, "who", []]),
                encode([1, "attest", [b"x"] * (STATEMENTS_MAX + 1)]),
                encode([1, "attest", [b"x" * 257]]),
                encode([1, "attest", ["text"]]),
                encode([1, "who", [], 7]),
            )
        ),
    ],
)
async def test_what_is_no_request_ends_that_connection_alone(data: bytes, tmp_path: Path) -> None:
    async with running(tmp_path) as signer:
        good = await signer.connect()
        await good.ask("who", [], seconds=5)
        bad = await signer.stream()
        await bad.send_all(data)
        with trio.fail_after(5):
            with suppress(trio.BrokenResourceError):
                assert await bad.receive_some() == b""
        assert (await good.ask("who", [], seconds=5)).public == KEY.public
        assert len(signer.said("signer.disconnected")) == 1


async def test_connections_are_bounded_and_an_idle_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "IDLE_SECONDS_MAX", 2.0)
    async with running(tmp_path) as signer:
        held = [await signer.connect() for _ in range(CONNECTIONS_MAX)]
        await held[-1].ask("who", [], seconds=5)
        over = await signer.connect()
        with pytest.raises(PeerError):
            await over.ask("who", [], seconds=5)
        for frames in held:
            with pytest.raises(PeerError):
                await frames.receive(seconds=5)
        assert len(signer.said("signer.disconnected")) == CONNECTIONS_MAX
        assert (await (await signer.connect()).ask("who", [], seconds=5)).highest == 0


async def test_a_guard_that_cannot_be_written_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with running(tmp_path) as signer:
        node = await signer.connect()
        with monkeypatch.context() as patched:
            patched.setattr("govchaind.signer.guard.replace_file", full)
            reply = await node.ask("attest", [statement(1)], seconds=5)
        assert reply.answers == ((b"", "the guard cannot be written: No space left on device"),)
        assert reply.highest == 0
        reply = await node.ask("attest", [statement(1)], seconds=5)
        assert reply.answers[0][1] == ""


def test_a_socket_has_a_folder_that_others_cannot_write_to(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(InvalidSetting, match="others may write") as caught:
        listen(folder / "signer.sock")
    assert caught.value.code == "socket-folder-open"
    with pytest.raises(InvalidSetting, match="cannot be used"):
        listen(tmp_path / "absent" / "signer.sock")


async def test_a_socket_that_is_in_use_is_left_alone_and_an_abandoned_one_is_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "signer.sock"
    first = listen(path)
    with pytest.raises(InvalidSetting, match="answers on") as caught:
        listen(path)
    assert caught.value.code == "address-unusable"
    await first.aclose()
    await listen(path).aclose()
    path.unlink()
    path.write_text("a file")
    with pytest.raises(InvalidSetting, match="is no socket"):
        listen(path)
    with pytest.raises(InvalidSetting, match="cannot listen"):
        listen(tmp_path / ("long" * 40))


async def test_a_socket_may_be_handed_over(tmp_path: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(tmp_path / "given"))
    made.listen()
    await given_listener(made.detach()).aclose()
    with pytest.raises(InvalidSetting, match="not a Unix socket"):
        given_listener(socket.socket(socket.AF_INET).detach())


def test_a_signer_without_a_socket_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="no socket") as caught:
        run(bytes(32), socket=None, guard=tmp_path / "guard", user=None, begin_above=0)
    assert caught.value.code == "no-socket"
    with pytest.raises(InvalidSetting, match="there is no user"):
        run(bytes(32), socket=None, guard=tmp_path / "guard", user="no-such-user", begin_above=None)


def test_a_request_is_no_longer_than_a_frame() -> None:
    longest = request_bytes("attest", [b"x" * 256] * STATEMENTS_MAX)
    assert len(longest) <= FRAME_BYTES_MAX


def test_a_start_that_fails_leaves_no_guard_behind(tmp_path: Path) -> None:
    """It would say of a key that has gone on signing elsewhere that it has signed nothing since."""
    guard = tmp_path / "guard"
    nowhere = tmp_path / "nowhere" / "socket"
    with pytest.raises(InvalidSetting):
        run(bytes(32), socket=nowhere, guard=guard, user=None, begin_above=5)
    assert list(tmp_path.iterdir()) == []
