"""Versions of the ledger: what came later is unknown until a vote, and known from then on."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidBlock, InvalidEncoding
from govchaind.base.limits import BLOCK_COST_MICROSECONDS_MAX
from govchaind.ledger import versions
from govchaind.ledger.block import check_block
from govchaind.ledger.genesis import read_genesis
from govchaind.ledger.operations import costs
from govchaind.ledger.operations.costs import (
    COST_MICROSECONDS,
    UNKNOWN_COST_MICROSECONDS,
    Kind,
    least_cost,
    operations_cost,
)
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.parameters import PARAMETERS
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Shape
from govchaind.ledger.state_keys import VERSION
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.working_state import Act, WorkingState
from tests.ledger.chain import Chain, genesis

THREE = ("bank", "court", "ministry")
NEWER = 900  # an operation, and 901 a motion, that no released version has
UPGRADE: list[Any] = [versions.KNOWN_VERSION, 0]


class Nothing(Shape):
    """No arguments."""


def nothing(_: Nothing, __: Act, ___: WorkingState) -> int:
    return Code.APPLIED


TABLE = {**OPERATIONS, NEWER: Operation(NEWER, "newer", "tests", 100, Nothing, nothing)}


def declare_all(chain: Chain) -> None:
    nodes = (("node-a", "bank"), ("node-b", "court"), ("node-c", "ministry"))
    for node, institution in nodes:
        assert chain.do(Kind.DECLARE_READY, node, 2, institution=institution) == 0


def test_a_newer_operation_is_unknown_until_the_block_behind_its_activation() -> None:
    chain = Chain(operations=TABLE)
    declare_all(chain)
    assert chain.do(NEWER) == Code.UNKNOWN_OPERATION
    early = read_transaction(chain.raw((NEWER, [])))
    assert chain.ledger.check(early, chain.store, 0) == Code.UNKNOWN_OPERATION
    vote = (int(Kind.VOTE), [0, int(MotionKind.ACTIVATE_UPGRADE), UPGRADE])
    for voter in THREE[:2]:
        assert chain.do(*vote[:1], *vote[1], institution=voter) == 0
    block = [chain.raw(vote, institution="ministry"), chain.raw((NEWER, []))]
    assert chain.codes(*block) == [0, Code.UNKNOWN_OPERATION]
    assert chain.do(NEWER) == Code.APPLIED
    chain.restart()
    assert chain.do(NEWER) == Code.APPLIED


def test_a_newer_motion_and_a_newer_parameter_wait_for_their_version_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = Chain()
    newer = Chain(version=versions.KNOWN_VERSION)
    suspend = int(MotionKind.SUSPEND_INSTITUTION)
    monkeypatch.setattr(
        versions, "MOTIONS_OF", {1: versions.MOTIONS_OF[1] - {int(MotionKind.SUSPEND_INSTITUTION)}}
    )
    monkeypatch.setattr(versions, "PARAMETERS_OF", {1: versions.PARAMETERS_OF[1] - {"quiet-days"}})
    harm: list[Any] = ["bank", "harm", bytes(32)]
    assert Code.UNKNOWN_MOTION in chain.vote(suspend, harm, "court")
    assert Code.UNKNOWN_MOTION not in newer.vote(suspend, harm, "court")
    wanted: list[Any] = ["quiet-days", 30]
    voters = ("bank", "court", "ministry", "registry")
    assert Code.UNKNOWN_PARAMETER in chain.vote(MotionKind.SET_PARAMETER, wanted, *voters)
    assert Code.UNKNOWN_PARAMETER not in newer.vote(MotionKind.SET_PARAMETER, wanted, *voters)


def test_a_chain_can_begin_with_the_newest_version() -> None:
    newest = versions.KNOWN_VERSION
    chain = Chain(version=newest, operations=TABLE)
    value = chain.ledger._state.get(chain.store, VERSION)
    assert value is not None
    assert decode(value, bytes_max=64) == [newest, 0]
    assert chain.do(NEWER) == Code.APPLIED
    assert genesis().ledger_version == 1
    assert genesis(newest).ledger_version == newest
    assert genesis(newest).chain_id != genesis().chain_id
    fields = decode(genesis().bytes, bytes_max=1 << 20)
    with pytest.raises(InvalidEncoding, match="version 3; this release knows version 2"):
        read_genesis(encode([newest + 1, *fields[1:]]))


def test_what_the_tables_have_and_no_list_has_is_of_the_version_that_is_being_made() -> None:
    listed = {kind for kinds in versions.OPERATIONS_OF.values() for kind in kinds}
    assert listed <= set(OPERATIONS)
    assert {kind for kinds in versions.MOTIONS_OF.values() for kind in kinds} <= set(MOTIONS)
    assert {name for names in versions.PARAMETERS_OF.values() for name in names} <= set(PARAMETERS)
    assert max(versions.OPERATIONS_OF) < versions.KNOWN_VERSION
    assert versions.knows_operation(versions.KNOWN_VERSION, NEWER)
    assert not versions.knows_operation(versions.KNOWN_VERSION - 1, NEWER)


def test_no_block_of_an_older_leader_costs_too_much_for_a_newer_follower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An older leader weighs an operation that it does not know by the least there is."""
    assert min(COST_MICROSECONDS.values()) >= UNKNOWN_COST_MICROSECONDS
    known: list[tuple[int, list[Any]]] = [(int(Kind.PUT), [])]
    assert least_cost(known) == operations_cost(known)
    monkeypatch.setattr(costs, "COST_MICROSECONDS", {**COST_MICROSECONDS, NEWER: 200})
    chain = Chain(operations=TABLE)
    many: list[tuple[int, list[Any]]] = [(NEWER, [])] * 100
    assert (least_cost(many), operations_cost(many)) == (2_000, 20_000)
    two = chain.block(chain.raw(*many), chain.raw(*many))
    assert two.cost > BLOCK_COST_MICROSECONDS_MAX
    before: dict[str, Any] = {
        "chain_id": chain.genesis.chain_id,
        "height": 1,
        "previous_hash": chain.genesis.chain_id,
        "previous_time": chain.ledger.time,
        "membership_digest": chain.membership.digest,
    }
    check_block(two, **before)
    votes = chain.block(*(chain.raw(*[(int(Kind.VOTE), [])] * 100) for _ in range(2)))
    with pytest.raises(InvalidBlock, match="cost more"):
        check_block(votes, **before)
