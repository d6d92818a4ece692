"""Who can still vote, now and later; which offices are quiet; and that nothing stops by it."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.outlook import Outlook, outlook
from tests.ledger.chain import INSTITUTIONS, START, Chain, key
from tests.ledger.decided import DAY
from tests.ledger.set_aside import suspended
from tests.ledger.test_governance import rule

THREE = INSTITUTIONS[:3]


def seen(chain: Chain, days: int = 0) -> Outlook:
    return outlook(chain.store, chain.ledger.time + days * DAY, chain.genesis.time)


def ending(chain: Chain, institution: str, days: int) -> None:
    """Give an institution's governing office one key more that ends in so many days."""
    keys: list[Any] = [[key(f"{institution} head").public, "Head", 0, START + days * DAY]]
    assert chain.do(Kind.SET_KEY_POLICY, "head", 1, keys, institution=institution) == 0


def of(found: Outlook, kind: int) -> tuple[int, tuple[int, ...], str]:
    line = next(line for line in found.kinds if line.kind == kind)
    return line.needed, line.able, line.level


def test_all_who_can_vote_are_counted_now_and_later() -> None:
    chain = Chain()
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 4, 4), "fine")
    assert seen(chain).level == "fine"
    ending(chain, "court", 60)
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 4, 3), "near")
    ending(chain, "bank", 20)
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 3, 2), "failing")
    assert of(seen(chain, 21), MotionKind.SET_NODE) == (3, (3, 3, 2), "failing")
    assert of(seen(chain, 61), MotionKind.SET_NODE) == (3, (2, 2, 2), "lost")
    assert [seen(chain).spare(place) for place in range(3)] == [1, 0, -1]


def test_no_expiry_stops_the_chain() -> None:
    """Every key of every office has ended: blocks go on, and what is not signed for too."""
    chain = Chain()
    for name in INSTITUTIONS:
        ending(chain, name, 1)
    chain.apply(after=400 * DAY)
    height = chain.apply(after=100).height
    assert chain.ledger.height == height
    assert seen(chain).level == "lost"
    chain.restart()
    assert chain.apply(after=100).height == height + 1


def test_a_rule_that_takes_all_is_near_only_where_somebody_cannot() -> None:
    chain = Chain()
    assert chain.vote(5, rule(MotionKind.REMOVE_NODE, 1, 1), *THREE)[2] == 0
    assert of(seen(chain), MotionKind.REMOVE_NODE) == (4, (4, 4, 4), "fine")
    assert of(seen(chain), MotionKind.SET_RULE) == (4, (4, 4, 4), "fine")
    ending(chain, "court", 60)
    assert of(seen(chain), MotionKind.REMOVE_NODE) == (4, (4, 4, 3), "failing")
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 4, 3), "near")


def test_who_is_suspended_is_counted_nowhere() -> None:
    chain = suspended()
    found = seen(chain)
    assert of(found, MotionKind.SET_NODE) == (2, (3, 3, 3), "fine")
    assert [each.institution for each in found.governing] == ["bank", "court", "ministry"]


def test_how_many_spare_votes_are_too_few_is_governed() -> None:
    chain = Chain()
    ending(chain, "court", 60)
    assert chain.vote(13, ["spare-ballots", 0], *THREE)[2] == 0
    assert chain.vote(13, ["quiet-days", 7], *THREE)[2] == 0
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 4, 3), "near")  # none is spare
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, ["court", "a", None], *THREE)[2] == 0
    assert of(seen(chain), MotionKind.SET_NODE) == (2, (3, 3, 3), "fine")


def test_how_far_ahead_it_is_looked_is_governed() -> None:
    chain = Chain()
    ending(chain, "court", 100)
    ending(chain, "bank", 40)
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 4, 3), "near")
    assert seen(chain).horizon_days == (0, 30, 90)
    for named in (["soon-days", 50], ["later-days", 120]):
        assert chain.vote(MotionKind.SET_PARAMETER, named, *THREE)[2] == 0
    assert seen(chain).horizon_days == (0, 50, 120)
    assert of(seen(chain), MotionKind.SET_NODE) == (3, (4, 3, 2), "failing")
    assert seen(chain).governing[0].able == (True, False, False)


def test_the_first_look_ahead_is_always_the_nearer_one() -> None:
    chain = Chain()
    for name, days in (("soon-days", 61), ("soon-days", 6), ("later-days", 60)):
        turned = chain.vote(MotionKind.SET_PARAMETER, [name, days], *THREE)[2]
        assert turned == Code.PARAMETER_OUT_OF_BOUNDS


def test_an_office_is_quiet_after_so_many_days_without_an_act() -> None:
    chain = Chain()
    for name in THREE:
        keys = [[key(f"{name} head").public, "Head", 0, None]]
        assert chain.do(Kind.SET_KEY_POLICY, "head", 1, keys, institution=name) == 0
    acted = chain.ledger.time
    assert [each.quiet for each in seen(chain, 89).governing] == [False] * 4
    assert [each.quiet for each in seen(chain, 91).governing] == [True] * 4
    registry = seen(chain).governing[3]
    assert (registry.last_height, registry.last_time, registry.quiet_since) == (None, None, START)
    bank = seen(chain).governing[0]
    assert (bank.last_height, bank.last_time) == (1, acted - 200)
    assert of(seen(chain, 91), MotionKind.SET_NODE) == (3, (4, 4, 4), "near")  # nobody is awake


def test_an_office_that_never_acted_is_counted_from_when_it_got_its_keys() -> None:
    chain = Chain()
    chain.apply(after=50 * DAY)
    keys = [[key("registry fresh").public, "Head", 0, None]]
    assert chain.vote(6, ["registry", "head", 1, keys], *THREE)[2] == 0
    registry = seen(chain).governing[3]
    assert (registry.last_time, registry.quiet_since) == (None, chain.ledger.time)


def test_what_ends_and_whether_its_seat_is_covered() -> None:
    chain = Chain()
    old, until = key("bank head").public, START + 40 * DAY
    acting = ["head", old, key("deputy").public, "Deputy", 0, until]
    assert chain.do(Kind.NAME_ACTING, *acting, institution="bank") == 0
    bank = seen(chain).governing[0]
    assert [(each.title, each.until, each.covered) for each in bank.endings] == [
        ("Deputy", until, True)
    ]
    assert (bank.able, bank.able_until) == ((True, True, True), None)
    ending(chain, "court", 60)
    court = seen(chain).governing[1]
    assert [(each.seat, each.covered) for each in court.endings] == [(0, False)]
    assert (court.able, court.able_until) == ((True, True, False), START + 60 * DAY)
    assert seen(chain, 61).governing[1].able_until is None
