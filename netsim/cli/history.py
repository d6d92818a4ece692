"""`history`: is what clients saw in a log linearizable?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from netsim.checker.calls import Call
from netsim.checker.jepsen import HistoryError, read_history
from netsim.checker.register import BUDGET, MODELS, check, overall
from netsim.checker.search import Answer
from netsim.checker.telling import as_json, lines

EXIT_CODES = {Answer.YES: 0, Answer.NO: 1, Answer.UNKNOWN: 3}
FORMS = "docs/netsim/histories.md has every form of a line"


@click.command(epilog="""\b
Exit codes: 0 linearizable, 1 not linearizable, 2 wrong arguments or a file that cannot be
understood, 3 unknown: the budget was not enough.

\b
Example:
  netsim history jepsen.log --model register
""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="cas-register",
    show_default=True,
    help="What each key is.",
)
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=BUDGET,
    show_default=True,
    metavar="STEPS",
    help="How far to search, for each key.",
)
@click.option("--json", "as_program", is_flag=True, help="Print the verdict as JSON.")
def history(file: Path, model: str, budget: int, as_program: bool) -> None:
    """Say whether a register's log is linearizable.

    FILE holds lines of a log of Jepsen's.
    A call that ended with :fail never happened; one that ended with :info, or not at all, may
    happen at any time after it began.
    """
    calls = _calls(file, model)
    verdicts = check(calls, budget)
    answer = overall(verdicts)
    if as_program:
        whole = {"file": str(file), "model": model, "answer": answer.value}
        told = {**whole, "keys": [as_json(verdict) for verdict in verdicts]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        for verdict in verdicts:
            click.echo("\n".join(lines(verdict, calls)))
        words = {Answer.YES: "linearizable", Answer.NO: "NOT linearizable"}
        click.echo(f"verdict: {words.get(answer, 'unknown')}")
    sys.exit(EXIT_CODES[answer])


def _calls(file: Path, model: str) -> list[Call]:
    """Return the calls of a log. Raises InvalidSetting with the place of what is wrong."""
    try:
        calls = read_history(file.read_text(encoding="utf-8-sig").split("\n"))
    except HistoryError as error:
        raise _wrong(f"{file}:{error}", f"Correct that line; {FORMS}.") from None
    except UnicodeDecodeError as error:
        what = f"{file} is no text: {error.reason} at byte {error.start}"
        raise _wrong(what, "Name a log in UTF-8.") from None
    if not calls:
        what = f"no line of {file} is a history's; one looks like: 0 :invoke :read nil"
        raise _wrong(what, f"Name a log of Jepsen's; {FORMS}.")
    for call in calls:
        if call.kind not in MODELS[model]:
            what = f"{file}:{call.begun}:1: the model {model} has no :{call.kind}"
            raise _wrong(what, "Name another --model, or correct that line.")
    return calls


def _wrong(what: str, remedy: str) -> InvalidSetting:
    return InvalidSetting(what, code="wrong-file", remedy=remedy)
