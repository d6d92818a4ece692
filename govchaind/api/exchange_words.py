"""What operations on duties, the catalogue, requests and grants say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from govchaind.api.motion_words import day_words
from govchaind.api.sentence import Sentence, listed, tell, tell_many
from govchaind.api.titles import Titles
from govchaind.ledger.operations.catalogue import PublishDataSet, ReviseDataSet
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import MILLISECONDS_A_DAY

FIELDS_SHOWN = 5
CLASSES: Mapping[str, Sentence] = MappingProxyType(
    {
        "unconditional": tell("shared without condition"),
        "conditional": tell("shared on condition"),
        "not-shared": tell("not shared"),
    }
)
STATUSES: Mapping[str, Sentence] = MappingProxyType(
    {
        "open": tell("waits for an answer"),
        "granted": tell("was granted"),
        "refused": tell("was refused"),
        "appealed": tell("is before the supervisor"),
        "upheld": tell("was refused, and the refusal upheld"),
        "overturned": tell("was refused, and must now be granted"),
        "withdrawn": tell("was withdrawn"),
    }
)


def request_words(
    requester: str,
    provider: str,
    fields: list[str],
    data_set: str,
    status: str,
    due: int | None,
    now: int,
) -> Sentence:
    """Return how a request stands, as a sentence. `due`: None where nobody owes an answer."""
    words = tell(
        "%(requester)s asked %(provider)s for %(fields)s of its data set %(data_set)s; the request "
        "%(state)s",
        requester=requester,
        provider=provider,
        fields=_fields(fields),
        data_set=data_set,
        state=STATUSES[status],
    )
    if due is None:
        return tell("%(request)s.", request=words)
    # The clock ends with its day: what is due at its last millisecond is due on that day.
    day = day_words(due + 1 - MILLISECONDS_A_DAY)
    if now > due:
        return tell("%(request)s, which was due on %(day)s.", request=words, day=day)
    return tell("%(request)s, which is due on %(day)s.", request=words, day=day)


def _fields(fields: list[str]) -> Sentence:
    shown = listed(fields[:FIELDS_SHOWN])
    return shown if len(fields) <= FIELDS_SHOWN else tell("%(fields)s …", fields=shown)


def _assign_duty(author: str, items: list[Any], _: Titles) -> Sentence:
    name, title, office, mandate = items
    return tell(
        "%(author)s gave the duty %(name)s (%(title)s) to the office %(office)s, under "
        "%(mandate)s.",
        author=author,
        name=name,
        title=title,
        office=office,
        mandate=mandate,
    )


def _end_duty(author: str, items: list[Any], _: Titles) -> Sentence:
    return tell("%(author)s ended the duty %(duty)s.", author=author, duty=items[0])


def _publish(author: str, items: list[Any], _: Titles) -> Sentence:
    wanted = shaped(items, PublishDataSet)
    return tell(
        "%(author)s put the data set %(name)s (%(title)s; fields: %(fields)s) into the catalogue: "
        "%(sharing)s, under %(mandate)s.",
        author=author,
        name=wanted.name,
        title=wanted.title,
        fields=len(wanted.fields),
        sharing=CLASSES[wanted.sharing],
        mandate=wanted.mandate,
    )


def _revise(author: str, items: list[Any], _: Titles) -> Sentence:
    wanted = shaped(items, ReviseDataSet)
    return tell(
        "%(author)s revised the data set %(name)s (%(title)s): %(sharing)s, under %(mandate)s.",
        author=author,
        name=wanted.name,
        title=wanted.title,
        sharing=CLASSES[wanted.sharing],
        mandate=wanted.mandate,
    )


def _retire(author: str, items: list[Any], _: Titles) -> Sentence:
    return tell(
        "%(author)s took the data set %(name)s out of the catalogue.", author=author, name=items[0]
    )


def _request(author: str, items: list[Any], titles: Titles) -> Sentence:
    reference, provider, data_set, fields, mandate, _opening = items
    return tell(
        "%(author)s asked %(provider)s for %(fields)s of its data set %(data_set)s, under "
        "%(mandate)s (request %(reference)s).",
        author=author,
        provider=titles.institution(provider),
        fields=_fields(fields),
        data_set=titles.data_set(provider, data_set),
        mandate=mandate,
        reference=reference,
    )


def _grant(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference, conditions, until, uses = items
    words = tell(
        "%(author)s granted the request %(reference)s of %(requester)s, until %(end)s",
        author=author,
        reference=reference,
        requester=titles.institution(requester),
        end=day_words(until),
    )
    if uses is not None:
        words = tell_many(
            "%(granted)s, for %(count)s use", "%(granted)s, for %(count)s uses",
            count=uses, granted=words,
        )  # fmt: skip
    if conditions:
        words = tell(
            "%(granted)s, on the conditions %(conditions)s",
            granted=words,
            conditions=listed(conditions),
        )
    return tell("%(granted)s.", granted=words)


def _refuse(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference, ground, _opening = items
    return tell(
        "%(author)s refused the request %(reference)s of %(requester)s, on the ground %(ground)s.",
        author=author,
        reference=reference,
        requester=titles.institution(requester),
        ground=ground,
    )


def _extend(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference = items
    return tell(
        "%(author)s extended the time to answer the request %(reference)s of %(requester)s.",
        author=author,
        reference=reference,
        requester=titles.institution(requester),
    )


def _appeal(author: str, items: list[Any], _: Titles) -> Sentence:
    return tell(
        "%(author)s appealed in the matter of its request %(reference)s.",
        author=author,
        reference=items[0],
    )


def _rule(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference, overturned, ground, _opening = items
    named = titles.institution(requester)
    if overturned:
        return tell(
            "%(author)s ruled that the request %(reference)s of %(requester)s must be granted "
            "(%(ground)s).",
            author=author,
            reference=reference,
            requester=named,
            ground=ground,
        )
    return tell(
        "%(author)s upheld the refusal of the request %(reference)s of %(requester)s (%(ground)s).",
        author=author,
        reference=reference,
        requester=named,
        ground=ground,
    )


def _use(author: str, items: list[Any], _: Titles) -> Sentence:
    reference, number, _opening = items
    return tell(
        "%(author)s signed for use %(number)s of its grant %(reference)s.",
        author=author,
        number=number,
        reference=reference,
    )


def _revoke(author: str, items: list[Any], titles: Titles) -> Sentence:
    requester, reference, ground, _opening = items
    return tell(
        "%(author)s revoked the grant %(reference)s of %(requester)s, on the ground %(ground)s.",
        author=author,
        reference=reference,
        requester=titles.institution(requester),
        ground=ground,
    )


def _withdraw(author: str, items: list[Any], _: Titles) -> Sentence:
    return tell("%(author)s withdrew its request %(reference)s.", author=author, reference=items[0])


WRITERS: Mapping[int, Callable[[str, list[Any], Titles], Sentence]] = MappingProxyType(
    {
        Kind.ASSIGN_DUTY: _assign_duty,
        Kind.END_DUTY: _end_duty,
        Kind.PUBLISH_DATA_SET: _publish,
        Kind.REVISE_DATA_SET: _revise,
        Kind.RETIRE_DATA_SET: _retire,
        Kind.REQUEST: _request,
        Kind.GRANT: _grant,
        Kind.REFUSE: _refuse,
        Kind.EXTEND: _extend,
        Kind.APPEAL: _appeal,
        Kind.RULE: _rule,
        Kind.USE_GRANT: _use,
        Kind.REVOKE_GRANT: _revoke,
        Kind.WITHDRAW_REQUEST: _withdraw,
    }
)
