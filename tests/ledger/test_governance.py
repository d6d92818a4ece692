"""Rules, notice, withdrawal and enactment; lost offices; calendars and mandates."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.mandates import is_in_force
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import calendar_key, mandate_key
from govchaind.ledger.working_days import working_days
from govchaind.ledger.working_state import WorkingState
from tests.ledger.chain import INSTITUTIONS, START, Chain, key

DAY = 24 * 3600 * 1000
NODE_D: list[Any] = ["node-d"]


def value(chain: Chain, state_key: bytes) -> Any:
    return WorkingState(chain.ledger._state, chain.store, {}).decoded(state_key)


def rule(motion: int, numerator: int, denominator: int, notice: int = 0) -> list[Any]:
    return [int(motion), numerator, denominator, notice]


def wanted(chain: Chain) -> list[str]:
    return [node.name for node in chain.ledger.wanted_members(chain.store)[0]]


# --- rules ------------------------------------------------------------


def test_a_motion_takes_as_many_ballots_as_its_rule_asks() -> None:
    chain = Chain()
    first = rule(MotionKind.REMOVE_NODE, 1, 1)
    assert chain.vote(MotionKind.SET_RULE, first, *INSTITUTIONS[:3]) == [0, 0, 0]
    assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, *INSTITUTIONS[:3]) == [0, 0, 0]
    assert "node-d" in wanted(chain)
    assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, INSTITUTIONS[3]) == [0]
    assert "node-d" not in wanted(chain)


def test_a_rule_is_changed_by_as_many_as_the_strictest_asks_and_no_fewer() -> None:
    chain = Chain()
    strict = rule(MotionKind.ADOPT_MANDATE, 3, 4)
    assert chain.vote(MotionKind.SET_RULE, strict, *INSTITUTIONS[:3]) == [0, 0, 0]
    loose = rule(MotionKind.ADOPT_MANDATE, 1, 2)
    assert chain.vote(MotionKind.SET_RULE, loose, *INSTITUTIONS[:3]) == [0, 0, 0]
    arguments = ["law", "A law", "1", "Assembly", bytes(32), START, None, None]
    assert chain.vote(MotionKind.ADOPT_MANDATE, arguments, *INSTITUTIONS[:3]) == [0, 0, 0]
    assert value(chain, mandate_key("law")) is None  # three of four are not more than 3/4
    assert chain.vote(MotionKind.SET_RULE, loose, INSTITUTIONS[3]) == [0]
    last = motion_digest(0, MotionKind.ADOPT_MANDATE, arguments)
    assert chain.do(Kind.ENACT, last) == Code.NOT_CARRIED  # it was not when its ballots came
    assert chain.vote(MotionKind.ADOPT_MANDATE, arguments, INSTITUTIONS[3]) == [0]
    assert value(chain, mandate_key("law")) is not None


# --- notice, withdrawal, enactment ------------------------------------------------------------


def with_notice(*voters: str) -> tuple[Chain, bytes]:
    """Return a chain whose removal of node-d these have voted for, with a day's notice."""
    chain = Chain()
    notice = rule(MotionKind.REMOVE_NODE, 1, 2, DAY)
    assert chain.vote(MotionKind.SET_RULE, notice, *INSTITUTIONS[:3])[-1] == 0
    assert set(chain.vote(MotionKind.REMOVE_NODE, NODE_D, *voters)) == {0}
    return chain, motion_digest(0, MotionKind.REMOVE_NODE, NODE_D)


def test_a_carried_motion_waits_for_its_notice_and_is_then_enacted_by_anybody() -> None:
    chain, motion = with_notice(*INSTITUTIONS[:3])
    assert chain.do(Kind.ENACT, motion) == Code.NOTICE_NOT_OVER
    chain.apply(after=DAY)
    assert "node-d" in wanted(chain)
    assert chain.do(Kind.ENACT, motion, institution="bank") == 0
    assert "node-d" not in wanted(chain)
    assert chain.do(Kind.ENACT, motion) == Code.MOTION_ALREADY_ENACTED
    assert chain.do(Kind.WITHDRAW, motion, institution="bank") == Code.MOTION_ALREADY_ENACTED


def test_a_ballot_withdrawn_during_the_notice_stops_it() -> None:
    chain, motion = with_notice(*INSTITUTIONS[:3])
    assert chain.do(Kind.WITHDRAW, motion, institution="bank") == 0
    assert chain.do(Kind.WITHDRAW, motion, institution="bank") == Code.NOT_VOTED
    chain.apply(after=2 * DAY)
    assert chain.do(Kind.ENACT, motion) == Code.NOT_CARRIED
    assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, "bank") == [0]
    assert chain.do(Kind.ENACT, motion) == Code.NOTICE_NOT_OVER  # which has begun anew


def test_a_stricter_rule_begins_the_notice_anew() -> None:
    chain, motion = with_notice(*INSTITUTIONS[:3])
    stricter = rule(MotionKind.REMOVE_NODE, 1, 1, DAY)
    assert chain.vote(MotionKind.SET_RULE, stricter, *INSTITUTIONS[:3]) == [0, 0, 0]
    set_rule = motion_digest(0, MotionKind.SET_RULE, stricter)
    chain.apply(after=DAY)
    assert chain.do(Kind.ENACT, set_rule) == 0  # the longest notice holds for rules too
    assert chain.do(Kind.ENACT, motion) == Code.NOT_CARRIED
    assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, INSTITUTIONS[3]) == [0]
    assert chain.do(Kind.ENACT, motion) == Code.NOTICE_NOT_OVER
    chain.apply(after=DAY)
    assert chain.do(Kind.ENACT, motion) == 0


def test_an_ordinary_office_neither_withdraws_nor_enacts() -> None:
    chain, motion = with_notice(*INSTITUTIONS[:3])
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert chain.do(Kind.ENACT, motion, **pair) == Code.NOT_GOVERNING_OFFICE
    assert chain.do(Kind.WITHDRAW, motion, **pair) == Code.NOT_GOVERNING_OFFICE


def test_what_has_become_impossible_meanwhile_is_refused_and_stays_open() -> None:
    chain, motion = with_notice(*INSTITUTIONS[:3])
    chain.apply(after=DAY)
    assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, "registry", turn=1) == [0]
    for voter in INSTITUTIONS[:2]:
        assert chain.vote(MotionKind.REMOVE_NODE, NODE_D, voter, turn=1) == [0]
    chain.apply(after=DAY)
    assert chain.do(Kind.ENACT, motion_digest(1, MotionKind.REMOVE_NODE, NODE_D)) == 0
    assert chain.do(Kind.ENACT, motion) == Code.UNKNOWN_NODE
    assert chain.do(Kind.ENACT, motion) == Code.UNKNOWN_NODE


# --- a lost office ------------------------------------------------------------


def test_a_lost_governing_office_gets_new_keys_by_a_vote() -> None:
    chain = Chain()
    fresh = [[key("bank fresh").public, "New head", 0, None]]
    arguments = ["bank", "head", 1, fresh]
    assert chain.vote(MotionKind.RECOVER_OFFICE, arguments, "court", "ministry") == [0, 0]
    office = [[key("x").public, "X", 0, None]]
    assert chain.do(Kind.CREATE_OFFICE, "a", "A", 1, office, institution="bank") == 0
    assert chain.vote(MotionKind.RECOVER_OFFICE, arguments, "registry") == [0]
    create = (Kind.CREATE_OFFICE, "b", "B", 1, office)
    assert chain.do(*create, institution="bank") == Code.KEY_NOT_OF_OFFICE
    assert chain.do(*create, institution="bank", signers=["bank fresh"]) == 0


# --- calendars and mandates ------------------------------------------------------------


def test_versions_of_a_calendar_follow_each_other_and_all_stay() -> None:
    chain = Chain()
    for version in (1, 2):
        days = working_days(2026, set(), set()) if version == 1 else b"\x80" + bytes(45)
        arguments = ["china", 2026, version, 480, days]
        assert chain.vote(MotionKind.ADOPT_CALENDAR, arguments, *INSTITUTIONS[:3]) == [0, 0, 0]
        height = chain.ledger.height
        assert value(chain, calendar_key("china", 2026, version)) == [480, days, height]
    assert value(chain, calendar_key("china", 2026, 1)) is not None


def test_a_mandate_ends_when_its_successor_begins() -> None:
    chain = Chain()
    first = ["first", "Trial rules", "No. 1", "Office", bytes(32), START, START + 9 * DAY, None]
    second = ["second", "Rules", "No. 2", "Office", bytes(32), START + 5 * DAY, None, "first"]
    for arguments in (first, second):
        assert chain.vote(MotionKind.ADOPT_MANDATE, arguments, *INSTITUTIONS[:3]) == [0, 0, 0]
    old, new = (value(chain, mandate_key(name)) for name in ("first", "second"))
    assert [is_in_force(old, START + day * DAY) for day in (-1, 0, 4, 5)] == [
        False,
        True,
        True,
        False,
    ]
    assert [is_in_force(new, START + day * DAY) for day in (4, 5, 99)] == [False, True, True]
    assert old[7] == "second"


def test_a_successor_ends_nothing_in_the_past() -> None:
    chain = Chain()
    first = ["first", "Trial rules", "No. 1", "Office", bytes(32), START, None, None]
    assert chain.vote(MotionKind.ADOPT_MANDATE, first, *INSTITUTIONS[:3])[-1] == 0
    chain.apply(after=9 * DAY)
    second = ["second", "Rules", "No. 2", "Office", bytes(32), START + DAY, None, "first"]
    assert chain.vote(MotionKind.ADOPT_MANDATE, second, *INSTITUTIONS[:3])[-1] == 0
    old = value(chain, mandate_key("first"))
    assert is_in_force(old, START + 9 * DAY)
    assert not is_in_force(old, chain.ledger.time)


def test_the_recovery_of_an_office_never_takes_all() -> None:
    chain = Chain()
    everybody = rule(MotionKind.RECOVER_OFFICE, 1, 1)
    votes = chain.vote(MotionKind.SET_RULE, everybody, *INSTITUTIONS[:3])
    assert votes == [0, 0, Code.BAD_RULE]


def test_a_mandate_is_repealed_from_now_or_later_and_not_before() -> None:
    chain = Chain()
    arguments = ["law", "A law", "1", "Assembly", bytes(32), START, None, None]
    assert chain.vote(MotionKind.ADOPT_MANDATE, arguments, *INSTITUTIONS[:3])[-1] == 0

    def repeal(ends: int) -> int:
        return chain.vote(MotionKind.REPEAL_MANDATE, ["law", ends], *INSTITUTIONS[:3])[-1]

    assert repeal(START) == Code.BAD_MANDATE
    assert repeal(START + 2 * DAY) == 0
    assert repeal(START + 3 * DAY) == Code.NOTHING_CHANGES
    assert repeal(START + DAY) == 0
    law = value(chain, mandate_key("law"))
    assert is_in_force(law, START + DAY - 1)
    assert not is_in_force(law, START + DAY)
