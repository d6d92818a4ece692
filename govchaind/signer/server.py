"""The signer: a process that holds one attestation key and answers on a Unix socket.

Rules it keeps:
- Who connects is judged by the kernel's word (SO_PEERCRED): the one user that the operator named.
  The socket is made with mode 0600, in a folder that only its owner may write to.
- One request at a time, whoever asks: judging, the guard's sync and signing are one step without a
  pause in it, so two nodes with one key meet one guard.
- Frames are bounded, a connection that sends none for IDLE_SECONDS_MAX ends, and so does one that
  sends what is no request. No more than CONNECTIONS_MAX are open.
- An attestation is signed only after the guard has it durably (`guard.py`). A Hello is signed
  without a guard: it proves a key on one channel, and two of them contradict nothing.
- A guard that cannot be written signs nothing; the next request tries again.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import trio

from govchaind.base.crypto import Domain, SigningKey
from govchaind.base.errors import Invalid, InvalidSetting, PeerError
from govchaind.base.types import Signature
from govchaind.runtime.signer_frames import Request, SignerStream, read_request, reply_bytes
from govchaind.signer.guard import SignerGuard

CONNECTIONS_MAX = 8
IDLE_SECONDS_MAX = 30.0  # a node that is connected asks who is there every few seconds
SEND_SECONDS_MAX = 5.0
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

Report = Callable[..., None]
"""Takes an event's name and its values."""


class SignerServer:
    """One signer: a key, its guard, and whoever is connected."""

    def __init__(self, key: SigningKey, guard: SignerGuard, *, user: int, report: Report) -> None:
        self._key, self._guard = key, guard
        self._user = user
        self._report = report
        self._connected = 0

    def began(self) -> None:
        """Tell that it answers."""
        public, highest = self._key.public.hex(), self._guard.highest
        self._report("signer.listening", public=public, highest=highest, user=self._user)

    def ended(self) -> None:
        """Tell that it answers no more."""
        self._report("signer.stopped", highest=self._guard.highest)

    def answer(self, request: Request) -> bytes:
        """Return the reply to a request: judge, make durable, sign."""
        answers: list[tuple[Signature, str]] = []
        if request.what == "attest":
            answers = self._attest(request.messages)
        elif request.what == "hello":
            answers = [(self._key.sign(Domain.HELLO, item), "") for item in request.messages]
        return reply_bytes(self._key.public, self._guard.highest, answers)

    def _attest(self, statements: tuple[bytes, ...]) -> list[tuple[Signature, str]]:
        try:
            reasons = self._guard.judge(statements)
        except OSError as error:
            problem = f"the guard cannot be written: {error.strerror}"
            self._report("signer.guard_failed", problem=problem)
            return [(b"", problem)] * len(statements)
        for reason in sorted(set(reasons) - {""}):
            self._report("signer.refused", reason=reason)
        return [
            (b"", reason) if reason else (self._key.sign(Domain.ATTESTATION, statement), "")
            for statement, reason in zip(statements, reasons, strict=True)
        ]

    async def run(self, listener: trio.SocketListener) -> None:
        """Serve until cancelled."""
        async with listener, trio.open_nursery() as nursery:
            while True:
                try:
                    stream = await listener.accept()
                except OSError:
                    await trio.sleep(0.1)  # gone already, or no descriptors: neither ends a signer
                    continue
                nursery.start_soon(self._serve, stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        process, user = credentials(stream.socket)
        refusal = None
        if user != self._user:
            refusal = f"user {user} is not the one that may ask"
        elif self._connected >= CONNECTIONS_MAX:
            refusal = "too many connections"
        if refusal is not None:
            self._report("signer.connection_refused", process=process, reason=refusal)
            await trio.aclose_forcefully(stream)
            return
        self._connected += 1
        self._report("signer.connected", process=process)
        reason = "ended"
        try:
            await self._talk(SignerStream(stream))
        except (PeerError, Invalid) as error:
            reason = error.message
        finally:
            self._connected -= 1
            self._report("signer.disconnected", process=process, reason=reason)
            await trio.aclose_forcefully(stream)

    async def _talk(self, frames: SignerStream) -> None:
        while True:
            request = read_request(await frames.receive(seconds=IDLE_SECONDS_MAX))
            await frames.send(self.answer(request), seconds=SEND_SECONDS_MAX)


def credentials(connected: trio.socket.SocketType) -> tuple[int, int]:
    """Return process and user of the other side, by the kernel's word."""
    data = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(data)
    return process, user


def listen(path: Path) -> trio.SocketListener:
    """Make the socket, of mode 0600. Raises InvalidSetting: the place is not fit, or is taken."""
    _check_folder(path.parent)
    if path.is_socket():
        _check_abandoned(path)
    elif path.exists():
        raise InvalidSetting(
            f"{path} is there, and is no socket",
            code="already-there",
            remedy="Name a path where nothing is.",
        )
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError as error:
        made.close()
        raise InvalidSetting(
            f"cannot listen on {path}: {error.strerror}",
            code="address-unusable",
            remedy="Name a path of at most 100 bytes in a folder that this user may write to.",
        ) from None
    finally:
        os.umask(before)
    made.listen(CONNECTIONS_MAX)
    return trio.SocketListener(trio.socket.from_stdlib_socket(made))


def given_listener(number: int) -> trio.SocketListener:
    """Return the listening socket that systemd has opened. Raises InvalidSetting: it is none."""
    try:
        given = socket.socket(fileno=number)
    except OSError as error:
        raise InvalidSetting(f"descriptor {number} is no socket: {error.strerror}") from None
    if given.family != socket.AF_UNIX:
        given.close()
        raise InvalidSetting(
            "the socket that was given is not a Unix socket",
            code="address-unusable",
            remedy="Let ListenStream= of the socket unit name a path.",
        )
    return trio.SocketListener(trio.socket.from_stdlib_socket(given))


def _check_folder(folder: Path) -> None:
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        raise InvalidSetting(
            f"the socket's folder {folder} cannot be used: {error.strerror}",
            code="address-unusable",
            remedy="Make it, for this user alone (mode 0700).",
        ) from None
    if mode & 0o022:
        raise InvalidSetting(
            f"others may write to {folder}, and so put a socket of theirs there",
            code="socket-folder-open",
            remedy=f"Run: chmod go-w {folder}",
        )


def _check_abandoned(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises InvalidSetting: somebody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise InvalidSetting(f"cannot look at {path}: {error.strerror}") from None
    raise InvalidSetting(
        f"a signer answers on {path} already",
        code="address-unusable",
        remedy="Stop it first, or name another path.",
    )
