"""Each property is shown red by a planted bug, on a seed that is green without it."""

from __future__ import annotations

import pytest

from govchaind.raft.state import State
from netsim.catalog import properties
from netsim.mutants.plant import Mutant, planted
from netsim.mutants.table import MUTANTS, found_at


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: f"{each.name}-{each.property_id}")
def test_the_named_property_finds_the_planted_bug(mutant: Mutant) -> None:
    """Within the budget, on a seed where the true code is green with every property looked at."""
    assert found_at(mutant) is not None


def test_a_change_that_is_no_bug_is_not_found() -> None:
    """Else the table could say yes to anything."""
    harmless = Mutant("harmless", "Nothing is planted.", "I-6", lambda plant: None, 0)
    assert found_at(harmless, budget=3) is None


def test_every_property_has_a_planted_bug() -> None:
    assert {mutant.property_id for mutant in MUTANTS} == set(properties())


def test_what_was_planted_is_taken_out_again() -> None:
    before = State.vote_for
    mutant = next(each for each in MUTANTS if each.name == "second-vote")
    with planted(mutant):
        assert State.vote_for is not before
    assert State.vote_for is before
