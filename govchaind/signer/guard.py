"""The signer's own guard: what it has signed, in a file that is durable before a signature leaves.

    file = [1, body, checksum of body]
    body = [public key, chain id or null, height, [[height, digest of the statement] …]]

Rules it keeps, whoever asks and however often:
- Of one height it lets one statement be signed; the same one again is signed again (Ed25519 gives
  the same signature), for as long as it is among the newest REMEMBERED_MAX.
- It lets nothing be signed at or below the highest height but what it remembers as signed.
- It serves one key and, from its first statement on, one chain.
- What is new is in the file, synced, before `judge` returns; if that fails, nothing was judged.
- A file that is missing, damaged or of another key is refused: it is never begun anew by itself.

It cannot see that its file was set back to an older copy: whoever sets it back answers for it. The
node compares the highest height with what it has had from this signer, and says so
(`runtime/signing.py`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from govchaind.base.crypto import Domain, checksum, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidSetting
from govchaind.base.types import Hash, Height, PublicKey
from govchaind.ledger.shapes import Bytes32, Count, Shape, read_shape
from govchaind.ledger.statement import Statement, read_statement
from govchaind.runtime.system import replace_file

VERSION = 1
REMEMBERED_MAX = 256  # heights whose statement may be signed once more
GUARD_BYTES_MAX = 64 * 1024
_CHECKSUM_NAME = b"signer-guard"
LOCK_SUFFIX = ".lock"


class _File(Shape):
    version: int
    body: bytes
    checksum: bytes


class _Body(Shape):
    public: Bytes32
    chain_id: Bytes32 | None
    highest: Count
    remembered: Annotated[tuple[tuple[Count, Bytes32], ...], Meta(max_length=REMEMBERED_MAX)]


class SignerGuard:
    """One key's guard; made by `begin_guard`, opened by `open_guard`."""

    def __init__(
        self,
        path: Path,
        public: PublicKey,
        chain_id: Hash | None,
        highest: Height,
        remembered: dict[Height, Hash],
    ) -> None:
        self.path, self.public = path, public
        self.chain_id, self.highest = chain_id, highest
        self._remembered = remembered  # in order of heights
        self._lock = -1

    def judge(self, statements: Sequence[bytes]) -> list[str]:
        """Return for each statement why it may not be signed; nothing: it may.

        What may be signed is durable when this returns. Raises OSError: then nothing may be.
        """
        before = self.chain_id, self.highest, dict(self._remembered)
        reasons = [self._judge_one(statement) for statement in statements]
        if (self.chain_id, self.highest) != before[:2]:
            try:
                self.write()
            except OSError:
                self.chain_id, self.highest, self._remembered = before
                raise
        return reasons

    def _judge_one(self, data: bytes) -> str:
        try:
            statement: Statement = read_statement(data)
        except Invalid as error:
            return f"not a statement: {error.message}"
        height = statement.height
        if self.chain_id not in (None, statement.chain_id):
            return "a statement of another chain"
        found, known = digest(Domain.ATTESTATION, data), self._remembered.get(height)
        if known is not None:
            return "" if known == found else f"another statement of height {height} is signed"
        if height <= self.highest:
            return f"height {height} is not above {self.highest}, up to which it has signed"
        self.chain_id, self.highest = statement.chain_id, height
        self._remembered[height] = found
        while len(self._remembered) > REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        return ""

    def write(self) -> None:
        """Replace the file, durably. Raises OSError."""
        rows = [[height, found] for height, found in self._remembered.items()]
        body = encode([self.public, self.chain_id, self.highest, rows])
        replace_file(self.path, encode([VERSION, body, checksum(_CHECKSUM_NAME, body)]))

    def lock(self) -> None:
        """Keep other signers from this guard until `close`. Raises InvalidSetting."""
        path = self.path.with_name(self.path.name + LOCK_SUFFIX)
        try:
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise InvalidSetting(
                f"another signer works with the guard {self.path}",
                code="guard-in-use",
                remedy="One key has one guard and one signer: connect nodes to the one that runs.",
            ) from None
        except OSError as error:
            raise InvalidSetting(f"cannot lock {path}: {error.strerror}") from None

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def begin_guard(path: Path, public: PublicKey, above: Height) -> SignerGuard:
    """Make the guard of a key that has signed nothing above `above`; never replace one.

    Raises InvalidSetting.
    """
    if path.exists():
        raise InvalidSetting(
            f"{path} is there already: this key has signed under it",
            code="already-there",
            remedy="Start the signer without --begin-above; never begin a guard anew for a key.",
        )
    guard = SignerGuard(path, public, None, above, {})
    try:
        guard.write()
    except OSError as error:
        raise InvalidSetting(f"cannot write {path}: {error.strerror}") from None
    return guard


def open_guard(path: Path, public: PublicKey) -> SignerGuard:
    """Read the guard of a key. Raises InvalidSetting: missing, damaged, or another key's."""
    try:
        data = path.read_bytes()[: GUARD_BYTES_MAX + 1]
    except FileNotFoundError:
        raise InvalidSetting(
            f"there is no guard {path}: what this key has signed is not known",
            code="no-guard",
            remedy="Put the guard back where it was. For a key new to this signer: stop the node, "
            "and begin with --begin-above and its height.",
        ) from None
    except OSError as error:
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from None
    try:
        file = read_shape(data, _File, bytes_max=GUARD_BYTES_MAX)
        if file.version != VERSION or file.checksum != checksum(_CHECKSUM_NAME, file.body):
            raise Invalid("its checksum is wrong, or its version unknown")
        body = read_shape(file.body, _Body, bytes_max=GUARD_BYTES_MAX)
    except Invalid as error:
        raise InvalidSetting(
            f"the guard {path} is damaged: {error.message}",
            code="bad-guard",
            remedy="Do not delete it. Give the node new keys by a vote: `govchaind keys next`.",
        ) from None
    if body.public != public:
        raise InvalidSetting(
            f"the guard {path} is of the key {body.public.hex()[:16]}…, not of this one",
            code="wrong-key",
            remedy="Name the guard that belongs to this key.",
        )
    return SignerGuard(path, public, body.chain_id, body.highest, dict(body.remembered))
