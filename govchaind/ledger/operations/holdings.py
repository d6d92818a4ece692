"""Holdings: how much of an asset an office holds for a purpose, and what of it is frozen.

A holding's value is [balance, [freeze …]], a freeze [ground, amount or null, reason or null,
height]; null freezes the whole, also what comes later. Rules it keeps:
- A holding that becomes empty stays, with balance 0: what is removed would lie in the way of
  whoever lists holdings, uncounted.
- The amounts of all freezes together are never more than the balance, since only what is free
  leaves; and a wholly frozen holding has nothing free.
- Grounds differ: a freeze is named by its ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from govchaind.base.encoding import decode, encode
from govchaind.base.limits import AMOUNT_MAX
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import holding_key
from govchaind.ledger.working_state import WorkingState

# places in a freeze (state_keys.py)
GROUND, FROZEN_AMOUNT, REASON, FROZEN_AT = range(4)


@dataclass(slots=True)
class Holding:
    """One holding as a transaction sees it; `keep` writes it back."""

    key: bytes
    balance: int
    freezes: list[Any]

    @property
    def frozen_amount(self) -> int:
        """What is frozen by amounts; where a freeze is of the whole, all is frozen besides."""
        return sum(freeze[FROZEN_AMOUNT] or 0 for freeze in self.freezes)

    @property
    def free(self) -> int:
        """What may leave."""
        if not self.freezes:
            return self.balance
        if any(freeze[FROZEN_AMOUNT] is None for freeze in self.freezes):
            return 0
        return self.balance - self.frozen_amount

    def take(self, amount: int) -> int:
        """Lower the balance; answer as an operation does."""
        if amount > self.balance:
            return Code.HOLDING_TOO_SMALL
        if amount > self.free:
            return Code.HOLDING_FROZEN
        self.balance -= amount
        return Code.APPLIED

    def add(self, amount: int) -> None:
        """Raise the balance: never above all that was issued, which is bounded."""
        self.balance += amount

    def keep(self, state: WorkingState) -> None:
        """Write it."""
        state.put(self.key, encode([self.balance, self.freezes]))


def holding_of(asset: str, holder: tuple[str, str], purpose: str, state: WorkingState) -> Holding:
    """Return an office's holding for a purpose; an empty one where there is none.

    It is read past the cache of decoded values, which holdings would push everything else out of.
    """
    key = holding_key(asset, *holder, purpose)
    stored = state.get(key)
    if stored is None:
        return Holding(key, 0, [])
    balance, freezes = decode(stored, bytes_max=len(stored))
    return Holding(key, balance, freezes)


def has_room(issued: int, amount: int) -> bool:
    """Say whether so much more may be issued: all other sums are at most what was issued."""
    return issued + amount <= AMOUNT_MAX
