"""The pages of sharing: the catalogue and its search, and requests with the clocks that run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.catalogue import catalogue_page, check_name, data_set_history
from govchaind.api.context import Context
from govchaind.api.exchange_models import DataSetView, RequestView
from govchaind.api.exchange_words import CLASSES
from govchaind.api.motion_words import day_words
from govchaind.api.reading import ledger_time
from govchaind.api.rendering import Renderer
from govchaind.api.requests import WAITING, request_at, request_page
from govchaind.api.sentence import Sentence
from govchaind.api.viewer import viewer_in
from govchaind.base.errors import NotFound
from govchaind.base.limits import TITLE_CHARS_MAX
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.replica.store import applied_height

ROWS = 50
After = Annotated[str | None, Query(max_length=200)]


def add_sharing_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    """Add the pages to the others."""
    _catalogue_pages(router, context, render)
    _request_pages(router, context, render)


def _catalogue_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    @router.get("/catalogue")
    async def catalogue(
        request: Request,
        text: Annotated[str | None, Query(max_length=TITLE_CHARS_MAX)] = None,
        after: After = None,
    ) -> Response:
        wanted = text or None
        with context.reading() as reader:
            applied = applied_height(reader)
            found, following = catalogue_page(reader, after, ROWS, text=wanted)
        return render.page(
            request,
            "catalogue.html",
            applied,
            rows=[_entry(each) for each in found],
            text=wanted or "",
            next=following,
        )

    @router.get("/catalogue/{institution}/{name}")
    async def data_set(request: Request, institution: str, name: str) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found, _ = data_set_history(reader, institution, name, limit=ROWS, before=None)
        if not found:
            raise NotFound(f"{institution} has no data set {name!r} in the catalogue")
        return render.page(
            request,
            "data_set.html",
            applied,
            **_entry(found[0]),
            revisions=[_entry(each) for each in found],
        )


def _request_pages(router: APIRouter, context: Context, render: Renderer) -> None:
    @router.get("/requests")
    async def requests(
        request: Request, after: After = None, overdue: Annotated[bool, Query()] = False
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "requests")
            found, following = request_page(reader, viewer, now, after, ROWS, overdue=overdue)
        return render.page(
            request,
            "requests.html",
            applied,
            rows=[_asked(each) for each in found],
            overdue=overdue,
            next=following,
            withheld=not viewer.sees_all,
        )

    @router.get("/requests/{institution}/{reference}")
    async def one_request(request: Request, institution: str, reference: str) -> Response:
        check_name(institution)
        check_name(reference)
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            viewer = viewer_in(context, request, reader, "requests")
            if not viewer.sees(viewer.circles.of_request(institution, reference)):
                return render.page(request, "withheld.html", applied)
            found = request_at(reader, institution, reference, applied, now)
        grant = found.grant
        return render.page(
            request,
            "request.html",
            applied,
            **_asked(found),
            grant=grant,
            granted_until=None if grant is None else day_words(grant.until_ms),
            deliver_until=_last_day(None if grant is None else grant.delivery_due_ms),
        )


def _entry(data_set: DataSetView) -> dict[str, Any]:
    return {"data_set": data_set, "sharing": CLASSES[data_set.sharing]}


def _asked(request: RequestView) -> dict[str, Any]:
    """Return a request with the days of its clocks: the last of each, not the one after."""
    waits = request.status in WAITING
    return {
        "asked": request,
        "asked_on": day_words(request.asked_ms - request.asked_ms % 60_000),
        "due_on": _last_day(request.due_ms) if waits else None,
    }


def _last_day(due: int | None) -> Sentence | None:
    """Return the last day of a clock that runs out at `due`, not the one after."""
    return None if due is None else day_words(due + 1 - MILLISECONDS_A_DAY)
