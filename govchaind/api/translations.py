"""The file of Chinese, read once, when something is first said in Chinese.

It is a gettext file in the one form in which `tests.words.messages` writes it: a line for each
string, or `""` and a line for each part of it; what is in no such line is passed over. So it is
read here in some lines, and whoever says nothing in Chinese pays nothing. Nothing else is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_STRING = re.compile(r'(?:(msgid|msgid_plural|msgstr(?:\[\d+\])?) )?"(.*)"')
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"n": "\n", "t": "\t", "r": "\r"}


@cache
def chinese_messages() -> Mapping[str, str]:
    """Return the Chinese of every message; of one with a plural, by its singular."""
    place = files("govchaind") / "data" / "locale" / "zh" / "LC_MESSAGES" / "govchaind.po"
    return MappingProxyType(dict(read(place.read_text(encoding="utf-8"))))


def read(text: str) -> Iterator[tuple[str, str]]:
    """Yield each message of such a file that has its Chinese, and the Chinese."""
    for entry in text.split("\n\n"):
        parts, name = dict[str, str](), ""
        for line in entry.split("\n"):
            found = _STRING.fullmatch(line)
            if found is not None:
                name = found[1] or name
                parts[name] = parts.get(name, "") + found[2]
            elif line.startswith("#,") and "fuzzy" in line:
                parts.clear()
                break
        one, chinese = parts.get("msgid"), parts.get("msgstr") or parts.get("msgstr[0]")
        if one and chinese:
            yield _plain(one), _plain(chinese)


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)
