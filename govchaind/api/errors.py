"""From the project's errors to HTTP: one table, one JSON shape.

    {"error": {"code": …, "message": …, "remedy": …}}       and, where a block was removed to make
    room, "first_height": …, "archived_at": … or null

`code` is stable and meant for scripts; `message` says what is wrong; `remedy` what to do. What a
handler did not expect becomes 500 with a fixed text: its own text goes to the log only.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from govchaind.base.errors import (
    Busy,
    Conflict,
    Fatal,
    Gone,
    GovchaindError,
    Invalid,
    NotFound,
    NotPermitted,
    PeerError,
    Pruned,
    Refused,
    StorageFull,
)

_STATUS: tuple[tuple[type[GovchaindError], int], ...] = (
    (StorageFull, 507),
    (Busy, 503),
    (NotPermitted, 403),
    (NotFound, 404),
    (Gone, 410),
    (Conflict, 409),
    (Refused, 409),
    (Invalid, 400),
    (PeerError, 502),
    (Fatal, 500),
)
# Codes whose HTTP status is more exact than that of their class.
_STATUS_OF_CODE = {
    "too-large": 413,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "unsupported-media-type": 415,
    "body-too-slow": 408,
    "not-certified-yet": 503,
    "token-missing": 401,
    "token-unknown": 401,
    "too-many-requests": 429,
    "author-too-fast": 429,
}
RETRY_AFTER_SECONDS = {503: 1, 507: 30}


def status_of(error: GovchaindError) -> int:
    """Return the HTTP status of an error."""
    exact = _STATUS_OF_CODE.get(error.code)
    if exact is not None:
        return exact
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def body_of(error: GovchaindError) -> dict[str, Any]:
    """Return the JSON shape of an error."""
    body = {"code": error.code, "message": error.message, "remedy": error.remedy}
    if isinstance(error, Pruned):
        return {
            "error": body | {"first_height": error.first_height, "archived_at": error.archived_at}
        }
    return {"error": body}


def retry_after_of(error: GovchaindError) -> int | None:
    """Return after how many seconds the same request may succeed; None if it never will."""
    if isinstance(error, Busy):
        return error.retry_after_seconds
    return RETRY_AFTER_SECONDS.get(status_of(error))


def reply_to(error: GovchaindError) -> Response:
    """Return the whole reply for an error."""
    headers = {}
    seconds = retry_after_of(error)
    if seconds is not None:
        headers["retry-after"] = str(seconds)
    if status_of(error) == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(
        json.dumps(body_of(error), ensure_ascii=False).encode(),
        status_code=status_of(error),
        headers=headers,
        media_type="application/json",
    )


class Unexpected(GovchaindError):
    """A request met an error that its handler does not know."""

    code = "internal-error"
    remedy = "Report it with the node's log of this moment; other requests are served."

    def __init__(self) -> None:
        super().__init__("the node met an error that it did not expect in this request")
