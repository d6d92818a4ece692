"""One request's transactions and what has become of each. Never awaits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from govchaind.api.models import TransactionView
from govchaind.api.reading import Outcomes, fate
from govchaind.base.errors import Gone, GovchaindError, InvalidSignature, Pruned
from govchaind.base.types import Hash
from govchaind.ledger.outcomes import Code
from govchaind.ledger.transaction import Transaction, read_transaction
from govchaind.runtime.noticeboard import SeenOutcome

Seen = Callable[[Hash], SeenOutcome | None]


class Submission:
    """One request's transactions in the order in which they came, and their fates."""

    def __init__(
        self, raws: Sequence[bytes], judged: Sequence[Transaction | GovchaindError]
    ) -> None:
        self.judged = judged
        self.views: list[TransactionView | None] = [
            _door_view(raw, item) for raw, item in zip(raws, judged, strict=True)
        ]
        self.good = [item for item in judged if isinstance(item, Transaction)]

    def answered(self, codes: dict[Hash, int], outcomes: Outcomes) -> None:
        """Enter what the replica did not take; what was here before has its old outcome.

        `codes` go by identity: two copies of one body may be signed differently. APPLIED means
        taken, so there is nothing to look up. A DUPLICATE that is not in storage yet is open: its
        block is being written.
        """
        for place, item in enumerate(self.judged):
            if not isinstance(item, Transaction):
                continue
            code = codes[item.identity]
            if code == Code.APPLIED:
                continue
            view = _known(outcomes, item.id)
            if view is None and code != Code.DUPLICATE:
                view = fate(item.id, "expired" if code == Code.EXPIRED else "refused", code)
            self.views[place] = view

    def open(self) -> list[Transaction]:
        """Return those whose fate is not known yet."""
        return [
            item
            for item, view in zip(self.judged, self.views, strict=True)
            if view is None and isinstance(item, Transaction)
        ]

    def settle(self, outcomes: Outcomes, seen: Seen) -> None:
        """Enter what is decided by now.

        What was seen to be applied needs no look into storage: it used its id, for good.
        """
        for place, item in enumerate(self.judged):
            view = self.views[place]
            if view is None and isinstance(item, Transaction):
                found = seen(item.id)
                if found is None or found.code != Code.APPLIED or found.height is None:
                    self.views[place] = decided_view(item.id, outcomes, seen)
                    continue
                status = "certified" if found.height <= outcomes.certified else "committed"
                self.views[place] = fate(item.id, status, found.code, found.height, found.position)
            elif view is not None and view.status == "committed" and view.height is not None:
                status = "certified" if view.height <= outcomes.certified else "committed"
                self.views[place] = view.model_copy(update={"status": status})

    def final(self) -> list[TransactionView]:
        """Return all fates as far as they are known."""
        return [
            fate(item.id if isinstance(item, Transaction) else None, "pending")
            if view is None
            else view
            for item, view in zip(self.judged, self.views, strict=True)
        ]


def decided_view(transaction: Hash, outcomes: Outcomes, seen: Seen) -> TransactionView | None:
    """Return a transaction's fate if it is decided: by the index, or else as lately seen.

    A refusal that does not consume the id is not in the index, only in its block's row; where the
    id is alive again since (`seen` says nothing then), such a refusal is history.
    """
    view = outcomes.view(transaction)
    if view is not None:
        return view
    found = seen(transaction)
    if found is None:
        return None
    if found.height is None:
        return fate(transaction, "expired", Code.EXPIRED)
    status = "certified" if found.height <= outcomes.certified else "committed"
    return fate(transaction, status, found.code, found.height, found.position, found.operation)


def _known(outcomes: Outcomes, transaction: Hash) -> TransactionView | None:
    """Return what came of one, or only where it is: an old one among others refuses nobody."""
    try:
        return outcomes.view(transaction)
    except Pruned:
        return outcomes.place(transaction)
    except Gone as error:  # it was put in order before this store's beginning
        return fate(transaction, "refused", Code.DUPLICATE, detail=error.message)


def _door_view(raw: bytes, item: Transaction | GovchaindError) -> TransactionView | None:
    if isinstance(item, Transaction):
        return None
    if isinstance(item, InvalidSignature):
        return fate(read_transaction(raw).id, "refused", Code.BAD_SIGNATURE)
    return fate(None, "refused", Code.MALFORMED_TRANSACTION, detail=item.message)
