"""A key's file: read within a bound, and its mode; a secret that others may read is refused.

A locked file is opened on the way: whoever reads a key gets its text and need not know.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from govchaind.base.errors import InvalidSetting
from govchaind.client.locked_file import HEAD, is_locked, unlock
from govchaind.client.passphrase import passphrase
from govchaind.ledger.transaction import is_name

FILE_BYTES_MAX = 16 * 1024


def read_bounded(path: Path, what: str, remedy: str) -> tuple[bytes, int]:
    """Return `read_raw`'s answer, unlocked where the file is locked.

    Raises InvalidSetting: as `read_raw`, or it does not open.
    """
    data, mode = read_raw(path, what, remedy)
    if data.startswith(HEAD.encode()):
        data = opened(data.decode(errors="replace"), path).encode()
    return data, mode


def read_raw(path: Path, what: str, remedy: str) -> tuple[bytes, int]:
    """Return at most FILE_BYTES_MAX + 1 bytes of a file, and its mode when they were read.

    One byte more than the bound tells the caller that the file is too long. Raises InvalidSetting:
    it cannot be read; `what` names it in the message and `remedy` says what to name instead.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            return file.read(FILE_BYTES_MAX + 1), mode
    except OSError as error:
        raise InvalidSetting(
            f"cannot read the {what} {path}: {error.strerror}", code="no-key-file", remedy=remedy
        ) from None


def opened(text: str, path: Path) -> str:
    """Return a private file's text, unlocked if it is locked. Raises InvalidSetting."""
    return unlock(text, passphrase(), str(path)) if is_locked(text) else text


def check_unshared(path: Path, mode: int, if_read: str) -> None:
    """Refuse a private key that others may read. `if_read`: what to do if others did."""
    if mode & 0o077:
        raise InvalidSetting(
            f"{path} holds a private key and others may read it (mode {mode:04o})",
            code="key-readable",
            remedy=f"Run: chmod 600 {path}. If others did read it, {if_read}.",
        )


def check_names(institution: str, office: str) -> None:
    """Refuse what cannot name an institution or an office. Raises InvalidSetting."""
    for what, name in (("institution", institution), ("office", office)):
        if not is_name(name):
            raise InvalidSetting(
                f"{what} {name!r} is not a name: 1 to 32 of a-z, 0-9 and '-'", code="bad-name"
            )
