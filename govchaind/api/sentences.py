"""Each operation as one plain sentence, in English and in Chinese. For people; proves nothing.

Whoever acts is told by the title of its institution where the titles are at hand, else by names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from govchaind.api import asset_words, delivery_words, exchange_words, side_words
from govchaind.api.motion_words import day_words, motion_words
from govchaind.api.reading import operation_name
from govchaind.api.sentence import Sentence, tell
from govchaind.api.titles import Names, Titles
from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import Transaction

KEY_CHARS_SHOWN = 40
DIGEST_CHARS_SHOWN = 16


def sentences(
    transaction: Transaction, limit: int, *, refused: bool = False, titles: Titles | None = None
) -> list[Sentence]:
    """Return a sentence for each of the first `limit` operations; what was refused is called so."""
    author = author_of(transaction, titles)
    known = titles or Names()
    told = [_sentence(author, kind, items, known) for kind, items in transaction.operations[:limit]]
    if not refused:
        return told
    return [tell("Refused, and not done: %(sentence)s", sentence=one) for one in told]


def headline(
    transaction: Transaction, *, refused: bool = False, titles: Titles | None = None
) -> Sentence:
    """Return one sentence for the whole transaction."""
    more = len(transaction.operations) - 1
    [first] = sentences(transaction, 1, refused=refused, titles=titles)
    if not more:
        return first
    return tell("%(first)s And %(more)s more.", first=first, more=more)


def withheld_words(transaction: Transaction, titles: Titles | None = None) -> Sentence:
    """Return the sentence for what a reader is not shown."""
    return tell(
        "%(author)s did something that this node shows to those alone whom it concerns.",
        author=author_of(transaction, titles),
    )


def author_of(transaction: Transaction, titles: Titles | None = None) -> str:
    """Return who acts."""
    if titles is None:
        return f"{transaction.institution}/{transaction.office}"
    return titles.institution(transaction.institution)


def _sentence(author: str, kind: int, items: list[Any], titles: Titles) -> Sentence:
    write = _WRITERS.get(kind)
    exchange = (
        exchange_words.WRITERS.get(kind)
        or delivery_words.WRITERS.get(kind)
        or asset_words.WRITERS.get(kind)
        or side_words.WRITERS.get(kind)
    )
    try:
        if exchange is not None:
            return exchange(author, items, titles)
        if write is not None:
            return write(author, items)
    except (AttributeError, IndexError, InvalidEncoding, KeyError, TypeError, ValueError):
        pass  # arguments of a wrong shape are on the ledger too, as a refused transaction
    return tell(
        "%(author)s asked for %(operation)s, in a form that the ledger does not know.",
        author=author,
        operation=operation_name(kind),
    )


def _key(key: bytes) -> str:
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = key.hex()
    if not text.isprintable():
        text = key.hex()
    return text if len(text) <= KEY_CHARS_SHOWN else text[:KEY_CHARS_SHOWN] + "…"


def _create_register(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s created the register %(name)s (%(title)s).",
        author=author,
        name=items[0],
        title=items[1],
    )


def _put(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s entered record %(key)s in the register %(register)s.",
        author=author,
        key=_key(items[1]),
        register=items[0],
    )


def _retire(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s retired record %(key)s of the register %(register)s.",
        author=author,
        key=_key(items[1]),
        register=items[0],
    )


def _create_office(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s created the office %(name)s (%(title)s); %(threshold)s of %(keys)s keys sign "
        "for it.",
        author=author,
        name=items[0],
        title=items[1],
        threshold=items[2],
        keys=len(items[3]),
    )


def _set_key_policy(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s set new keys for the office %(office)s; %(threshold)s of %(keys)s sign for it.",
        author=author,
        office=items[0],
        threshold=items[1],
        keys=len(items[2]),
    )


def _rotate_key(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s handed a seat of the office %(office)s over to a new key (%(title)s).",
        author=author,
        office=items[0],
        title=items[3],
    )


def _revoke_key(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s revoked a key of the office %(office)s.", author=author, office=items[0]
    )


def _name_acting(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s named an acting holder (%(title)s) for a seat of the office %(office)s, until "
        "%(end)s.",
        author=author,
        title=items[3],
        office=items[0],
        end=day_words(items[5]),
    )


def _vote(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s voted to %(motion)s.", author=author, motion=motion_words(items[1], items[2])
    )


def _withdraw(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s took back its vote for the motion %(motion)s.",
        author=author,
        motion=_motion(items),
    )


def _enact(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s put the motion %(motion)s into effect after its notice.",
        author=author,
        motion=_motion(items),
    )


def _declare_ready(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s declared that the node %(node)s is ready for version %(version)s of the "
        "ledger.",
        author=author,
        node=items[0],
        version=str(items[1]),
    )


def _report_double_signing(author: str, items: list[Any]) -> Sentence:
    return tell(
        "%(author)s reported that the node %(node)s has signed two different statements of one "
        "height.",
        author=author,
        node=items[0],
    )


def _motion(items: list[Any]) -> str:
    digest: str = items[0].hex()
    return digest if len(digest) <= DIGEST_CHARS_SHOWN else digest[:DIGEST_CHARS_SHOWN] + "…"


_WRITERS: dict[int, Callable[[str, list[Any]], Sentence]] = {
    Kind.CREATE_REGISTER: _create_register,
    Kind.PUT: _put,
    Kind.RETIRE: _retire,
    Kind.CREATE_OFFICE: _create_office,
    Kind.SET_KEY_POLICY: _set_key_policy,
    Kind.ROTATE_KEY: _rotate_key,
    Kind.REVOKE_KEY: _revoke_key,
    Kind.NAME_ACTING: _name_acting,
    Kind.VOTE: _vote,
    Kind.WITHDRAW: _withdraw,
    Kind.ENACT: _enact,
    Kind.DECLARE_READY: _declare_ready,
    Kind.REPORT_DOUBLE_SIGNING: _report_double_signing,
}
