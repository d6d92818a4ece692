"""Receives a delivery: fetched or taken from a file, checked against the ledger, opened, stored.

Rules: what the file must be (sender, receiver, hash, size, commitment) is proved first; the plain
file appears under its name only when all of it was checked, and never in place of another; sealed
file and content key stay in the folder, so it can be opened again until it is erased.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govchaind.base.errors import InvalidProof, InvalidSetting
from govchaind.base.types import Hash
from govchaind.client.delivering import check_digest
from govchaind.client.delivery_folder import DeliveryFolder
from govchaind.client.sealing import DeliveryKey, Opened, unseal
from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.sealed_file import Place

NAME_CHARS_MAX = 120


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ledger says that a delivery is."""

    place: Place
    commitment: Hash
    sealed: Hash
    size: int
    rows: int | None
    received: bool


def expected(chain_id: Hash, delivery: tuple[str, str, int], value: list[Any]) -> Expected:
    """Return what a delivery's proved value says of it."""
    sender, receiver = value[ledger.SENDER], value[ledger.RECEIVER]
    return Expected(
        Place(chain_id, *delivery, (sender[0], sender[1]), (receiver[0], receiver[1])),
        value[ledger.COMMITMENT],
        value[ledger.SEALED],
        value[ledger.SIZE],
        value[ledger.ROWS],
        value[ledger.RECEIVED] is not None,
    )


def take(folder: DeliveryFolder, file: Path, digest: Hash) -> None:
    """Copy a sealed file that came by another channel into the folder, and check it.

    Raises InvalidProof: it is not the recorded one. InvalidSetting: it cannot be read.
    """
    folder.make()
    whole = False
    try:
        with file.open("rb") as source, folder.part.open("wb") as target:
            while part := source.read(1024 * 1024):
                target.write(part)
        whole = True
    except OSError as error:
        raise InvalidSetting(f"cannot read {file}: {error.strerror}") from None
    finally:
        if not whole:  # a fetch would go on where this ended, whatever it was
            folder.part.unlink(missing_ok=True)
    check_digest(folder.part, digest)
    folder.part.replace(folder.sealed)


def open_into(
    folder: DeliveryFolder,
    output: Path,
    wanted: Expected,
    key: DeliveryKey | None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Path, Opened]:
    """Open the folder's sealed file, and keep the content key; return where it lies now.

    Args:
        output: the file to make, or a folder in which it gets the name that its sender gave it.
        key: the office's delivery key; None where the file was opened before.

    Raises:
        Invalid: it is not what the ledger says, or not for this key. InvalidSetting: no room for
            it, or `output` is there already.
    """
    kept = folder.content_key.read_bytes() if folder.content_key.exists() else None
    opener = key if kept is None else kept
    if opener is None:
        raise InvalidSetting(
            "no key to open the file with",
            code="no-key-file",
            remedy="Name the office's delivery key with --delivery-key.",
        )
    refuse_present(output)
    inside = output.is_dir()
    place = output if inside else output.parent
    handle, temporary = tempfile.mkstemp(dir=place, prefix=".opening-")
    try:
        with os.fdopen(handle, "wb") as target, folder.sealed.open("rb") as source:
            opened = unseal(source, target, place=wanted.place, key=opener, advance=advance)
            target.flush()
            os.fsync(target.fileno())
        found = (opened.commitment, opened.letter.size, opened.letter.rows)
        if found != (wanted.commitment, wanted.size, wanted.rows):
            raise InvalidProof(
                "the file is not the one that the ledger's commitment is to",
                code="not-what-was-committed",
                remedy="Dispute the delivery: `govchaind deliveries dispute`.",
            )
        if inside:
            otherwise = ".".join(map(str, folder.delivery))
            output = output / plain_name(opened.letter.name, otherwise)
        os.link(temporary, output)  # unlike a rename, this never takes another's place
    except FileExistsError:
        refuse_present(output)
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    folder.keep_content_key(opened.content_key)
    return output, opened


def refuse_present(output: Path) -> None:
    """Raise InvalidSetting if a plain file can be made neither here nor, in a folder, inside."""
    if output.is_dir():
        return
    if output.exists():
        raise InvalidSetting(
            f"{output} is already there",
            code="already-there",
            remedy="Name another place with --output; nothing is overwritten.",
        )
    if not output.parent.is_dir():
        raise InvalidSetting(f"there is no folder {output.parent}", code="no-folder")


def plain_name(name: str, otherwise: str) -> str:
    """Return the name that a sender gave a file, if it is nothing but a name; else `otherwise`.

    It comes from outside: no path, nothing hidden, nothing that a terminal would act on.
    """
    safe = (
        0 < len(name) <= NAME_CHARS_MAX
        and name.isprintable()
        and not name.startswith((".", "-", "~"))
        and not set(name) & set('/\\:*?"<>|')
    )
    return name if safe else otherwise
