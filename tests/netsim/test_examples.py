"""The pages in docs/netsim are run: what they show is what the commands say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netsim.__main__ import main

PAGES = Path(__file__).parents[2] / "docs" / "netsim"
SHOWN = r"<!-- %s -->\n```text\n(.*?)```"


def test_the_history_in_the_page_is_judged_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (PAGES / "histories.md").read_text(encoding="utf-8")
    (log,) = re.findall(SHOWN % "log", page, re.DOTALL)
    (no,) = re.findall(SHOWN % "told: 1", page, re.DOTALL)
    (yes,) = re.findall(SHOWN % "told: 0", page, re.DOTALL)
    file = tmp_path / "history.log"
    file.write_text(log)
    assert main(["history", str(file)]) == 1
    assert capsys.readouterr().out == no
    file.write_text(log.rstrip()[:-1] + "2\n")
    assert main(["history", str(file)]) == 0
    assert capsys.readouterr().out == yes
