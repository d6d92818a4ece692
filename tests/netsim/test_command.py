"""The command line: exit codes, the replay command, digests that are one in any process."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from govchaind.raft.state import State
from netsim import job
from netsim.__main__ import main
from netsim.catalog import explained, known_ids
from netsim.cli.commands import COMMANDS
from netsim.cli.main import cli
from netsim.library import scenarios, worlds
from netsim.mutants.plant import Mutant, Plant, planted
from netsim.mutants.table import MUTANTS
from netsim.options import Options, draw
from netsim.run import Verdict, first_difference, followers_agree, run
from netsim.sweep import Job, sweep

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("start", [["run", "--seed"], ["--seed"]])
def test_a_run_prints_options_summary_and_digest(
    capsys: pytest.CaptureFixture[str], start: list[str]
) -> None:
    assert main([*start, "7", "--nodes", "3", "--minutes", "1"]) == 0
    said = capsys.readouterr().out
    assert "voters             3" in said
    assert "trace digest       " in said
    assert "again              netsim run --seed 7 --nodes 3 --minutes 1\n" in said


def test_a_property_that_does_not_hold_is_told_with_its_events(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mutant = next(each for each in MUTANTS if each.name == "answer-before-write")
    assert main(["run", "--seed", str(mutant.seed), "--plant", mutant.name]) == 1
    said = capsys.readouterr().out
    assert "I-9 DOES NOT HOLD at " in said
    assert "the last events:" in said
    again = f"--seed {mutant.seed} --plant {mutant.name}\n"
    assert f"again              netsim run {again}" in said
    assert f"make it smaller    netsim shrink {again}" in said
    assert f"see it             netsim picture {again}" in said


def test_a_run_for_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--seed", "7", "--minutes", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["digest"] == run(draw(7, minutes=1.0)).digest
    assert found["again"] == "netsim run --seed 7 --minutes 1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--seed", "x"],
        ["sweep", "--seeds", "a:b"],
        ["sweep", "--seeds", "9:3"],
        ["run", "--seed", "1", "--nodes", "0"],
        ["run", "--seed", "1", "--plant", "no-such-bug"],
        ["run", "--seed", "-1"],
        ["run", "--seed", "1", "--minutes", "nan"],
        ["run", "--seed", "1", "--minutes", "inf"],
        ["run", "--seed", "1", "--property", "I-99"],
        ["run", "--seed", "1", "--property", "N-4"],
        ["run", "--seed", "1", "--property", "I-33"],
        ["sweep", "--seeds", "-5:-3"],
        ["sweep", "--seeds", "2", "--clocks", "--property", "I-33"],
        ["picture", "--seed", "-1"],
        ["mutants", "commit-alone", "--json"],
        ["mutants", "--list", "--search", "3"],
        ["run", "no-such-world"],
        ["run", "city", "--nodes", "3"],
        ["rum"],
        ["explain", "I-99"],
        ["mutants", "no-such-bug"],
        ["library", "--show", "no-such-file"],
        ["replay", "no-such-case.toml"],
        ["scenario", "no-such-scenario"],
        ["shrink", "--seed", "7", "--minutes", "1"],
        ["sweep", "--seeds", "1", "--dask", "tcp://127.0.0.1:1"],
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.dask_cluster.CONNECT_SECONDS", 1)
    assert main(arguments) == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error[")]
    assert len(told) == 1
    assert re.fullmatch(r"error\[[a-z-]+\]: .+ — .+\.", told[0])


CASE = "plant = ''\n[found]\n"


@pytest.mark.parametrize(
    ("arguments", "is_a", "remedy"),
    [
        ("run case.toml", "a case, not a world", "netsim replay case.toml"),
        ("shrink case.toml", "a case, not a world", "netsim replay case.toml"),
        ("scenario case.toml", "a case, not a scenario", "netsim replay case.toml"),
        ("run figure-8", "a scenario, not a world", "netsim scenario figure-8"),
        ("sweep figure-8", "a scenario, not a world", "netsim scenario figure-8"),
        ("picture figure-8", "a scenario, not a world or a case", "netsim scenario figure-8"),
        ("replay figure-8", "a scenario, not a case", "netsim scenario figure-8"),
        ("replay two-continents", "a world, not a case", "netsim run two-continents"),
        ("scenario city", "a world, not a scenario", "netsim run city"),
    ],
)
def test_a_file_of_another_kind_is_told_with_the_command_that_plays_it(
    arguments: str,
    is_a: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("case.toml").write_text(CASE)
    assert main(arguments.split(" ")) == 2
    name = arguments.split(" ")[1]
    told = f"error[wrong-file]: {name} is {is_a} — Play it with `{remedy}`.\n"
    assert capsys.readouterr().err == told


def test_a_file_that_is_no_text_and_a_case_that_is_no_toml_are_told_with_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_bytes(b'title = "\xff"\n')
    assert main(["run", "my.toml"]) == 2
    assert "error[wrong-file]: my.toml is no text in UTF-8: byte 10" in capsys.readouterr().err
    Path("my.toml").write_text("a = 1\nsome words\n")
    assert main(["replay", "my.toml"]) == 2
    told = capsys.readouterr().err
    assert "error[wrong-file]: my.toml:2:6: " in told
    assert "at line" not in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    assert f"netsim {name}" in capsys.readouterr().out.split("Example", maxsplit=1)[1]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help is not None
    assert command.help.split("\n", maxsplit=1)[0] == COMMANDS[name].line


def test_help_imports_no_command() -> None:
    program = (
        "import sys; from netsim.__main__ import main; main(['--help']); "
        "print(sorted(m for m in sys.modules if m.startswith('netsim.')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = ["netsim.__main__", "netsim.cli", "netsim.cli.commands", "netsim.cli.main"]
    assert done.stderr.strip() == str(loaded)


def test_the_same_program_under_both_names() -> None:
    """Installed as `netsim`, and as `python -m netsim`."""
    script = Path(sys.executable).with_name("netsim")
    told = [
        subprocess.run([*start, "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
        for start in ([script], [sys.executable, "-m", "netsim"])
    ]
    assert told[0].stdout == told[1].stdout


def test_a_sweep_that_misses_a_mark_fails(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["sweep", "--seeds", "3:4", "--jobs", "1", "--minutes", "0.2"]
    assert main(few) == 3
    assert "missed marks: " in capsys.readouterr().err
    assert main([*few, "--no-marks"]) == 0
    capsys.readouterr()
    assert main([*few, "--no-marks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == 1


def test_a_sweep_of_a_world_meets_its_expectations_or_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = tmp_path / "small.toml"
    text = (
        'title = "Small"\nsites = [{ name = "a", voters = 3 }]\n'
        "faults = { on = [] }\n"
        "duration = { minutes = 0.2, liveness = false }\nexpect = { committed_min = 1 }\n"
    )
    world.write_text(text)
    assert main(["sweep", str(world), "--seeds", "2", "--jobs", "1"]) == 0
    world.write_text(text.replace("committed_min = 1", "committed_min = 9999"))
    assert main(["sweep", str(world), "--seeds", "2", "--jobs", "1"]) == 3
    assert "seed 1 is not as expected: committed_min = 9999, and it was" in capsys.readouterr().out
    assert main(["run", str(world)]) == 3
    assert "NOT AS EXPECTED    committed_min = 9999" in capsys.readouterr().out


def test_a_sweep_in_which_netsim_itself_fails_goes_on_and_names_the_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(options: Options, *rest: Any) -> Verdict:
        if options.seed == 4:
            raise OverflowError("too much")
        return run(options, *rest)

    monkeypatch.setattr(job, "run", broken)
    asked = ["sweep", "--seeds", "3:6", "--jobs", "1", "--minutes", "0.2", "--no-marks"]
    assert main(asked) == 1
    said = capsys.readouterr().out
    assert "3/3 seeds" in said
    assert "netsim does not hold in 1 of 3 seeds: 4\n" in said
    assert "again: netsim run --seed 4 --minutes 0.2\n" in said


def test_a_sweep_keeps_the_first_failure_of_each_kind() -> None:
    mutant = next(each for each in MUTANTS if each.name == "answer-before-write")
    jobs = [Job(seed, None, 10.0, 5000, (), False) for seed in (mutant.seed, mutant.seed)]
    heard: list[str] = []
    with planted(mutant):
        result = sweep(jobs, processes=1, say=heard.append)
    assert result.seeds == 2
    assert {name: len(found) for name, found in result.failures.items()} == {"I-9": 2}
    assert [bool(verdict.tail) for verdict in result.failures["I-9"]] == [True, False]
    assert len([line for line in heard if "I-9" in line]) == 1


@pytest.mark.parametrize(
    ("property_id", "name"),
    [
        ("L-b", "restart-settles-nothing"),
        ("I-1", "second-vote"),
        ("I-31", "follower-clock-in-result"),
        ("I-33", "clock-of-process"),
        ("N-1", "the-marker-stays-behind"),
        ("N-4", "a-snapshot-stays-open"),
    ],
)
def test_a_command_that_explain_prints_fails_by_its_property(
    property_id: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = explained(property_id)
    bugs = [*known["finds"], *known["finds_in_gear2"]]
    command = next(each["command"] for each in bugs if each["name"] == name)
    assert main(shlex.split(command)[1:]) == 1
    said = capsys.readouterr().out
    assert re.search(rf"\b{property_id} (DOES NOT HOLD|does not hold)", said)
    assert f"again: {command}\n" in said or f"again              {command}\n" in said


def test_a_wrong_plant_is_told_before_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["run"], ["run", "--seed", "1"], ["gear2"], ["gear2", "--seed", "1"]):
        assert main([*command, "--plant", "no-such-bug"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "error[no-mutant]: there is no planted bug 'no-such-bug'" in said.err
        assert "`netsim mutants --gear2 --list`" in said.err


@pytest.mark.parametrize("property_id", known_ids())
def test_every_property_is_explained(property_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", property_id]) == 0
    said = capsys.readouterr().out
    found = explained(property_id)
    assert said.startswith(f"{property_id}: {found['text']}\n")
    assert found["where"]
    for place in found["where"]:
        assert (ROOT / place.split(" ")[0]).is_file()
    for bug in found["finds"]:
        assert f"      {bug['command']}\n" in said
    for bug in found["finds_in_gear2"]:
        assert f"      {bug['command']}\n" in said
    assert found["finds"] or found["finds_in_gear2"] or property_id == "I-32"  # an older release's


def test_the_library_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "--json"]) == 0
    named = {each["name"] for each in json.loads(capsys.readouterr().out)}
    assert named == {path.stem for path in (*worlds(), *scenarios())}
    assert main(["library", "--show", "city"]) == 0
    assert 'name = "city-hall"' in capsys.readouterr().out


def test_mutants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--list", "--json", "I-9"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = {mutant.name for mutant in MUTANTS if mutant.property_id == "I-9"}
    assert {each["name"] for each in found} == wanted
    assert main(["mutants", "commit-alone"]) == 0
    said = capsys.readouterr().out
    assert "I-6   commit-alone" in said
    assert said.endswith("\n1 of 1 found\n")


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
from netsim.options import Options, draw
from netsim.run import Verdict, first_difference, followers_agree, run
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


@pytest.mark.parametrize(
    "short", [["--seed", "1", "--messages", "1"], ["--seed", "0", "--minutes", "0.01"]]
)
def test_a_run_that_ends_before_every_node_has_started_is_judged(short: list[str]) -> None:
    assert main(["run", *short]) in (0, 1)  # six messages are too few to get on: L-e
