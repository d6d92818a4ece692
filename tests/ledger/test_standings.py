"""Institutions suspended, restored and removed; parameters; upgrades; mandates that return."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.errors import UpgradeNeeded
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger.apply import Ledger
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.mandates import is_in_force
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import (
    VERSION,
    acted_key,
    institution_key,
    mandate_key,
    ready_key,
    standing_key,
)
from tests.ledger.chain import INSTITUTIONS, START, Chain, key, member
from tests.ledger.decided import DAY, adopted, mandate
from tests.ledger.set_aside import REMOVE, SUSPEND, removed, suspended
from tests.ledger.test_governance import rule, value

CREATE: tuple[Any, ...] = ("list", "A list", [], "clear", [])
THREE = INSTITUTIONS[:3]  # all but the registry
QUIET = ["quiet-days", 30]


# --- standing ------------------------------------------------------------


def test_a_suspended_institution_does_nothing_until_it_is_restored() -> None:
    chain = suspended()
    assert chain.do(Kind.CREATE_REGISTER, *CREATE) == Code.INSTITUTION_SUSPENDED
    vote = (Kind.VOTE, 0, int(MotionKind.SET_PARAMETER), QUIET)
    assert chain.do(*vote) == Code.INSTITUTION_SUSPENDED
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert chain.do(Kind.CREATE_REGISTER, *CREATE, **pair) == Code.INSTITUTION_SUSPENDED
    assert chain.vote(MotionKind.RESTORE_INSTITUTION, ["registry"], "bank", "court") == [0, 0]
    assert value(chain, standing_key("registry")) is None
    assert value(chain, standing_key("")) is None
    assert chain.do(Kind.CREATE_REGISTER, *CREATE) == 0


def test_who_is_suspended_does_not_count() -> None:
    """Of three that count two are more than half, where of four it took three."""
    chain = suspended()
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "bank") == [0]
    assert chain.do(Kind.ENACT, motion_digest(0, 13, QUIET), institution="bank") == Code.NOT_CARRIED
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "court") == [0]
    assert value(chain, b"\x1equiet-days") == [30, chain.ledger.height]


def test_ballots_of_a_suspended_institution_do_not_count_until_it_is_restored() -> None:
    chain = Chain()
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "registry") == [0]
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, SUSPEND, *THREE) == [0, 0, 0]
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "bank") == [0]
    assert value(chain, b"\x1equiet-days") is None  # two ballots, one of which counts
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "court") == [0]
    assert value(chain, b"\x1equiet-days") == [30, chain.ledger.height]


def test_a_motion_whose_voter_is_suspended_during_its_notice_is_carried_no_longer() -> None:
    chain = Chain()
    notice = rule(MotionKind.SET_PARAMETER, 3, 4, DAY)
    assert chain.vote(MotionKind.SET_RULE, notice, *THREE) == [0, 0, 0]
    assert set(chain.vote(MotionKind.SET_PARAMETER, QUIET, "registry", *THREE)) == {0}
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, SUSPEND, *THREE) == [0, 0, 0]
    digest = motion_digest(0, 13, QUIET)
    assert chain.do(Kind.WITHDRAW, digest, institution="bank") == 0
    chain.apply(after=2 * DAY)
    assert chain.do(Kind.ENACT, digest, institution="bank") == Code.NOT_CARRIED
    assert chain.vote(MotionKind.SET_PARAMETER, QUIET, "bank") == [0]
    assert chain.do(Kind.ENACT, digest, institution="bank") == Code.NOTICE_NOT_OVER


def test_a_ballot_that_does_not_count_is_not_what_makes_up_for_one_withdrawn() -> None:
    chain = Chain()
    notice = rule(MotionKind.SET_PARAMETER, 1, 2, DAY)
    assert chain.vote(MotionKind.SET_RULE, notice, *THREE) == [0, 0, 0]
    assert set(chain.vote(MotionKind.SET_PARAMETER, QUIET, "registry", "bank", "court")) == {0}
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, SUSPEND, *THREE) == [0, 0, 0]
    chain.apply(after=2 * DAY)
    digest = motion_digest(0, 13, QUIET)
    assert chain.do(Kind.WITHDRAW, digest, institution="bank") == 0
    assert chain.do(Kind.ENACT, digest, institution="court") == Code.NOT_CARRIED


def test_a_removed_institution_is_final_and_stays_readable() -> None:
    chain = removed()
    assert value(chain, institution_key("registry"))[0] == "The registry"
    assert value(chain, standing_key("registry"))[:3] == [2, "merger", bytes(32)]
    assert chain.do(Kind.CREATE_REGISTER, *CREATE) == Code.INSTITUTION_REMOVED
    again = ["registry", "Again", "voluntary", [["head", "Head", 1, _keys("other")]]]
    node = member("node-z", "registry", "observer").fields()[:7]
    for motion, arguments, code in (
        (MotionKind.RESTORE_INSTITUTION, ["registry"], Code.INSTITUTION_REMOVED),
        (MotionKind.REMOVE_INSTITUTION, ["registry", "again", None], Code.INSTITUTION_REMOVED),
        (MotionKind.SUSPEND_INSTITUTION, ["registry", "again", None], Code.INSTITUTION_REMOVED),
        (MotionKind.SET_NODE, node, Code.INSTITUTION_REMOVED),
        (MotionKind.RECOVER_OFFICE, ["registry", "head", 1, _keys("x")], Code.INSTITUTION_REMOVED),
        (MotionKind.ADMIT_INSTITUTION, again, Code.INSTITUTION_EXISTS),
        (MotionKind.SUSPEND_INSTITUTION, ["nobody", "again", None], Code.NO_SUCH_INSTITUTION),
    ):
        assert chain.vote(motion, arguments, "bank", "court") == [0, code]


def test_an_institution_is_removed_only_once_the_ledger_wants_no_node_of_it() -> None:
    chain = suspended()
    assert chain.vote(MotionKind.REMOVE_INSTITUTION, REMOVE, "bank", "court") == [
        0,
        Code.INSTITUTION_HAS_NODES,
    ]
    both = [
        chain.raw((int(Kind.VOTE), [0, 3, ["node-d"]]), institution="bank"),
        chain.raw((int(Kind.VOTE), [0, 3, ["node-d"]]), institution="court"),
        chain.raw((int(Kind.VOTE), [0, 12, REMOVE]), institution="court"),
    ]
    assert chain.codes(*both) == [0, 0, 0]  # the block's own changes are seen
    assert value(chain, standing_key("registry"))[0] == 2


def test_an_office_of_a_suspended_institution_may_get_new_keys() -> None:
    chain = suspended()
    arguments = ["registry", "head", 1, _keys("registry fresh")]
    assert chain.vote(MotionKind.RECOVER_OFFICE, arguments, "bank", "court") == [0, 0]
    assert chain.vote(MotionKind.RESTORE_INSTITUTION, ["registry"], "bank", "court") == [0, 0]
    assert chain.do(Kind.CREATE_REGISTER, *CREATE, signers=["registry fresh"]) == 0


@pytest.mark.parametrize("motion", [MotionKind.SUSPEND_INSTITUTION, MotionKind.RESTORE_INSTITUTION])
def test_no_suspension_hangs_on_all(motion: int) -> None:
    chain = Chain()
    assert chain.vote(MotionKind.SET_RULE, rule(motion, 1, 1), *THREE)[2] == Code.BAD_RULE


def test_institutions_are_suspended_down_to_the_last_and_those_left_go_on_deciding() -> None:
    chain = suspended()
    assert chain.vote(MotionKind.SUSPEND_INSTITUTION, ["court", "a", None], "bank", "ministry") == [
        0,
        0,
    ]
    votes = chain.vote(MotionKind.SUSPEND_INSTITUTION, ["bank", "a", None], "bank", "ministry")
    assert votes == [0, 0]
    last = chain.vote(MotionKind.SUSPEND_INSTITUTION, ["ministry", "a", None], "ministry")
    assert last == [Code.LAST_INSTITUTION]
    assert chain.vote(MotionKind.RESTORE_INSTITUTION, ["court"], "ministry") == [0]


def test_what_a_suspended_institution_submits_uses_up_its_id() -> None:
    chain = suspended()
    raw = chain.raw((int(Kind.CREATE_REGISTER), list(CREATE)))
    assert chain.codes(raw) == [Code.INSTITUTION_SUSPENDED]
    assert chain.codes(raw) == [Code.DUPLICATE]


# --- last acts ------------------------------------------------------------


def test_an_offices_last_act_is_written_once_a_day_and_by_no_refusal() -> None:
    chain = Chain()
    place = acted_key("registry", "head")
    assert chain.do(Kind.RETIRE, "nothing", b"1") == Code.UNKNOWN_REGISTER
    assert value(chain, place) is None
    assert chain.do(Kind.CREATE_REGISTER, *CREATE) == 0
    first = [chain.ledger.height, chain.ledger.time]
    assert value(chain, place) == first
    assert chain.do(Kind.PUT, "list", b"1", [1], None) == 0
    assert value(chain, place) == first
    chain.apply(after=DAY)
    assert chain.do(Kind.PUT, "list", b"1", [2], None) == 0
    assert value(chain, place) == [chain.ledger.height, chain.ledger.time]
    assert value(chain, acted_key("registry", "pair")) is None


# --- parameters ------------------------------------------------------------


def set_to(chain: Chain, name: str, number: int) -> int:
    return chain.vote(MotionKind.SET_PARAMETER, [name, number], *THREE)[2]


def test_the_longest_life_of_a_transaction_is_what_was_voted() -> None:
    chain = Chain()
    hour = 3_600_000
    assert set_to(chain, "lifetime-hours", 2) == 0
    for ahead, code in ((2 * hour, 0), (2 * hour + 1, Code.VALID_TOO_FAR_AHEAD)):
        raw = chain.raw(
            (int(Kind.CREATE_REGISTER), list(CREATE)),
            valid_until=chain.ledger.time + 100 + ahead,
        )
        assert chain.codes(raw) == [code]
    assert set_to(chain, "lifetime-hours", 2) == Code.MOTION_ALREADY_ENACTED
    assert chain.vote(13, ["lifetime-hours", 2], *THREE, turn=1)[2] == Code.NOTHING_CHANGES


def test_live_ids_are_bounded_by_what_was_voted() -> None:
    chain = Chain()
    assert set_to(chain, "live-ids", 1000) == 0
    raws = [chain.raw((int(Kind.RETIRE), ["nothing", b"1"])) for _ in range(1001)]
    codes = [code for place in range(0, 1001, 400) for code in chain.codes(*raws[place:][:400])]
    assert codes[:1000] == [Code.UNKNOWN_REGISTER] * 1000
    assert codes[1000:] == [Code.TOO_MANY_LIVE]


def test_an_acting_holder_is_named_for_no_longer_than_was_voted() -> None:
    chain = Chain()
    assert set_to(chain, "acting-days", 10) == 0
    for days, code in ((11, Code.BAD_POLICY), (10, 0)):
        until = chain.ledger.time + days * DAY
        arguments = ["head", key("registry head").public, key("deputy").public, "Deputy", 0, until]
        assert chain.do(Kind.NAME_ACTING, *arguments) == code


# --- upgrades ------------------------------------------------------------


def declare(chain: Chain, version: int, *nodes: tuple[str, str]) -> list[int]:
    return [
        chain.do(Kind.DECLARE_READY, node, version, institution=institution)
        for node, institution in nodes
    ]


def ready(known: int = 2) -> Chain:
    """Return a chain on which two of three validators are ready for version 2."""
    chain = Chain()
    chain.ledger = Ledger(chain.genesis, chain.store, known_version=known)
    assert declare(chain, 2, ("node-a", "bank"), ("node-b", "court")) == [0, 0]
    return chain


def test_a_version_is_activated_once_a_quorum_of_validators_is_ready() -> None:
    chain = ready()
    assert declare(chain, 1, ("node-b", "court")) == [0]  # taken back
    votes = chain.vote(MotionKind.ACTIVATE_UPGRADE, [2, 0], *THREE)
    assert votes == [0, 0, Code.NOT_READY]
    assert declare(chain, 2, ("node-d", "registry")) == [0]  # an observer has no weight
    assert chain.vote(14, [2, 0], "ministry") == [Code.NOT_READY]
    assert declare(chain, 2, ("node-b", "court")) == [0]
    assert chain.vote(14, [2, 3], *THREE)[2] == Code.NOT_READY  # which asks for all three
    assert chain.vote(14, [2, 0], "ministry") == [0]
    assert value(chain, VERSION) == [2, chain.ledger.height]
    assert declare(chain, 1, ("node-c", "ministry")) == [Code.VERSION_WRONG]
    assert declare(chain, 2, ("node-a", "bank")) == [Code.NOTHING_CHANGES]
    assert chain.do(Kind.DECLARE_READY, "nobody", 2) == Code.UNKNOWN_NODE


def test_only_a_governing_office_declares() -> None:
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert Chain().do(Kind.DECLARE_READY, "node-d", 2, **pair) == Code.NOT_GOVERNING_OFFICE


def test_a_node_that_takes_anothers_name_is_not_ready_by_what_that_one_declared() -> None:
    chain = ready()
    other = member("node-a", "bank", again=7).fields()[:7]
    assert chain.vote(MotionKind.SET_NODE, other, *THREE) == [0, 0, 0]
    assert value(chain, ready_key("node-a")) is None
    assert value(chain, ready_key("node-b")) is not None
    moved = [*member("node-b", "court").fields()[:6], ["elsewhere.example:7000"]]
    assert chain.vote(MotionKind.SET_NODE, moved, *THREE) == [0, 0, 0]
    assert value(chain, ready_key("node-b")) is not None  # the same node at another address
    assert chain.vote(MotionKind.REMOVE_NODE, ["node-b"], *THREE) == [0, 0, 0]
    assert value(chain, ready_key("node-b")) is None


def test_a_node_that_does_not_know_the_version_stops_before_it_applies_the_block() -> None:
    chain = ready(known=1)
    votes: list[Any] = [0, int(MotionKind.ACTIVATE_UPGRADE), [2, 0]]
    for voter in ("bank", "court"):
        assert chain.do(Kind.VOTE, *votes, institution=voter) == 0
    block = chain.block(chain.raw((int(Kind.VOTE), votes), institution="ministry"))
    batch = WriteBatch()
    with pytest.raises(UpgradeNeeded, match=r"version 2 .* up to version 1"):
        chain.ledger.apply(block, chain.store, batch)
    newer = Ledger(chain.genesis, chain.store, known_version=2)  # the software, upgraded
    batch = WriteBatch()
    assert [each.code for each in newer.apply(block, chain.store, batch).outcomes] == [0]
    chain.store.apply(batch)
    with pytest.raises(UpgradeNeeded):
        Ledger(chain.genesis, chain.store, known_version=1)
    assert Ledger(chain.genesis, chain.store, known_version=2).height == block.height


# --- mandates that return ------------------------------------------------------------


def line() -> Chain:
    """Return a chain on which `second` has taken the place of `first`, and is repealed."""
    chain = adopted(mandate("first"), mandate("second", START + DAY, predecessor="first"))
    assert chain.vote(MotionKind.REPEAL_MANDATE, ["second", START + 2 * DAY], *THREE)[2] == 0
    return chain


def restore(chain: Chain, name: str, effect: int, until: int | None = None) -> int:
    return chain.vote(MotionKind.RESTORE_MANDATE, [name, effect, until], *THREE)[2]


def test_a_repealed_successor_brings_nothing_back_by_itself() -> None:
    chain = line()
    assert not is_in_force(value(chain, mandate_key("first")), START + 3 * DAY)


def test_an_ended_mandate_is_in_force_again_by_a_motion_that_says_so() -> None:
    chain = line()
    assert restore(chain, "first", START + DAY) == Code.MANDATE_LINE_IN_FORCE
    assert restore(chain, "first", START + 3 * DAY, START + 9 * DAY) == 0
    first = value(chain, mandate_key("first"))
    assert [is_in_force(first, START + day * DAY) for day in (2, 3, 8, 9)] == [
        False,
        True,
        True,
        False,
    ]
    third = mandate("third", START + 5 * DAY, predecessor="first")
    assert chain.vote(MotionKind.ADOPT_MANDATE, third, *THREE)[2] == 0
    assert restore(chain, "second", START + 9 * DAY) == Code.MANDATE_LINE_IN_FORCE


def test_a_line_of_mandates_never_has_two_in_force() -> None:
    chain = line()
    assert restore(chain, "second", START + 3 * DAY) == 0
    assert restore(chain, "first", START + 4 * DAY) == Code.MANDATE_LINE_IN_FORCE
    assert restore(chain, "second", START + 4 * DAY) == Code.NOTHING_CHANGES
    assert chain.vote(MotionKind.REPEAL_MANDATE, ["second", START + 5 * DAY], *THREE)[2] == 0
    assert restore(chain, "first", START + 5 * DAY) == 0
    assert chain.vote(MotionKind.REPEAL_MANDATE, ["first", START + 6 * DAY], *THREE)[2] == 0
    assert restore(chain, "second", START + 6 * DAY) == 0
    assert value(chain, mandate_key("first"))[7] == "second"
    assert restore(chain, "first", START + 7 * DAY) == Code.MANDATE_LINE_IN_FORCE


def test_a_mandate_returns_with_times_that_fit_and_not_in_the_past() -> None:
    chain = line()
    chain.apply(after=3 * DAY)
    assert restore(chain, "first", START + 2 * DAY) == Code.BAD_MANDATE
    assert restore(chain, "first", START + 9 * DAY, START + 9 * DAY) == Code.BAD_MANDATE
    assert restore(chain, "nothing", START + 9 * DAY) == Code.UNKNOWN_MANDATE


def _keys(holder: str) -> list[list[Any]]:
    return [[key(holder).public, f"Holder {holder}", 0, None]]
