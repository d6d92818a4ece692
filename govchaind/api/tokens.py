"""Tokens of clients: who may read, who may submit, where the operator wants to know.

    # NAME SCOPES SHA-256 of the token, one client a line
    portal read,submit 0f3c…

Rules it keeps:
- A token is 32 random bytes as text; only its hash is kept, so the file opens no door to a thief.
- A token is compared with every entry, each in constant time: how long it takes tells nothing.
- No token, and nothing of one, stands in an error or in a log.
- A token says who may knock. What a transaction may do is for its signatures to say.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from govchaind.base.errors import InvalidSetting

SCOPES = ("read", "submit", "operate")
USUAL_SCOPES = ("read", "submit")
TOKEN_BYTES = 32
TOKEN_LENGTH_MAX = 256  # of what a client may claim to be one
TOKENS_MAX = 1000
FILE_BYTES_MAX = 256 * 1024
PREFIX = "gct_"  # so that a token that leaked is found by a search for it
NAME = r"[a-z0-9][a-z0-9-]{0,31}"
_LINE = re.compile(rf"({NAME}) ([a-z,]+) ([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Token:
    """What a node keeps of a token: the client's name, what it may do, its hash."""

    name: str
    scopes: frozenset[str]
    digest: bytes

    def line(self) -> str:
        """Return the token's line of the file."""
        scopes = ",".join(scope for scope in SCOPES if scope in self.scopes)
        return f"{self.name} {scopes} {self.digest.hex()}\n"


def token_text(secret: bytes) -> str:
    """Return the token that TOKEN_BYTES of randomness make."""
    return PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def digest_of(text: str) -> bytes:
    """Return what is kept of a token. It is random and long, so a plain hash suffices."""
    return hashlib.sha256(text.encode()).digest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read a file of tokens.

    Raises:
        InvalidSetting: not there, or a line is wrong (which is named, its words are not).
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidSetting(
            f"cannot read the file of tokens {path}: {error.strerror}",
            code="bad-tokens",
            remedy="Make a token with `govchaind token new`, or leave api.token_file unset.",
        ) from None
    if len(data) > FILE_BYTES_MAX:
        raise _wrong(path, f"it has more than {FILE_BYTES_MAX} bytes")
    return parse_tokens(data, path)


def parse_tokens(data: bytes, path: Path) -> tuple[Token, ...]:
    """Return the tokens that the bytes of a file name. Raises InvalidSetting."""
    tokens: dict[str, Token] = {}
    for number, raw in enumerate(data.split(b"\n"), start=1):
        line = raw.decode("ascii", errors="replace").strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        scopes = frozenset(found[2].split(",")) if found else frozenset()
        if found is None or not scopes <= set(SCOPES):
            raise _wrong(path, f"line {number} is not: name, scopes, hash")
        if found[1] in tokens:
            raise _wrong(path, f"line {number} has the name of an earlier one")
        tokens[found[1]] = Token(found[1], scopes, bytes.fromhex(found[3]))
    if len(tokens) > TOKENS_MAX:
        raise _wrong(path, f"it has more than {TOKENS_MAX} tokens")
    return tuple(tokens.values())


def find_token(tokens: Sequence[Token], claimed: str) -> Token | None:
    """Return the entry of a token that a client shows; None if there is none."""
    if len(claimed) > TOKEN_LENGTH_MAX:
        return None
    digest = digest_of(claimed)
    found: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token  # and on, to the end
    return found


def _wrong(path: Path, what: str) -> InvalidSetting:
    return InvalidSetting(
        f"{path} is no file of tokens: {what}",
        code="bad-tokens",
        remedy="Correct or remove that line; `govchaind token new` writes right ones.",
    )
