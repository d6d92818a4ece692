"""Where a PostgreSQL server is, and the password for it: from a file or the environment only.

    postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE
    postgresql:///DATABASE?host=/run/postgresql&user=USER

What is left out comes from PGHOST, PGPORT, PGUSER and PGDATABASE. A password in the address is
refused, since every user of the machine reads the arguments of every process. Over a network the
server must show a certificate that holds, unless `sslmode` says otherwise.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from govchaind.base.errors import InvalidSetting
from govchaind.bridge.secret_file import read_secret

PORT = 5432
SSL_MODES = ("disable", "require", "verify-full")
_NEAR = ("localhost", "127.0.0.1", "::1")
_KNOWN = frozenset(("host", "port", "user", "dbname", "sslmode", "sslrootcert"))


@dataclass(frozen=True, slots=True)
class Address:
    """A database on a server, and as whom it is opened."""

    host: str  # a name, an address, or the folder of a socket
    port: int
    user: str
    database: str
    ssl_mode: str
    ssl_root: Path | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def socket(self) -> str | None:
        """Where the server's socket is, if it is on this machine."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return how the connection is secured; None: not at all. Raises InvalidSetting."""
        if self.socket is not None or self.ssl_mode == "disable":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_root)
        except OSError as error:
            raise InvalidSetting(
                f"cannot read the certificates in {self.ssl_root}: {error.strerror}"
            ) from None
        if self.ssl_mode == "require":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read_address(
    text: str, environment: Mapping[str, str], *, password_file: Path | None = None
) -> Address:
    """Return the address that `text` is, with its password. Raises InvalidSetting."""
    try:
        parts = urlsplit(text)
        port = parts.port
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _bad_address("it is not an address") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise _bad_address("it does not begin with postgresql://")
    if parts.password is not None or "password" in query:
        raise InvalidSetting(
            "the address of the database holds a password, which every user of this machine reads",
            code="password-in-address",
            remedy="Put it into a file for --password-file, or into PGPASSFILE; and change it.",
        )
    if unknown := sorted(set(query) - _KNOWN):
        raise _bad_address(f"{unknown[0]!r} is not known in it")

    def choose(given: str | None, name: str, variable: str, otherwise: str) -> str:
        return unquote(given or "") or query.get(name) or environment.get(variable) or otherwise

    host = choose(parts.hostname, "host", "PGHOST", "localhost")
    user = choose(parts.username, "user", "PGUSER", environment.get("USER", ""))
    database = choose(parts.path.lstrip("/"), "dbname", "PGDATABASE", user)
    number = choose(None if port is None else str(port), "port", "PGPORT", str(PORT))
    mode = query.get("sslmode", "disable" if host in _NEAR else "verify-full")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", number) or not user:
        raise _bad_address("a port is a number" if user else "it names no user")
    if mode not in SSL_MODES:
        raise _bad_address(f"sslmode is one of {', '.join(SSL_MODES)}")
    root = Path(query["sslrootcert"]) if "sslrootcert" in query else None
    if password_file is not None:
        password: str | None = read_secret(password_file).rstrip("\r\n")
    else:
        password = environment.get("PGPASSWORD") or _passed(
            environment, host, number, database, user
        )
    return Address(host, int(number), user, database, mode, root, password)


def _bad_address(what: str) -> InvalidSetting:
    return InvalidSetting(
        f"the address of the database is wrong: {what}",
        code="bad-address",
        remedy="Write it as postgresql://USER@HOST:PORT/DATABASE.",
    )


def _passed(
    environment: Mapping[str, str], host: str, port: str, database: str, user: str
) -> str | None:
    """Return the password that a file of PostgreSQL's own form has (libpq, "The Password File")."""
    named = environment.get("PGPASSFILE")
    if named is None:
        home = environment.get("HOME")
        if home is None or not (Path(home) / ".pgpass").exists():
            return None
        named = f"{home}/.pgpass"
    wanted = ("localhost" if host.startswith("/") else host, port, database, user)
    for line in read_secret(Path(named)).splitlines():
        if line.startswith("#"):
            continue
        found = [re.sub(r"\\(.)", r"\1", one) for one in re.split(r"(?<!\\):", line)]
        if len(found) == 5 and all(
            one in ("*", want) for one, want in zip(found, wanted, strict=False)
        ):
            return found[4]
    return None
