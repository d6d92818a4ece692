"""What one outcome code means, for people and for doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OutcomeClass = Literal["applied", "invalid", "not-permitted", "not-found", "conflict", "busy"]
DOOR_FIRST, DOOR_LAST = 200, 299  # codes of answers that are a node's own


@dataclass(frozen=True, slots=True)
class OutcomeText:
    """What one code means, for people and for doors."""

    code: int
    name: str
    kind: OutcomeClass
    text: str
    cause: str
    remedy: str
    consumes_id: bool = True

    @property
    def door(self) -> bool:
        """Whether it is a node's own answer and never on the ledger."""
        return DOOR_FIRST <= self.code <= DOOR_LAST
