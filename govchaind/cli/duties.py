"""`govchaind duties`: what offices are there for, by which document."""

from __future__ import annotations

import click

from govchaind.cli.options import Sending, Target, bare_options, sending_options
from govchaind.cli.output import line, print_json, print_table, word
from govchaind.cli.pages import all_pages
from govchaind.cli.sending import send
from govchaind.ledger.operations.costs import Kind


@click.group(invoke_without_command=True)
@click.option("--institution", metavar="NAME", help="Only those of this institution.")
@bare_options
def duties(*, target: Target, institution: str | None, as_json: bool) -> None:
    """Show the duties of offices, and the mandates that order them.

    \b
    Example:
      govchaind duties --institution civil-affairs --network my-network/network.json
    """
    found = all_pages(
        target, lambda client, after: client.duties(institution=institution, after=after), "duties"
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            line(duty.get("institution")),
            line(duty.get("name")),
            line(duty.get("title")),
            line(duty.get("office")),
            line(duty.get("mandate")),
            line(duty.get("data_sets")),
            word("ended" if duty.get("ended_ms") is not None else ""),
        ]
        for duty in found.get("duties", [])
    ]
    columns = ["institution", "name", "title", "office", "mandate", "data sets", ""]
    print_table("", columns, rows)


@duties.command(short_help="Give a duty to an office.")
@click.argument("name")
@click.option("--title", required=True, help="What it is, for people.")
@click.option("--office", required=True, metavar="NAME", help="The office that has it from now on.")
@click.option("--mandate", required=True, metavar="NAME", help="The mandate that orders it.")
@sending_options
def assign(*, name: str, title: str, office: str, mandate: str, sending: Sending) -> None:
    """Give the duty NAME to an office of your institution; signed by its governing office.

    Given again it goes to the office, and rests on the mandate, that are named then.

    \b
    Example:
      govchaind duties assign marriages --title "Registration of marriages 婚姻登记" \\
          --office registry --mandate data-sharing --key keys/civil-affairs.key
    """
    send(sending, [(int(Kind.ASSIGN_DUTY), [name, title, office, mandate])])


@duties.command(short_help="End a duty.")
@click.argument("name")
@sending_options
def end(*, name: str, sending: Sending) -> None:
    """End the duty NAME of your institution; its data sets must be retired or moved first.

    \b
    Example:
      govchaind duties end marriages --key keys/civil-affairs.key
    """
    send(sending, [(int(Kind.END_DUTY), [name])])
