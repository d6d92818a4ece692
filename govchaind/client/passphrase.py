"""Where a passphrase comes from: a descriptor, a credential of systemd's, or a person.

Never from the command line or the environment itself, which others on the machine may read:

1. `GOVCHAIND_PASSPHRASE_FD`: the number of an open descriptor; it is read to its end;
2. the credential `govchaind-passphrase` in `$CREDENTIALS_DIRECTORY`, as systemd gives it;
3. the terminal, unseen.

It is asked for once a process. One newline at its end does not belong to it.
"""

from __future__ import annotations

import getpass
import os
import sys
from functools import lru_cache
from pathlib import Path

from govchaind.base.errors import InvalidSetting

DESCRIPTOR_VARIABLE = "GOVCHAIND_PASSPHRASE_FD"
CREDENTIAL = "govchaind-passphrase"
CHARS_MIN = 12
BYTES_MAX = 1024


@lru_cache(maxsize=1)
def passphrase() -> bytes:
    """Return the passphrase of this process. Raises InvalidSetting: there is none to be had."""
    given = _given()
    if given is None:
        if not sys.stdin.isatty():
            raise InvalidSetting(
                "a private key is locked, and there is nobody to ask for its passphrase",
                code="key-locked",
                remedy=f"Open a descriptor with it and name its number in {DESCRIPTOR_VARIABLE}, "
                f"or give systemd's credential {CREDENTIAL}.",
            )
        given = getpass.getpass("Passphrase: ").encode()
    return given


@lru_cache(maxsize=1)
def new_passphrase() -> bytes:
    """Return the passphrase to lock with; a person types it twice. Raises InvalidSetting."""
    given = _given()
    if given is None:
        given = passphrase()
        if getpass.getpass("Again: ").encode() != given:
            raise InvalidSetting(
                "the two are not the same", code="bad-passphrase", remedy="Run it again."
            )
    if len(given.decode(errors="replace")) < CHARS_MIN:
        raise InvalidSetting(
            f"a passphrase has at least {CHARS_MIN} characters",
            code="bad-passphrase",
            remedy="Take a longer one: five words by dice are easy to keep and hard to guess.",
        )
    return given


@lru_cache(maxsize=1)
def _given() -> bytes | None:
    """Return what a descriptor or systemd gives; None if neither was named."""
    number = os.environ.get(DESCRIPTOR_VARIABLE)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        if number is not None:
            with os.fdopen(int(number), "rb", closefd=False) as file:
                return _bounded(file.read(BYTES_MAX + 2), f"descriptor {number}")
        if folder is not None and (Path(folder) / CREDENTIAL).exists():
            with (Path(folder) / CREDENTIAL).open("rb") as file:
                return _bounded(file.read(BYTES_MAX + 2), f"the credential {CREDENTIAL}")
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no number"
        raise InvalidSetting(
            f"the passphrase cannot be read: {what}",
            code="bad-passphrase",
            remedy=f"{DESCRIPTOR_VARIABLE} names an open descriptor, such as 3 after `3<FILE`.",
        ) from None
    return None


def _bounded(data: bytes, source: str) -> bytes:
    given = data.removesuffix(b"\n")
    if not 1 <= len(given) <= BYTES_MAX:
        raise InvalidSetting(
            f"{source} gives {'no' if not given else 'too long a'} passphrase",
            code="bad-passphrase",
            remedy=f"A passphrase has {CHARS_MIN} characters to {BYTES_MAX} bytes.",
        )
    return given
