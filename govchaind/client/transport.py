"""How a client talks with one node: `Transport` is the seam, `HttpTransport` is HTTP on Trio.

Rules: one transport is one node, and which node to ask next is the client's business; whatever
goes wrong on the way is a PeerError, so the client may try another node; a reply is never longer
than a stated bound, because the node on the other side is not believed. A reply with an error in
it is a reply here (`refusals.py` reads it).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import NamedTuple, Protocol

import httpx
import trio

from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.base.limits import BLOCK_BYTES_MAX, HTTP_BODY_BYTES_MAX

CONNECT_SECONDS_MAX = 3.0
SILENCE_SECONDS_MAX = 40.0  # of an event stream; nodes send a sign of life every 15 s
REPLY_BYTES_MAX = 4 * max(BLOCK_BYTES_MAX, HTTP_BODY_BYTES_MAX)  # hex in JSON doubles, and room
CONNECTIONS_MAX = 32


class Reply(NamedTuple):
    """One answer: HTTP's status, headers with lower-case names, the body's bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """One node, seen by a client."""

    @property
    def node(self) -> str:
        """Which node this is, for messages to people."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
    ) -> Reply:
        """Ask once. Raises PeerError when no whole reply came within the time."""

    def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[Reply, AsyncIterator[str]]]:
        """Open an endless reply and read it line by line; the Reply has no body unless refused."""

    async def close(self) -> None:
        """Let go of connections."""


class HttpTransport:
    """A node's HTTP door."""

    def __init__(
        self,
        url: str,
        *,
        connect_seconds_max: float = CONNECT_SECONDS_MAX,
        reply_bytes_max: int = REPLY_BYTES_MAX,
        token: str | None = None,
    ) -> None:
        """`token`: what the node's operator gave this client, where nodes want one."""
        self._url = check_url(url)
        self._connect_seconds_max = connect_seconds_max
        self._reply_bytes_max = reply_bytes_max
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers=None if token is None else {"authorization": f"Bearer {token}"},
            # No proxy or certificate settings out of the environment, and no store of root
            # certificates is read (50 ms) where none is used.
            trust_env=False,
            verify=self._url.startswith("https:"),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
        )

    @property
    def node(self) -> str:
        return self._url

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
    ) -> Reply:
        connect = min(self._connect_seconds_max, timeout_seconds)
        try:
            async with self._http.stream(
                method,
                path,
                params=dict(query),
                headers=dict(headers),
                content=body or None,
                timeout=httpx.Timeout(timeout_seconds, connect=connect),
            ) as response:
                return Reply(response.status_code, _headers(response), await self._body(response))
        except httpx.HTTPError as error:
            raise self._failed(error) from None

    @asynccontextmanager
    async def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[str]]]:
        timeout = httpx.Timeout(SILENCE_SECONDS_MAX, connect=self._connect_seconds_max)
        try:
            async with self._http.stream(
                "GET", path, params=dict(query), headers=dict(headers), timeout=timeout
            ) as response:
                refused = response.status_code != httpx.codes.OK
                body = await self._body(response) if refused else b""
                reply = Reply(response.status_code, _headers(response), body)
                lines = response.aiter_lines()
                try:
                    yield reply, lines
                finally:
                    await _unwind(lines)
        except httpx.HTTPError as error:
            raise self._failed(error) from None

    async def close(self) -> None:
        await self._http.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        parts: list[bytes] = []
        length = 0
        arriving = response.aiter_bytes()
        async for part in arriving:
            length += len(part)
            if length > self._reply_bytes_max:
                await _unwind(arriving)
                raise PeerError(
                    f"{self._url} sent more than {self._reply_bytes_max} bytes",
                    code="reply-too-large",
                )
            parts.append(part)
        return b"".join(parts)

    def _failed(self, error: httpx.HTTPError) -> PeerError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return PeerError(
                f"cannot reach {self._url}",
                code="unreachable",
                remedy="Check that the node runs and that the address is its HTTP address.",
            )
        if isinstance(error, httpx.TimeoutException):
            return PeerError(f"{self._url} did not answer in time", code="timeout")
        return PeerError(f"{self._url} broke off: {type(error).__name__}", code="broken-off")


async def _unwind(parts: AsyncIterator[object]) -> None:
    """End a reading midway, from its innermost wait outward.

    Closing the outermost of httpx's nested generators would leave the inner ones to the garbage
    collector; a cancelled read ends all of them in order.
    """
    with trio.CancelScope() as scope, suppress(httpx.HTTPError, httpx.StreamError):
        scope.cancel()
        async for _ in parts:
            pass


def check_url(url: str) -> str:
    """Return `url` without a trailing slash; a bare "host:port" means http.

    Raises:
        InvalidSetting: not an address of an HTTP server.
    """
    whole = url if "://" in url else f"http://{url}"
    try:
        parsed = httpx.URL(whole)
    except httpx.InvalidURL:
        parsed = None
    if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidSetting(
            f"{url!r} is not the address of a node",
            code="bad-url",
            remedy="Give one like http://127.0.0.1:7500 (a node's api.listen).",
        )
    return whole.rstrip("/")


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
