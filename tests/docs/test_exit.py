"""The questions that the page on exit packs asks of the tables are asked of a real pack."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.tables import DOCS
from tests.exit_pack.packed import eventful, pack, store

PAGE = (DOCS / "exit.md").read_text()
QUESTIONS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ANSWERS = (
    "The registry entered record last in the register divisions.",
    "'institution': 'court', 'name': 'put', 'place_count': 1, 'refused_sum': 1",
    "'holder': 'New holder'",
)


@pytest.fixture(scope="module", name="folder")
def the_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "pack"
    pack(store(eventful()), folder)
    return folder


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_the_questions_are_answered(folder: Path, number: int) -> None:
    assert len(QUESTIONS) == len(ANSWERS)
    asked = [sys.executable, "-W", "error", "-c", QUESTIONS[number]]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ANSWERS[number] in done.stdout
    assert len([line for line in QUESTIONS[number].splitlines() if line]) <= 5


def test_the_page_names_every_file_of_a_pack(folder: Path) -> None:
    table = PAGE.partition("## What is in it")[2].partition("##")[0]
    named = set(re.findall(r"`([a-z0-9.A-Z/*]+)`", table))
    present = {path.name for path in folder.iterdir() if path.is_file()}
    assert sorted(present - named) == []
    assert {"blocks/NNNNNN.cbor", "state/NNNNNN.cbor", "tables/*.parquet"} <= named


def test_the_readme_of_the_pack_names_them_too_in_both_languages(folder: Path) -> None:
    english, _, chinese = (folder / "README.md").read_text().partition("\n# 退出包")
    for path in folder.iterdir():
        name = path.name if path.is_file() else f"{path.name}/"
        if name != "README.md":
            assert name in english
            assert name in chinese
