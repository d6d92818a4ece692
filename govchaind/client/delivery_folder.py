"""What one's own machine keeps of a delivery, so that an interrupted one goes on.

    FOLDER/out/REQUESTER.REFERENCE.NUMBER/     what was sealed here
    FOLDER/in/REQUESTER.REFERENCE.NUMBER/      what was received here
        facts.json      what was said of it: names, hashes, paths, how far it has come
        sealed          the sealed file, or sealed.part while it comes
        transaction     the signed transaction, sent again unchanged if need be
        content.key     the key to this one file, once it was opened; 0600

Names of folders are made of checked names only. `destroy` overwrites before it removes; what a disk
or a file system has copied of its own accord is beyond it, so the key is the part that matters:
without it the sealed file is noise.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Literal

from govchaind.base.errors import InvalidSetting
from govchaind.ledger.transaction import is_name

FACTS_BYTES_MAX = 64 * 1024
DESTROY_CHUNK_BYTES = 1024 * 1024
Way = Literal["out", "in"]


class DeliveryFolder:
    """The folder of one delivery; made when it is first written to."""

    def __init__(self, root: Path, way: Way, delivery: tuple[str, str, int]) -> None:
        requester, reference, number = delivery
        if not is_name(requester) or not is_name(reference) or number < 1:
            raise InvalidSetting("a delivery is named REQUESTER/REFERENCE and a number")
        self.path = root / way / f"{requester}.{reference}.{number}"
        self.delivery = delivery
        self._way = way

    @property
    def sealed(self) -> Path:
        return self.path / "sealed"

    @property
    def part(self) -> Path:
        return self.path / "sealed.part"

    @property
    def transaction(self) -> Path:
        return self.path / "transaction"

    @property
    def content_key(self) -> Path:
        return self.path / "content.key"

    def make(self) -> None:
        """Make the folder, for its owner only. Raises InvalidSetting."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidSetting(
                f"cannot make the folder {self.path}: {error.strerror}",
                code="no-folder",
                remedy="Choose another --folder.",
            ) from None

    def facts(self) -> dict[str, Any]:
        """Return what was noted; empty if nothing was. Raises InvalidSetting."""
        path = self.path / "facts.json"
        try:
            data = path.read_bytes()[: FACTS_BYTES_MAX + 1]
            found = json.loads(data)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise InvalidSetting(
                f"{path} cannot be read",
                code="bad-facts",
                remedy=f"Remove the folder {self.path} and begin again.",
            )
        return found

    def note(self, **facts: Any) -> dict[str, Any]:
        """Add to what was noted, durably; return all of it."""
        self.make()
        found = {**self.facts(), **facts}
        text = json.dumps(found, indent=1, ensure_ascii=False)
        _replace(self.path / "facts.json", text.encode())
        return found

    def keep_transaction(self, raw: bytes) -> None:
        """Keep a signed transaction, durably."""
        self.make()
        _replace(self.transaction, raw)

    def keep_content_key(self, key: bytes) -> None:
        """Keep the key to this one file, for its owner only, durably."""
        self.make()
        _replace(self.content_key, key)

    def forget_sealed(self) -> None:
        """Remove the sealed file, whole or in part."""
        for path in (self.sealed, self.part):
            path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Forget a transaction that can never take effect, and what was sealed for it alone."""
        self.transaction.unlink(missing_ok=True)
        if self._way == "out":
            shutil.rmtree(self.path, ignore_errors=True)


def destroy(path: Path) -> bool:
    """Overwrite a file with noise, sync it, remove it; say whether there was one.

    Raises InvalidSetting: it is there and cannot be overwritten.
    """
    try:
        size = path.stat().st_size
        with path.open("r+b") as file:
            left = size
            while left > 0:
                left -= file.write(os.urandom(min(left, DESTROY_CHUNK_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InvalidSetting(
            f"cannot destroy {path}: {error.strerror}",
            code="not-destroyed",
            remedy="Nothing was signed. Mend the cause and run the command again.",
        ) from None
    _sync_folder(path.parent)
    return True


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
