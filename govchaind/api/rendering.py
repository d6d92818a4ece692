"""How templates become pages: escaping on, undefined names refused, nothing loaded from outside.

Characters that nobody sees, but that turn around the text beside them, are shown by their numbers:
what is on the ledger may say anything, but only in its own place. The strings of the templates are
messages, as those of `sentence.py`, and their Chinese stands with theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.language import (
    COOKIE,
    COOKIE_SECONDS,
    TAGS,
    chosen,
    language_of,
    others,
)
from govchaind.api.models import RecordView, WordsView
from govchaind.api.motion_words import end_words
from govchaind.api.replies import HEIGHT_HEADER
from govchaind.api.sentence import LANGUAGES, Language, Sentence, listed, translated, written
from govchaind.api.state_words import state_word
from govchaind.api.wording import in_chinese
from govchaind.base.types import Height

LINE_CHARS_MAX = 96
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LOADER = jinja2.PackageLoader("govchaind.api", "templates")
PAGE_TYPE = "text/html; charset=utf-8"


class Renderer:
    """The templates of this package, in each language."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._templates = {language: templates_of(language) for language in LANGUAGES}
        self.style, self.icon = (
            _LOADER.get_source(self._templates["en"], name)[0].encode()
            for name in ("style.css", "icon.svg")
        )

    def page(
        self,
        request: Request,
        template: str,
        height: Height,
        *,
        http_status: int = 200,
        **values: Any,
    ) -> Response:
        """Return a page in the language of its request."""
        language = language_of(request)
        text = (
            self._templates[language]
            .get_template(template)
            .render(
                chain=self._context.genesis.name,
                node=self._context.name,
                height=height,
                tag=TAGS[language],
                languages=others(request, language),
                **values,
            )
        )
        response = Response(
            text,
            status_code=http_status,
            media_type=PAGE_TYPE,
            headers={
                HEIGHT_HEADER: str(height),
                "content-language": TAGS[language],
                "vary": "Accept-Language, Cookie",
            },
        )
        if chosen(request) is not None:
            response.set_cookie(
                COOKIE, language, max_age=COOKIE_SECONDS, httponly=True, samesite="lax"
            )
        return response


def sentence(language: Language, text: str) -> str:
    """Return what an error says, which is English, as a sentence of a language."""
    if language == "zh":
        told = in_chinese(text)
        return told if told.endswith(("。", ".")) else f"{told}。"
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def templates_of(language: Language) -> jinja2.Environment:
    """Return the templates as they speak one language."""

    def shown(value: Any) -> Any:
        return visible(value.said(language) if isinstance(value, Sentence) else value)

    templates = jinja2.Environment(
        loader=_LOADER,
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.extend(newstyle_gettext=True)  # before the extension, which else says False
    templates.add_extension("jinja2.ext.i18n")
    templates.policies["ext.i18n.trimmed"] = True
    templates.globals.update(_messages(language, shown))
    templates.globals["between"] = "" if language == "zh" else " "  # two sentences
    templates.filters.update(
        number=lambda number: written(int(number), language),
        listed=listed,
        word=state_word,
        told=told,
        moment=moment,
        clock=lambda text: text[11:19],
        day=lambda text: text[:10],
        end_day=end_words,
        plain=plain_text,
        pretty=pretty,
        sentence=partial(sentence, language),
        capfirst=lambda text: text[:1].upper() + text[1:],
        record_path=record_page_path,
        schema_words=schema_words,
    )
    return templates


def _messages(language: Language, shown: Callable[[Any], Any]) -> dict[str, Callable[..., Markup]]:
    """Return what the templates call for a message, of one or of many: what it names is escaped,
    and shown as everything else that a template prints."""

    def gettext(message: str, /, **values: Any) -> Markup:
        named = {
            name: written(value, language) if type(value) is int else shown(value)
            for name, value in values.items()
        }
        return Markup(translated(message, language)) % named

    def ngettext(one: str, many: str, count: int, /, **values: Any) -> Markup:
        plural = language == "en" and count != 1
        return gettext(many if plural else one, **values)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def told(words: WordsView) -> Sentence:
    """Return the words of a reply for a page."""
    return Sentence(words.english, words.chinese)


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
