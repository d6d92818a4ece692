"""The description is complete: every route in /openapi.json, and every one in docs/api.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from govchaind.api.app import make_routes
from govchaind.ledger.outcomes import OUTCOMES
from tests.api.node import running

DOCS = Path(__file__).parent.parent.parent / "docs" / "api.md"


def _routes(app: FastAPI) -> set[tuple[str, str]]:
    """Return (method, path) of every route, pages too; `{key:path}` is written `{key}`."""
    found: set[tuple[str, str]] = set()
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if isinstance(route, APIRoute):
            methods = route.methods or set()
            path = re.sub(r":path\}", "}", route.path)
            found |= {(method, path) for method in methods}
        elif inner is not None and hasattr(inner, "routes"):
            pending += inner.routes
    return found


async def test_every_route_is_described(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        document = (await node.client.get("/openapi.json")).json()
        described = {
            (method.upper(), re.sub(r":path\}", "}", path))
            for path, operations in document["paths"].items()
            for method in operations
        }
        routes = _routes(make_routes(node.context))
        assert len(routes) > 30
        api = {route for route in routes if route[1].startswith(("/v1", "/healthz", "/readyz"))}
        assert api == described
        text = DOCS.read_text()
        missing = [f"{method} {path}" for method, path in sorted(routes) if path not in text]
        assert missing == []


async def test_every_operation_is_complete(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        document = (await node.client.get("/openapi.json")).json()
    seen: set[str] = set()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["operationId"] not in seen, where
            seen.add(operation["operationId"])
            assert operation["summary"], where
            assert operation["tags"], where
            assert "422" not in operation["responses"], where
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), f"{where}: {parameter['name']}"
            for status, reply in operation["responses"].items():
                assert reply["description"], where
                if int(status) >= 400 and path != "/readyz":
                    reference = reply["content"]["application/json"]["schema"]["$ref"]
                    assert reference.endswith("/ErrorReply"), where
    assert "ErrorReply" in schemas
    assert "HTTPValidationError" not in schemas


async def test_the_page_of_the_api_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        page = (await node.client.get("/docs")).text
        document = (await node.client.get("/openapi.json")).json()
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
    for operations in document["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page


def test_every_door_code_is_in_the_docs() -> None:
    text = DOCS.read_text()
    doors = [row.name for row in OUTCOMES.values() if row.door]
    assert [name for name in doors if f"`{name}`" not in text] == []
