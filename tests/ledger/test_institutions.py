"""Offices and their keys, institutions and their motions."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from tests.ledger.chain import NODES, START, Chain, key, member, with_register

PUT = int(Kind.PUT)
PAIRS: list[Any] = ["pairs", "Pairs", [], "clear", [["registry", "pair"]]]


# --- offices ------------------------------------------------------------


def test_a_rotated_key_overlaps_and_one_holder_signs_once() -> None:
    chain = with_register()
    assert chain.do(Kind.CREATE_REGISTER, *PAIRS) == 0
    overlap = chain.ledger.time + 1_000
    rotate = ("pair", key("registry one").public, key("fresh").public, "Fresh", None, overlap)
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert chain.do(Kind.ROTATE_KEY, *rotate, **pair) == 0

    def signed(*signers: str) -> int:
        return chain.do(PUT, "pairs", b"1", [], None, office_name="pair", signers=list(signers))

    assert signed("registry one", "registry two") == 0
    assert signed("fresh", "registry two") == 0
    assert signed("fresh", "registry one") == Code.SUPERFLUOUS_SIGNATURE
    chain.apply(after=1_000)
    assert signed("registry one", "registry two") == Code.KEY_EXPIRED
    assert signed("fresh", "registry two") == 0


def test_a_governing_office_cannot_lock_itself_out() -> None:
    chain = Chain()
    head = key("registry head").public
    assert chain.do(Kind.REVOKE_KEY, "head", head) == Code.BAD_POLICY
    spent = [[key("spent").public, "Spent", 0, START]]
    assert chain.do(Kind.SET_KEY_POLICY, "head", 1, spent) == Code.BAD_POLICY
    fresh = [[key("fresh").public, "Fresh", 0, None]]
    assert chain.do(Kind.SET_KEY_POLICY, "head", 1, fresh) == 0
    assert chain.do(Kind.REVOKE_KEY, "pair", key("registry one").public) == Code.KEY_NOT_OF_OFFICE
    old = key("registry one").public
    assert chain.do(Kind.REVOKE_KEY, "pair", old, signers=["fresh"]) == 0


def test_offices_of_another_institution_are_out_of_reach() -> None:
    chain = Chain()
    keys = [[key("fresh").public, "Fresh", 0, None]]
    assert chain.do(Kind.CREATE_OFFICE, "new", "New", 1, keys, institution="court") == 0
    assert chain.do(Kind.REVOKE_KEY, "new", key("fresh").public) == Code.NO_SUCH_OFFICE


def test_an_acting_holder_signs_for_a_time_in_the_place_of_one_who_stays() -> None:
    chain = with_register()
    assert chain.do(Kind.CREATE_REGISTER, *PAIRS) == 0
    pair = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    holder, deputy = key("registry one").public, key("deputy").public
    begins, ends = chain.ledger.time + 1_000, chain.ledger.time + 2_000
    name = ("pair", holder, deputy, "Deputy", begins, ends)
    assert chain.do(Kind.NAME_ACTING, *name, **pair) == 0
    assert chain.do(Kind.NAME_ACTING, *name, **pair) == Code.KEY_ALREADY_OF_OFFICE

    def signed(*signers: str) -> int:
        return chain.do(PUT, "pairs", b"1", [], None, office_name="pair", signers=list(signers))

    assert signed("deputy", "registry two") == Code.KEY_NOT_YET_VALID
    chain.apply(after=1_000)
    assert signed("deputy", "registry two") == 0
    assert signed("deputy", "registry one") == Code.SUPERFLUOUS_SIGNATURE
    assert signed("registry one", "registry two") == 0
    chain.apply(after=2_000)
    assert signed("deputy", "registry two") == Code.KEY_EXPIRED
    late = ("pair", holder, key("another").public, "Deputy", 0, chain.ledger.time - 1)
    assert chain.do(Kind.NAME_ACTING, *late, **pair) == Code.BAD_POLICY
    year = chain.ledger.time + 367 * 24 * 3600 * 1000
    long = ("pair", holder, key("another").public, "Deputy", 0, year)
    assert chain.do(Kind.NAME_ACTING, *long, **pair) == Code.BAD_POLICY


# --- motions ------------------------------------------------------------


def test_a_majority_admits_an_institution_which_then_acts() -> None:
    chain = with_register()
    offices = [["head", "Head", 1, [[key("school head").public, "Head", 0, None]]]]
    admit = ["school", "The school", "voluntary", offices]
    assert chain.do(PUT, "divisions", b"1", ["a", 1], None, institution="school") == (
        Code.UNKNOWN_INSTITUTION
    )
    assert chain.vote(MotionKind.ADMIT_INSTITUTION, admit, "bank", "court", "ministry") == [0] * 3
    assert chain.do(PUT, "divisions", b"1", ["a", 1], None, institution="school") == (
        Code.NOT_A_WRITER
    )
    # five institutions now: three ballots are still a majority, two are not
    votes = chain.vote(MotionKind.REMOVE_NODE, ["node-d"], "school", "bank", "court")
    assert votes == [0, 0, 0]
    assert [node.name for node in chain.ledger.wanted_members(chain.store)[0]] == list(NODES[:3])


def test_a_node_motion_orders_membership_at_its_height() -> None:
    chain = Chain()
    assert chain.ledger.wanted_members(chain.store) == (list(chain.genesis.nodes), 0)
    again = member("node-a", "bank", again=1)
    for voter in ("bank", "court"):
        assert chain.vote(MotionKind.READMIT_NODE, ["node-a", again.store], voter) == [0]
        assert not chain.steps[-1].applied.membership_changed
    assert chain.vote(MotionKind.READMIT_NODE, ["node-a", again.store], "registry") == [0]
    assert chain.steps[-1].applied.membership_changed
    wanted, ordered_at = chain.ledger.wanted_members(chain.store)
    assert ordered_at == 3
    assert (wanted[0].store, wanted[0].signs_above) == (again.store, 3)


def test_a_motion_can_be_moved_again_in_another_round() -> None:
    chain = Chain()
    voters = ("bank", "court", "ministry")
    stores = [member("node-a", "bank", again=again).store for again in (0, 1)]
    for turn, store in enumerate((stores[1], stores[0], stores[1])):
        arguments = ["node-a", store]
        votes = chain.vote(MotionKind.READMIT_NODE, arguments, *voters, turn=turn)
        assert votes == [0, 0, 0]


def test_an_ordinary_office_has_no_ballot() -> None:
    arguments = (0, int(MotionKind.REMOVE_NODE), ["node-d"])
    author = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert Chain().do(Kind.VOTE, *arguments, **author) == Code.NOT_GOVERNING_OFFICE
