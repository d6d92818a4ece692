"""Asking a node one thing, or all pages of a listing; the client is imported when it is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from govchaind.base.errors import PeerError
from govchaind.cli.options import Target

if TYPE_CHECKING:
    from govchaind.client.client import Client

PAGES_MAX = 1000  # a node that never ends is at fault


def asked(
    target: Target, question: Callable[[Client], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Return a node's answer to one question."""
    import trio

    async def run() -> dict[str, Any]:
        async with target.client() as client:
            return await question(client)

    return trio.run(run)


def all_pages(
    target: Target,
    page: Callable[[Client, str | None], Awaitable[dict[str, Any]]],
    items: str,
) -> dict[str, Any]:
    """Return the first page of a listing with the items of all pages in it, and no `next`.

    Raises:
        PeerError: the node's pages never end.
    """

    async def run(client: Client) -> dict[str, Any]:
        first = reply = await page(client, None)
        found = list(reply.get(items) or [])
        for _ in range(PAGES_MAX):
            after = reply.get("next")
            if after is None:
                return {**first, items: found, "next": None}
            reply = await page(client, str(after))
            found += reply.get(items) or []
        raise PeerError("a node's listing has no end", remedy="Ask another node with --url.")

    return asked(target, run)
