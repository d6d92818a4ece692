"""A file with a password or a token in it, which nobody but its owner may read."""

from __future__ import annotations

from pathlib import Path

from govchaind.base.errors import InvalidSetting

FILE_BYTES_MAX = 64 * 1024
_READ_BY_OTHERS = 0o077


def read_secret(path: Path) -> str:
    """Return what a file of secrets holds. Raises InvalidSetting."""
    try:
        if path.stat().st_mode & _READ_BY_OTHERS:
            raise InvalidSetting(
                f"{path} can be read by others",
                code="bad-password-file",
                remedy=f"chmod 600 {path}; and change the password.",
            )
        with path.open(encoding="utf-8") as file:
            return file.read(FILE_BYTES_MAX)
    except (OSError, UnicodeDecodeError):
        raise InvalidSetting(
            f"cannot read a password from {path}",
            code="bad-password-file",
            remedy="Name a file that is there, and that the bridge's user can read.",
        ) from None
