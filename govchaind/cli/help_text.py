"""Help in Chinese: paragraphs, options and headings looked up, lines broken by their width.

Nothing is done to the commands: who asks for help in Chinese gets another formatter. Examples are
what a shell reads, so of them only the headings and the remarks are translated. Rules: a sign of
Chinese is two columns wide, and a line may end between any two of them, but for what may begin no
line; an English word is not broken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import click

from govchaind.api.wording import in_chinese
from govchaind.cli.language import language

_NUMBERED = re.compile(r"(\s+\d+(?:\.\s|\s\s+))(.+)")  # an exit code, a step
_REMARK = re.compile(r"(.*?\s# )(.+)")
_BRACKETS = re.compile(r"\s\s\[([^\]]*)\](?=\s\s\[|$)")
_NO_BEGINNING = "，。、；：！？）》」』”’…—,.;:!?)]}"
_NO_END = "（《「『“‘([{"
_CUT = "..."  # what click puts where a line is too long


class Formatter(click.HelpFormatter):
    """Writes what a command says of itself in Chinese."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, f"{in_chinese('Usage:')} " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{in_chinese(heading)}：\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        told = []
        for part in parts(text):
            lines = translated_lines(part) if isinstance(part, tuple) else wrapped(
                in_chinese(part), self.width - self.current_indent
            )  # fmt: skip
            told.append("\n".join(f"{indent}{line}".rstrip() for line in lines))
        self.write("\n\n".join(told) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        told = list(rows)
        first_width = min(max((len(first) for first, _ in told), default=0), col_max) + col_spacing
        left, room = self.current_indent, max(self.width - first_width - 2, 20)
        for first, second in told:
            lines = wrapped(described(second), room)
            head = f"{'':>{left}}{first}"
            if lines and len(first) <= first_width - col_spacing:
                head += " " * (first_width - len(first)) + lines.pop(0)
            self.write(head + "\n")
            self.write("".join(f"{'':>{left + first_width}}{line}\n" for line in lines))


class Context(click.Context):
    """The context of a command that speaks both languages."""

    def make_formatter(self) -> click.HelpFormatter:
        """Return who writes the help."""
        kind = click.HelpFormatter if language() == "en" else Formatter
        return kind(width=self.terminal_width, max_width=self.max_content_width)


def speaking(command: click.Command) -> click.Command:
    """Have a command, and those under it, tell its help in both languages."""
    command.context_class = Context
    if isinstance(command, click.Group):
        for each in command.commands.values():
            speaking(each)
    return command


def parts(text: str) -> Iterator[str | tuple[str, ...]]:
    """Yield the paragraphs of a help: one line, or the lines of one that stays as it is."""
    for paragraph in text.strip("\n").split("\n\n"):
        lines = [line.rstrip() for line in paragraph.strip("\n").split("\n")]
        if lines[0].strip() == "\b":
            yield tuple(lines[1:])
        elif any(lines):
            yield " ".join(" ".join(lines).split())


def message_of_line(line: str) -> tuple[str, str]:
    """Return what stays of a line that stays as it is, and the message in it, if any."""
    if line and not line[0].isspace():
        return "", line
    for pattern in (_NUMBERED, _REMARK):
        found = pattern.fullmatch(line)
        if found is not None:
            return found[1], found[2]
    return line, ""


def translated_lines(lines: Iterable[str]) -> list[str]:
    """Return such lines in Chinese."""
    return ["".join((kept, in_chinese(text))) for kept, text in map(message_of_line, lines)]


def split_description(text: str) -> tuple[str, list[str]]:
    """Return what an option's help says, and what it has in brackets after it."""
    text = " ".join(text.split("\n")).strip()
    brackets = _BRACKETS.findall(text)
    return _BRACKETS.sub("", text).strip(), [each for part in brackets for each in part.split("; ")]


def described(text: str) -> str:
    """Return the second column of a list of options or commands in Chinese."""
    said, extras = split_description(text)
    told = _line(said)
    if extras:
        told += f"  [{'；'.join(in_chinese(each) for each in extras)}]"
    return told


def _line(text: str) -> str:
    """Return a line in Chinese, also one that click has cut short."""
    if text.endswith(_CUT):
        from govchaind.api.translations import chinese_messages

        begun = text.removesuffix(_CUT).replace("%", "%%")
        whole = [each for each in chinese_messages() if each.startswith(begun)]
        if whole:
            return in_chinese(min(whole, key=len).replace("%%", "%"))
    return in_chinese(text)


# --- lines of a width ----------------------------------------------------------------------------


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most so many columns, but for a word that is longer."""
    lines, line = list[str](), ""
    for piece in _pieces(text):
        if columns(line + piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            piece, line = piece.lstrip(), ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterator[str]:
    """Yield what is not to be broken: words, and signs with what may not part from them."""
    piece = ""
    for sign in text:
        wide = columns(sign) == 2
        joined = sign in _NO_BEGINNING or (piece and piece[-1] in _NO_END)
        ends = piece and (piece[-1].isspace() or wide or columns(piece[-1]) == 2)
        if ends and not joined and not (sign.isspace() and not piece[-1].isspace()):
            yield piece
            piece = ""
        piece += sign
    if piece:
        yield piece
