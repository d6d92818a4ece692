"""What operations on assets say, in English and in Chinese.

Writers raise InvalidEncoding for arguments of another shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from govchaind.api.motion_words import end_words
from govchaind.api.sentence import Sentence, listed, tell
from govchaind.api.titles import Titles
from govchaind.ledger.operations.assets import (
    CreateAsset,
    FreezeAsset,
    IssueAsset,
    RedeemAsset,
    Settlement,
    ThawAsset,
    TransferAsset,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.shapes import shaped


def _create(author: str, items: list[Any], titles: Titles) -> Sentence:
    wanted = shaped(items, CreateAsset)
    purposes = tell("for any purpose")
    if wanted.purposes:
        purposes = tell("for %(purposes)s", purposes=listed(wanted.purposes))
    end = tell("without an end") if wanted.expiry is None else end_words(wanted.expiry)
    return tell(
        "%(author)s created the asset %(name)s (%(title)s), counted in %(unit)s, under the mandate "
        "%(mandate)s, %(purposes)s, %(end)s; %(supervisor)s supervises it.",
        author=author,
        name=wanted.name,
        title=wanted.title,
        unit=wanted.unit,
        mandate=wanted.mandate,
        purposes=purposes,
        end=end,
        supervisor=_office(wanted.supervisor, titles),
    )


def _issue(author: str, items: list[Any], titles: Titles) -> Sentence:
    wanted = shaped(items, IssueAsset)
    return tell(
        "%(author)s issued %(amount)s of the asset %(asset)s to %(taker)s, for %(purpose)s.",
        author=author,
        amount=wanted.amount,
        asset=wanted.asset,
        taker=_office(wanted.to, titles),
        purpose=wanted.purpose,
    )


def _transfer(author: str, items: list[Any], titles: Titles) -> Sentence:
    wanted = shaped(items, TransferAsset)
    words = tell(
        "%(author)s transferred %(amount)s of the asset %(asset)s to %(taker)s, for %(purpose)s",
        author=author,
        amount=wanted.amount,
        asset=wanted.asset,
        taker=_office(wanted.to, titles),
        purpose=wanted.purpose,
    )
    if wanted.settlement is None:
        return tell("%(transfer)s.", transfer=words)
    settles = _settlement(wanted.settlement, titles)
    return tell("%(transfer)s, to settle %(delivery)s.", transfer=words, delivery=settles)


def _settlement(settlement: Settlement, titles: Titles) -> Sentence:
    requester, reference, number, received = settlement
    named = tell(
        "delivery %(number)s under the request %(reference)s of %(requester)s",
        number=str(number),
        reference=reference,
        requester=titles.institution(requester),
    )
    if not received:
        return named
    return tell("%(delivery)s, which was received and is not disputed", delivery=named)


def _redeem(author: str, items: list[Any], _: Titles) -> Sentence:
    wanted = shaped(items, RedeemAsset)
    return tell(
        "%(author)s gave %(amount)s of the asset %(asset)s back to its issuer, for %(purpose)s.",
        author=author,
        amount=wanted.amount,
        asset=wanted.asset,
        purpose=wanted.purpose,
    )


def _freeze(author: str, items: list[Any], titles: Titles) -> Sentence:
    wanted = shaped(items, FreezeAsset)
    held = _held(wanted, titles)
    if wanted.amount is None:
        return tell(
            "%(author)s froze all of %(holding)s; ground: %(ground)s.",
            author=author,
            holding=held,
            ground=wanted.ground,
        )
    return tell(
        "%(author)s froze %(amount)s of %(holding)s; ground: %(ground)s.",
        author=author,
        amount=wanted.amount,
        holding=held,
        ground=wanted.ground,
    )


def _thaw(author: str, items: list[Any], titles: Titles) -> Sentence:
    wanted = shaped(items, ThawAsset)
    held = _held(wanted, titles)
    if wanted.amount is None:
        return tell(
            "%(author)s ended the freeze of %(holding)s; ground: %(ground)s.",
            author=author,
            holding=held,
            ground=wanted.ground,
        )
    return tell(
        "%(author)s thawed %(amount)s of %(holding)s; ground: %(ground)s.",
        author=author,
        amount=wanted.amount,
        holding=held,
        ground=wanted.ground,
    )


def _held(wanted: FreezeAsset | ThawAsset, titles: Titles) -> Sentence:
    return tell(
        "what %(holder)s holds of the asset %(asset)s for %(purpose)s",
        holder=_office(wanted.holder, titles),
        asset=wanted.asset,
        purpose=wanted.purpose,
    )


def _office(named: tuple[str, str], titles: Titles) -> str:
    return f"{titles.institution(named[0])}/{named[1]}"


WRITERS: Mapping[int, Callable[[str, list[Any], Titles], Sentence]] = MappingProxyType(
    {
        int(Kind.CREATE_ASSET): _create,
        int(Kind.ISSUE_ASSET): _issue,
        int(Kind.TRANSFER_ASSET): _transfer,
        int(Kind.REDEEM_ASSET): _redeem,
        int(Kind.FREEZE_ASSET): _freeze,
        int(Kind.THAW_ASSET): _thaw,
    }
)
