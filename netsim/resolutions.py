"""What clerks move beside members: rules, calendars, mandates, keys of a lost office; or sanctions.

Rules are set for these kinds alone: the operators' motions are to be carried by their majority.
"""

from __future__ import annotations

import random
from typing import Any

from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.working_days import CALENDAR_BYTES
from netsim.model.ledger import Model
from netsim.sanctions import sanction

RULED = (
    MotionKind.ADOPT_CALENDAR,
    MotionKind.ADOPT_MANDATE,
    MotionKind.ADOPT_MANDATE,
    MotionKind.REPEAL_MANDATE,
    MotionKind.RECOVER_OFFICE,
    MotionKind.SUSPEND_INSTITUTION,
    MotionKind.SET_PARAMETER,
    MotionKind.SET_PARAMETER,
)
SHARES = ((1, 2), (1, 2), (1, 2), (50, 100), (2, 3), (1, 1), (1, 3), (3, 2))
NOTICES = (0, 3_000, 20_000, 60_000)
NAMES = ("order", "law", "notice", "plan")


def resolution(pick: random.Random, model: Model, now: int) -> tuple[int, list[Any]]:
    """Return a motion's kind and arguments; some must be refused."""
    if pick.random() < 0.4:
        return sanction(pick, model, now)
    choice = pick.random()
    if choice < 0.35:
        kind = int(pick.choice(RULED)) if pick.random() < 0.95 else 99
        return MotionKind.SET_RULE, [kind, *pick.choice(SHARES), pick.choice(NOTICES)]
    if choice < 0.5:
        return MotionKind.ADOPT_CALENDAR, _calendar(pick)
    if choice < 0.85:
        return MotionKind.ADOPT_MANDATE, _mandate(pick, model, now)
    name = pick.choice(_mandates(model))
    return MotionKind.REPEAL_MANDATE, [name, now + pick.choice((-1, 4_000, 60_000, 600_000))]


def open_motion(pick: random.Random, model: Model) -> bytes:
    """Return the digest of a motion that clerks may withdraw from and enact, mostly of a carried
    one: its notice runs, or is over."""
    found = _open(model)
    carried = [key for key in found if model.get(key)[6] is not None]
    if carried and pick.random() < 0.85:
        found = carried
    return pick.choice(found)[1:] if found else bytes(32)


def second(pick: random.Random, model: Model) -> list[Any]:
    """Return the arguments of a ballot for a motion that is there, or for one that never is."""
    found = _open(model)
    if not found:
        return [0, 77, []]
    kind, arguments, round_number = model.get(pick.choice(found))[:3]
    return [round_number, kind, arguments]


def _open(model: Model) -> list[bytes]:
    """Return the keys of open motions that are not the operators'."""
    return [
        key
        for key in model.keys(b"\x07")
        if model.get(key)[0] >= MotionKind.SET_RULE and model.get(key)[5] is None
    ]


def _calendar(pick: random.Random) -> list[Any]:
    year = pick.choice((2026, 2028))
    days = pick.randbytes(CALENDAR_BYTES - 1) + pick.choice((b"\x00", b"\x04", b"\x01"))
    if pick.random() < 0.05:
        days = bytes(CALENDAR_BYTES)
    return ["city", year, pick.choice((1, 1, 2, 3)), pick.choice((480, 0, -300)), days]


def _mandates(model: Model) -> list[str]:
    """Return the names of all mandates, and of one that never is."""
    return [*(key[1:].decode() for key in model.keys(b"\x0d")), "nothing"]


def _mandate(pick: random.Random, model: Model, now: int) -> list[Any]:
    name = pick.choice(NAMES) + f"-{pick.randrange(4)}"
    effect = now + pick.choice((0, 0, 5_000, 60_000))
    until = pick.choice((None, None, effect + 30_000, effect))
    before = pick.choice((None, pick.choice(_mandates(model))))
    return [name, "An order", "No. 1", "Council", pick.randbytes(32), effect, until, before]
