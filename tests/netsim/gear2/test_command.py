"""`netsim gear2`: one seed with options and summary, many on all cores with what they found."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netsim.__main__ import main
from netsim.gear2 import job, report
from netsim.gear2.job import Job, agreed
from netsim.gear2.marks import MARKS
from netsim.gear2.options import Options
from netsim.gear2.run import Verdict, draw
from netsim.mutants.whole.table import WHOLE, options

DRAWN = draw(2)


def held(options: Options, *_: object) -> Verdict:
    return Verdict(options, f"d{options.seed}", marks=frozenset(MARKS))


def broken(options: Options, *_: object, **__: object) -> Verdict:
    if options.seed == 2:
        return held(options)
    violation = ("I-9", f"n{options.seed}", "not durable", 1.5)
    return Verdict(options, f"d{options.seed}", violation, ["1.500000 n1 > n2"])


def test_one_seed_prints_options_summary_and_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gear2", "--seed", "2", "--seconds", "3"]) == 0
    said = capsys.readouterr().out
    assert f"voters             {DRAWN.voters}\n" in said
    assert "\nevery property holds\n" in said
    assert "\ntrace digest       " in said
    assert said.endswith("again              netsim gear2 --seed 2 --seconds 3\n")


def test_what_does_not_hold_is_told_with_its_events(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "run", broken)
    assert main(["gear2", "--seed", "1"]) == 1
    said = capsys.readouterr().out
    assert "the last events:\n1.500000 n1 > n2\n" in said
    assert "I-9 DOES NOT HOLD at n1, 1.500000 s: not durable\n" in said


def test_a_sweep_tells_the_first_failure_of_each_kind_and_how_to_play_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "run", broken)
    few = ["gear2", "--seeds", "1:5", "--jobs", "1", "--nodes", "3", "--without", "rot"]
    assert main(few) == 1
    said = capsys.readouterr()
    assert "I-9 does not hold in 3 of 4 seeds: 1 3 4\n1.500000 n1 > n2\n" in said.out
    assert said.out.endswith("again: netsim gear2 --seed 1 --nodes 3 --without rot\n")
    assert said.err == "seed 1: I-9 at n1, 1.500 s: not durable\n"


def test_a_sweep_speaks_json_and_stops(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "run", broken)
    assert main(["gear2", "--seeds", "1:9", "--jobs", "1", "--json", "--stop-at", "2"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["seeds"] == 3
    assert [each["seed"] for each in told["failures"]["I-9"]] == [1, 3]
    assert told["again"] == {"I-9": "netsim gear2 --seed 1"}


def test_a_sweep_must_reach_every_mark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "run", held)
    assert main(["gear2", "--seeds", "2", "--jobs", "1"]) == 0
    monkeypatch.setattr(job, "run", lambda options, *_: replace(held(options), marks=frozenset()))
    assert main(["gear2", "--seeds", "2", "--jobs", "1"]) == 3
    assert f"missed marks: {' '.join(MARKS)}" in capsys.readouterr().err
    assert main(["gear2", "--seeds", "2", "--jobs", "1", "--no-marks"]) == 0


def test_two_digests_of_one_seed_are_a_failure() -> None:
    one, same, other = (Verdict(DRAWN, digest) for digest in ("d1", "d1", "d2"))
    assert agreed(one, same).violation is None
    found = agreed(one, other).violation
    assert found == ("I-33", "-", "digests d1 and d2 in two processes", 0.0)


def test_a_job_names_the_command_that_plays_it_again() -> None:
    assert Job(7).command() == "netsim gear2 --seed 7"
    asked = Job(7, 4, 12.5, ("rot", "clock"))
    again = "netsim gear2 --seed 7 --nodes 4 --seconds 12.5 --without rot --without clock"
    assert asked.command() == again


def test_a_planted_bug_of_its_own_table_has_the_runs_that_it_asks_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("told-before-written", "the-marker-stays-behind", "second-vote"):
        bug = next(each for each in WHOLE if each.name == name)
        assert Job(3, plant=name).options() == options(bug, 3)
    calmer = Job(3, 2, 9.0, ("vandal",), "nobody-need-sign").options()
    assert (calmer.voters, calmer.seconds, calmer.on("vandal")) == (2, 9.0, False)
    asked = ["gear2", "--seed", "0", "--plant", "told-before-written", "--property", "I-9"]
    assert main(asked) == 1
    said = capsys.readouterr().out
    assert "\nI-9 DOES NOT HOLD at " in said
    assert said.endswith(f"again              netsim {' '.join(asked)}\n")


def test_options_that_would_be_ignored_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gear2", "--seed", "1", "--json", "--jobs", "2"]) == 2
    assert "--jobs and --json are for --seeds" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--seed", "1", "--seeds", "2"],
        ["--seeds", "2", "--trace"],
        ["--seeds", "9:3"],
        ["--seed", "1", "--without", "nothing"],
        ["--seed", "1", "--json"],
        ["--seed", "1", "--twice"],
        ["--seed", "1", "--dask", "tcp://127.0.0.1:1"],
        ["--seed", "1", "--jobs", "2"],
        ["--seed", "1", "--stop-at", "1"],
        ["--seed", "1", "--no-marks"],
        ["--seed", "1", "--runs", "3"],
        ["--seed", "1", "--shrink", "--trace"],
        ["--seed", "1", "--seconds", "nan"],
        ["--seeds", "-5:-3"],
        ["--seed", "1", "--without", "rot", "--with", "rot"],
        ["--seed", "1", "--property", "I-3"],
        ["--seed", "1", "--property", "I-33"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    assert main(["gear2", *arguments]) == 2
