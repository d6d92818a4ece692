"""Records of recovery as files: read bounded, written whole, and put together from copies.

Institutions sign copies apart from each other; copies of one body are one record. The blocks that
some survivors lack lie beside it, in a file of the same name with `.blocks` behind it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from govchaind.base.errors import GovchaindError, Invalid, InvalidSetting
from govchaind.base.limits import RECOVERY_BYTES_MAX
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.recovery.tail import TAIL_BYTES_MAX, Tail, read_tail

BLOCKS_SUFFIX = ".blocks"


def load_record(paths: Sequence[Path]) -> Recovery:
    """Return the record that these copies are of, with the signatures of all.

    Raises:
        InvalidSetting: a file cannot be read, or is no record.
        Invalid: `two-records`: they say different things.
    """
    found: Recovery | None = None
    for path in paths:
        try:
            copy = read_recovery(_read(path, RECOVERY_BYTES_MAX))
        except Invalid as error:
            raise InvalidSetting(
                f"{path} is no record of recovery: {error.message}",
                code="bad-record",
                remedy="Name a file that `govchaind recover prepare` wrote, or a signed copy.",
            ) from None
        if found is not None and copy.raw != found.raw:
            raise Invalid(
                f"{path} is another record than {paths[0]}",
                code="two-records",
                remedy="Sign and carry out one of them; two records are two chains.",
            )
        found = copy if found is None else found.with_signatures(copy.signatures)
    if found is None:
        raise InvalidSetting("no record was named", code="bad-record")
    return found


def save_record(path: Path, recovery: Recovery) -> None:
    """Write a record whole, in place of what is there."""
    _write(path, recovery.encode())


def save_tail(path: Path, tail: Tail) -> Path | None:
    """Write the blocks beside a record; return where, or None if there are none."""
    if not tail.blocks:
        return None
    beside = path.with_name(path.name + BLOCKS_SUFFIX)
    _write(beside, tail.encode())
    return beside


def load_tail(record: Path, given: Path | None) -> Tail | None:
    """Return the blocks beside a record, or in the file given; None if there is no file."""
    path = record.with_name(record.name + BLOCKS_SUFFIX) if given is None else given
    if given is None and not path.exists():
        return None
    try:
        return read_tail(_read(path, TAIL_BYTES_MAX))
    except GovchaindError as error:
        raise InvalidSetting(f"{path}: {error.message}", code="bad-record") from None


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from None
    if len(data) > bytes_max:
        raise InvalidSetting(f"{path} is larger than {bytes_max} bytes", code="too-large")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise InvalidSetting(f"cannot write {path}: {error.strerror}") from None
