"""A failing run of gear 2 is made smaller, and what is left is one command that fails alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netsim.__main__ import main
from netsim.gear2.job import Job, play
from netsim.gear2.run import Verdict
from netsim.gear2.shrinking import Shrinker


def said(_: str) -> None:
    """Take what is told meanwhile."""


def test_what_is_not_needed_is_left_out() -> None:
    found = play(Job(0, seconds=1.0))
    asked: list[Job] = []

    def stand_in(job: Job) -> Verdict:
        """Fail if a node crashes, in a network of two at least, of three seconds at least."""
        asked.append(job)
        options = job.options()
        fails = options.on("crash") and options.voters >= 2 and options.seconds >= 3
        violation = ("I-7", "n0", "made up", 2.5) if fails else None
        return replace(found, violation=violation)

    job = Job(0, nodes=5)
    assert job.options().on("crash")
    assert len(job.options().faults) > 2
    small = Shrinker(job, stand_in(job), 60, said, player=stand_in).shrink()
    assert small.job.options().faults == ("crash",)
    assert (small.job.nodes, small.job.seconds) == (2, 3.0)
    assert small.runs == len(asked) - 1 <= 60
    assert Shrinker(job, stand_in(job), 1, said, player=stand_in).shrink().runs == 1


def test_the_command_makes_a_real_run_smaller(capsys: pytest.CaptureFixture[str]) -> None:
    bug = ["gear2", "--seed", "0", "--plant", "vote-before-write"]
    assert main([*bug, "--shrink", "--runs", "10"]) == 0
    out = capsys.readouterr().out
    again = out.splitlines()[-1]
    assert again.startswith("again              netsim gear2 --seed 0 ")
    assert "I-9 DOES NOT HOLD" in out
    left = again.split()[1:]
    assert "--plant" in left
    assert "--seconds" in left
    assert main(left[1:]) == 1
    assert "I-9 DOES NOT HOLD" in capsys.readouterr().out


def test_a_green_run_cannot_be_made_smaller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gear2", "--seed", "0", "--seconds", "1", "--shrink"]) == 2
    assert "every property holds in this run: netsim gear2 --seed 0" in capsys.readouterr().err
