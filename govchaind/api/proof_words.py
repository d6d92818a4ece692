"""What a receipt or a state proof proves, by whom and when, as one sentence in both languages.

Whoever prints it has verified the proof, or says that a reader should.
"""

from __future__ import annotations

from govchaind.api.motion_words import moment_words
from govchaind.api.sentence import Sentence, of_table, tell, without_stop
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.outcomes import Outcome

ID_CHARS_SHOWN = 16


def receipt_words(
    *,
    transaction: Hash,
    author: str | None,
    outcome: Outcome,
    height: Height,
    time: BlockTime,
    certified: Height,
) -> Sentence:
    """Return what a receipt proves.

    Args:
        author: who made the transaction, where the receipt carries it.
        certified: the height whose certificate proves it.
    """
    name = tell("transaction %(id)s…", id=transaction.hex()[:ID_CHARS_SHOWN])
    if author is not None:
        name = tell("%(transaction)s of %(author)s", transaction=name, author=author)
    fate = tell("took effect")
    if outcome.code:
        fate = tell(
            "was refused (%(name)s: %(text)s)",
            name=outcome.text.name,
            text=without_stop(of_table(outcome.text.text)),
        )
    return tell(
        "Proved: %(transaction)s was included at height %(height)s on %(moment)s, and %(fate)s. "
        "A quorum of validators has signed this at height %(certified)s.",
        transaction=name,
        height=height,
        moment=moment_words(time),
        fate=fate,
        certified=certified,
    )


def state_words(stood: Sentence, *, height: Height, time: BlockTime, certified: Height) -> Sentence:
    """Return what a state proof proves: what stood under a key at a height."""
    return tell(
        "Proved: at height %(height)s, on %(moment)s, %(stood)s. A quorum of validators has "
        "signed this at height %(certified)s.",
        height=height,
        moment=moment_words(time),
        stood=stood,
        certified=certified,
    )
