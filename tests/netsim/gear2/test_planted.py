"""Bugs planted in whole nodes: each is found by its property, on a seed that is green without."""

from __future__ import annotations

import pytest

from netsim.gear2.judge import PROPERTIES
from netsim.mutants.plant import planted
from netsim.mutants.whole.bug import WholeMutant
from netsim.mutants.whole.table import WHOLE, found_at
from tests.netsim.test_mutants import PARTS, turn


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", WHOLE[turn() :: PARTS], ids=lambda each: each.name)
def test_the_named_property_finds_the_planted_bug(mutant: WholeMutant) -> None:
    assert found_at(mutant) is not None


def test_a_change_that_is_no_bug_is_not_found() -> None:
    """Else the table could say yes to anything."""
    harmless = WholeMutant("harmless", "Nothing is planted.", "N-4", lambda plant: None, 0)
    assert found_at(harmless, budget=2) is None


def test_names_are_told_apart_and_properties_are_known() -> None:
    assert len({mutant.name for mutant in WHOLE}) == len(WHOLE)
    assert {mutant.property_id for mutant in WHOLE} <= set(PROPERTIES)


def test_what_was_planted_is_taken_out_again() -> None:
    def state() -> list[object]:
        return [getattr(owner, name) for owner, name in places]

    places: list[tuple[object, str]] = []
    for mutant in WHOLE:
        mutant.plant(lambda owner, name, value: places.append((owner, name)))
    before = state()
    for mutant in WHOLE:
        with planted(mutant):
            pass
    assert state() == before
