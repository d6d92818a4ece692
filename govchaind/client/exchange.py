"""Questions about duties, the catalogue, requests and accounts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from govchaind.client.questions import Asks, given


class ExchangeQuestions:
    """What a client asks of these; part of `Client`."""

    async def duties(
        self: Asks, *, institution: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of duties: all, or an institution's."""
        return await self.get_json("/v1/duties", given(institution=institution, after=after))

    async def catalogue(
        self: Asks,
        *,
        institution: str | None = None,
        text: str | None = None,
        sharing: str | None = None,
        retired: bool = False,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of the catalogue: all, or what fits a search."""
        query = given(institution=institution, text=text, sharing=sharing, after=after)
        if retired:
            query["retired"] = "true"
        return await self.get_json("/v1/catalogue", query)

    async def data_set(self: Asks, institution: str, name: str) -> dict[str, Any]:
        """Return one data set as it is now. Raises NotFound."""
        place = f"{quote(institution, safe='')}/{quote(name, safe='')}"
        return await self.get_json(f"/v1/catalogue/{place}")

    async def requests(
        self: Asks,
        *,
        requester: str | None = None,
        provider: str | None = None,
        status: str | None = None,
        overdue: bool = False,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of requests: all, or those that fit."""
        query = given(requester=requester, provider=provider, status=status, after=after)
        if overdue:
            query["overdue"] = "true"
        return await self.get_json("/v1/requests", query)

    async def request(self: Asks, institution: str, reference: str) -> dict[str, Any]:
        """Return one request, with its grant. Raises NotFound."""
        place = f"{quote(institution, safe='')}/{quote(reference, safe='')}"
        return await self.get_json(f"/v1/requests/{place}")

    async def accounts(
        self: Asks, month: str, *, institution: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of a month's accounts; `month`: 2026-09."""
        query = given(month=month, institution=institution, after=after)
        return await self.get_json("/v1/accounts", query)
