"""What commands print: JSON for scripts, tables and progress bars for people.

Rules: results go to standard output, everything else to standard error; a progress bar is drawn
only on a terminal; a hash is shortened for people and whole for scripts. Rich is imported only
when something of it is drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from govchaind.cli.language import language
from govchaind.cli.wording import worded

if TYPE_CHECKING:
    from govchaind.api.sentence import Sentence


class Ticks(Protocol):
    """A progress bar, or nothing."""

    def advance(self, steps: int) -> None: ...

    def total(self, steps: int) -> None: ...


class Word(str):
    """A cell that holds a word of ours, a state or a role, and not what somebody wrote.

    It is the word itself, which `cut` reads; `told` is what a person reads.
    """

    __slots__ = ("told",)
    told: str

    def __new__(cls, text: str, told: str) -> Self:
        made = super().__new__(cls, text)
        made.told = told
        return made


def word(value: object, words: Mapping[str, Sentence] | None = None) -> Word:
    """Return a word of ours as a cell; in English it is told as it is.

    Args:
        words: The sentences for it; by default those that all pages have for states and roles.
    """
    text = line(value)
    if language() == "en":
        return Word(text, text)
    from govchaind.api.sentence import Sentence
    from govchaind.api.state_words import state_word

    known = state_word(text) if words is None else words.get(text, text)
    return Word(text, known.said(language()) if isinstance(known, Sentence) else worded(text))


def part(number: object, whole: object) -> Word:
    """Return how many of how many, as a cell."""
    text = line(f"{number} of {whole}")
    return Word(text, text if language() == "en" else line(f"{number}/{whole}"))


def print_json(value: Any) -> None:
    """Print one JSON value, indented, text as it is."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; on a terminal drawn, else plain columns that `cut` and `awk` read."""
    if not sys.stdout.isatty():
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(cell.replace("\t", " ") for cell in row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=told(title) or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(worded(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(told(cell)) for cell in row))
    Console(highlight=False).print(table)


def print_facts(facts: Sequence[tuple[str, str]], width: int) -> None:
    """Print what is known of one thing, a line each: our label, `width` columns wide, and it."""
    from govchaind.cli.help_text import columns

    for label, value in facts:
        name = worded(label)
        room = " " * (width - columns(name))
        click.echo(f"{name}{room} {told(value)}")


def told(value: str) -> str:
    """Return a cell as a person reads it."""
    return value.told if isinstance(value, Word) else value


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(worded(text), err=True)


def say(text: str) -> None:
    """Say what came of a command to the person; a script asks for JSON instead."""
    click.echo(worded(text))


class _Silent:
    def advance(self, steps: int) -> None:
        """Nothing is drawn."""

    def total(self, steps: int) -> None:
        """Nothing is drawn."""


@contextmanager
def progress(label: str, total: int | None, unit: str) -> Iterator[Ticks]:
    """Draw a progress bar with a rate on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(worded(label), total=total, rate="")

        class Drawn:
            def advance(self, steps: int) -> None:
                bar.advance(task, steps)
                speed = bar.tasks[0].speed
                bar.update(task, rate=f"{speed:,.0f} {worded(unit)}/s" if speed else "")

            def total(self, steps: int) -> None:
                bar.update(task, total=steps)

        yield Drawn()


def short(value: str | bytes | None) -> str:
    """Return the first half of a hash's first half: enough to compare by eye."""
    if value is None:
        return "–"
    text = value.hex() if isinstance(value, bytes) else value
    return text[:16] + "…" if len(text) > 17 else text


def moment(milliseconds: int | None) -> str:
    """Return a block time as ISO text in UTC."""
    if milliseconds is None:
        return "–"
    try:
        time = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):  # what others wrote may be any number
        return f"{milliseconds} ms after 1970"
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(value: object) -> str:
    """Return a value as one line on which nothing is hidden: what others wrote may turn text
    around, or write over the terminal."""
    text = cell(value)
    return "".join(sign if sign.isprintable() else f"⟨U+{ord(sign):04X}⟩" for sign in text)


def cell(value: object) -> str:
    """Return a value as one cell of a table."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
