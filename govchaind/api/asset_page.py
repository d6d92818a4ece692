"""The pages of assets: all of them with their totals; one with who holds it and what is frozen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.asset_listing import asset_at, asset_page, holding_page
from govchaind.api.context import Context
from govchaind.api.reading import ledger_time
from govchaind.api.rendering import Renderer
from govchaind.api.viewer import viewer_in
from govchaind.replica.store import applied_height

ASSETS_SHOWN = 50
HOLDINGS_SHOWN = 50


def add_asset_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    """Add the pages to the others."""

    @router.get("/assets")
    async def assets(
        request: Request, after: Annotated[str | None, Query(max_length=32)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            found, following = asset_page(reader, now, after, ASSETS_SHOWN)
        return render.page(request, "assets.html", applied, assets=found, next=following)

    @router.get("/assets/{name}")
    async def asset(
        request: Request, name: str, after: Annotated[str | None, Query(max_length=98)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found = asset_at(reader, name, ledger_time(reader, context.genesis.time))
            viewer = viewer_in(context, request, reader, "holdings")
            holdings, following = holding_page(reader, viewer, name, after, HOLDINGS_SHOWN)
        return render.page(
            request,
            "asset.html",
            applied,
            asset=found,
            holdings=holdings,
            whole=after is None and following is None and viewer.sees_all,
            withheld=not viewer.sees_all,
            next=following,
        )
