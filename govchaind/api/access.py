"""Who may pass the door: rates first, then tokens. Judged from a request's head, before its body.

Rules it keeps:
- `/healthz` and `/readyz` are open to whoever watches the node, without token or bound.
- Reading (GET, HEAD) is open unless the operator says otherwise; everything else is submitting.
  What a reader then sees goes by its office (`viewer.py`), which no token stands for.
- A client is the address its connection comes from: no header is believed about that.
- Whoever is over a bound learns after how many seconds to come again.
- An author is charged only for what was taken: another who repeats its transactions, which are
  public, takes nothing from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from govchaind.api.allowance import Allowance, client_name
from govchaind.api.tokens import Token, find_token, read_tokens
from govchaind.base.errors import Busy, GovchaindError, NotPermitted
from govchaind.base.limits import (
    AUTHOR_TRANSACTIONS_PER_SECOND_MAX,
    HTTP_REQUESTS_PER_SECOND_MAX,
)

if TYPE_CHECKING:
    from govchaind.ledger.transaction import Transaction

Reads = Literal["open", "members", "offices"]
OPERATING = "/v1/operate/"  # needs a token also where nothing else does
CHANGING = ("PUT", "DELETE")  # all methods that there are below it
OPEN_PATHS = ("/healthz", "/readyz")
READING = ("GET", "HEAD")
_BEARER = "bearer "


class AccessSettings(Protocol):
    """What the operator says of the door; `token_file` is a whole path."""

    @property
    def token_file(self) -> str | None: ...

    @property
    def reading_needs_token(self) -> bool: ...

    @property
    def reads(self) -> Reads: ...

    @property
    def requests_per_second_max(self) -> float: ...

    @property
    def author_transactions_per_second_max(self) -> float: ...


class Access:
    """The bounds and the tokens of one node's door for clients."""

    def __init__(
        self,
        *,
        tokens: Sequence[Token] | None = None,
        reading_needs_token: bool = False,
        reads: Reads = "open",
        requests_per_second_max: float = HTTP_REQUESTS_PER_SECOND_MAX,
        author_transactions_per_second_max: float = AUTHOR_TRANSACTIONS_PER_SECOND_MAX,
    ) -> None:
        """`tokens` None: nobody needs one. A speed of 0: no bound."""
        self._tokens = tokens
        self._reading_needs_token = reading_needs_token
        self.reads: Reads = reads
        self._clients = Allowance(requests_per_second_max)
        self._authors = Allowance(author_transactions_per_second_max)

    def take_over(self, other: Access) -> None:
        """Judge by the bounds and tokens of another from now on; what was counted is forgotten."""
        self._tokens, self._reading_needs_token = other._tokens, other._reading_needs_token
        self.reads = other.reads
        self._clients, self._authors = other._clients, other._authors

    def judge(
        self,
        method: str,
        path: str,
        host: str | None,
        headers: Iterable[tuple[bytes, bytes]],
        now: float,
    ) -> GovchaindError | None:
        """Return why a request is not let in, or None; counts it against its client's bound."""
        if path in OPEN_PATHS:
            return None
        if host is not None:
            client = client_name(host)
            wait = self._clients.wait_seconds(client, now)
            if wait:
                return Busy(
                    "too many requests come from this address",
                    code="too-many-requests",
                    remedy="Wait as long as Retry-After says; send transactions in batches.",
                    retry_after_seconds=math.ceil(wait),
                )
            self._clients.charge(client, now)
        if path.startswith(OPERATING) and method in CHANGING:
            return _judge_token(self._tokens or (), "operate", headers)
        if self._tokens is None:
            return None
        scope = "read" if method in READING else "submit"
        if scope == "read" and not self._reading_needs_token:
            return None
        return _judge_token(self._tokens, scope, headers)

    def check_authors(self, transactions: Iterable[Transaction], now: float) -> None:
        """Raise Busy if an author of these has sent too much lately."""
        for author in sorted({(item.institution, item.office) for item in transactions}):
            wait = self._authors.wait_seconds("/".join(author), now)
            if wait:
                raise Busy(
                    f"{'/'.join(author)} has sent too many transactions to this node lately",
                    code="author-too-fast",
                    remedy="Send the same bytes again after Retry-After; that is safe.",
                    retry_after_seconds=math.ceil(wait),
                )

    def charge_authors(self, taken: Iterable[Transaction], now: float) -> None:
        """Count what was taken against its authors' bounds."""
        counts: dict[str, int] = {}
        for item in taken:
            author = f"{item.institution}/{item.office}"
            counts[author] = counts.get(author, 0) + 1
        for author, count in counts.items():
            self._authors.charge(author, now, count)


def make_access(settings: AccessSettings) -> Access:
    """Return what the settings ask for. Raises InvalidSetting for a file of tokens that is none."""
    path = settings.token_file
    return Access(
        tokens=None if path is None else read_tokens(Path(path)),
        reading_needs_token=settings.reading_needs_token,
        reads=settings.reads,
        requests_per_second_max=settings.requests_per_second_max,
        author_transactions_per_second_max=settings.author_transactions_per_second_max,
    )


def _judge_token(
    tokens: Sequence[Token], scope: str, headers: Iterable[tuple[bytes, bytes]]
) -> NotPermitted | None:
    claims = [value for name, value in headers if name == b"authorization"]
    text = claims[0].decode("latin-1") if len(claims) == 1 else ""
    if not text.lower().startswith(_BEARER):
        return NotPermitted(
            "this node wants a token for that",
            code="token-missing",
            remedy="Send Authorization: Bearer TOKEN; the node's operator gives you one.",
        )
    token = find_token(tokens, text[len(_BEARER) :].strip())
    if token is None:
        return NotPermitted(
            "this node does not know that token",
            code="token-unknown",
            remedy="Check it with the node's operator; it may have been taken back.",
        )
    if scope not in token.scopes:
        return NotPermitted(
            f"the token of {token.name} is not for what this needs: {scope}",
            code="token-scope",
            remedy=f"Ask the node's operator for a token with the scope {scope}.",
        )
    return None
