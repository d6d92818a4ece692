"""In which language a command tells its sentences: --lang, GOVCHAIND_LANG, else the system's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from govchaind.api.sentence import Language

_SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts, as POSIX has it


def language() -> Language:
    """Return the language of the running command."""
    context = click.get_current_context(silent=True)
    wanted = None if context is None else context.find_root().params.get("lang")
    if wanted is None:
        wanted = next((os.environ[name] for name in _SYSTEM if os.environ.get(name)), "")
    return "zh" if wanted.startswith("zh") else "en"


def said(words: Any) -> Any:
    """Return a node's words, {english, chinese}, in the language of the running command."""
    if not isinstance(words, dict):
        return None
    return words.get("chinese" if language() == "zh" else "english")
