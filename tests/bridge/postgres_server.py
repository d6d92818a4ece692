"""A real PostgreSQL server of a test's own: made in a folder, on a socket there, killed at will."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from pg8000.exceptions import InterfaceError
from pg8000.native import Connection

from govchaind.bridge.postgres_address import Address

USER = "bridge"
PASSWORD = "a password with spaces"
WAIT_SECONDS = 30.0


def binaries() -> Path:
    """Return where the newest server's programs are (scripts/setup-system installs them)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts)
    assert found, "no PostgreSQL server is installed; run scripts/setup-system"
    return found[-1].parent


class PostgresServer:
    """One cluster. The server refuses to run as root, so root starts it as another user."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        """`tls`: certificate and key, with which it listens on loopback too."""
        self.folder = Path(tempfile.mkdtemp(prefix="gc-pg-"))  # a socket's path is short
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._do("initdb", "-D", "data", "-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "-N",
                 "--pwfile", "secret", "--no-locale")  # fmt: skip
        secret.unlink()
        self.port = 5432
        self._settings = [f"unix_socket_directories={self.folder}", "fsync=off"]
        if tls is None:
            self._settings.append("listen_addresses=")
        else:
            self._secure(*tls)
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    def _do(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries() / program), *arguments],
            cwd=self.folder, check=True, capture_output=True, **self._as,
        )  # fmt: skip

    def _secure(self, certificate: Path, key: Path) -> None:
        for path, mode in ((certificate, 0o644), (key, 0o600)):
            copy = self.folder / path.name
            shutil.copy(path, copy)
            if self._as:
                os.chown(copy, self._as["user"], self._as["group"])
            copy.chmod(mode)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._settings += [f"port={self.port}", "listen_addresses=127.0.0.1", "ssl=on",
                           f"ssl_cert_file={self.folder / certificate.name}",
                           f"ssl_key_file={self.folder / key.name}"]  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers; one that was killed recovers first."""
        options = [word for setting in self._settings for word in ("-c", setting)]
        end = time.monotonic() + WAIT_SECONDS
        while True:
            with (self.folder / "log").open("ab") as log:
                self._server = subprocess.Popen(
                    [str(binaries() / "postgres"), "-D", "data", *options],
                    cwd=self.folder, stdout=log, stderr=log, **self._as,
                )  # fmt: skip
            while self._server.poll() is None:
                try:
                    self.run("SELECT 1", database="postgres")
                except InterfaceError:
                    assert time.monotonic() < end, (self.folder / "log").read_text()
                    time.sleep(0.05)
                except Exception:
                    time.sleep(0.05)  # it is starting up
                else:
                    return
            # Children of one that was killed may still hold its memory.
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: the server has no say in it."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(WAIT_SECONDS)
            self._server = None

    def close(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # a fast shutdown
            self._server.wait(WAIT_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str, settings: str = "") -> Address:
        """Make a database; return how it is reached."""
        self.run(f'CREATE DATABASE "{name}" {settings}', database="postgres")
        return self.address(name)

    def address(self, name: str) -> Address:
        return Address(str(self.folder), self.port, USER, name, "disable", None, PASSWORD)

    def dsn(self, name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def run(self, statement: str, *, database: str, **values: Any) -> list[list[Any]]:
        """Do one statement over a connection of its own."""
        path = f"{self.folder}/.s.PGSQL.{self.port}"
        connection = Connection(
            USER, database=database, password=PASSWORD, unix_sock=path, timeout=WAIT_SECONDS
        )
        try:
            return connection.run(statement, **values) or []
        finally:
            connection.close()
