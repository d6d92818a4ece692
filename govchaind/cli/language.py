"""In which language a command speaks: --lang, GOVCHAIND_LANG, else the system's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import click

Language = Literal["en", "zh"]
_VARIABLE = "GOVCHAIND_LANG"
_SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts, as POSIX has it


def language() -> Language:
    """Return the language of the running command."""
    context = click.get_current_context(silent=True)
    if context is None:
        return _known(None)
    root = context.find_root()
    if not any(each.name == "lang" for each in root.command.params):
        return "en"  # another program's command line
    wanted = root.params.get("lang")
    return _known(wanted)


def chosen(arguments: Sequence[str]) -> Language:
    """Return the language of a command that has ended, or that could not be understood.

    Who asks for JSON is a script: its errors are always English.
    """
    if "--json" in arguments:
        return "en"
    wanted = os.environ.get(_VARIABLE)
    before = ""
    for name in arguments:
        if before == "--lang":
            wanted = name
        elif name.startswith("--lang="):
            wanted = name.partition("=")[2]
        elif not name.startswith("-"):
            break  # the command: what follows is its own
        before = name
    return _known(wanted)


def _known(wanted: str | None) -> Language:
    if not wanted:
        wanted = next((os.environ[name] for name in _SYSTEM if os.environ.get(name)), "")
    return "zh" if wanted.startswith("zh") else "en"


def said(words: Any) -> Any:
    """Return a node's words, {english, chinese}, in the language of the running command."""
    if not isinstance(words, dict):
        return None
    return words.get("chinese" if language() == "zh" else "english")
