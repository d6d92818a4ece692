"""What operations on delivery keys, deliveries and erasures say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from govchaind.api.motion_words import day_words
from govchaind.api.sentence import Sentence, listed, tell
from govchaind.api.titles import Titles
from govchaind.ledger.operations.costs import Kind

GROUNDS: Mapping[str, Sentence] = MappingProxyType(
    {
        "wrong": tell("its content is wrong"),
        "incomplete": tell("something is missing"),
        "outdated": tell("it is out of date"),
        "not-asked-for": tell("it is not what was asked for"),
        "unreadable": tell("it cannot be opened"),
        "on-the-way": tell("it did not come"),
        "stolen": tell("a copy is out of its holder's hands"),
        "key-lost": tell("the key to it is gone"),
    }
)
ANSWERS: Mapping[str, Sentence] = MappingProxyType(
    {
        "destroyed": tell("its keys and copies are destroyed"),
        "never-had": tell("it never had it"),
    }
)
STATUSES: Mapping[str, Sentence] = MappingProxyType(
    {
        "sent": tell("sent, not received yet"),
        "received": tell("received"),
        "disputed": tell("disputed"),
        "corrected": tell("corrected by another delivery"),
        "lost": tell("lost"),
        "erasing": tell("to be erased"),
        "erasure-overdue": tell("not confirmed erased in time"),
        "erased": tell("erased"),
        "never-delivered": tell("never delivered"),
    }
)


def _named(items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "delivery %(number)s under the grant %(reference)s of %(requester)s",
        number=str(items[2]),
        reference=items[1],
        requester=titles.institution(items[0]),
    )


def _content(size: int, rows: int | None) -> Sentence:
    if rows is None:
        return tell("%(size)s bytes", size=size)
    return tell("%(rows)s rows, %(size)s bytes", rows=rows, size=size)


def _publish(author: str, items: list[Any], _: Titles) -> Sentence:
    _, _, box = items
    if box is None:
        return tell("%(author)s published its delivery key.", author=author)
    return tell(
        "%(author)s published its delivery key; sealed files for it go to the node %(node)s.",
        author=author,
        node=box[0],
    )


def _deliver(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference, number, _, size, rows, _, _ = items
    return tell(
        "%(author)s delivered to %(requester)s under its grant %(reference)s (delivery %(number)s: "
        "%(content)s).",
        author=author,
        requester=titles.institution(requester),
        reference=reference,
        number=str(number),
        content=_content(size, rows),
    )


def _receive(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s received %(delivery)s, and found it to be what was committed to.",
        author=author,
        delivery=_named(items, titles),
    )


def _dispute(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s disputed %(delivery)s: %(ground)s.",
        author=author,
        delivery=_named(items, titles),
        ground=GROUNDS[items[3]],
    )


def _correct(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s corrected %(delivery)s by delivery %(number)s (%(content)s).",
        author=author,
        delivery=_named(items, titles),
        number=str(items[4]),
        content=_content(items[6], items[7]),
    )


def _return_flow(author: str, items: list[Any], _: Titles) -> Sentence:
    _, reference, number, _, size, rows, _ = items
    return tell(
        "%(author)s gave data back under its grant %(reference)s (delivery %(number)s: "
        "%(content)s).",
        author=author,
        reference=reference,
        number=str(number),
        content=_content(size, rows),
    )


def _order_erasure(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s ordered %(holders)s to erase %(delivery)s by %(day)s.",
        author=author,
        holders=listed("/".join(holder) for holder in items[4]),
        delivery=_named(items, titles),
        day=day_words(items[3]),
    )


def _confirm_erasure(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s confirmed of %(delivery)s: %(answer)s.",
        author=author,
        delivery=_named(items, titles),
        answer=ANSWERS[items[3]],
    )


def _report_lost(author: str, items: list[Any], titles: Titles) -> Sentence:
    return tell(
        "%(author)s reported %(delivery)s lost: %(ground)s.",
        author=author,
        delivery=_named(items, titles),
        ground=GROUNDS[items[3]],
    )


WRITERS: Mapping[int, Callable[[str, list[Any], Titles], Sentence]] = MappingProxyType(
    {
        Kind.PUBLISH_DELIVERY_KEY: _publish,
        Kind.DELIVER: _deliver,
        Kind.RECEIVE: _receive,
        Kind.DISPUTE: _dispute,
        Kind.CORRECT: _correct,
        Kind.RETURN_FLOW: _return_flow,
        Kind.ORDER_ERASURE: _order_erasure,
        Kind.CONFIRM_ERASURE: _confirm_erasure,
        Kind.REPORT_LOST: _report_lost,
    }
)
