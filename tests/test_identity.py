"""A node directory: what was written reads back; a wrong, open or foreign key file is refused."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from govchaind.base.crypto import Domain, HeldElsewhere, SigningKey
from govchaind.base.errors import InvalidSetting, InvariantBroken
from govchaind.identity import (
    ATTESTATION_KEY_FILE,
    CERTIFICATE_FILE,
    IDENTITY_FILE,
    TLS_KEY_FILE,
    Identity,
    load_identity,
    write_identity,
    write_private,
)

ATTESTATION_SEED = bytes(range(32))
TLS_SEED = bytes(range(32, 64))


def make_node(directory: Path, tls_seed: bytes = TLS_SEED) -> Identity:
    """Write a node directory; the certificate here is only the key in PEM armour."""
    identity = write_identity(
        directory,
        name="north",
        institution="civil-affairs",
        first_store=bytes(16),
        attestation_seed=ATTESTATION_SEED,
        tls_seed=tls_seed,
    )
    body = base64.b64encode(b"certificate of " + SigningKey(tls_seed).public).decode()
    (directory / CERTIFICATE_FILE).write_text(
        f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    )
    return identity


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    made = make_node(tmp_path / "north")

    loaded = load_identity(tmp_path / "north")

    assert (loaded.name, loaded.institution, loaded.first_store) == (
        "north",
        "civil-affairs",
        bytes(16),
    )
    assert loaded.attestation_public == made.attestation_public
    assert (loaded.tls_public, loaded.tls_seed) == (SigningKey(TLS_SEED).public, TLS_SEED)


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    make_node(tmp_path)

    modes = [
        stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in (ATTESTATION_KEY_FILE, TLS_KEY_FILE)
    ]

    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_no_text_form_shows_a_secret(tmp_path: Path) -> None:
    identity = make_node(tmp_path)

    text = repr(identity) + (tmp_path / IDENTITY_FILE).read_text()

    assert ATTESTATION_SEED.hex() not in text
    assert TLS_SEED.hex() not in text
    assert repr(TLS_SEED) not in text


def test_a_private_key_is_never_overwritten(tmp_path: Path) -> None:
    write_private(tmp_path / "a.key", "first")

    with pytest.raises(InvalidSetting) as caught:
        write_private(tmp_path / "a.key", "second")

    assert caught.value.code == "already-there"
    assert (tmp_path / "a.key").read_text() == "first"


def refusal(directory: Path) -> InvalidSetting:
    with pytest.raises(InvalidSetting) as caught:
        load_identity(directory)
    return caught.value


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_node(tmp_path)
    (tmp_path / TLS_KEY_FILE).chmod(0o640)

    error = refusal(tmp_path)

    assert (error.code, "chmod 600" in error.remedy) == ("key-readable", True)


@pytest.mark.parametrize("text", ["", "zz" * 32, "00" * 31, "00" * 33, "-----BEGIN PRIVATE KEY"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    make_node(tmp_path)
    (tmp_path / ATTESTATION_KEY_FILE).write_text(text)

    error = refusal(tmp_path)

    assert error.code == "bad-key"
    assert not text or text not in error.message


def test_another_nodes_key_is_refused(tmp_path: Path) -> None:
    make_node(tmp_path)
    (tmp_path / ATTESTATION_KEY_FILE).write_text(bytes(32).hex())

    error = refusal(tmp_path)

    assert error.code == "wrong-key"
    assert "attestation.key" in error.message


def test_another_nodes_certificate_is_refused(tmp_path: Path) -> None:
    make_node(tmp_path / "north")
    make_node(tmp_path / "south", tls_seed=bytes(32))
    other = (tmp_path / "south" / CERTIFICATE_FILE).read_text()
    (tmp_path / "north" / CERTIFICATE_FILE).write_text(other)

    assert refusal(tmp_path / "north").code == "wrong-certificate"


@pytest.mark.parametrize(
    "name", [IDENTITY_FILE, ATTESTATION_KEY_FILE, TLS_KEY_FILE, CERTIFICATE_FILE]
)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    make_node(tmp_path)
    (tmp_path / name).unlink()

    error = refusal(tmp_path)

    assert error.code == "no-node"
    assert name in error.message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "north"', 'name = "The North"', "name is not 1 to 32"),
        ('name = "north"', 'nme = "north"', "lacks the entry name"),
        ('first_store = "0', 'first_store = "x', "first_store is not 32"),
        ("tls_public =", "tls_public :", "not valid TOML"),
        ('name = "north"', 'name = "north"\ncolour = 1', "unknown entry colour"),
    ],
)
def test_a_spoilt_identity_file_is_refused(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    make_node(tmp_path)
    path = tmp_path / IDENTITY_FILE
    path.write_text(path.read_text().replace(old, new))

    assert expected in refusal(tmp_path).message


def test_a_key_that_a_signer_holds_is_not_read_and_may_not_lie_here(tmp_path: Path) -> None:
    made = make_node(tmp_path)
    with pytest.raises(InvalidSetting, match="a signer holds this key") as caught:
        load_identity(tmp_path, key_elsewhere=True)
    assert caught.value.code == "key-beside-signer"
    (tmp_path / ATTESTATION_KEY_FILE).unlink()
    loaded = load_identity(tmp_path, key_elsewhere=True)
    assert loaded.signer == HeldElsewhere(made.attestation_public)
    with pytest.raises(InvariantBroken):
        loaded.signer.sign(Domain.ATTESTATION, b"anything")
