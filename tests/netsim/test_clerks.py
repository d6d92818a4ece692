"""What clerks do must leave the operators able to do what they are there for."""

from __future__ import annotations

import random

from govchaind.base.limits import VALIDATORS_MAX
from govchaind.base.quorum import majority
from govchaind.ledger.operations.motion import MotionKind
from netsim.chain import INSTITUTIONS
from netsim.options import draw
from netsim.papers import Papers
from netsim.world import World


def test_operators_are_a_majority_whatever_clerks_have_admitted() -> None:
    """Also if every admission that was ever moved passes, each made when there was room."""
    papers = Papers(random.Random(0), World(draw(0)), "c0")
    motions = [papers.motion(may_admit=True) for _ in range(400)]
    admitted = {
        arguments[0] for kind, arguments in motions if kind == MotionKind.ADMIT_INSTITUTION
    } - set(INSTITUTIONS)
    assert len(admitted) == 2
    assert len(INSTITUTIONS) >= majority(len(INSTITUTIONS) + len(admitted))


def test_clerks_suspend_no_operator_and_activate_nothing_that_is_not_known() -> None:
    papers = Papers(random.Random(1), World(draw(0)), "c0")
    motions = [papers.motion(may_admit=False) for _ in range(600)]
    standing = {
        arguments[0]
        for kind, arguments in motions
        if kind in (MotionKind.SUSPEND_INSTITUTION, MotionKind.REMOVE_INSTITUTION)
    }
    wanted = [arguments for kind, arguments in motions if kind == MotionKind.ACTIVATE_UPGRADE]
    assert standing & set(INSTITUTIONS) == set()
    assert standing != set()
    assert {ready > VALIDATORS_MAX for version, ready in wanted if version == 2} == {True}
