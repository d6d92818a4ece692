"""The explorer: plain pages for people, rendered here, that work without scripts.

They show what the API says, read from one snapshot each, in words that need no glossary. Paths
under /v1 are the API's; everything else that a browser asks for is a page.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from govchaind.api.asset_page import add_asset_pages
from govchaind.api.chain import (
    block_summaries,
    block_view,
    certificate_view,
    named_height,
)
from govchaind.api.context import Context
from govchaind.api.decision_page import add_decision_page
from govchaind.api.delivery_page import add_delivery_page
from govchaind.api.errors import body_of, status_of
from govchaind.api.evidence import evidence_views, kept_views
from govchaind.api.health import reasons_not_ready
from govchaind.api.institutions import institution_at, institution_page
from govchaind.api.network import members_view, status_view
from govchaind.api.reading import block_at, read_hex
from govchaind.api.registers import (
    key_bytes,
    no_record,
    record_at,
    record_history,
    record_page,
    register_at,
    register_page,
)
from govchaind.api.rendering import Renderer, key_path
from govchaind.api.sentence import tell
from govchaind.api.sentences import author_of, headline, withheld_words
from govchaind.api.sharing_page import add_sharing_pages
from govchaind.api.titles import StateTitles
from govchaind.api.transaction_page import add_transaction_page
from govchaind.api.viewer import viewer_in
from govchaind.base.errors import Gone, GovchaindError, NotFound
from govchaind.base.types import Height
from govchaind.replica.marker import first_height
from govchaind.replica.store import applied_height
from govchaind.replica.stored_certificates import certificate_at

NEWEST_BLOCKS = 8
PAGE_ROWS = 50
COLUMNS_MAX = 6


def is_page(request: Request) -> bool:
    """Say whether the request came from somebody who looks at pages."""
    path = request.url.path
    return not path.startswith("/v1") and "text/html" in request.headers.get("accept", "")


def error_page(
    render: Renderer, request: Request, height: Height, error: GovchaindError
) -> Response:
    """Return an error as a page."""
    heading = tell("Not found") if isinstance(error, NotFound | Gone) else tell("This did not work")
    return render.page(
        request,
        "error.html",
        height,
        http_status=status_of(error),
        heading=heading,
        error=body_of(error)["error"],
    )


def add_pages(app: FastAPI, context: Context, render: Renderer) -> None:
    """Add all pages to the application; they are no part of /openapi.json."""
    router = APIRouter(include_in_schema=False)
    _status_pages(router, context, render)
    _chain_pages(router, context, render)
    _register_pages(router, context, render)
    add_transaction_page(router, context, render)
    add_decision_page(router, context, render)
    add_sharing_pages(router, context, render)
    add_delivery_page(router, context, render)
    add_asset_pages(router, context, render)

    @router.get("/style.css")
    async def style() -> Response:
        return Response(
            render.style, media_type="text/css", headers={"cache-control": "max-age=3600"}
        )

    @router.get("/icon.svg")
    async def icon() -> Response:
        return Response(
            render.icon, media_type="image/svg+xml", headers={"cache-control": "max-age=3600"}
        )

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        document = app.openapi()
        return render.page(
            request,
            "docs.html",
            context.board.height,
            document=document,
            tags=_calls(document),
            schemas=document["components"]["schemas"],
        )

    app.include_router(router)


def _status_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    @router.get("/")
    async def status(request: Request) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            newest = max(first_height(reader), applied - NEWEST_BLOCKS + 1)
            blocks = block_summaries(reader, newest, applied)
            registers, more = register_page(reader, None, 20)
            members = members_view(context, reader)
            institutions, _ = institution_page(reader, None, PAGE_ROWS)
            evidence = evidence_views(reader)
            kept = [each for each in kept_views(reader) if not each.reported]
        return render.page(
            request,
            "status.html",
            applied,
            status=status_view(context),
            reasons=reasons_not_ready(context, context.board.status),
            blocks=blocks[::-1],
            registers=registers,
            more_registers=more,
            members=members.members,
            quorum=members.certificate_quorum,
            evidence=evidence,
            kept=kept,
            institutions=institutions,
        )

    @router.get("/find")
    async def find(q: Annotated[str, Query(max_length=200)] = "") -> Response:
        return RedirectResponse(_target(context, q.strip()), status_code=303)

    @router.get("/institutions/{name}")
    async def institution(request: Request, name: str) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found = institution_at(reader, name, applied, context.genesis.time)
        return render.page(request, "institution.html", applied, institution=found)


def _target(context: Context, wanted: str) -> str:
    """Return the path of what somebody looks for: height, hash, id, register, register/key."""
    plain = wanted.replace(",", "").replace(" ", "")
    if plain.isascii() and plain.isdigit():
        return f"/blocks/{plain[:19]}"
    lowered = plain.lower()
    if len(lowered) == 64 and all(sign in "0123456789abcdef" for sign in lowered):
        with context.reading() as reader:
            try:
                return f"/blocks/{named_height(reader, lowered)}"
            except NotFound:
                return f"/transactions/{lowered}"
    register, _, key = wanted.partition("/")
    if key:
        return f"/registers/{quote(register, safe='')}/{quote(key, safe='')}"
    return f"/registers/{quote(register, safe='')}" if register else "/"


def _chain_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    @router.get("/blocks")
    async def blocks(
        request: Request, before: Annotated[int | None, Query(ge=1)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            end = applied + 1 if before is None else min(before, applied + 1)
            lowest = first_height(reader)
            first = max(lowest, end - PAGE_ROWS)
            found = block_summaries(reader, first, end - 1)
        return render.page(
            request,
            "blocks.html",
            applied,
            blocks=found[::-1],
            newer=end + PAGE_ROWS if end <= applied else None,
            older=first if first > lowest else None,
        )

    @router.get("/blocks/{name}")
    async def block(request: Request, name: str) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found = block_at(reader, named_height(reader, name))
            view = block_view(reader, viewer_in(context, request, reader, "blocks"), found)
            certificate = certificate_at(reader, found.height)
            titles = StateTitles(reader)
            rows = [
                {
                    "id": content.id,
                    "sentence": withheld_words(item, titles)
                    if content.withheld
                    else headline(item, refused=content.code != 0, titles=titles),
                    "author": author_of(item),
                    "code": content.code,
                    "outcome": content.outcome,
                }
                for item, content in zip(found.transactions, view.content, strict=True)
            ]
        return render.page(
            request,
            "block.html",
            applied,
            block=view,
            rows=rows,
            certificate=None if certificate is None else certificate_view(certificate),
        )


def _register_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    @router.get("/registers")
    async def registers(
        request: Request, after: Annotated[str | None, Query(max_length=32)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found, following = register_page(reader, after, PAGE_ROWS)
        return render.page(request, "registers.html", applied, registers=found, next=following)

    @router.get("/registers/{name}")
    async def register(
        request: Request, name: str, after: Annotated[str | None, Query(max_length=256)] = None
    ) -> Response:
        last = None if after is None else read_hex(after, what="after")
        with context.reading() as reader:
            applied = applied_height(reader)
            view = register_at(reader, name)
            records, following = record_page(reader, view, last, PAGE_ROWS)
        columns = [field.name for field in view.fields][:COLUMNS_MAX]
        return render.page(
            request,
            "register.html",
            applied,
            register=view,
            records=records,
            columns=columns,
            next=following,
        )

    @router.get("/registers/{name}/{key:path}")
    async def record(request: Request, name: str, key: str, key_hex: bool = False) -> Response:
        raw = key_bytes(key, key_hex)
        with context.reading() as reader:
            applied = applied_height(reader)
            view = register_at(reader, name)
            found = record_at(reader, view, raw, None)
            history = record_history(reader, view, raw, limit=PAGE_ROWS)
        if found is None:
            raise no_record(name, key)
        path = key_path(f"/v1/registers/{name}/records", found)
        place, _, query = path.partition("?")
        return render.page(
            request,
            "record.html",
            applied,
            title=found.key if found.key is not None else found.key_hex,
            register=view,
            record=found,
            history=history,
            api_path=path,
            proof_path=f"{place}/proof" + (f"?{query}" if query else ""),
        )


def _calls(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the document's operations under their tags, in order."""
    tags = [{**tag, "calls": []} for tag in document["tags"]]
    by_name = {tag["name"]: tag for tag in tags}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"].get("200", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            by_name[operation["tags"][0]]["calls"].append(
                {
                    "method": method.upper(),
                    "path": path,
                    "operation": {"description": "", "parameters": [], "requestBody": None}
                    | operation,
                    "schema": reference.rpartition("/")[2],
                }
            )
    return tags
