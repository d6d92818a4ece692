"""What an operation is: a name, a cost, the shape of its arguments and the code that applies it.

`apply` gets arguments that have the shape, returns an outcome code (0: applied) and may have
written to the draft in either case: the caller drops the draft of a refused transaction. It reads
nothing but its arguments, the working state and the act, so every node comes to the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from govchaind.ledger.working_state import Act, WorkingState

Apply = Callable[[Any, Act, WorkingState], int]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the table."""

    kind: int
    name: str
    family: str
    cost_microseconds: int
    shape: type[Any]  # of its arguments: a Struct that stands for an array
    apply: Apply
