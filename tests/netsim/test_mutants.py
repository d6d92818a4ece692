"""Each property is shown red by a planted bug, on a seed that is green without it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from govchaind.raft.state import State
from netsim.catalog import properties
from netsim.mutants.inapplicable import INAPPLICABLE
from netsim.mutants.plant import BrokenMutant, Mutant, Plant, planted
from netsim.mutants.seeds import SEEDS
from netsim.mutants.table import MUTANTS, OPEN, finds, found_at
from netsim.mutants.track import report

ROOT = Path(__file__).parents[2]
PARTS = 3


def turn() -> int:
    """Return which part of the table is proved: another one whenever the sources change."""
    made = hashlib.sha256()
    for path in sorted([*ROOT.glob("netsim/**/*.py"), *ROOT.glob("govchaind/**/*.py")]):
        made.update(path.read_bytes())
    return made.digest()[0] % PARTS


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "mutant", MUTANTS[turn() :: PARTS], ids=lambda each: f"{each.name}-{each.property_id}"
)
def test_the_named_property_finds_the_planted_bug(mutant: Mutant) -> None:
    """Within the budget, on a seed where the true code is green with every property looked at."""
    assert found_at(mutant) is not None


def test_a_change_that_is_no_bug_is_not_found() -> None:
    """Else the table could say yes to anything."""
    harmless = Mutant("harmless", "Nothing is planted.", "I-6", lambda plant: None, 0)
    assert found_at(harmless, budget=3) is None


def test_every_property_has_a_planted_bug() -> None:
    beside = {"I-32"}  # wants an older release beside: test_beside.py breaks that one's answers
    assert {mutant.property_id for mutant in MUTANTS} == set(properties()) - beside


def test_every_known_bug_is_planted_or_said_not_to_apply() -> None:
    numbers = {
        "E": (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18, 19, 20, 22),
        "R": (1, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 16, 18),
        "D": (1, 3, 4, 5, 7, 8, 9, 10, 11, 14, 15, 16),
        "S": (4, 5),
        "M": (1, 3, 6, 8, 9),
        "Q": (1, 2, 8, 9, 10, 11),
        "L": (1, 2, 7, 8, 9, 10),
        "A": (1, 2, 5, 6, 8, 9, 10, 12),
        "B": (1, 3),
    }
    known = {f"{letter}-{number}" for letter, each in numbers.items() for number in each}
    planted_ones = {mutant.source for mutant in (*MUTANTS, *OPEN)}
    assert known - planted_ones - set(INAPPLICABLE) == set()


def test_each_remembered_seed_is_of_a_bug() -> None:
    """One under another name is never tried, and the record tells of a seed that finds nothing."""
    found = {(each.name, each.property_id, each.nodes) for each in (*MUTANTS, *OPEN)}
    names = {f"{name} {found_by} {nodes or ''}".strip() for name, found_by, nodes in found}
    assert set(SEEDS) - names == set()


def test_what_was_planted_is_taken_out_again() -> None:
    before = State.vote_for
    mutant = next(each for each in MUTANTS if each.name == "second-vote")
    with planted(mutant):
        assert State.vote_for is not before
    assert State.vote_for is before


def test_a_planted_bug_whose_own_code_fails_is_told_and_not_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever property the error breaks."""

    def plant(replace: Plant) -> None:
        def vote(self: Any, *rest: Any) -> Any:
            return self.no_such_name

        replace(State, "vote_for", vote)

    broken = Mutant("broken", "Nothing.", "N-1", plant, 2)
    with pytest.raises(BrokenMutant, match=r"AttributeError.*no_such_name.* in vote, test_"):
        found_at(broken)
    assert report([broken], found_at) == 1
    said = capsys.readouterr().out
    assert "BROKEN" in said
    assert said.endswith("\n0 of 1 found\n")


def test_a_planted_function_that_no_longer_fits_its_caller_is_told() -> None:
    def plant(replace: Plant) -> None:
        replace(State, "vote_for", lambda self: None)

    with pytest.raises(BrokenMutant, match="TypeError"):
        found_at(Mutant("misfit", "Nothing.", "N-1", plant, 2))


def test_an_error_that_a_planted_bug_raises_on_purpose_is_its_own_matter() -> None:
    def plant(replace: Plant) -> None:
        def vote(self: Any, *rest: Any) -> Any:
            raise KeyError("meant")

        replace(State, "vote_for", vote)

    assert finds(Mutant("meant", "Nothing.", "N-1", plant, 2), 2)
