"""What a motion is: a name, the shape of its arguments and the code that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from govchaind.ledger.working_state import Act, WorkingState


class MotionKind(IntEnum):
    """The number of each motion. Numbers are for ever."""

    ADMIT_INSTITUTION = 1
    SET_NODE = 2
    REMOVE_NODE = 3
    READMIT_NODE = 4
    SET_RULE = 5
    RECOVER_OFFICE = 6
    ADOPT_CALENDAR = 7
    ADOPT_MANDATE = 8
    REPEAL_MANDATE = 9
    SUSPEND_INSTITUTION = 10
    RESTORE_INSTITUTION = 11
    REMOVE_INSTITUTION = 12
    SET_PARAMETER = 13
    ACTIVATE_UPGRADE = 14
    RESTORE_MANDATE = 15
    SET_TERMS = 20
    REMOVE_SIDE_VALUE = 70
    CHANGE_NODE_KEYS = 71


@dataclass(frozen=True, slots=True)
class Motion:
    """One line of the table. `enact` answers as an operation's `apply` does."""

    kind: int
    name: str
    shape: type[Any]
    enact: Callable[[Any, Act, WorkingState], int]
