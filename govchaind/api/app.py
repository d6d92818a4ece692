"""The HTTP application: all routes, errors as JSON, and the description for /openapi.json."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from govchaind.api import (
    assets,
    calendars,
    carriage,
    catalogue,
    chain,
    deliveries,
    delivery_keys,
    events,
    evidence,
    health,
    institutions,
    mandates,
    motions,
    network,
    operating,
    outlook,
    pages,
    parameters,
    registers,
    requests,
    side_values,
    state,
    transactions,
)
from govchaind.api.context import Context
from govchaind.api.door import Asgi, Door, Receive, Scope, Send
from govchaind.api.errors import Unexpected, reply_to
from govchaind.api.rendering import Renderer
from govchaind.api.viewer import SCHEME, SECURITY_SCHEME
from govchaind.base.errors import Fatal, GovchaindError, Invalid, NotFound

TAGS = (
    ("transactions", "submit, wait, look up, fetch the receipt"),
    ("registers", "public lists and their records"),
    ("chain", "blocks, certificates, genesis, the table of outcomes"),
    ("state", "any state key, with proof"),
    ("institutions", "offices and their keys"),
    ("decisions", "motions and their rules, calendars, mandates"),
    ("deliveries", "what was delivered, delivery keys, sealed files"),
    ("side-values", "sealed texts of parties and supervisor, and their removal"),
    ("assets", "what institutions settle with: totals, holdings, freezes"),
    ("exchange", "duties, the catalogue, requests with their clocks, grants, accounts"),
    ("network", "this node, its members, trust"),
    ("events", "blocks as they happen"),
    ("health", "for whoever watches the node"),
    ("operating", "for the node's operator, with a token of the scope operate"),
)
_DOOR_REPLIES = {
    "401": "This node wants a token for that, and got none that it knows",
    "403": "Not permitted",
    "429": "Too much at once; see Retry-After",
}
DESCRIPTION = (
    "Any node answers; what it says is of the height in the header Govchaind-Height. "
    "Bytes in JSON are lower-case hex; times are milliseconds of block time, and ISO 8601 in UTC. "
    "Errors have one shape: {error: {code, message, remedy}}."
)


def make_app(context: Context) -> Asgi:
    """Return the application behind its door."""
    return Door(
        Shortcut(make_routes(context), "POST", transactions.PATH, transactions.submitting(context)),
        access=context.access,
        body_bytes_max=context.limits.body_bytes_max,
        metrics=context.metrics,
        failed=context.failed,
        report=context.report,
        readable=context.board.wait_readable,
    )


class Shortcut:
    """Takes one route past the framework: submissions are most of a busy node's requests, and the
    framework's layers cost more than judging one. The route is described there all the same."""

    def __init__(
        self,
        app: FastAPI,
        method: str,
        path: str,
        handler: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._method = method
        self._path = path
        self._route = Route(path, handler, methods=[method])  # what the door's metrics look at
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the framework. Errors go to the door, which answers them."""
        if scope["path"] != self._path or scope["method"] != self._method:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        response = await self._handler(Request(scope, receive))
        await response(scope, receive, send)


def make_routes(context: Context) -> FastAPI:
    """Return the application without its door."""
    app = FastAPI(
        title="govchaind",
        version=context.version,
        summary="The client door of one node of a govchaind ledger",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS],
        redirect_slashes=False,
    )
    for page in (
        *(transactions, registers, chain, state, institutions, motions, calendars, mandates),
        *(catalogue, requests, deliveries, delivery_keys, carriage, assets),
        *(outlook, parameters, evidence, side_values),
        *(network, events, health, operating),
    ):
        app.include_router(page.routes(context))
    render = Renderer(context)
    pages.add_pages(app, context, render)
    _add_errors(app, context, render)
    _describe(app)
    return app


def _add_errors(app: FastAPI, context: Context, render: Renderer) -> None:
    async def known(request: Request, error: Exception) -> Response:
        if not isinstance(error, GovchaindError) or isinstance(error, Fatal):
            raise error  # `unknown` answers, and it goes on to the door, which stops the node
        return _answer(request, error)

    async def unknown(request: Request, error: Exception) -> Response:
        return _answer(request, error if isinstance(error, GovchaindError) else Unexpected())

    async def parameter(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return _answer(request, _parameter_error(error))

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        reply = _answer(request, _http_error(error, request))
        if error.status_code == 405:
            reply.headers["allow"] = ", ".join(_allowed(app, request.scope))
        return reply

    def _answer(request: Request, error: GovchaindError) -> Response:
        if pages.is_page(request):
            return pages.error_page(render, request, context.board.height, error)
        return reply_to(error)

    app.add_exception_handler(GovchaindError, known)
    app.add_exception_handler(Exception, unknown)
    app.add_exception_handler(RequestValidationError, parameter)
    app.add_exception_handler(HTTPException, http)


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods that a path has; the framework names those of one of its routes only."""
    found: set[str] = set()
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            pending += inner.routes
        elif isinstance(route, Route | APIRoute) and route.matches(scope)[0] != Match.NONE:
            found |= route.methods or set()
    return sorted(found)


def _parameter_error(error: RequestValidationError) -> Invalid:
    first = error.errors()[0]
    name = str(first["loc"][-1]) if first.get("loc") else "a parameter"
    return Invalid(
        f"{name}: {str(first.get('msg', 'wrong')).lower()}",
        code="invalid-parameter",
        remedy="See /docs for what this parameter may be.",
    )


def _http_error(error: HTTPException, request: Request) -> GovchaindError:
    if error.status_code == 405:
        return Invalid(
            f"{request.method} is not for this path",
            code="method-not-allowed",
            remedy="See /docs for the methods of each path.",
        )
    return NotFound("there is no such path", remedy="See /docs for all paths.")


def _add_door(operation: dict[str, Any]) -> None:
    """Describe what the door itself may answer, before any handler."""
    reference = {"$ref": "#/components/schemas/ErrorReply"}
    for status, meaning in _DOOR_REPLIES.items():
        if status not in operation["responses"]:
            content = {"application/json": {"schema": reference}}
            operation["responses"][status] = {"description": meaning, "content": content}


def _describe(app: FastAPI) -> None:
    """Have /openapi.json say what is true: wrong parameters are 400, in our own shape."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                tags=app.openapi_tags,
                routes=app.routes,
            )
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
                    _add_door(operation)
                    for reply in operation["responses"].values():
                        if reply["description"] == "Successful Response":
                            reply["description"] = "The reply"
            document["components"]["securitySchemes"] = {SCHEME: SECURITY_SCHEME}
            schemas = document["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way
