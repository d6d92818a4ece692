"""What provokes the outcomes of notice, rules, calendars and mandates, for `test_outcomes.py`."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.working_days import working_days
from tests.ledger.chain import START, Chain


def majority_for(motion: int, *arguments: Any, chain: Chain | None = None) -> int:
    votes = (chain or Chain()).vote(motion, list(arguments), "bank", "court", "ministry")
    assert votes[:2] == [0, 0]
    return votes[2]


DAY = 24 * 3600 * 1000
REMOVE: list[Any] = ["node-d"]


def remove_named() -> bytes:
    return motion_digest(0, MotionKind.REMOVE_NODE, REMOVE)


def no_such_motion() -> int:
    return Chain().do(Kind.ENACT, bytes(32))


def not_voted() -> int:
    chain = Chain()
    assert chain.vote(MotionKind.REMOVE_NODE, REMOVE, "bank") == [0]
    return chain.do(Kind.WITHDRAW, remove_named(), institution="court")


def not_carried() -> int:
    chain = Chain()
    assert chain.vote(MotionKind.REMOVE_NODE, REMOVE, "bank", "court") == [0, 0]
    return chain.do(Kind.ENACT, remove_named())


def notice_not_over() -> int:
    chain = Chain()
    assert majority_for(MotionKind.SET_RULE, MotionKind.REMOVE_NODE, 1, 2, DAY, chain=chain) == 0
    assert majority_for(MotionKind.REMOVE_NODE, *REMOVE, chain=chain) == 0
    return chain.do(Kind.ENACT, remove_named())


def bad_rule() -> int:
    return majority_for(MotionKind.SET_RULE, MotionKind.REMOVE_NODE, 1, 3, 0)


def bad_calendar() -> int:
    return majority_for(MotionKind.ADOPT_CALENDAR, "china", 2026, 1, 480, bytes(46))


def calendar_version_wrong() -> int:
    days = working_days(2026, set(), set())
    return majority_for(MotionKind.ADOPT_CALENDAR, "china", 2026, 2, 480, days)


def mandate(name: str, effect: int = START, **other: Any) -> list[Any]:
    until, before = other.get("until"), other.get("predecessor")
    return [name, "On sharing data", "Order 809", "State Council", bytes(32), effect, until, before]


def adopted(*wanted: list[Any]) -> Chain:
    chain = Chain()
    for arguments in wanted:
        assert majority_for(MotionKind.ADOPT_MANDATE, *arguments, chain=chain) == 0
    return chain


def mandate_exists() -> int:
    chain = adopted(mandate("sharing"))
    return majority_for(MotionKind.ADOPT_MANDATE, *mandate("sharing", START + 1), chain=chain)


def unknown_mandate() -> int:
    return majority_for(MotionKind.REPEAL_MANDATE, "nothing", START + DAY)


def mandate_has_successor() -> int:
    second = mandate("second", START + DAY, predecessor="first")
    chain = adopted(mandate("first"), second)
    third = mandate("third", START + DAY, predecessor="first")
    return majority_for(MotionKind.ADOPT_MANDATE, *third, chain=chain)


def bad_mandate() -> int:
    return majority_for(MotionKind.ADOPT_MANDATE, *mandate("sharing", START, until=START))
