"""One plain sentence in English and in Chinese, made of a message and what it names.

The English stands where it is told, the Chinese in data/locale/zh/LC_MESSAGES/govchaind.po, which
is read when the first sentence is told. Rules: a message is a literal, so that a test finds each
and refuses one without its Chinese; what it names stands in named placeholders and is never
translated; a number that counts is given as a number and written as the language writes it, one
that names (a year, a version) as text. Nothing here needs the rest of this floor, so that the
command line can say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

from babel.dates import format_date
from babel.numbers import format_decimal

from govchaind.api.translations import chinese_messages

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_LOCALES: Mapping[Language, str] = MappingProxyType({"en": "en_GB", "zh": "zh_Hans_CN"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same thing in two languages: a sentence, or a part of one."""

    english: str
    chinese: str

    def said(self, language: Language) -> str:
        """Return it in one language."""
        return self.english if language == "en" else self.chinese


Value = str | int | Sentence


def tell(message: str, /, **values: Value) -> Sentence:
    """Return `message` in both languages, with `values` in place of its `%(name)s`.

    Raises:
        TypeError: a value is no name, number or sentence. KeyError: one is missing.
    """
    return Sentence(
        message % _written(values, "en"), translated(message, "zh") % _written(values, "zh")
    )


def tell_many(one: str, many: str, /, *, count: int, **values: Value) -> Sentence:
    """Return `one` or `many` of something, which `%(count)s` says, in both languages."""
    values = {**values, "count": count}
    english = one if count == 1 else many
    return Sentence(
        english % _written(values, "en"), translated(one, "zh") % _written(values, "zh")
    )


def of_table(text: str) -> Sentence:
    """Return a text that stands in a table of the program, as an outcome's: it names nothing."""
    return Sentence(*(translated(text, language) for language in LANGUAGES))


def listed(values: Iterable[Value]) -> Sentence:
    """Return several things one after the other, with the commas of the language."""
    items = list(values)
    return Sentence(
        ", ".join(written(item, "en") for item in items),
        "、".join(written(item, "zh") for item in items),
    )


def without_stop(sentence: Sentence) -> Sentence:
    """Return a sentence as a part of another."""
    return Sentence(sentence.english.rstrip("."), sentence.chinese.rstrip("。"))


def of_day(day: date) -> Sentence:
    """Return a day: 3 March 2026, 2026年3月3日."""
    return Sentence(*(format_date(day, "long", locale=_LOCALES[each]) for each in LANGUAGES))


def of_month(day: date) -> Sentence:
    """Return the month of a day: September 2026, 2026年9月."""
    patterns: dict[Language, str] = {"en": "MMMM y", "zh": "y年M月"}
    return Sentence(
        *(format_date(day, patterns[each], locale=_LOCALES[each]) for each in LANGUAGES)
    )


def written(value: Value, language: Language) -> str:
    """Return what stands in place of a placeholder. Raises TypeError."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sentence):
        return value.said(language)
    if type(value) is int:
        return format_decimal(value, locale=_LOCALES[language])
    raise TypeError(f"a sentence names no {type(value).__name__}")


def translated(message: str, language: Language) -> str:
    """Return a message in one language; in English where nobody has translated it."""
    return message if language == "en" else chinese_messages().get(message) or message


def _written(values: Mapping[str, Value], language: Language) -> dict[str, str]:
    return {name: written(value, language) for name, value in values.items()}
