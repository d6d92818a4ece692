"""What was said in English, said in Chinese.

An error, its remedy, a note to the person: each arises in English, far below, where nobody knows
who will read it. Here the finished sentence is held against the messages of the file of Chinese,
whose named places take what the sentence names. Rules: the message with the most letters of its
own is the one; what it names stays as it is, unless it is itself such a sentence; what nobody has
translated is said in English. What a sentence names may come from anybody, so it is looked through
from left to right and never twice, and a text of more than SIGNS_MAX signs stays English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

SIGNS_MAX = 4000  # errors quote what they refuse
_PLACE = re.compile(r"%\((\w+)\)s")
_WORD = re.compile(r"[\w-]*")
_DEPTH_MAX = 3  # sentences within sentences: of a block, of its signature, of a value
_LETTERS_MIN = 3  # of its own, that make a message a sentence and no frame for anything


def in_chinese(text: str, depth: int = 0) -> str:
    """Return the Chinese of a finished English sentence; the sentence, if nobody has written it."""
    from govchaind.api.translations import chinese_messages

    messages = chinese_messages()
    found = messages.get(text.replace("%", "%%"))
    if found is not None:
        return found.replace("%%", "%")
    if depth >= _DEPTH_MAX or " " not in text or len(text) > SIGNS_MAX:
        return text
    for message, pieces in _templates():
        values = _places(message, pieces, text)
        if values is not None:
            told = {name: in_chinese(value, depth + 1) if " " in value else value
                    for name, value in values.items()}  # fmt: skip
            return messages[message] % told
    return text


@cache
def _templates() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the messages that name something, with what stands around that, longest first."""
    from govchaind.api.translations import chinese_messages

    return tuple(sorted(_with_places(chinese_messages()), key=_own, reverse=True))


def _with_places(messages: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for message in messages:
        if "%(" in message:
            pieces = tuple(part.replace("%%", "%") for part in _PLACE.split(message)[::2])
            if _own((message, pieces))[0] >= _LETTERS_MIN:
                yield message, pieces


def _own(template: tuple[str, tuple[str, ...]]) -> tuple[int, int]:
    """Return how many letters, and how many signs, a message has of its own."""
    own = "".join(template[1])
    return sum(map(str.isalpha, own)), len(own)


def _places(message: str, pieces: tuple[str, ...], text: str) -> dict[str, str] | None:
    """Return what a sentence has in the places of a message; None if it is of another."""
    if not (text.startswith(pieces[0]) and text.endswith(pieces[-1])):
        return None
    if not all(piece in text for piece in pieces):
        return None
    at, end = len(pieces[0]), len(text) - len(pieces[-1])
    values: dict[str, str] = {}
    for place, name in enumerate(_PLACE.findall(message), 1):
        stop = _stop(text, at, end, pieces[place:-1])
        if stop < at or values.setdefault(name, text[at:stop]) != text[at:stop]:
            return None
        at = stop + len(pieces[place])
    return values


def _stop(text: str, at: int, end: int, pieces: tuple[str, ...]) -> int:
    """Return where a place ends that begins at `at`, and which `pieces` follow; -1: nowhere.

    Of two places side by side the first takes a word; with a blank between them, all words but one.
    """
    if not pieces:
        return end
    if not pieces[0]:
        found = _WORD.match(text, at, end)
        return -1 if found is None else found.end()
    if pieces[0] == " ":
        until = text.find(pieces[1], at, end) if pieces[1:] else end
        return text.rfind(" ", at, until)
    return text.find(pieces[0], at, end)
