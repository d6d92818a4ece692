"""Each property is shown red by a planted bug, on a seed that is green without it."""

from __future__ import annotations

import pytest

from govchaind.raft.state import State
from netsim.catalog import properties
from netsim.mutants.plant import Mutant, planted
from netsim.mutants.table import MUTANTS, is_green, mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: f"{each.name}-{each.property_id}")
def test_the_named_property_finds_the_planted_bug(mutant: Mutant) -> None:
    violation = mutated(mutant, mutant.seed).violation
    assert violation is not None
    assert violation[0] == mutant.property_id


@pytest.mark.parametrize(
    ("seed", "nodes"), sorted({(mutant.seed, mutant.nodes) for mutant in MUTANTS}, key=str)
)
def test_the_same_seeds_are_green_without_a_bug(seed: int, nodes: int | None) -> None:
    mutant = next(each for each in MUTANTS if (each.seed, each.nodes) == (seed, nodes))
    assert is_green(mutant, seed)


def test_every_property_has_a_planted_bug() -> None:
    assert {mutant.property_id for mutant in MUTANTS} == set(properties())


def test_what_was_planted_is_taken_out_again() -> None:
    before = State.vote_for
    mutant = next(each for each in MUTANTS if each.name == "second-vote")
    with planted(mutant):
        assert State.vote_for is not before
    assert State.vote_for is before
