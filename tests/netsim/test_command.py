"""The command line: exit codes, the replay command, digests that are one in any process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from govchaind.raft.state import State
from netsim.__main__ import main
from netsim.mutants.plant import Mutant, Plant, planted
from netsim.mutants.table import MUTANTS
from netsim.options import draw
from netsim.run import first_difference, followers_agree, run
from netsim.sweep import Job, sweep

ROOT = Path(__file__).parents[2]


def test_a_run_prints_options_summary_and_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7", "--nodes", "3", "--minutes", "1"]) == 0
    said = capsys.readouterr().out
    assert "voters             3" in said
    assert "trace digest       " in said
    assert "again              python -m netsim --seed 7 --nodes 3 --minutes 1\n" in said


def test_a_property_that_does_not_hold_is_told_with_its_events(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mutant = next(each for each in MUTANTS if each.name == "answer-before-write")
    with planted(mutant):
        assert main(["--seed", str(mutant.seed)]) == 1
    said = capsys.readouterr().out
    assert "I-9 DOES NOT HOLD at " in said
    assert "the last events:" in said
    assert f"again              python -m netsim --seed {mutant.seed} --minutes 10\n" in said


@pytest.mark.parametrize(
    "arguments", [[], ["--seed", "x"], ["sweep", "--seeds", "a:b"], ["--seed", "1", "--nodes", "0"]]
)
def test_wrong_arguments_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_a_sweep_that_misses_a_mark_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--seeds", "3:4", "--jobs", "1", "--minutes", "0.2"]) == 3
    assert "missed marks: " in capsys.readouterr().out
    assert main(["sweep", "--seeds", "3:4", "--jobs", "1", "--minutes", "0.2", "--no-marks"]) == 0


def test_a_sweep_keeps_the_first_failure_of_each_kind() -> None:
    mutant = next(each for each in MUTANTS if each.name == "answer-before-write")
    jobs = [Job(seed, None, 10.0, 5000, (), False) for seed in (mutant.seed, mutant.seed)]
    heard: list[str] = []
    with planted(mutant):
        result = sweep(jobs, processes=1, say=heard.append)
    assert result.seeds == 2
    assert {name: len(found) for name, found in result.failures.items()} == {"I-9": 2}
    assert len([line for line in heard if "I-9" in line]) == 1


@pytest.mark.parametrize("seed", [2, 19])
def test_one_seed_has_one_digest_in_any_process(seed: int) -> None:
    """I-33: also with another PYTHONHASHSEED; seed 19 signs with real keys."""
    here = run(draw(seed, minutes=2.0)).digest
    program = (
        "from netsim.options import draw; from netsim.run import run; "
        f"print(run(draw({seed}, minutes=2.0)).digest)"
    )
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        said = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == here


PLANTED_SET = """
from netsim.options import draw
from netsim.run import first_difference, followers_agree, run
from govchaind.replica.gossip import Gossiper
before = Gossiper.targets
Gossiper.targets = lambda self, *where: list(set(before(self, *where)))
print(run(draw(2, minutes=2.0)).digest)
"""


def test_a_set_that_is_iterated_is_caught_by_another_hash_seed() -> None:
    digests = set()
    for hash_seed in ("1", "2", "3", "4"):
        said = subprocess.run(
            [sys.executable, "-c", PLANTED_SET],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(said.stdout.strip())
    assert len(digests) > 1


def test_a_wall_clock_that_is_read_is_caught_by_a_second_run() -> None:
    before = State.arm

    def arm(self: State, now: float) -> None:
        before(self, now)
        self.election_at += time.perf_counter() % 0.001

    def plant(replace: Plant) -> None:
        replace(State, "arm", arm)

    with planted(Mutant("wall-clock", "A clock is read.", "I-33", plant, 2)):
        one, other = run(draw(2, minutes=2.0)), run(draw(2, minutes=2.0))
    assert one.digest != other.digest
    assert first_difference(one, other) == "events 0 to 1000"


def test_followers_whose_clocks_differ_come_to_the_same_chain() -> None:
    """I-31, on a seed with elections."""
    assert followers_agree(draw(1, minutes=2.0))
