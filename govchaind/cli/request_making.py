"""What who asks for data does: ask, appeal, sign for a use, withdraw."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.catalogue import split_named
from govchaind.cli.openings import commit_text
from govchaind.cli.options import FILE, Sending, sending_options
from govchaind.cli.sending import send
from govchaind.ledger.operations.costs import Kind

opening_option = click.option(
    "--opening", type=FILE, metavar="FILE", help="New private file that keeps text and salt."
)  # fmt: skip


@click.command(short_help="Ask for data; the provider's clock starts.")
@click.argument("reference")
@click.argument("data_set", metavar="INSTITUTION/DATA-SET")
@click.option("--field", "fields", multiple=True, required=True, help="Which field; repeat it.")
@click.option("--mandate", required=True, metavar="NAME", help="The mandate that it rests on.")
@click.option(
    "--details",
    required=True,
    metavar="TEXT",
    help="Purpose, scenario, scope and period. Only its salted hash goes on the ledger.",
)
@opening_option
@sending_options
def ask(
    *,
    reference: str,
    data_set: str,
    fields: tuple[str, ...],
    mandate: str,
    details: str,
    opening: Path | None,
    sending: Sending,
) -> None:  # fmt: skip
    """Ask for fields of a data set, under a REFERENCE of your own that is used once.

    Give the opening to the provider and the supervisor by a channel of your own.

    \b
    Example:
      govchaind requests ask 2026-17 civil-affairs/marriages --field status \\
          --mandate data-sharing --details "Check of a housing subsidy, Chaoyang, 2026" \\
          --opening 2026-17.opening --key keys/tax.key
    """
    provider, name = split_named(data_set)
    commitment = commit_text(details, opening, "details of a request")
    arguments = [reference, provider, name, list(fields), mandate, commitment]
    send(sending, [(int(Kind.REQUEST), arguments)])


@click.command(short_help="Appeal against a refusal, or a silence.")
@click.argument("reference")
@click.option(
    "--details", required=True, metavar="TEXT", help="Why. Only its salted hash goes out."
)
@opening_option
@sending_options
def appeal(*, reference: str, details: str, opening: Path | None, sending: Sending) -> None:
    """Take your request REFERENCE to the supervisor: it was refused, or its clock has run out.

    \b
    Example:
      govchaind requests appeal 2026-17 --details "The basis is article 6" \\
          --opening appeal.opening --key keys/tax.key
    """
    commitment = commit_text(details, opening, "details of an appeal")
    send(sending, [(int(Kind.APPEAL), [reference, commitment])])


@click.command(short_help="Sign for one use of a grant, before it.")
@click.argument("reference")
@click.option("--number", type=click.IntRange(1), required=True, help="Which use it is, from 1.")
@click.option("--query", required=True, metavar="TEXT", help="What is asked. Only its salted hash "
              "goes out.")  # fmt: skip
@opening_option
@sending_options
def use(
    *, reference: str, number: int, query: str, opening: Path | None, sending: Sending
) -> None:  # fmt: skip
    """Sign for use NUMBER of the grant of your request REFERENCE.

    \b
    Example:
      govchaind requests use 2026-17 --number 1 --query "case 4711" --opening 4711.opening \\
          --key keys/tax.key
    """
    commitment = commit_text(query, opening, "query of a use")
    send(sending, [(int(Kind.USE_GRANT), [reference, number, commitment])])


@click.command(short_help="Ask no longer.")
@click.argument("reference")
@sending_options
def withdraw(*, reference: str, sending: Sending) -> None:
    """Withdraw your request REFERENCE; all its clocks stop.

    \b
    Example:
      govchaind requests withdraw 2026-17 --key keys/tax.key
    """
    send(sending, [(int(Kind.WITHDRAW_REQUEST), [reference])])
