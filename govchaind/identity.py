"""A node directory: which files make a node who it is, with which modes, and how they are checked.

    govchaind.toml    settings (config.py)
    identity.toml     name, institution, id of the first store, the two public keys: nothing secret
    attestation.key   64 hex digits: the seed that signs attestations and Hello      mode 0600
    tls.key           64 hex digits: the seed of the TLS channel's key               mode 0600
    tls.crt           the self-signed certificate of tls.key, PEM
    genesis.bin       the chain's genesis, verbatim
                      (or with a signer, which `attestation.signer` names: not here)
    greetings         what that signer has signed for links (runtime/greetings.py)
    next/             the same files of the keys that the node is to have, while they change
    guard             what the node remembers of its own word, over store lives
    store/            the store

Rules: a private key is created with its mode, never opened wider first; a key file that others
may read is refused; a key that is not the one identity.toml names is refused, so that a file
copied from another node is found at the start and not by its peers. The text form of `Identity`
shows no secret. Reading the genesis and the store is the caller's business.
"""

from __future__ import annotations

import binascii
import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from govchaind.base.crypto import (
    PUBLIC_KEY_BYTES,
    SEED_BYTES,
    HeldElsewhere,
    Signer,
    SigningKey,
)
from govchaind.base.errors import InvalidSetting
from govchaind.base.types import NodeId, PublicKey, StoreId
from govchaind.client.private_file import check_unshared, opened
from govchaind.runtime.guard import guard_bytes, unborn

IDENTITY_FILE = "identity.toml"
ATTESTATION_KEY_FILE = "attestation.key"
TLS_KEY_FILE = "tls.key"
CERTIFICATE_FILE = "tls.crt"
GENESIS_FILE = "genesis.bin"
GUARD_FILE = "guard"
GREETINGS_FILE = "greetings"
NEXT_FOLDER = "next"

STORE_ID_BYTES = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_FILE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is: its name, its institution, its two keys and the store it was born with."""

    name: NodeId
    institution: str
    first_store: StoreId
    directory: Path
    signer: Signer
    tls_public: PublicKey
    tls_seed: bytes = field(repr=False)
    following: Identity | None = None  # of the keys that the node is to have

    def held(self) -> tuple[Identity, ...]:
        """Return every pair of keys that this node holds, the present one first."""
        return (self,) if self.following is None else (self, self.following)

    @property
    def attestation_public(self) -> PublicKey:
        """The public key that attestations verify under."""
        return self.signer.public

    @property
    def certificate_path(self) -> Path:
        """The PEM file of the TLS certificate."""
        return self.directory / CERTIFICATE_FILE

    @property
    def genesis_path(self) -> Path:
        """The chain's genesis, verbatim."""
        return self.directory / GENESIS_FILE

    @property
    def greetings_path(self) -> Path:
        """What a signer has signed for links."""
        return self.directory / GREETINGS_FILE

    @property
    def guard_path(self) -> Path:
        """What the node remembers of its own word."""
        return self.directory / GUARD_FILE


def write_private(path: Path, text: str) -> None:
    """Create a file that only its owner may read; never overwrite one.

    Raises:
        InvalidSetting: the file is already there, or the folder does not take it.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidSetting(
            f"{path} is already there; a private key is never overwritten",
            code="already-there",
            remedy="Choose another name, or move the old file away first.",
        ) from None
    except OSError as error:
        raise InvalidSetting(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def read_private(path: Path) -> str:
    """Read a file that holds a private key, unlocked if it is locked.

    Raises:
        InvalidSetting: not there, not readable, readable by others, or it does not open.
    """
    text = _read_text(path)
    _check_mode(path)
    return opened(text, path)


def check_key_files(directory: Path) -> None:
    """Raise InvalidSetting if others may read a private key of a node's directory; read none."""
    for folder in (directory, directory / NEXT_FOLDER):
        for name in (ATTESTATION_KEY_FILE, TLS_KEY_FILE):
            if (folder / name).exists():
                _check_mode(folder / name)


def _check_mode(path: Path) -> None:
    check_unshared(path, stat.S_IMODE(path.stat().st_mode), "replace the key")


def read_seed(path: Path) -> bytes:
    """Read a private key file of 64 hex digits as its 32-byte seed."""
    text = read_private(path).strip()
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise InvalidSetting(
            f"{path} is not a key file: it must hold {2 * SEED_BYTES} hex digits",
            code="bad-key",
            remedy="Restore the file from the node's backup; keys come from `govchaind init`.",
        )
    return seed


def write_identity(
    directory: Path,
    *,
    name: NodeId,
    institution: str,
    first_store: StoreId,
    attestation_seed: bytes,
    tls_seed: bytes,
) -> Identity:
    """Write keys and identity.toml into `directory`; return the identity they make."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    write_private(directory / ATTESTATION_KEY_FILE, attestation_seed.hex() + "\n")
    write_private(directory / TLS_KEY_FILE, tls_seed.hex() + "\n")
    signer, tls_public = SigningKey(attestation_seed), SigningKey(tls_seed).public
    (directory / IDENTITY_FILE).write_text(
        "# Who this node is. Nothing here is secret; the .key files beside it are.\n"
        f'name = "{name}"\n'
        f'institution = "{institution}"\n'
        f'first_store = "{first_store.hex()}"\n'
        f'attestation_public = "{signer.public.hex()}"\n'
        f'tls_public = "{tls_public.hex()}"\n',
        encoding="utf-8",
    )
    # Says that the first store has said nothing yet. A node without this file has lived before.
    (directory / GUARD_FILE).write_bytes(guard_bytes(unborn(first_store)))
    return Identity(name, institution, first_store, directory, signer, tls_public, tls_seed)


def load_identity(directory: Path, *, key_elsewhere: bool = False) -> Identity:
    """Read and check a node directory's identity.

    `key_elsewhere`: a signer holds the attestation key, and so no copy of it may lie here.

    Raises:
        InvalidSetting: a file is missing, malformed, readable by others, or of another node.
    """
    path = directory / IDENTITY_FILE
    text = _read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSetting(f"{path} is not valid TOML: {error}") from None
    expected = {"name", "institution", "first_store", "attestation_public", "tls_public"}
    for wrong in sorted(set(table) ^ expected):
        verb = "has an unknown entry" if wrong in table else "lacks the entry"
        raise InvalidSetting(f"{path} {verb} {wrong}")
    for entry in ("name", "institution"):
        if not isinstance(table[entry], str) or not _NAME.fullmatch(table[entry]):
            raise InvalidSetting(f"{path}: {entry} is not 1 to 32 of a-z, 0-9 and '-'")
    signer: Signer
    if key_elsewhere:
        _check_absent(directory / ATTESTATION_KEY_FILE)
        signer = HeldElsewhere(_hex(path, table, "attestation_public", PUBLIC_KEY_BYTES))
    else:
        signer = SigningKey(_own_seed(directory, ATTESTATION_KEY_FILE, table, "attestation_public"))
    tls_seed = _own_seed(directory, TLS_KEY_FILE, table, "tls_public")
    _check_certificate(directory / CERTIFICATE_FILE, SigningKey(tls_seed).public)
    return Identity(
        name=table["name"],
        institution=table["institution"],
        first_store=_hex(path, table, "first_store", STORE_ID_BYTES),
        directory=directory.resolve(),
        signer=signer,
        tls_public=SigningKey(tls_seed).public,
        tls_seed=tls_seed,
    )


def _check_absent(path: Path) -> None:
    if path.exists():
        raise InvalidSetting(
            f"{path} lies here, but attestation.signer says that a signer holds this key",
            code="key-beside-signer",
            remedy="Move the file to the signer: a key in two places can sign two things.",
        )


def _own_seed(directory: Path, file: str, table: dict[str, object], entry: str) -> bytes:
    """Read a seed and compare its public key with the one that identity.toml names."""
    seed = read_seed(directory / file)
    expected = _hex(directory / IDENTITY_FILE, table, entry, PUBLIC_KEY_BYTES)
    found = SigningKey(seed).public
    if found != expected:
        raise InvalidSetting(
            f"{directory / file} is the key {found.hex()[:16]}…, but this node's is "
            f"{expected.hex()[:16]}… ({entry} in {IDENTITY_FILE})",
            code="wrong-key",
            remedy="Put this node's own key file back; the one there is of another node.",
        )
    return seed


def _check_certificate(path: Path, public: PublicKey) -> None:
    """Refuse a certificate that is not of this key; its form is judged where TLS starts."""
    text = _read_text(path)
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    if public not in _decode_base64(body):
        raise InvalidSetting(
            f"{path} is not the certificate of {TLS_KEY_FILE}",
            code="wrong-certificate",
            remedy="Put this node's own certificate back; it was made together with the key.",
        )


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return b""


def _hex(path: Path, table: dict[str, object], entry: str, length: int) -> bytes:
    value = table[entry]
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * length}}}", value):
        raise InvalidSetting(f"{path}: {entry} is not {2 * length} lower-case hex digits")
    return bytes.fromhex(value)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()[: _FILE_BYTES_MAX + 1]
        if len(data) > _FILE_BYTES_MAX:
            raise InvalidSetting(f"{path} is larger than {_FILE_BYTES_MAX} bytes")
        return data.decode()
    except FileNotFoundError:
        raise InvalidSetting(
            f"{path} is missing",
            code="no-node",
            remedy="Name a node directory made by `govchaind init network` or `init node`.",
        ) from None
    except OSError as error:
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidSetting(f"{path} is not text") from None
