"""A real NATS server of a test's own, with JetStream in a folder, killed at will."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import trio

from govchaind.bridge.nats_wire import Connection, Server, open_connection

USER = "bridge"
PASSWORD = "a word for the stream"
WAIT_SECONDS = 30.0


class NatsServer:
    """One server on loopback; `tls`: certificate and key."""

    def __init__(
        self,
        *,
        tls: tuple[Path, Path] | None = None,
        jetstream: bool = True,
        payload_bytes_max: int = 1024 * 1024,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gc-nats-"))
        program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
        assert program is not None, "no NATS server is installed; run scripts/setup-system"
        self._program = program
        self._tls = tls
        self._jetstream = jetstream
        self._payload_bytes_max = payload_bytes_max
        self._server: subprocess.Popen[bytes] | None = None
        self.port = -1  # a free one, and the same when it is started again
        self.start()

    def start(self) -> None:
        settings = [f"listen: 127.0.0.1:{self.port}",
                    f"authorization: {{ user: {USER}, password: {json.dumps(PASSWORD)} }}",
                    f"ports_file_dir: {json.dumps(str(self.folder))}"]  # fmt: skip
        settings.append(f"max_payload: {self._payload_bytes_max}")
        if self._jetstream:
            settings.append(f"jetstream: {{ store_dir: {json.dumps(str(self.folder / 'js'))} }}")
        if self._tls is not None:
            certificate, key = (json.dumps(str(path)) for path in self._tls)
            settings.append(f"tls: {{ cert_file: {certificate}, key_file: {key} }}")
        (self.folder / "conf").write_text("\n".join(settings) + "\n")
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._program, "-c", str(self.folder / "conf")], stdout=log, stderr=log
            )
        ports = self.folder / f"nats-server_{self._server.pid}.ports"
        end = time.monotonic() + WAIT_SECONDS
        while not (text := ports.read_text() if ports.exists() else ""):
            assert self._server.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.02)
        self.port = int(json.loads(text)["nats"][0].rpartition(":")[2])

    def kill(self) -> None:
        """SIGKILL: the server has no say in it."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(WAIT_SECONDS)
            self._server = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, tls: ssl.SSLContext | None = None, secret: str = PASSWORD) -> Server:
        return Server("localhost" if tls else "127.0.0.1", self.port, tls, USER, secret)

    async def ask(self, what: str, question: Any = None) -> dict[str, Any]:
        """Ask JetStream over a connection of its own."""
        connection = await open_connection(self.server())
        try:
            return await ask(connection, what, question)
        finally:
            await connection.close()

    async def messages(self, stream: str) -> list[dict[str, Any]]:
        """Return every message of a stream: sequence, subject, headers, body."""
        connection = await open_connection(self.server())
        try:
            state = (await ask(connection, f"STREAM.INFO.{stream}"))["state"]
            found = []
            for sequence in range(state["first_seq"], state["last_seq"] + 1):
                reply = await ask(connection, f"STREAM.MSG.GET.{stream}", {"seq": sequence})
                found.append(_read(reply["message"]))
            return found
        finally:
            await connection.close()


async def ask(connection: Connection, what: str, question: Any = None) -> dict[str, Any]:
    payload = b"" if question is None else json.dumps(question).encode()
    reply = await connection.request(f"$JS.API.{what}", payload)
    told: dict[str, Any] = json.loads(reply.payload)
    return told


def _read(message: dict[str, Any]) -> dict[str, Any]:
    lines = base64.b64decode(message["hdrs"]).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    body = json.loads(base64.b64decode(message["data"]))
    return {"seq": message["seq"], "subject": message["subject"], "headers": headers, "body": body}


async def start_again(server: NatsServer) -> None:
    """Start a server that was killed, without holding up others."""
    await trio.to_thread.run_sync(server.start)
