"""What operations on side values say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from govchaind.api.sentence import Sentence, listed, tell
from govchaind.api.titles import Titles
from govchaind.ledger.operations.costs import Kind


def _record(author: str, items: list[Any], titles: Titles) -> Sentence:
    commitment, readers, about = items[0].hex()[:16], items[3], items[4]
    told = tell(
        "%(author)s recorded a sealed text (%(commitment)s…) for %(readers)s",
        author=author,
        commitment=commitment,
        readers=listed(["/".join(reader) for reader in readers]),
    )
    if about is None:
        return tell("%(recorded)s.", recorded=told)
    return tell(
        "%(recorded)s, about the request %(reference)s of %(requester)s.",
        recorded=told,
        reference=about[1],
        requester=titles.institution(about[0]),
    )


WRITERS: Mapping[int, Callable[[str, list[Any], Titles], Sentence]] = MappingProxyType(
    {Kind.RECORD_SIDE_VALUE: _record}
)
