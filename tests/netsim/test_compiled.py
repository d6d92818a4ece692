"""Compiled code does what the source does: scripts/compiled, as a test engineer calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEED = "12"


def said(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **settings}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.process
@pytest.mark.timeout(900)
def test_a_run_on_compiled_code_has_the_same_events(tmp_path: Path) -> None:
    compiled = said("scripts/compiled", "run", "--seed", SEED, "--trace")
    assert (compiled.returncode, compiled.stderr.count("error[")) == (0, 0), compiled.stderr
    plain = said(sys.executable, "-m", "netsim", "run", "--seed", SEED, "--trace")
    assert compiled.stdout.count("\n") > 1000
    # how fast it was is told in a line of its own
    rows = [
        [
            line
            for line in each.stdout.splitlines()
            if not line.startswith(("messages", "simulated"))
        ]
        for each in (compiled, plain)
    ]
    assert rows[0] == rows[1]
    loads = said("scripts/compiled", "run", "--seed", "0", PYTHONVERBOSE="1").stderr.splitlines()
    loaded = [line for line in loads if "extension module 'govchaind.raft.log' loaded" in line]
    assert [".compiled" in line for line in loaded] == [True]
    report = tmp_path / "report.json"
    done = said("scripts/bench", "netsim", "--tiny", "--only", "compiled", "--json", str(report))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(report.read_text())["compiled"]["seeds"] == 4


@pytest.mark.parametrize(
    "arguments", [("mutants",), ("run", "--plant", "any"), ("sweep", "--plant=any")]
)
def test_planted_bugs_are_refused_there(arguments: tuple[str, ...]) -> None:
    told = said("scripts/compiled", *arguments)
    assert told.returncode == 2
    assert told.stderr.startswith("error[usage]: a planted bug has no effect in compiled code")
