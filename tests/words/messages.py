"""Every message of the program, found in its source, and the file of their Chinese.

Messages are the literals in calls of `tell` and `tell_many`, the strings of the templates, the
texts of the outcomes, and all that the command line says: help, errors, notes. `python -m
tests.words.messages` writes the file anew: sorted, without what is no longer said, and with an
empty translation for what is new.
"""

from __future__ import annotations

import ast
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from govchaind.config import settings
from govchaind.ledger.outcomes import OUTCOMES
from tests.words import borrowed, helps, raised

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "govchaind"
FILE = SOURCE / "data" / "locale" / "zh" / "LC_MESSAGES" / "govchaind.po"
HEAD = (
    "# What the program says, in Chinese. Kept sorted by `python -m tests.words.messages`.\n"
    'msgid ""\n'
    'msgstr ""\n'
    '"Language: zh\\n"\n'
    '"MIME-Version: 1.0\\n"\n'
    '"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Content-Transfer-Encoding: 8bit\\n"\n'
    '"Plural-Forms: nplurals=1; plural=0;\\n"\n'
    "\n"
)
TAG = re.compile("<[^>]*>")
WORD = re.compile("[A-Za-z]+")
CODE = re.compile("`[^`]*`|docs/[a-z]+[.]md|/openapi[.]json")
# The same in Chinese.
NAMES = frozenset({
    "API", "CBOR", "JSON", "KiB", "SHA", "UTC", "govchaind", "GB", "MiB", "Ctrl", "Python",
    "PyNaCl", "Prometheus", "Grafana", "Parquet", "systemd", "PostgreSQL", "JetStream", "DuckDB",
    "Unix", "ListenStream", "true", "false", "json", "console", "auto", "OpenTelemetry",
})  # fmt: skip
# What a person types or a file holds: options, names in capitals, headers, paths and settings,
# commands. The Chinese may have the words of those that its English has, and no others.
TYPED = re.compile(
    r"--[a-z][a-z-]*|[a-z]+://|[a-z]+_(?= |$)|[a-z]+_[.]|[A-Z][A-Z0-9_-]*(?![a-z])"
    r"|[A-Z][a-z]+(?:-[A-Za-z]+)+|a-z"
    r"|(?:govchaind|pip install|chmod|GET|Bearer|Authorization)\b(?: [a-z][a-z-]*){0,2}"
    r"|[\w'\[\]~-]*[._/=:@\d][\w._/=:@\[\]-]*\w"
)
# What a setting is, where that is said in words.
_WORDS_OF_KINDS = {
    kind: (kind,)
    for kind in ("an integer", "a number", "list of host:port", "true or false", "one of", "text")
}
TEMPLATE_OPTIONS = {
    "trimmed": "true",
    "silent": "false",
    "newstyle_gettext": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message, where it stands, and with which values it is told (None: nobody can see that)."""

    one: str
    many: str | None
    place: str
    values: frozenset[str] | None = None

    @property
    def identity(self) -> str | tuple[str, str]:
        return self.one if self.many is None else (self.one, self.many)


@cache
def messages() -> tuple[Message, ...]:
    """Return every message, as often as it stands in the source."""
    return (*_told(), *_templates(), *_outcomes(), *_commands())


def _commands() -> Iterator[Message]:
    """Yield what the command line says: help, errors, notes, and what click and the system say."""
    for each in raised.said_in(SOURCE, ROOT):
        yield Message(each.text, None, each.place)
    for place, text in helps.said():
        yield Message(text.replace("%", "%%"), None, place)
    for text in borrowed.MESSAGES:
        yield Message(text, None, "click, or the system")
    for setting in settings():
        for text in (setting.meaning, *_WORDS_OF_KINDS.get(setting.kind, ())):
            yield Message(text.replace("%", "%%"), None, f"setting {setting.path}")
    for text in ("at least %(number)s", "at most %(number)s", "more than %(number)s"):
        yield Message(text, None, "the bounds of settings")


def _told() -> Iterator[Message]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                if node.func.id in ("tell", "tell_many"):
                    yield told(node, place)


def told(node: ast.Call, place: str) -> Message:
    """Return the message of one call of `tell` or `tell_many`."""
    many = isinstance(node.func, ast.Name) and node.func.id == "tell_many"
    texts = [item.value for item in node.args if isinstance(item, ast.Constant)]
    words = [text for text in texts if isinstance(text, str)]
    assert len(words) == len(node.args) == (2 if many else 1), f"{place}: messages are literals"
    names = {keyword.arg for keyword in node.keywords}
    values = None if None in names else frozenset(name for name in names if name)
    return Message(words[0], words[1] if many else None, place, values)


def _templates() -> Iterator[Message]:
    for path in sorted((SOURCE / "api" / "templates").glob("*.html")):
        place = str(path.relative_to(ROOT))
        found = babel_extract(
            io.BytesIO(path.read_bytes()), ("_", "gettext", "ngettext"), (), TEMPLATE_OPTIONS
        )
        for line, _, text, _ in found:
            texts = [text] if isinstance(text, str) else list(text or ())
            one, many = texts[0], texts[1] if len(texts) > 1 else None
            assert one is not None, f"{place}:{line}: messages are literals"
            yield Message(one, many, f"{place}:{line}")


def _outcomes() -> Iterator[Message]:
    for row in OUTCOMES.values():
        for text in (row.text, row.cause, row.remedy):
            yield Message(text, None, f"outcome {row.code}")


def catalogue(text: bytes) -> Catalog:
    """Read a file of translations. Raises PoFileError."""
    return read_po(io.BytesIO(text), locale="zh", abort_invalid=True)


def renewed(text: bytes) -> bytes:
    """Return the file as it should be: every message once, sorted, with the Chinese that it has."""
    known = catalogue(text)
    made = Catalog(locale="zh")
    for message in {each.one: each for each in messages()}.values():
        old = known.get(message.one)
        string = (old.string if old is not None else None) or ""
        if message.many is not None and isinstance(string, str):
            string = (string,)
        elif message.many is None and not isinstance(string, str):
            string = string[0]
        fuzzy = ["fuzzy"] if old is not None and old.fuzzy else []
        made.add(message.identity, string, flags=fuzzy)
    written = io.BytesIO()
    write_po(written, made, width=0, omit_header=True, sort_output=True)
    return HEAD.encode() + written.getvalue().lstrip(b"\n")


def faults(text: bytes) -> list[str]:
    """Return what is wrong with a file of translations; nothing if it may be used."""
    known, found = catalogue(text), []
    if text != renewed(text):
        found.append("not as written anew: messages are missing, superfluous or out of order")
    for entry in known:
        texts = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        strings = [entry.string] if isinstance(entry.string, str) else list(entry.string or [""])
        if not texts[0]:
            continue
        if entry.fuzzy:
            found.append(f"fuzzy: {texts[0]}")
        if not all(strings):
            found.append(f"without Chinese: {texts[0]}")
        elif len({frozenset(placeholders(each)) for each in (*texts, *strings)}) > 1:
            found.append(f"other placeholders: {texts[0]}")
        elif any(not same_code(texts[0], each) for each in strings):
            found.append(f"other commands: {texts[0]}")
        elif any(TAG.findall(texts[0]) != TAG.findall(each) for each in strings):
            found.append(f"other tags: {texts[0]}")
        else:
            typed = {word for each in TYPED.findall(texts[0]) for word in WORD.findall(each)}
            words = sorted({w for each in strings for w in untranslated(each)} - typed)
            found += [f"English in the Chinese: {word}: {texts[0]}" for word in words]
    return found


def same_code(english: str, chinese: str) -> bool:
    """Say whether what is code in the English is in the Chinese, and nothing else that is."""
    wanted, has = Counter(CODE.findall(english)), Counter(CODE.findall(chinese))
    return not wanted - has and all(each.strip("`") in english for each in has - wanted)


def placeholders(text: str) -> set[str]:
    """Return the names of what stands in a message; with `%` where a sign stands for nothing."""
    named = re.findall(r"%\((\w+)\)s", text)
    rest = re.sub(r"%\(\w+\)s|%%", "", text)
    return {*named, *("%" for _ in re.findall("%", rest))}


def untranslated(text: str) -> list[str]:
    """Return the words of a Chinese text that are no Chinese, but for names that are the same."""
    rest = re.sub(r"%\(\w+\)s", " ", CODE.sub(" ", TAG.sub(" ", text)))
    return [word for word in WORD.findall(rest) if word not in NAMES]


if __name__ == "__main__":
    FILE.write_bytes(renewed(FILE.read_bytes() if FILE.exists() else b""))
