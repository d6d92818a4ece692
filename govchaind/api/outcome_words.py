"""What an outcome means, why it came and what to do, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.api.sentence import Sentence, of_table
from govchaind.ledger.outcome_text import OutcomeText


@dataclass(frozen=True, slots=True)
class OutcomeWords:
    """The words of one row of the table of outcomes."""

    text: Sentence
    cause: Sentence
    remedy: Sentence


def outcome_words(row: OutcomeText) -> OutcomeWords:
    """Return the words of an outcome."""
    return OutcomeWords(of_table(row.text), of_table(row.cause), of_table(row.remedy))
