"""What clerks move about others: suspensions, removals, parameters, versions, mandates' returns.

Only guests are suspended: the operators' institutions must go on deciding about members. No version
is ever activated that the product does not know: a motion for one asks for more validators than
there can be.
"""

from __future__ import annotations

import random
from typing import Any

from govchaind.ledger.operations.motion import MotionKind
from netsim.model.ledger import Model

# No more may ever come: motions of several rounds pass at once, whatever is there when they are
# made, and the operators' three ballots must be a majority of all institutions.
GUESTS = ("guest-0", "guest-1")
NEVER_READY = 26
PARAMETERS = (
    [("lifetime-hours", hours) for hours in (1, 1, 2, 48, 336, 0, 337)],
    [("lifetime-hours", 1)],
    [("acting-days", days) for days in (1, 5, 366, 0, 367)],
    [("live-ids", ids) for ids in (100_000, 200_000, 999, 200_001)],
    [("quiet-days", days) for days in (7, 6, 3660)],
    [("spare-ballots", 2), ("soon-days", 60), ("later-days", 60)],
    [("luck", 1)],
)


def sanction(pick: random.Random, model: Model, now: int) -> tuple[int, list[Any]]:
    """Return a motion's kind and arguments; some must be refused."""
    choice = pick.random()
    if choice < 0.45:
        return _standing(pick, model)
    if choice < 0.62:
        return MotionKind.SET_PARAMETER, list(pick.choice(pick.choice(PARAMETERS)))
    if choice < 0.67:
        wanted = pick.choice(([2, NEVER_READY], [2, NEVER_READY], [1, 0], [3, 0]))
        return MotionKind.ACTIVATE_UPGRADE, wanted
    there = model.keys(b"\x0d")
    replaced = [key for key in there if model.get(key)[7] is not None]
    names = [key[1:].decode() for key in (replaced or there)]
    names.append("nothing")
    begins = now + pick.choice((-1, 3_000, 30_000, 700_000))
    until = pick.choice((None, None, begins + 20_000, begins))
    return MotionKind.RESTORE_MANDATE, [pick.choice(names), begins, until]


def _standing(pick: random.Random, model: Model) -> tuple[int, list[Any]]:
    there = [name for name in GUESTS if model.get(b"\x01" + name.encode()) is not None]
    aside = [name for name in GUESTS if model.get(b"\x1c" + name.encode()) is not None]
    name = pick.choice(there) if there and pick.random() < 0.95 else "nobody"
    kind = pick.choices(
        (
            MotionKind.SUSPEND_INSTITUTION,
            MotionKind.RESTORE_INSTITUTION,
            MotionKind.REMOVE_INSTITUTION,
        ),
        weights=(5, 4, 1) if aside else (8, 1, 1),
    )[0]
    if kind is MotionKind.RESTORE_INSTITUTION:
        return kind, [pick.choice(aside) if aside else name]
    return kind, [name, "silence", pick.choice((None, bytes(32)))]
