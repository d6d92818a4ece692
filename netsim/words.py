"""Lines of words with their places, and what a wrong one is answered: path, line and column.

A `#` begins a comment. A reference to a node is its name, `leader`, or a name given by `call`; it
is looked up when the line is played, since who leads is known only then.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from govchaind.base.errors import InvalidSetting

_WORD = re.compile(r"\S+")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


class NobodyLeads(InvalidSetting):
    """A line is about the leader, and there is none now."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a file, and where it stands."""

    text: str
    source: str
    line: int
    column: int

    def wrong(self, what: str) -> InvalidSetting:
        """Return the error that names this word's place."""
        return wrong(self.source, self.line, self.column, what)

    def nobody_leads(self) -> NobodyLeads:
        """Return the error of a word that means the leader while there is none."""
        error = self.wrong("nobody leads now")
        return NobodyLeads(error.message, code=error.code, remedy=error.remedy)

    def number(self, least: float = 0.0) -> float:
        """Return the word as a number. Raises InvalidSetting."""
        try:
            found = float(self.text)
        except ValueError:
            raise self.wrong(f"{self.text!r} is no number") from None
        if not least <= found < float("inf"):
            raise self.wrong(f"{self.text} is not {least:g} or more")
        return found

    def share(self) -> float:
        """Return the word as a share, from 0 to 1. Raises InvalidSetting."""
        found = self.number()
        if found > 1:
            raise self.wrong(f"{self.text} is no share: 0 to 1")
        return found

    def whole(self, least: int = 0) -> int:
        """Return the word as a whole number. Raises InvalidSetting."""
        if not self.text.isdecimal() or int(self.text) < least:
            raise self.wrong(f"{self.text!r} is no whole number of {least} or more")
        return int(self.text)

    def name(self) -> str:
        """Return the word as a new name. Raises InvalidSetting."""
        if not _NAME.fullmatch(self.text):
            raise self.wrong(f"{self.text!r} is no name: letters a to z, digits and hyphens")
        return self.text

    def one_of(self, choices: Iterable[str], what: str) -> str:
        """Return the word if it is one of these. Raises InvalidSetting with the nearest."""
        known = list(choices)
        if self.text in known:
            return self.text
        near = difflib.get_close_matches(self.text, known, n=1, cutoff=0.5)
        all_known = f"there are {', '.join(known)}" if known else "there are none yet"
        hint = f"did you mean {near[0]}?" if near else all_known
        raise self.wrong(f"there is no {what} {self.text!r}; {hint}")


def wrong(source: str, line: int, column: int, what: str) -> InvalidSetting:
    """Return the error of a place in a file."""
    return InvalidSetting(
        f"{source}:{line}:{column}: {what}",
        code="wrong-file",
        remedy="Correct that place; docs/netsim/worlds.md and scenarios.md have every word.",
    )


def words(text: str, source: str, line: int, column: int = 1) -> list[Word]:
    """Return the words of one line up to its comment."""
    said = text.split("#", maxsplit=1)[0]
    return [
        Word(match.group(), source, line, match.start() + column) for match in _WORD.finditer(said)
    ]


def exactly(head: Word, rest: Sequence[Word], least: int, most: int | None, usage: str) -> None:
    """Raise InvalidSetting if there are too few or too many words after `head`."""
    if len(rest) < least:
        last = rest[-1] if rest else head
        raise wrong(
            last.source, last.line, last.column + len(last.text), f"a word is missing: {usage}"
        )
    if most is not None and len(rest) > most:
        raise rest[most].wrong(f"{rest[most].text!r} is too much: {usage}")
