"""`history`: is what clients saw in a log linearizable?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from netsim.checker.jepsen import HistoryError, read_history
from netsim.checker.register import BUDGET, MODELS, check, overall
from netsim.checker.search import Answer
from netsim.checker.telling import as_json, lines

EXIT_CODES = {Answer.YES: 0, Answer.NO: 1, Answer.UNKNOWN: 3}
WRONG_FILE = 2


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
    try:
        calls = read_history(file.read_text(encoding="utf-8-sig").split("\n"))
        if not calls:
            raise HistoryError(1, 1, "no line of a history; one looks like: 0 :invoke :read nil")
        for call in calls:
            if call.kind not in MODELS[model]:
                raise HistoryError(call.begun, 1, f"the model {model} has no :{call.kind}")
    except HistoryError as error:
        click.echo(f"{file}:{error}", err=True)
        sys.exit(WRONG_FILE)
    except UnicodeDecodeError as error:
        click.echo(f"{file}: no text: {error.reason} at byte {error.start}", err=True)
        sys.exit(WRONG_FILE)
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
