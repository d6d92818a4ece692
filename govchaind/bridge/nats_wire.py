"""NATS's text protocol, as far as a publisher to JetStream needs it: one connection over Trio.

Source: the NATS protocol documentation ("Client Protocol", "Headers", "JetStream wire API").

    server  INFO {…}   MSG subject sid [reply] bytes   HMSG subject sid [reply] header-bytes bytes
            PING   PONG   +OK   -ERR 'text'
    client  CONNECT {…}   SUB subject sid   PUB subject reply bytes
            HPUB subject reply header-bytes bytes   PING   PONG

Rules it keeps: what the server sends is bounded; every wait has an end; a reply is known by the
inbox it comes to, so many requests may be under way at once. There is no task in the background:
the server's PING is answered when something is read, so a connection that has been idle for long is
not used again but made anew.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import trio

from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.bridge.secret_file import read_secret

PORT = 4222
LINE_BYTES_MAX = 1024 * 1024  # INFO of a large cluster
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024  # the largest that any server allows
CONNECT_SECONDS_MAX = 10.0
REPLY_SECONDS_MAX = 10.0
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where a NATS server is, and as whom it is spoken to."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    user: str | None = None
    secret: str | None = field(default=None, repr=False)  # the user's password, or a token

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that came to an inbox; `status`: of the header's first line, where it has one."""

    payload: bytes
    status: str


class Connection:
    """One connection to one server; made by `open_connection`."""

    def __init__(self, stream: trio.abc.Stream, server: Server, data: bytearray) -> None:
        self._stream = stream
        self._server = server
        self._data = data
        self._inbox = f"_INBOX.{os.urandom(12).hex()}"
        self._asked = 0
        self.payload_bytes_max = 0

    async def greet(self, told: Mapping[str, Any]) -> None:
        """Say who we are, and wait until the server takes us."""
        size = told.get("max_payload")
        self.payload_bytes_max = size if isinstance(size, int) else 1024 * 1024
        options: dict[str, Any] = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "protocol": 1,
            "lang": "python",
            "version": "1",
            "name": "govchaind bridge",
        }
        server = self._server
        if server.user is not None:
            options.update({"user": server.user, "pass": server.secret or ""})
        elif server.secret is not None:
            options["auth_token"] = server.secret
        hello = f"CONNECT {json.dumps(options)}\r\nSUB {self._inbox}.* 1\r\nPING\r\n"
        await self._send(hello.encode())
        while (await self._next())[0] != "PONG":
            pass

    async def request(self, subject: str, payload: bytes) -> Reply:
        """Ask once and wait for the one reply. Raises PeerError."""
        [reply] = await self.publish([(subject, {}, payload)])
        return reply

    async def publish(
        self, messages: Sequence[tuple[str, Mapping[str, str], bytes]]
    ) -> list[Reply]:
        """Send (subject, headers, payload) in order, all at once; return the replies in order.

        Raises:
            PeerError: the connection broke, or a reply did not come; which were taken is unknown.
        """
        first = self._asked
        parts = [self._message(*message) for message in messages]
        found: dict[int, Reply] = {}
        with trio.move_on_after(REPLY_SECONDS_MAX):
            # Answers are not read meanwhile: a server keeps them, and a batch is bounded.
            await self._send(b"".join(parts))
            while len(found) < len(messages):
                subject, reply = await self._next()
                number = subject.removeprefix(f"{self._inbox}.")
                known = number.isascii() and number.isdigit()
                if reply is not None and known and first <= int(number) < self._asked:
                    found[int(number)] = reply
            return [found[number] for number in range(first, self._asked)]
        raise self._broken("no answer came in time")

    def _message(self, subject: str, headers: Mapping[str, str], payload: bytes) -> bytes:
        reply = f"{self._inbox}.{self._asked}"
        self._asked += 1
        if not headers:
            return f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"NATS/1.0\r\n{lines}\r\n".encode()
        sizes = f"{len(head)} {len(head) + len(payload)}"
        return f"HPUB {subject} {reply} {sizes}\r\n".encode() + head + payload + b"\r\n"

    async def close(self) -> None:
        await trio.aclose_forcefully(self._stream)

    # --- bytes ------------------------------------------------------------------------------------

    async def _send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._broken("it hung up") from None

    async def _next(self) -> tuple[str, Reply | None]:
        """Return the next thing of interest: PONG, or a message's subject and what it says."""
        while True:
            line = await self._line()
            words = line.split()
            kind = words[0].upper() if words else ""
            if kind == "PING":
                await self._send(b"PONG\r\n")
            elif kind == "PONG":
                return "PONG", None
            elif kind in ("MSG", "HMSG"):
                return words[1] if len(words) > 1 else "", await self._message_of(words)
            elif kind == "-ERR":
                raise self._error(line)
            elif kind not in ("INFO", "+OK"):
                raise self._broken("it does not speak NATS's protocol")

    async def _message_of(self, words: list[str]) -> Reply:
        wanted = 2 if words[0].upper() == "HMSG" else 1
        sizes = [int(word) for word in words[-wanted:] if word.isascii() and word.isdigit()]
        well = len(words) >= 3 + wanted and len(sizes) == wanted and sizes == sorted(sizes)
        if not well or sizes[-1] > PAYLOAD_BYTES_MAX:
            raise self._broken("a message has no size that holds")
        whole = await self._bytes(sizes[-1] + 2)
        head = whole[: sizes[0]] if wanted == 2 else b""
        first = head.split(b"\r\n", 1)[0].decode("ascii", "replace")
        return Reply(whole[len(head) : -2], first.partition(" ")[2][:3])

    async def _line(self) -> str:
        while (end := self._data.find(b"\r\n")) < 0:
            if len(self._data) > LINE_BYTES_MAX:
                raise self._broken("a line without an end")
            await self._more()
        line = bytes(self._data[:end])
        del self._data[: end + 2]
        return line.decode("utf-8", "replace")

    async def _bytes(self, count: int) -> bytes:
        while len(self._data) < count:
            await self._more()
        found = bytes(self._data[:count])
        del self._data[:count]
        return found

    async def _more(self) -> None:
        try:
            data = await self._stream.receive_some(_CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if not data:
            raise self._broken("it hung up")
        self._data += data

    def _broken(self, why: str) -> PeerError:
        return unreachable(self._server, why)

    def _error(self, line: str) -> PeerError | InvalidSetting:
        said = line.partition(" ")[2].strip("'")
        if "auth" in said.lower() or "user" in said.lower():
            return InvalidSetting(
                f"NATS at {self._server} lets this bridge not in: {said}",
                code="stream-refuses",
                remedy="Check the user, the password or token, and what that user may do.",
            )
        return self._broken(said)


def unreachable(server: Server, why: str) -> PeerError:
    return PeerError(
        f"NATS at {server}: {why}",
        code="stream-unreachable",
        remedy="Check that the server runs and listens there, and its log.",
    )


def read_server(text: str, *, secret_file: Path | None, authority: Path | None) -> Server:
    """Return the server that `nats://USER@HOST:PORT` or `tls://…` names.

    Args:
        secret_file: the user's password; a token where the address names no user.
        authority: whose certificates are believed; None: those that this machine believes.

    Raises:
        InvalidSetting: it is no such address, or a file is not as it should be.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or PORT
    except ValueError:
        parts, port = urlsplit(""), PORT
    if parts.password is not None:
        raise InvalidSetting(
            "the address of the server holds a password, which every user of this machine reads",
            code="password-in-address",
            remedy="Put it into a file for --password-file; and change it.",
        )
    if parts.scheme not in ("nats", "tls") or not parts.hostname or parts.path.strip("/"):
        raise InvalidSetting(
            "the address of the NATS server is wrong",
            code="bad-address",
            remedy="Write it as nats://USER@HOST:PORT, or tls://USER@HOST:PORT.",
        )
    try:
        tls = ssl.create_default_context(cafile=authority) if parts.scheme == "tls" else None
    except OSError as error:
        raise InvalidSetting(
            f"cannot read the certificates in {authority}: {error.strerror}"
        ) from None
    user = None if parts.username is None else unquote(parts.username)
    secret = None if secret_file is None else read_secret(secret_file).rstrip("\r\n")
    return Server(parts.hostname, port, tls, user, secret)


async def open_connection(server: Server) -> Connection:
    """Connect to a server, secured if that is asked for. Raises PeerError, InvalidSetting."""
    with trio.move_on_after(CONNECT_SECONDS_MAX):
        try:
            stream: trio.abc.Stream = await trio.open_tcp_stream(server.host, server.port)
        except OSError as error:
            raise unreachable(server, error.strerror or str(error)) from None
        try:
            return await _greeted(stream, server)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
    raise unreachable(server, "no answer came in time")


async def _greeted(stream: trio.abc.Stream, server: Server) -> Connection:
    """Read INFO, which comes in the clear, secure the stream, and be taken."""
    connection = Connection(stream, server, bytearray())
    line = await connection._line()
    try:
        told = json.loads(line.partition(" ")[2]) if line.upper().startswith("INFO ") else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise unreachable(server, "it does not speak NATS's protocol")
    if server.tls is not None:
        secured = trio.SSLStream(stream, server.tls, server_hostname=server.host)
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError as error:
            raise _not_secured(server, error) from None
        connection = Connection(secured, server, bytearray())
    elif told.get("tls_required"):
        raise InvalidSetting(
            f"NATS at {server} wants TLS",
            code="stream-refuses",
            remedy="Write tls:// instead of nats://, and name its authority with --ca-file.",
        )
    await connection.greet(told)
    return connection


def _not_secured(server: Server, error: BaseException) -> PeerError | InvalidSetting:
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return InvalidSetting(
            f"NATS at {server} has no certificate that holds: {error.__cause__.verify_message}",
            code="stream-refuses",
            remedy="Name the authority that signed it with --ca-file, and the host as it has it.",
        )
    return unreachable(server, "TLS failed")
