"""`netsim picture`: what it draws, the same in any process, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netsim.__main__ import main
from netsim.job import Job
from netsim.library import found
from tests.netsim.pages import told_by


@pytest.mark.parametrize(
    "asked",
    [
        ["picture", "--seed", "5", "--minutes", "0.2", "--out"],
        ["gear2", "--seed", "5", "--seconds", "3", "--picture"],
    ],
)
def test_one_seed_has_one_picture_in_any_process(asked: list[str], tmp_path: Path) -> None:
    drawn = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-m", "netsim", *asked, str(out)],
            cwd=Path(__file__).parents[2], env={"PYTHONHASHSEED": hash_seed}, check=True,
            capture_output=True,
        )  # fmt: skip
        drawn.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 3


def test_a_world_is_drawn_with_its_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = ["picture", "city", "--seed", "3", "--minutes", "0.2", "--messages", "200"]
    assert main([*asked, "--out", str(out)]) == 0
    assert "Every property holds, " in capsys.readouterr().out
    page = (out / "timeline.html").read_text(encoding="utf-8")
    facts = told_by(page)
    nodes = {name for name, _ in Job(3, world=found("city").read_text()).plan().sites.of}
    assert set(facts["nodes"]) <= nodes
    assert len(facts["nodes"]) >= 3
    assert "netsim picture city --seed 3 --minutes 0.2 --messages 200" in page


@pytest.mark.parametrize(
    "arguments",
    [[], ["--plant", "none-such"], ["--seed", "x"], ["--seed", "1", "--from", "3", "--to", "2"]],
)
def test_wrong_arguments_exit_with_2(arguments: list[str], tmp_path: Path) -> None:
    assert main(["picture", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
