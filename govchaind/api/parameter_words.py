"""What each parameter is, as part of a sentence in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from govchaind.api.sentence import Sentence, tell

PARAMETER_WORDS: Mapping[str, Sentence] = MappingProxyType(
    {
        "lifetime-hours": tell("the most hours for which a transaction may be valid ahead"),
        "live-ids": tell("the most transactions of one institution that are remembered at a time"),
        "acting-days": tell("the most days for which an acting holder is named"),
        "quiet-days": tell("the days without an act after which an office is listed as quiet"),
        "warning-days": tell("the days ahead at which the end of a term or a mandate is warned of"),
        "spare-ballots": tell(
            "the most spare votes at which it is warned that a rule may come out of reach"
        ),
        "soon-days": tell("the days ahead for which it is first said who could still vote"),
        "later-days": tell("the days ahead for which it is said again who could still vote"),
    }
)
