"""The story of a year plays to its end, and what it leaves proves itself without this software."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def play(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "year.py"), "--directory", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "300"},
    )


def check(python: str, pack: Path) -> subprocess.CompletedProcess[str]:
    """Verify a pack where there is PyNaCl and nothing else."""
    return subprocess.run(
        [python, "-I", str(pack / "verify.py")], capture_output=True, text=True, check=False
    )


@pytest.mark.process
@pytest.mark.timeout(600)
def test_a_year_is_played_and_what_it_leaves_proves_itself(
    tmp_path: Path, empty_python: str
) -> None:
    year = tmp_path / "year"
    ended = play(year)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    for told in (
        "Overdue, though nobody reported it: Provincial Housing Department",
        "big-data/governing ruled that the request 2026-7 of housing must be granted",
        "Not confirmed by its deadline, though nobody reported it: housing.",
        "Refused, and not done: telecom/governing asked civil-affairs for status",
        "Refused, and not done: railways/governing asked civil-affairs",
        "Proved: of the requests of 2026-03, as of height",
    ):
        assert told in ended.stdout
    assert len(list((year / "statements").glob("*/statement.zh.html"))) == 9
    exported = json.loads((year / "catalogue.jsonld").read_text())
    assert len(exported["dcat:dataset"]) == 4

    pack = year / "exit-pack"
    proved = check(empty_python, pack)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    spoilt = tmp_path / "spoilt"
    shutil.copytree(pack, spoilt)
    blocks = next(iter(sorted(spoilt.glob("blocks/*"))))
    data = bytearray(blocks.read_bytes())
    data[len(data) // 2] ^= 1
    blocks.write_bytes(data)
    assert check(empty_python, spoilt).returncode == 1
    again = play(year)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
