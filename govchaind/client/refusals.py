"""A node's error reply becomes the error class of our own tree that it was there.

The body's `error` names code, message and remedy; the HTTP status says which branch of the tree.
A reply that is neither the asked-for thing nor a well-formed error is the node's fault: PeerError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from govchaind.base.errors import (
    Busy,
    Conflict,
    Gone,
    GovchaindError,
    Invalid,
    InvalidEncoding,
    InvalidProof,
    InvalidSignature,
    NotFound,
    NotPermitted,
    PeerError,
)
from govchaind.client.transport import Reply

RETRY_SECONDS_MAX = 60
_TEXT_MAX = 500

_BY_STATUS: Mapping[int, type[GovchaindError]] = {
    400: Invalid,
    401: NotPermitted,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: InvalidEncoding,
    422: Invalid,
}
_BY_CODE: Mapping[str, type[GovchaindError]] = {
    kind.code: kind for kind in (InvalidEncoding, InvalidProof, InvalidSignature)
}
_BUSY = frozenset((429, 503, 507))
_SUCCESS = range(200, 300)


def read_json(reply: Reply, node: str) -> dict[str, Any]:
    """Return a reply's JSON object. Raises PeerError for anything else."""
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):  # the latter: lists in lists without end
        value = None
    if not isinstance(value, dict):
        raise PeerError(
            f"{node} answered with status {reply.status} and no JSON object",
            code="unexpected-reply",
            remedy="Check that the address is that of a govchaind node's API.",
        )
    return value


def json_of(reply: Reply, node: str) -> dict[str, Any]:
    """Return the JSON object that a good reply carries; raise the error of another."""
    check_reply(reply, node)
    return read_json(reply, node)


def bytes_of(reply: Reply, node: str) -> bytes:
    """Return the bytes that a good reply carries; raise the error of another."""
    check_reply(reply, node)
    return reply.body


def check_reply(reply: Reply, node: str) -> None:
    """Raise the error that the reply carries, if it carries one."""
    if reply.status not in _SUCCESS:
        raise refusal(reply, node)


def refusal(reply: Reply, node: str) -> GovchaindError:
    """Return the error that a reply of another status than 2xx stands for."""
    try:
        error = read_json(reply, node).get("error")
    except PeerError as wrong:
        return wrong
    if not isinstance(error, dict):
        return PeerError(f"{node} answered with status {reply.status}", code="unexpected-reply")
    code = _text(error.get("code")) or "refused"
    message = _text(error.get("message")) or f"{node} answered with status {reply.status}"
    remedy = _text(error.get("remedy")) or None
    if reply.status in _BUSY:
        return Busy(message, code=code, remedy=remedy, retry_after_seconds=retry_after(reply))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(reply.status, PeerError)
    return kind(message, code=code, remedy=remedy)


def retry_after(reply: Reply) -> int:
    """Return the seconds that a reply asks to wait, within bounds; 1 if it does not say."""
    text = reply.headers.get("retry-after", "")
    return min(int(text), RETRY_SECONDS_MAX) if text.isascii() and text.isdigit() else 1


def _text(value: object) -> str:
    """Return a node's text, bounded and free of control characters, for showing to people."""
    if not isinstance(value, str):
        return ""
    return "".join(sign for sign in value[:_TEXT_MAX] if sign.isprintable())
