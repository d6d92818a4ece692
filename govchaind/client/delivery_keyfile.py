"""An office's delivery key as a file: with the secret, mode 0600; whoever has it opens files.

It signs nothing: an office's signing keys are files of their own (`keyfile.py`). The public part is
on the ledger.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from govchaind.base.errors import InvalidSetting
from govchaind.client.private_file import (
    FILE_BYTES_MAX,
    check_names,
    check_unshared,
    read_bounded,
)
from govchaind.client.sealing import DELIVERY_KEY_BYTES, DeliveryKey
from govchaind.ledger.transaction import is_name

_ENTRIES = frozenset(("institution", "office", "delivery_public", "delivery_secret"))


@dataclass(frozen=True, slots=True)
class DeliveryKeyFile:
    """The delivery key of one office."""

    institution: str
    office: str
    secret: bytes = field(repr=False)

    @property
    def key(self) -> DeliveryKey:
        """The key itself."""
        return DeliveryKey(self.secret)

    def text(self) -> str:
        """Return the file's text; it holds the secret."""
        return (
            "# PRIVATE DELIVERY KEY of an office. Whoever reads this file can open what is sealed "
            "to it.\n"
            f'institution = "{self.institution}"\n'
            f'office = "{self.office}"\n'
            f'delivery_public = "{self.key.public.hex()}"\n'
            f'delivery_secret = "{self.secret.hex()}"\n'
        )


def new_delivery_key(institution: str, office: str, secret: bytes) -> DeliveryKeyFile:
    """Return a new delivery key. `secret`: 32 secret random bytes. Raises InvalidSetting."""
    check_names(institution, office)
    return DeliveryKeyFile(institution, office, secret)


def read_delivery_key(path: Path) -> DeliveryKeyFile:
    """Read a delivery key.

    Raises InvalidSetting: not there, not of this shape, or others may read it.
    """
    data, mode = read_bounded(
        path, "delivery key", "Name a file made by `govchaind delivery-keys new`."
    )
    try:
        table = tomllib.loads(data.decode())
        public = bytes.fromhex(table["delivery_public"])
        secret = bytes.fromhex(table["delivery_secret"])
        institution, office = table["institution"], table["office"]
    except (ValueError, KeyError, TypeError):
        raise _not_a_key(path) from None
    if len(data) > FILE_BYTES_MAX or set(table) != _ENTRIES:
        raise _not_a_key(path)
    if len(secret) != DELIVERY_KEY_BYTES or not (is_name(institution) and is_name(office)):
        raise _not_a_key(path)
    check_unshared(path, mode, "publish a new key")
    if DeliveryKey(secret).public != public:
        raise InvalidSetting(
            f"{path}: the private key does not belong to the public one",
            code="wrong-key",
            remedy="The file was damaged or mixed from two; restore it from a backup.",
        )
    return DeliveryKeyFile(institution, office, secret)


def _not_a_key(path: Path) -> InvalidSetting:
    return InvalidSetting(
        f"{path} is not a delivery key",
        code="bad-key",
        remedy="Name a file made by `govchaind delivery-keys new`.",
    )
