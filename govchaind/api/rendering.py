"""How templates become pages: escaping on, undefined names refused, nothing loaded from outside.

Characters that nobody sees, but that turn around the text beside them, are shown by their numbers:
what is on the ledger may say anything, but only in its own place.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import RecordView
from govchaind.api.motion_words import end_words
from govchaind.api.replies import HEIGHT_HEADER
from govchaind.base.types import Height

LINE_CHARS_MAX = 96
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
PAGE_TYPE = "text/html; charset=utf-8"


class Renderer:
    """The templates of this package."""

    def __init__(self, context: Context) -> None:
        self._context = context
        loader = jinja2.PackageLoader("govchaind.api", "templates")
        self._templates = jinja2.Environment(
            loader=loader,
            autoescape=True,
            finalize=visible,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(
            moment=moment,
            clock=lambda text: text[11:19],
            day=lambda text: text[:10],
            end_day=lambda milliseconds: end_words(milliseconds).english,
            plain=plain_text,
            pretty=pretty,
            mode=lambda mode: "hidden behind commitments" if mode == "commitment" else "readable",
            capfirst=lambda text: text[:1].upper() + text[1:],
            record_path=record_page_path,
            schema_words=schema_words,
        )
        self.style, self.icon = (
            loader.get_source(self._templates, name)[0].encode()
            for name in ("style.css", "icon.svg")
        )

    def page(
        self, template: str, height: Height, *, http_status: int = 200, **values: Any
    ) -> Response:
        """Return a page."""
        text = self._templates.get_template(template).render(
            chain=self._context.genesis.name, node=self._context.name, height=height, **values
        )
        return Response(
            text,
            status_code=http_status,
            media_type=PAGE_TYPE,
            headers={HEIGHT_HEADER: str(height)},
        )


def visible(value: Any) -> Any:
    """Return what a template prints, with the unseen in text that was not made here shown."""
    if type(value) is not str:  # what a template made itself is Markup
        return value
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)


def moment(text: str) -> str:
    """Return ISO 8601 text as people write it: day and time, no fractions."""
    return f"{text[:10]} {text[11:19]}" if text[10:11] == "T" else text


def plain_text(value: Any) -> str:
    """Return a JSON value on one line, for a table."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " · ".join(f"{name}: {plain_text(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " · ".join(plain_text(item) for item in value)
    return str(value)


def pretty(value: Any, depth: int = 0) -> str:
    """Return JSON for reading: what is short stays on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list) or len(line) + 2 * depth <= LINE_CHARS_MAX:
        return line
    inner = ",\n".join("  " * (depth + 1) + pretty(item, depth + 1) for item in value)
    return f"[\n{inner}\n{'  ' * depth}]"


def record_page_path(record: RecordView, register: str) -> str:
    """Return the path of a record's page."""
    return key_path(f"/registers/{register}", record)


def key_path(base: str, record: RecordView) -> str:
    """Return `base`/key, in hex where the key is no plain text."""
    key = record.key
    if key is None or "/" in key or key in (".", ".."):
        return f"{base}/{record.key_hex}?key_hex=true"
    return f"{base}/{quote(key, safe='')}"


def schema_words(schema: dict[str, Any]) -> str:
    """Return a JSON schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(schema_words(item) for item in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        words = ", ".join(str(item) for item in schema["enum"])
    elif schema.get("type") == "array":
        words = f"list of {schema_words(schema.get('items', {}))}"
    else:
        words = str(schema.get("type", "any"))
    bounds = [
        text
        for name, text in (("minimum", "from {}"), ("maximum", "to {}"))
        if name in schema
        for text in [text.format(schema[name])]
    ]
    if "default" in schema and schema["default"] is not None:
        bounds.append(f"default {schema['default']}")
    return f"{words} ({', '.join(bounds)})" if bounds else words
