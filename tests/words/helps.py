"""What the commands say of themselves: paragraphs of help, options, lines in lists of commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from govchaind.cli.commands import LazyGroup
from govchaind.cli.help_text import message_of_line, parts, split_description
from govchaind.cli.main import cli

LINE_MAX = 10_000  # so long that click cuts nothing


def said() -> Iterator[tuple[str, str]]:
    """Yield every message in a help, and the command whose it is."""
    yield from _of(cli, "govchaind")


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all under it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            under = command.get_command(context, name)
            assert under is not None
            yield from commands(under, f"{path} {name}")


def _of(top: click.Command, name: str) -> Iterator[tuple[str, str]]:
    for path, command in commands(top, name):
        for text in (command.help, command.epilog, command.get_short_help_str(LINE_MAX)):
            yield from ((path, each) for each in messages(text or ""))
        if isinstance(command, LazyGroup):
            yield from ((path, entry.line) for entry in command.entries.values())
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield from ((path, each) for each in _described(parameter.help or ""))


def messages(text: str) -> Iterator[str]:
    """Yield the messages of a help: its paragraphs, and what is no command in its examples."""
    for part in parts(inspect.cleandoc(text)):
        if isinstance(part, str):
            yield part
        else:
            yield from (message for _, message in map(message_of_line, part) if message)


def _described(text: str) -> Iterator[str]:
    words, extras = split_description(text)
    if words:
        yield words
    for extra in extras:
        value = extra.removeprefix("default: ")
        if " " in value and any(sign.isalpha() for sign in value):
            yield value
