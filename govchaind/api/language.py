"""In which language a page speaks: as its address says, else as chosen before, else the browser.

What is chosen with `?lang=` is remembered in a cookie that holds nothing else. Who asks for
neither language gets English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlencode

from starlette.requests import Request

from govchaind.api.sentence import LANGUAGES, Language

PARAMETER = "lang"
COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
TAGS: Mapping[Language, str] = MappingProxyType({"en": "en", "zh": "zh-Hans"})
NAMES: Mapping[Language, str] = MappingProxyType({"en": "English", "zh": "中文"})
_ACCEPTED_CHARS_MAX = 1000
_RANGES_MAX = 32


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """A language in which the same page can be had, and where."""

    language: Language
    tag: str
    name: str
    path: str


def language_of(request: Request) -> Language:
    """Return the language for this request."""
    return (
        chosen(request)
        or _known(request.cookies.get(COOKIE, ""))
        or accepted(request.headers.get("accept-language", ""))
        or "en"
    )


def chosen(request: Request) -> Language | None:
    """Return the language that the address names, if it does."""
    return _known(request.query_params.get(PARAMETER, ""))


def accepted(header: str) -> Language | None:
    """Return which of our languages an Accept-Language header likes best (RFC 9110, 12.5.4)."""
    best: tuple[float, int] | None = None
    found: Language | None = None
    for place, item in enumerate(header[:_ACCEPTED_CHARS_MAX].split(",")[:_RANGES_MAX]):
        wanted, _, parameter = item.partition(";")
        language = _known(wanted.strip().partition("-")[0].lower())
        rank = (_weight(parameter), -place)
        if language is not None and rank[0] > 0 and (best is None or rank > best):
            best, found = rank, language
    return found


def others(request: Request, language: Language) -> list[OtherLanguage]:
    """Return where the page is in the languages that it does not speak."""
    kept = [(name, value) for name, value in request.query_params.multi_items()
            if name != PARAMETER]  # fmt: skip
    path = "/" + quote(request.scope["path"].lstrip("/"))
    return [
        OtherLanguage(
            each, TAGS[each], NAMES[each], f"{path}?{urlencode([*kept, (PARAMETER, each)])}"
        )
        for each in LANGUAGES
        if each != language
    ]


def _known(text: str) -> Language | None:
    return next((language for language in LANGUAGES if language == text), None)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
