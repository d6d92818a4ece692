"""Questions about deliveries, erasures, delivery keys and side values."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from govchaind.client.questions import Asks, given


class DeliveryQuestions:
    """What a client asks of these; part of `Client`."""

    async def deliveries(
        self: Asks,
        *,
        requester: str | None = None,
        reference: str | None = None,
        status: str | None = None,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of deliveries: all, or those that fit."""
        query = given(requester=requester, reference=reference, status=status, after=after)
        return await self.get_json("/v1/deliveries", query)

    async def delivery(self: Asks, requester: str, reference: str, number: int) -> dict[str, Any]:
        """Return one delivery. Raises NotFound."""
        place = f"{quote(requester, safe='')}/{quote(reference, safe='')}/{number}"
        return await self.get_json(f"/v1/deliveries/{place}")

    async def erasures(
        self: Asks, *, overdue: bool = False, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of erasures that somebody has not answered."""
        query = given(after=after)
        if overdue:
            query["overdue"] = "true"
        return await self.get_json("/v1/deliveries/erasures", query)

    async def delivery_keys(self: Asks, *, after: str | None = None) -> dict[str, Any]:
        """Return one page of delivery keys."""
        return await self.get_json("/v1/delivery-keys", given(after=after))

    async def delivery_key(self: Asks, institution: str, office: str) -> dict[str, Any]:
        """Return an office's delivery key, on the node's word. Raises NotFound."""
        place = f"{quote(institution, safe='')}/{quote(office, safe='')}"
        return await self.get_json(f"/v1/delivery-keys/{place}")

    async def side_values(
        self: Asks, *, institution: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of side values: all, or those that an institution recorded."""
        return await self.get_json("/v1/side-values", given(institution=institution, after=after))
