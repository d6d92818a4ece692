"""An office's key as a file: who it signs for, its public key, and its private seed.

The file is a few lines of TOML. With the seed it is private (mode 0600) and ends in `.key`; without
it is a *key card* that may be shown to anyone, and ends in `.card`. `Author` is who signs: one
office and as many of its keys as its policy asks for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from govchaind.base.crypto import SEED_BYTES, SigningKey
from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import TITLE_CHARS_MAX
from govchaind.base.types import PublicKey
from govchaind.client.private_file import (
    FILE_BYTES_MAX,
    check_names,
    check_unshared,
    read_bounded,
)
from govchaind.ledger.transaction import is_name

_ENTRIES = frozenset(("institution", "office", "title", "public"))


@dataclass(frozen=True, slots=True)
class OfficeKeyFile:
    """One key of one office; `seed` is None on a card."""

    institution: str
    office: str
    title: str
    public: PublicKey
    seed: bytes | None = field(repr=False)

    def signing_key(self) -> SigningKey:
        """Return the private key. Raises InvalidSetting on a card."""
        if self.seed is None:
            raise InvalidSetting(
                f"the card of {self.institution}/{self.office} holds no private key",
                code="bad-key",
                remedy="Name the .key file; a .card only shows the public key.",
            )
        return SigningKey(self.seed)

    def text(self, *, private: bool) -> str:
        """Return the file's text, with the seed or without."""
        first = (
            "# PRIVATE KEY of an office. Whoever reads this file can sign for the office."
            if private
            else "# Public key of an office; not secret."
        )
        lines = [
            first,
            f'institution = "{self.institution}"',
            f'office = "{self.office}"',
            f"title = {_toml_text(self.title)}",
            f'public = "{self.public.hex()}"',
        ]
        if private:
            if self.seed is None:
                raise InvalidSetting("this key has no private part to write", code="bad-key")
            lines.append(f'seed = "{self.seed.hex()}"')
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Author:
    """Who signs: an office, and those of its keys that are at hand."""

    institution: str
    office: str
    keys: tuple[SigningKey, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """The office that reads, and one of its keys."""

    institution: str
    office: str
    key: SigningKey = field(repr=False)


def new_key(*, institution: str, office: str, title: str, seed: bytes) -> OfficeKeyFile:
    """Return a new key of an office. `seed`: 32 secret random bytes.

    Raises:
        InvalidSetting: institution or office is no name, or the title is too long.
    """
    check_names(institution, office)
    if not 1 <= len(title) <= TITLE_CHARS_MAX or not title.isprintable():
        raise InvalidSetting(f"a title is 1 to {TITLE_CHARS_MAX} characters on one line")
    return OfficeKeyFile(institution, office, title, SigningKey(seed).public, seed)


def read_key_file(path: Path) -> OfficeKeyFile:
    """Read a key or a card.

    Raises:
        InvalidSetting: not there, not of this shape, or a private key that others may read.
    """
    data, mode = read_bounded(
        path,
        "key file",
        "Name a key file made by `govchaind keys new` or `govchaind init network`.",
    )
    try:
        table = tomllib.loads(data.decode())
        title, institution, office = table["title"], table["institution"], table["office"]
        public = bytes.fromhex(table["public"])
        seed = bytes.fromhex(table["seed"]) if "seed" in table else None
    except (ValueError, KeyError, TypeError):
        raise _not_a_key(path) from None
    if len(data) > FILE_BYTES_MAX or not set(table) <= _ENTRIES | {"seed"}:
        raise _not_a_key(path)
    if not (isinstance(title, str) and is_name(institution) and is_name(office)):
        raise _not_a_key(path)
    if seed is not None:
        check_unshared(path, mode, "replace the key")
        if len(seed) != SEED_BYTES or SigningKey(seed).public != public:
            raise InvalidSetting(
                f"{path}: the private key does not belong to the public one",
                code="wrong-key",
                remedy="The file was damaged or mixed from two; restore it from a backup.",
            )
    return OfficeKeyFile(institution, office, title, public, seed)


def author_of(paths: Sequence[Path]) -> Author:
    """Return who signs with these key files, which must be of one office."""
    if not paths:
        raise InvalidSetting(
            "no key to sign with",
            code="no-key-file",
            remedy="Name one with --key, such as keys/NAME.key of `govchaind init network`.",
        )
    files = [read_key_file(path) for path in paths]
    offices = {(file.institution, file.office) for file in files}
    if len(offices) != 1:
        named = ", ".join("/".join(office) for office in sorted(offices))
        raise InvalidSetting(
            f"the keys are of several offices: {named}",
            code="keys-of-two-offices",
            remedy="A transaction has one author; give keys of one office.",
        )
    keys = {file.public: file.signing_key() for file in files}
    return Author(files[0].institution, files[0].office, tuple(keys[k] for k in sorted(keys)))


def reader_of(path: Path) -> Reader:
    """Return the office that reads with a key file. Raises InvalidSetting."""
    file = read_key_file(path)
    return Reader(file.institution, file.office, file.signing_key())


def _not_a_key(path: Path) -> InvalidSetting:
    return InvalidSetting(
        f"{path} is not a key file",
        code="bad-key",
        remedy="A key file names institution, office, title, public and (if private) seed.",
    )


def _toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
