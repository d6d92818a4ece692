"""Configurations by index, and the steps between them."""

from __future__ import annotations

from itertools import combinations

import pytest

from govchaind.base.errors import Conflict, InvariantBroken
from govchaind.base.quorum import majority
from govchaind.raft.membership import Membership, check_step
from govchaind.raft.messages import Configuration
from tests.raft.disk import configuration, store_of

GENESIS = configuration(["n1", "n2", "n3"])
FOUR = configuration(["n1", "n2", "n3", "n4"])
LEARNER = configuration(["n1", "n2", "n3"], ["n4"])


def test_the_newest_is_in_force_and_a_truncation_brings_back_the_one_before() -> None:
    membership = Membership([(0, GENESIS)])
    membership.append(5, LEARNER)
    membership.append(9, FOUR)
    assert [membership.at(index) for index in (0, 4, 5, 8, 9, 99)] == [
        GENESIS, GENESIS, LEARNER, LEARNER, FOUR, FOUR,
    ]  # fmt: skip
    assert not membership.truncate(10)
    assert membership.truncate(9)
    assert (membership.configuration, membership.index) == (LEARNER, 5)
    assert list(membership.learners) == ["n4"]
    assert membership.truncate(1)
    assert (membership.configuration, membership.index) == (GENESIS, 0)
    assert not membership.truncate(1)


def test_genesis_comes_first_and_indexes_ascend() -> None:
    for configurations in ([], [(3, GENESIS)], [(0, GENESIS), (0, FOUR)]):
        with pytest.raises(InvariantBroken):
            Membership(configurations)
    membership = Membership([(0, GENESIS)])
    with pytest.raises(InvariantBroken):
        membership.append(0, FOUR)


@pytest.mark.parametrize(
    "wanted",
    [
        GENESIS,
        FOUR,
        LEARNER,
        configuration(["n1", "n2"]),
        configuration(["n1", "n2"], ["n3"]),
    ],
)
def test_steps_of_one_node_are_allowed(wanted: Configuration) -> None:
    check_step(GENESIS, wanted)


def test_a_learner_may_be_promoted_and_may_change_its_store() -> None:
    check_step(LEARNER, FOUR)
    check_step(LEARNER, Configuration(GENESIS.voters, (("n4", store_of("n4", 1)),)))


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (configuration(["n1", "n2", "n3", "n4", "n5"]), "membership-step-too-large"),
        (configuration(["n1"]), "membership-step-too-large"),
        (configuration(["n1", "n2", "n4"]), "membership-step-too-large"),
        (configuration(["n1", "n2"], ["n4"]), "membership-step-too-large"),
        (configuration(["n1", "n2", "n3"], ["n4", "n5"]), "membership-step-too-large"),
        (
            Configuration((*GENESIS.voters[:2], ("n3", store_of("n3", 1)))),
            "membership-step-too-large",
        ),
        (Configuration(()), "membership-malformed"),
        (Configuration(GENESIS.voters[::-1]), "membership-malformed"),
        (Configuration(GENESIS.voters, GENESIS.voters[:1]), "membership-malformed"),
    ],
)
def test_other_steps_are_refused(wanted: Configuration, code: str) -> None:
    with pytest.raises(Conflict) as refusal:
        check_step(GENESIS, wanted)
    assert refusal.value.code == code


@pytest.mark.parametrize("size", range(1, 8))
def test_any_majorities_of_neighbours_meet(size: int) -> None:
    names = [f"n{number}" for number in range(size + 1)]
    check_step(configuration(names[:size]), configuration(names))
    for old in combinations(names[:size], majority(size)):
        for new in combinations(names, majority(size + 1)):
            assert set(old) & set(new)
