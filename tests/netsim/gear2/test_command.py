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
    monkeypatch.setattr(job, "run", lambda options: replace(held(options), marks=frozenset()))
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


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--seed", "1", "--seeds", "2"],
        ["--seeds", "2", "--trace"],
        ["--seeds", "9:3"],
        ["--seed", "1", "--without", "nothing"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    assert main(["gear2", *arguments]) == 2
