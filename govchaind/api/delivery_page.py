"""The page of deliveries: erasures that somebody has not answered first, then all deliveries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.deliveries import delivery_page, erasure_page
from govchaind.api.reading import ledger_time
from govchaind.api.rendering import Renderer
from govchaind.api.viewer import viewer_in
from govchaind.ledger.state_keys import DELIVERY
from govchaind.replica.store import applied_height

ERASURES_SHOWN = 50
DELIVERIES_SHOWN = 50


def add_delivery_page(router: APIRouter, context: Context, render: Renderer) -> None:
    """Add the page to the others."""

    @router.get("/deliveries")
    async def deliveries(
        request: Request, after: Annotated[str | None, Query(max_length=512)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "deliveries")
            erasures, more = erasure_page(reader, viewer, now, None, ERASURES_SHOWN, overdue=False)
            found, following = delivery_page(reader, viewer, now, DELIVERY, after, DELIVERIES_SHOWN)
        return render.page(
            request,
            "deliveries.html",
            applied,
            erasures=erasures,
            more_erasures=more,
            deliveries=found,
            next=following,
            withheld=not viewer.sees_all,
        )
