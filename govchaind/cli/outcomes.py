"""`govchaind outcomes`: the table of what can become of a transaction."""

from __future__ import annotations

from dataclasses import asdict

import click

from govchaind.api.outcome_words import outcome_words
from govchaind.api.sentence import tell
from govchaind.base.errors import NotFound
from govchaind.cli.language import language
from govchaind.cli.options import json_option
from govchaind.cli.output import print_json, print_table
from govchaind.ledger.outcome_text import OutcomeText
from govchaind.ledger.outcomes import OUTCOMES


@click.command(short_help="List every outcome with its cause and remedy.")
@click.argument("which", required=False, metavar="[CODE|NAME]")
@json_option
def outcomes(which: str | None, as_json: bool) -> None:
    """List every outcome a transaction can have, or explain one of them.

    Numbers from 200 up are a node's own answer at the door and never stand on the ledger.

    \b
    Example:
      govchaind outcomes
      govchaind outcomes revision-conflict
    """
    rows = [row for row in OUTCOMES.values() if which in (None, row.name, str(row.code))]
    if not rows:
        raise NotFound(
            f"there is no outcome {which!r}",
            code="no-such-outcome",
            remedy="Run `govchaind outcomes` for the list.",
        )
    if as_json:
        print_json([asdict(row) | {"chinese": _chinese(row)} for row in rows])
    elif which is not None:
        row = rows[0]
        click.echo(f"{row.code} {row.name} ({row.kind})")
        text, cause, remedy = _words(row)
        click.echo(f"  {text}")
        click.echo(f"  {tell('Cause:  %(cause)s', cause=cause).said(language())}")
        click.echo(f"  {tell('Remedy: %(remedy)s', remedy=remedy).said(language())}")
    else:
        cells = [[str(row.code), row.name, *_words(row)] for row in rows]
        print_table("", ["code", "name", "meaning", "cause", "remedy"], cells)


def _words(row: OutcomeText) -> tuple[str, str, str]:
    words, wanted = outcome_words(row), language()
    return words.text.said(wanted), words.cause.said(wanted), words.remedy.said(wanted)


def _chinese(row: OutcomeText) -> dict[str, str]:
    words = outcome_words(row)
    return {
        "text": words.text.chinese,
        "cause": words.cause.chinese,
        "remedy": words.remedy.chinese,
    }
