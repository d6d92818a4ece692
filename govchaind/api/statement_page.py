"""A statement as a page to read and to print: one file, no scripts, nothing loaded from outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol

from markupsafe import Markup

from govchaind.api.language import TAGS
from govchaind.api.rendering import templates_of
from govchaind.api.sentence import Language, Sentence, of_month, tell

WORDS: Mapping[str, Sentence] = MappingProxyType(
    {
        "asked": tell("Requests"),
        "granted": tell("Granted"),
        "refused": tell("Refused"),
        "in_time": tell("Answered in time"),
        "late": tell("Answered late"),
        "extended": tell("Time extended"),
        "appealed": tell("Appealed"),
        "upheld": tell("Refusals upheld"),
        "overturned": tell("Refusals overturned"),
        "withdrawn": tell("Withdrawn"),
        "used": tell("Uses signed"),
        "revoked": tell("Grants revoked"),
        "delivered": tell("Delivered"),
        "received": tell("Received"),
        "disputed": tell("Disputed"),
        "corrected": tell("Corrected"),
    }
)
FILE = "statement.json"
SHOWN = ("asked", "granted", "refused", "in_time", "late", "appealed", "overturned", "used")


class Proved(Protocol):
    """What a statement proves, as far as it is shown."""

    @property
    def institution(self) -> str: ...

    @property
    def month(self) -> str: ...

    @property
    def height(self) -> int: ...

    @property
    def gave(self) -> dict[str, int]: ...

    @property
    def took(self) -> dict[str, int]: ...

    @property
    def rows(self) -> tuple[Any, ...]: ...


def statement_page(statement: Proved, chain: str, language: Language) -> str:
    """Return the page in one language. `chain`: the chain's id in hex."""
    templates = templates_of(language)
    style = templates.get_template("statement.css").render()
    return templates.get_template("statement.html").render(
        statement=statement,
        chain=chain,
        words=WORDS,
        shown=SHOWN,
        style=Markup(style),
        file=FILE,
        command=f"govchaind statement verify {FILE} --genesis genesis.bin",
        tag=TAGS[language],
        month=of_month(date.fromisoformat(f"{statement.month}-01")),
    )
