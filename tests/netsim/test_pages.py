"""docs/netsim/: every verb, assertion, field and command stands in it, and its examples run."""

from __future__ import annotations

import fnmatch
import re
import shlex
from pathlib import Path

import msgspec
import pytest

from netsim.__main__ import main
from netsim.assertions import ASSERTIONS
from netsim.cli.commands import COMMANDS
from netsim.expectations import Expect
from netsim.job import Job, play
from netsim.library import worlds
from netsim.scenario import HEADS, STEPS, play_scenario
from netsim.verbs import VERBS
from netsim.world_file import (
    Between,
    Duration,
    FaultAt,
    FaultsTable,
    NetworkTable,
    Seeds,
    Site,
    Timing,
    WorkloadTable,
    WorldFile,
)

DOCS = Path(__file__).parents[2] / "docs"
ENTRY = (DOCS / "netsim.md").read_text(encoding="utf-8")
WORLDS, SCENARIOS, TUTORIAL = (
    (DOCS / "netsim" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("worlds", "scenarios", "tutorial")
)
LINES = [
    *((usage, text) for usage, text, _, _ in HEADS.values()),
    *STEPS.values(),
    *((verb.usage, verb.text) for verb in VERBS.values()),
    *((assertion.usage, assertion.text) for assertion in ASSERTIONS.values()),
]
TABLES: dict[str, type[msgspec.Struct]] = {
    "[[sites]]": Site,
    "[[latencies]]": Between,
    "[network]": NetworkTable,
    "[timing]": Timing,
    "[faults]": FaultsTable,
    "[[faults.at]]": FaultAt,
    "[workload]": WorkloadTable,
    "[duration]": Duration,
    "[seeds]": Seeds,
    "[expect]": Expect,
}
SAID: list[tuple[list[str], list[str]]] = []
for block in re.findall(r"```console\n(.*?)```", TUTORIAL, re.DOTALL):
    for part in block.split("$ ")[1:]:
        first, *rest = part.splitlines()
        SAID.append((shlex.split(first), rest))


@pytest.mark.parametrize(("usage", "text"), LINES, ids=[usage for usage, _ in LINES])
def test_every_line_of_scenarios_is_documented(usage: str, text: str) -> None:
    shown = usage.replace("|", r"\|")
    assert f"| `{shown}` | {text} |\n" in SCENARIOS


@pytest.mark.parametrize("table", TABLES)
def test_every_field_of_worlds_is_documented(table: str) -> None:
    part = WORLDS.split(f"| `{table}` |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    cells = " ".join(row.split("|")[1] for row in part.splitlines()[2:])
    names = {item.name for item in msgspec.structs.fields(TABLES[table])}
    assert set(re.findall(r"`([a-z_]+)`", cells)) == names - {"at"}


def test_every_table_of_worlds_is_documented() -> None:
    above = {item.name for item in msgspec.structs.fields(WorldFile)}
    tables = {name.strip("[]").partition(".")[0] for name in TABLES}
    assert above - tables == {"title", "text", "real_signatures"}


def test_every_world_of_the_library_is_documented() -> None:
    assert {path.stem for path in worlds() if f"| `{path.stem}` | " not in WORLDS} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"^netsim {name}\b", ENTRY, re.MULTILINE)


@pytest.mark.parametrize("seed", [2, 3])  # in the first nobody leads when an act is about leaders
def test_the_example_of_worlds_runs_as_expected(seed: int) -> None:
    text = re.search(r"```toml\n(.*?)```", WORLDS, re.DOTALL)
    assert text is not None
    verdict = play(Job(seed, world=text[1], source="two-rooms.toml"))
    assert (verdict.violation, verdict.unmet) == (None, [])


def test_the_example_of_scenarios_holds() -> None:
    text = re.search(r"```text\n(.*?)```", SCENARIOS, re.DOTALL)
    assert text is not None
    played = play_scenario(text[1], "my-story.txt")
    assert (played.unmet, played.violation) == (None, None)


def test_the_tutorial_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(SAID) == 9
    for (program, *arguments), expected in SAID:
        assert program == "netsim"
        main(arguments)
        printed = iter(capsys.readouterr().out.splitlines())
        for wanted in expected:
            if wanted in ("", "…"):
                continue
            pattern = re.sub(r"([\[\]?*])", r"[\1]", wanted).replace("…", "*")
            assert any(fnmatch.fnmatchcase(line, pattern) for line in printed), wanted
