"""What a file is meant as: a world, a case or a scenario; and which command plays it.

A file that is given to the wrong command is told by its kind, not by its first wrong word.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType

from govchaind.base.errors import InvalidSetting
from netsim.case import is_case
from netsim.scenario import HEADS

WORLD, CASE, SCENARIO = "a world", "a case", "a scenario"
COMMANDS: Mapping[str, str] = MappingProxyType({
    WORLD: "run", CASE: "replay", SCENARIO: "scenario",
})  # fmt: skip
_SITES = re.compile(r"^\s*(\[\[\s*sites\s*\]\]|sites\s*=)", re.MULTILINE)
_WORD = re.compile(r"^\s*([^\s#]+)[^\n=]*$", re.MULTILINE)  # of the first line that sets no key


def kind_of(text: str) -> str | None:
    """Return what a text is meant as, or None if nothing tells."""
    if is_case(text):
        return CASE
    if _SITES.search(text):
        return WORLD
    first = _WORD.search(text)
    return SCENARIO if first is not None and first[1] in HEADS else None


def check_kind(text: str, name: str, *wanted: str) -> None:
    """Refuse a file that is meant as something else than what is wanted. Raises InvalidSetting."""
    kind = kind_of(text)
    if kind is not None and kind not in wanted:
        command = shlex.join(["netsim", COMMANDS[kind], name])
        raise InvalidSetting(
            f"{name} is {kind}, not {' or '.join(wanted)}",
            code="wrong-file",
            remedy=f"Play it with `{command}`.",
        )
