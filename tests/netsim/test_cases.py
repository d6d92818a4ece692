"""Recorded faults play again to the byte, and a failing run is made smaller."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from netsim.__main__ import main
from netsim.case import read_case
from netsim.draws import Draws, draws
from netsim.job import planting
from netsim.mutants.table import MUTANTS, found_at
from netsim.options import draw, source
from netsim.plan import Plan
from netsim.run import run
from netsim.world import World


def test_counted_draws_are_the_usual_ones() -> None:
    usual, counted = source(3, "x"), draws(3, "x")
    for pick in (usual, counted):
        pick.seed("netsim/3/x")
    counted.drawn = 0
    for _ in range(50):
        assert usual.random() == counted.random()
        assert usual.choice("abcde") == counted.choice("abcde")
        assert usual.sample(range(9), 3) == counted.sample(range(9), 3)
        assert usual.expovariate(2.0) == counted.expovariate(2.0)
        assert usual.uniform(1, 2) == counted.uniform(1, 2)
        assert usual.randbytes(16) == counted.randbytes(16)
        assert usual.getrandbits(64) == counted.getrandbits(64)
    again = draws(3, "x", counted.drawn)
    assert [again.random() for _ in range(5)] == [counted.random() for _ in range(5)]
    assert isinstance(counted, Draws)
    assert isinstance(counted, random.Random)


@pytest.mark.parametrize("seed", [3, 8, 17])
def test_recorded_faults_play_again_to_the_byte(seed: int) -> None:
    """All the faults that happened, listed, are the same run as the seed's own."""
    options = draw(seed, minutes=3.0)
    world = World(options)
    world.start()
    world.run_until(120, lambda: False, 10**9)
    listed = tuple(world.faults.happened)
    assert listed
    again = World(options, plan=Plan(options, occurrences=listed))
    again.start()
    again.run_until(120, lambda: False, 10**9)
    assert again.trace.digest == world.trace.digest
    less = World(options, plan=Plan(options, occurrences=listed[1:]))
    less.start()
    less.run_until(120, lambda: False, 10**9)
    assert less.trace.digest != world.trace.digest


def test_a_failing_run_is_made_smaller_and_plays_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.toml"
    seed = found_at(next(each for each in MUTANTS if each.name == "second-vote"))
    assert seed is not None
    bug = ["--seed", str(seed), "--plant", "second-vote"]
    assert main(["shrink", *bug, "--out", str(case), "--runs", "60"]) == 0
    said = capsys.readouterr()
    assert f"replay             netsim replay {case}\n" in said.out
    assert f"see it             netsim picture {case}\n" in said.out
    plan, plant, found = read_case(case.read_text(), str(case))
    assert plant == "second-vote"
    assert plan.occurrences is not None
    whole = draw(seed)
    with planting(plant):
        before = run(whole)
        after = run(plan.options, None, frozenset((found.property, "N-1")), plan)
    assert after.digest == found.digest
    assert after.violation is not None
    assert before.violation is not None
    assert after.violation[0] == before.violation[0] == found.property
    assert after.terms > 0  # counted whatever is watched
    assert len(plan.options.faults) < len(whole.faults)
    assert main(["replay", str(case)]) == 1
    said = capsys.readouterr()
    assert f"{found.property} DOES NOT HOLD at " in said.out
    assert "as written         the same run, to the byte\n" in said.out
    out = tmp_path / "drawn"
    assert main(["picture", str(case), "--out", str(out)]) == 1
    assert f"{found.property} does not hold at {found.node}, at " in capsys.readouterr().out
    page = (out / "timeline.html").read_text()
    assert f"Run of seed {seed}, made smaller, with second-vote planted" in page
    assert f"netsim picture {case}" in page
    assert main(["picture", str(case), "--seed", "1", "--out", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
    case.write_text(case.read_text().replace('plant = "second-vote"\n', ""))
    assert main(["replay", str(case)]) == 0
    assert "as written         ANOTHER run" in capsys.readouterr().out


def test_a_failing_world_keeps_its_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.toml"
    bug = ["city", "--plant", "answer-before-write"]
    assert main(["shrink", *bug, "--out", str(case), "--runs", "20"]) == 0
    plan, _, found = read_case(case.read_text(), str(case))
    assert ("n0", "city-hall") in plan.sites.of
    assert main(["replay", str(case), "--json"]) == 1
    assert '"same": true' in capsys.readouterr().out
    assert found.property == "I-9"


def test_a_smaller_run_has_no_clerks_that_it_does_not_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.toml"
    assert draw(0).clerks == 2
    bug = ["--seed", "0", "--plant", "vote-before-write", "--property", "I-9"]
    assert main(["shrink", *bug, "--out", str(case), "--runs", "45"]) == 0
    assert " 0 clerks, " in capsys.readouterr().out
    assert read_case(case.read_text(), str(case))[0].options.clerks == 0


def test_a_run_that_only_misses_an_expectation_is_not_called_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = tmp_path / "small.toml"
    world.write_text(
        'title = "Small"\nsites = [{ name = "a", voters = 3 }]\nfaults = { on = [] }\n'
        "duration = { minutes = 0.2, liveness = false }\nexpect = { committed_min = 9999 }\n"
    )
    assert main(["shrink", str(world)]) == 2
    said = capsys.readouterr().err
    assert "error[nothing-to-shrink]: this run only misses what its world expects" in said
    assert "committed_min = 9999" in said
    assert "every property holds" not in said


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("seed = 6", 'seed = "x"', "Expected `int`, got `str`"),
        ("seed = 6", "seed = ", "Invalid value"),
        ("seed = 6", "seed = 6\nsid = 6", "unknown option sid"),
    ],
)
def test_a_wrong_case_is_told_with_its_place(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    from netsim.case import write_case

    options = replace(draw(6), seed=6)
    verdict = run(replace(options, minutes=0.01))
    verdict.violation = ("I-1", "n0", "said", 1.0)
    text = write_case(Plan(options), verdict, plant="", world="", head=["A case."], told=[])
    assert read_case(text, "c.toml")[0].options == options
    with pytest.raises(InvalidSetting, match=r"^c\.toml:\d+:\d+: ") as wrong:
        read_case(text.replace(before, after), "c.toml")
    assert told in wrong.value.message
