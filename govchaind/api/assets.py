"""Assets: what there is, how much of it circulates, who holds it, what is frozen, and proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.asset_listing import (
    asset_at,
    asset_page,
    check_names,
    holding_at,
    holding_page,
    office_page,
)
from govchaind.api.asset_models import AssetReply, AssetsReply, HoldingReply, HoldingsReply
from govchaind.api.context import Context
from govchaind.api.reading import ledger_time
from govchaind.api.replies import AtHeight, Limit, cbor_reply, failures, json_reply, with_cbor
from govchaind.api.state import state_proof
from govchaind.api.viewer import BY_OFFICE, viewer_in
from govchaind.ledger.state_keys import asset_totals_key, holding_key
from govchaind.replica.store import applied_height

AssetName = Annotated[
    str, Path(alias="name", description="the asset's name", examples=["answer-vouchers"])
]
HolderInstitution = Annotated[str, Path(alias="institution", description="the holder's")]
HolderOffice = Annotated[str, Path(alias="office", description="the holder's")]
Purpose = Annotated[str, Path(description="what it was issued for", examples=["lookups"])]
HOLDING_PATH = "/assets/{name}/holdings/{institution}/{office}/{purpose}"
PROOF = "CBOR bytes that verify offline. At the newest certified checkpoint, or at the one that "


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["assets"])
    _asset_routes(context, router)
    _holding_routes(context, router)
    _holding_proof_route(context, router)
    _office_route(context, router)
    return router


def _asset_routes(context: Context, router: APIRouter) -> None:
    @router.get(
        "/assets",
        operation_id="listAssets",
        summary="All assets with their totals, in order of their names",
        response_model=AssetsReply,
        responses=failures(400),
    )
    async def list_assets(
        after: Annotated[str | None, Query(description="name of the last one before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            assets, following = asset_page(reader, now, after, limit)
        return json_reply(AssetsReply(height=applied, assets=assets, next=following), applied)

    @router.get(
        "/assets/{name}",
        operation_id="getAsset",
        summary="One asset: who issues and supervises it, purposes, expiry, totals",
        response_model=AssetReply,
        responses=failures(400, 404),
    )
    async def get_asset(name: AssetName) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            view = asset_at(reader, name, ledger_time(reader, context.genesis.time))
        return json_reply(AssetReply(**dict(view), height=applied), applied)

    @router.get(
        "/assets/{name}/proof",
        operation_id="getAssetProof",
        summary="The proof of an asset's totals: issued, redeemed, in circulation",
        description=f"{PROOF}`height` names.",
        response_class=Response,
        responses={200: with_cbor("The proof"), **failures(400, 404, 410, 503)},
    )
    async def asset_proof(name: AssetName, height: AtHeight = None) -> Response:
        check_names(name)
        with context.reading() as reader:
            applied = applied_height(reader)
            data = state_proof(reader, asset_totals_key(name), height)
        return cbor_reply(data, applied, name=f"{name}.proof")


def _holding_routes(context: Context, router: APIRouter) -> None:
    @router.get(
        "/assets/{name}/holdings",
        operation_id="listAssetHoldings",
        summary="Who holds an asset: together they hold what circulates",
        response_model=HoldingsReply,
        responses=failures(400, 404),
        openapi_extra=BY_OFFICE,
    )
    async def list_asset_holdings(
        request: Request,
        name: AssetName,
        after: Annotated[
            str | None, Query(description="institution/office/purpose of the last one before")
        ] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "holdings")
            viewer.check_known()
            asset_at(reader, name, 0)
            holdings, following = holding_page(reader, viewer, name, after, limit)
        reply = HoldingsReply(height=applied, holdings=holdings, next=following)
        return json_reply(reply, applied)

    @router.get(
        HOLDING_PATH,
        operation_id="getHolding",
        summary="What an office holds of an asset for a purpose, and what of it is frozen",
        response_model=HoldingReply,
        responses=failures(400, 404),
        openapi_extra=BY_OFFICE,
    )
    async def get_holding(
        request: Request,
        name: AssetName,
        institution: HolderInstitution,
        office: HolderOffice,
        purpose: Purpose,
    ) -> Response:
        check_names(name, institution, office, purpose)
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "holdings")
            viewer.check(viewer.circles.of_holding(name, institution, office))
            view = holding_at(reader, name, institution, office, purpose)
        return json_reply(HoldingReply(**dict(view), height=applied), applied)


def _holding_proof_route(context: Context, router: APIRouter) -> None:
    @router.get(
        f"{HOLDING_PATH}/proof",
        operation_id="getHoldingProof",
        summary="The proof of a holding, or that the office has never held any",
        description=f"{PROOF}`height` names.",
        response_class=Response,
        responses={200: with_cbor("The proof"), **failures(400, 404, 410, 503)},
        openapi_extra=BY_OFFICE,
    )
    async def holding_proof(
        request: Request,
        name: AssetName,
        institution: HolderInstitution,
        office: HolderOffice,
        purpose: Purpose,
        height: AtHeight = None,
    ) -> Response:
        check_names(name, institution, office, purpose)
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "holdings")
            viewer.check(viewer.circles.of_holding(name, institution, office))
            data = state_proof(reader, holding_key(name, institution, office, purpose), height)
        return cbor_reply(data, applied, name=f"{name}-{office}.proof")


def _office_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/holdings/{institution}/{office}",
        operation_id="listHoldings",
        summary="What an office holds of all assets",
        response_model=HoldingsReply,
        responses=failures(400),
        openapi_extra=BY_OFFICE,
    )
    async def list_holdings(
        request: Request,
        institution: HolderInstitution,
        office: HolderOffice,
        after: Annotated[str | None, Query(description="the `next` of the page before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "holdings")
            viewer.check_known()
            holdings, following = office_page(reader, viewer, institution, office, after, limit)
        reply = HoldingsReply(height=applied, holdings=holdings, next=following)
        return json_reply(reply, applied)
