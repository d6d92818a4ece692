"""The pages in docs/netsim are run: what they show is what the commands say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from netsim.__main__ import main
from netsim.cli.history import history
from netsim.cli.picture import picture
from netsim.picture.text import COLUMN, rows
from tests.netsim.scripted import FAILS_AT, scripted

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


def test_the_picture_in_the_page_is_drawn_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page shows a record written by hand: seconds of a run change with the product."""
    page = (PAGES / "pictures.md").read_text(encoding="utf-8")
    (shown,) = re.findall(SHOWN % "told: events.txt", page, re.DOTALL)
    drawn = list(rows(scripted(), 3.66, FAILS_AT))
    width = len("seconds") + 4 + 2 + 3 * COLUMN
    cut = [line if "!!" in line else line[:width].rstrip() for line in drawn]
    assert shown.splitlines() == [line for line in cut if not re.fullmatch(r" *\d+\.\d+", line)]
    (options,) = re.findall(r"of a run with `(--plant [^ `]+)`", page)
    assert main(["picture", *options.split(), "--out", str(tmp_path)]) == 1
    _is_of_that_form((tmp_path / "events.txt").read_text(encoding="utf-8").splitlines())
    assert "I-1 does not hold" in capsys.readouterr().out


def _is_of_that_form(lines: list[str]) -> None:
    """A head and a rule; then each row is in the column of a node, in order, the failure last."""
    head, rule, *told = lines
    columns = [found.start() for found in re.finditer(r"\S+", head)][1:]
    assert columns == [13 + COLUMN * at for at in range(len(columns))]
    assert len(columns) == len(rule.split()) - 1 > 2
    assert re.fullmatch(r"(-+ +)+-+", rule)
    row = re.compile(rf" *\d+\.\d{{6}}  ( {{{COLUMN}}})*\S.*")
    assert all(row.fullmatch(line) for line in told)
    assert [float(line.split()[0]) for line in told] == sorted(
        float(line.split()[0]) for line in told
    )
    assert [line for line in told if "!!" in line] == told[-1:]
    assert re.fullmatch(
        r" *\d+\.\d{6}  (\w+): !! I-1 at \1: leads term \d+, which \w+ has led", told[-1]
    )
    for sign in ("→", "←", "is leader in term ", "start life "):
        assert any(line[13:].lstrip().startswith(sign) for line in told), sign


def test_the_commands_in_the_pages_are_understood() -> None:
    commands = {"history": history, "picture": picture}
    seen = []
    for page in sorted(PAGES.glob("*.md")):
        for line in re.findall(r"^netsim (.+)$", page.read_text("utf-8"), re.MULTILINE):
            name, *words = shlex.split(line, comments=True)
            if name in commands:
                words = [__file__ if word == "FILE" else word for word in words]
                commands[name].make_context(name, words)
                seen.append(name)
    assert set(seen) == set(commands)


def test_every_option_is_in_its_page() -> None:
    for command, page in ((history, "histories.md"), (picture, "pictures.md")):
        text = (PAGES / page).read_text(encoding="utf-8")
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [each.opts[-1] for each in options if each.opts[0] not in text] == []
