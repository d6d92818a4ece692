"""The process around one signer: its files, its socket, its log, and its end.

It reads a key, a guard and a socket's place; it opens no network and writes one file. SIGTERM or
SIGINT ends it between two requests; being killed is the same path, since the guard is synced before
a signature leaves.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import InvalidSetting
from govchaind.base.types import Height, PublicKey
from govchaind.runtime.supervisor import Supervisor, supervisor_of
from govchaind.runtime.system import software_version, watch_signals
from govchaind.runtime.telemetry import Telemetry, is_journal, log_to, standard_error
from govchaind.signer.guard import SignerGuard, begin_guard, open_guard
from govchaind.signer.server import SignerServer, given_listener, listen

FIRST_GIVEN = 3  # the first descriptor that systemd hands over (sd_listen_fds(3))


def user_number(name: str | None) -> int:
    """Return a user's number; this process's own if none is named. Raises InvalidSetting."""
    if name is None:
        return os.getuid()
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InvalidSetting(
            f"there is no user {name}", remedy="Name the user under which the node runs."
        ) from None


def run(
    seed: bytes, *, socket: Path | None, guard: Path, user: str | None, begin_above: Height | None
) -> None:
    """Hold a key and answer until SIGTERM or SIGINT. Raises InvalidSetting.

    `socket` None: systemd hands one over. `begin_above`: make the guard, of a key that has signed
    nothing above this height.
    """
    key = SigningKey(seed)
    may_ask = user_number(user)
    opened: SignerGuard | None = None
    supervisor = supervisor_of(os.environ, os.getpid())
    try:
        if begin_above is None:
            opened = _locked(guard, key.public)
        listener = given_listener(_given(os.environ)) if socket is None else listen(socket)
        try:
            if opened is None:
                # Made last: one that a failed start left behind would later forget what was signed.
                begin_guard(guard, key.public, begin_above or 0)
                opened = _locked(guard, key.public)
            server = SignerServer(key, opened, user=may_ask, report=_log().event)
            trio.run(partial(_main, server, opened, listener, supervisor))
        finally:
            listener.socket.close()
            if socket is not None:
                with suppress(FileNotFoundError):
                    socket.unlink()
    finally:
        supervisor.close()
        if opened is not None:
            opened.close()


def _locked(path: Path, public: PublicKey) -> SignerGuard:
    """Return a key's guard, which no other process may use meanwhile. Raises InvalidSetting."""
    guard = open_guard(path, public)
    guard.lock()
    return guard


async def _main(
    server: SignerServer,
    guard: SignerGuard,
    listener: trio.SocketListener,
    supervisor: Supervisor,
) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_signals, stop)
        nursery.start_soon(server.run, listener)
        server.began()
        await supervisor.say("READY=1", f"STATUS=signed up to height {guard.highest}")
        await stop.wait()
        await supervisor.say("STOPPING=1")
        nursery.cancel_scope.cancel()
    server.ended()


def _log() -> Telemetry:
    stream = standard_error()
    journal = is_journal(stream, os.environ.get("JOURNAL_STREAM"))
    sink = log_to(stream, form="auto", level="info", node="signer", journal=journal)
    return Telemetry(version=software_version(), sink=sink)


def _given(environment: Mapping[str, str]) -> int:
    """Return the descriptor that systemd hands over. Raises InvalidSetting: it hands over none."""
    ours = environment.get("LISTEN_PID") == str(os.getpid())
    if not ours or environment.get("LISTEN_FDS") != "1":
        raise InvalidSetting(
            "no socket: neither --socket names one, nor does systemd hand over exactly one",
            code="no-socket",
            remedy="Name a path: --socket /run/govchaind/signer.sock",
        )
    return FIRST_GIVEN
