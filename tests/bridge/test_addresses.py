"""Addresses of databases and servers, and that passwords come from files and the environment."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.bridge.nats_wire import read_server
from govchaind.bridge.postgres_address import Address, read_address
from govchaind.bridge.secret_file import read_secret


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_an_address_is_read_with_what_the_environment_adds() -> None:
    near = read_address("postgresql://ann@localhost/facts", {})
    socket = read_address("postgresql:///facts?host=/run/postgresql&user=a%20b", {})
    bare = read_address("postgresql://", {"PGHOST": "db.example", "PGPORT": "6000", "USER": "bo"})

    assert (near.host, near.port, near.user, near.database) == ("localhost", 5432, "ann", "facts")
    assert (near.ssl_mode, near.socket, near.password) == ("disable", None, None)
    assert (socket.socket, socket.user) == ("/run/postgresql/.s.PGSQL.5432", "a b")
    assert str(bare) == "bo@db.example:6000/bo"


def test_over_a_network_the_server_must_prove_who_it_is() -> None:
    far = read_address("postgresql://ann@db.example/facts", {}).ssl_context()
    blind = read_address("postgresql://ann@db.example/facts?sslmode=require", {}).ssl_context()
    lost = read_address("postgresql://ann@db.example/facts?sslrootcert=/no/such", {})

    assert far is not None
    assert (far.verify_mode, far.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert blind is not None
    assert blind.verify_mode == ssl.CERT_NONE
    assert read_address("postgresql://ann@127.0.0.1/facts", {}).ssl_context() is None
    with pytest.raises(InvalidSetting):
        lost.ssl_context()


def test_passwords_come_from_files_and_the_environment(tmp_path: Path) -> None:
    own = secret(tmp_path / "own", "from a file\n")
    passes = secret(
        tmp_path / "pgpass",
        "# a comment\nother:5432:*:*:no\nlocalhost:5432:facts:ann:with\\:colon\n*:*:*:*:any\n",
    )
    text = "postgresql://ann@localhost/facts"

    def password(text: str, **environment: str) -> str | None:
        return read_address(text, environment).password

    assert read_address(text, {"PGPASSWORD": "x"}, password_file=own).password == "from a file"
    assert password(text, PGPASSWORD="x") == "x"
    assert password(text, PGPASSFILE=str(passes)) == "with:colon"
    assert password("postgresql://bo@localhost/facts", PGPASSFILE=str(passes)) == "any"
    assert password("postgresql:///facts?host=/run&user=ann", PGPASSFILE=str(passes)) == (
        "with:colon"
    )
    passes.rename(tmp_path / ".pgpass")
    assert password(text, HOME=str(tmp_path)) == "with:colon"
    assert password(text, HOME=str(tmp_path / "none")) is None


def test_no_password_is_shown() -> None:
    address = Address("h", 1, "u", "d", "disable", None, "secret word")
    assert "secret word" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("postgresql://ann:word@localhost/facts", "password-in-address"),
        ("postgresql://ann@localhost/facts?password=word", "password-in-address"),
        ("http://ann@localhost/facts", "bad-address"),
        ("facts", "bad-address"),
        ("postgresql://ann@localhost:99999999/facts", "bad-address"),
        ("postgresql://ann@localhost:x/facts", "bad-address"),
        ("postgresql://localhost/facts", "bad-address"),
        ("postgresql://ann@localhost/facts?sslmode=allow", "bad-address"),
        ("postgresql://ann@localhost/facts?options=x", "bad-address"),
    ],
)
def test_an_address_that_is_wrong_is_told(text: str, code: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_address(text, {})
    assert caught.value.code == code
    assert "word" not in caught.value.message.replace("password", "")


def test_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own"
    codes = []
    path.write_text("x")
    for mode in (0o644, 0o640):
        path.chmod(mode)
        with pytest.raises(InvalidSetting) as caught:
            read_secret(path)
        codes.append(caught.value.code)
    with pytest.raises(InvalidSetting) as absent:
        read_secret(tmp_path / "absent")
    assert [*codes, absent.value.code] == ["bad-password-file"] * 3


def test_a_server_of_nats_is_read(tmp_path: Path) -> None:
    own = secret(tmp_path / "own", "a word\n")
    plain = read_server("nats://ann@nats.example", secret_file=own, authority=None)
    token = read_server("tls://[::1]:5000", secret_file=own, authority=None)

    assert (plain.host, plain.port, plain.user, plain.secret) == (
        "nats.example", 4222, "ann", "a word",
    )  # fmt: skip
    assert (plain.tls, token.host, token.port, token.user) == (None, "::1", 5000, None)
    assert token.tls is not None
    assert token.tls.verify_mode == ssl.CERT_REQUIRED
    assert "a word" not in f"{plain!r} {plain}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nats://ann:word@localhost", "password-in-address"),
        ("http://localhost", "bad-address"),
        ("localhost:4222", "bad-address"),
        ("nats://localhost:x", "bad-address"),
        ("nats://localhost/path", "bad-address"),
        ("tls://localhost", "invalid-setting"),
    ],
)
def test_a_server_of_nats_that_is_none_is_told(text: str, code: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_server(text, secret_file=None, authority=Path("/no/such"))
    assert caught.value.code == code
