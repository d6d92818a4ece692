"""`govchaind mandates`: the documents that order what is done, and how long they are in force."""

from __future__ import annotations

import click

from govchaind.api.motion_words import day_words, end_words
from govchaind.api.sentence import tell
from govchaind.cli.language import language
from govchaind.cli.options import Target, bare_options, json_option, target_options
from govchaind.cli.output import line, note, print_facts, print_json, print_table, word
from govchaind.cli.pages import all_pages, asked


@click.group(invoke_without_command=True)
@click.option(
    "--state", type=click.Choice(["not-yet", "in-force", "ended"]), help="Only those of this state."
)
@click.option(
    "--ending-within-days",
    type=click.IntRange(0),
    metavar="DAYS",
    help="Only those that end within so many days.",
)
@bare_options
def mandates(
    *, target: Target, state: str | None, ending_within_days: int | None, as_json: bool
) -> None:  # fmt: skip
    """Show the mandates on the ledger, and until when they are in force.

    They are adopted and repealed by vote: `govchaind propose mandate`, `govchaind propose repeal`.

    \b
    Example:
      govchaind mandates --ending-within-days 90 --network my-network/network.json
    """
    found = all_pages(
        target,
        lambda client, after: client.mandates(
            state=state, ending_within_days=ending_within_days, after=after
        ),
        "mandates",
    )
    if as_json:
        print_json(found)
        return
    soon = [str(each.get("name")) for each in found.get("mandates", []) if each.get("ends_soon")]
    if soon:
        note(line(f"WARNING: these end soon and nothing takes their place: {', '.join(soon)}"))
    rows = [
        [
            line(mandate.get("name")),
            line(mandate.get("title")),
            line(mandate.get("number")),
            word(mandate.get("state")),
            _day(mandate.get("effect_ms")),
            _end(mandate.get("ends_ms")),
            line(mandate.get("days_left")),
        ]
        for mandate in found.get("mandates", [])
    ]
    print_table(
        "", ["name", "title", "document number", "state", "from", "until", "days left"], rows
    )


@mandates.command(short_help="Show one mandate.")
@click.argument("name")
@target_options
@json_option
def show(*, target: Target, name: str, as_json: bool) -> None:
    """Show the mandate NAME. `document` is the SHA-256 of the document: compare it with your copy.

    \b
    Example:
      govchaind mandates show data-sharing --network my-network/network.json
      sha256sum order-809.pdf
    """
    found = asked(target, lambda client: client.mandate(name))
    if as_json:
        print_json(found)
        return
    rows = [
        ("title", line(found.get("title"))),
        ("document number", line(found.get("number"))),
        ("issuer", line(found.get("issuer"))),
        ("document", line(found.get("document"))),
        ("state", word(found.get("state"))),
        ("from", _day(found.get("effect_ms"))),
        ("until", _end(found.get("ends_ms"))),
        ("days left", line(found.get("days_left"))),
        ("takes the place of", line(found.get("predecessor"))),
        ("succeeded by", line(found.get("successor"))),
        ("adopted at height", line(found.get("adopted_at"))),
    ]
    print_facts(rows, 19)


def _day(milliseconds: object) -> str:
    return day_words(milliseconds).said(language()) if isinstance(milliseconds, int) else "–"


def _end(milliseconds: object) -> str:
    if not isinstance(milliseconds, int):
        return tell("no end").said(language())
    return end_words(milliseconds).said(language())
