"""What is said of a delivery besides sending and receiving it: dispute, order of erasure, loss."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.delivery_options import DeliveryName
from govchaind.cli.openings import commit_text
from govchaind.cli.options import Sending, sending_options
from govchaind.cli.request_making import opening_option
from govchaind.cli.sending import send
from govchaind.client.keyfile import author_of
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import is_name

MILLISECONDS_A_DAY = 24 * 3600 * 1000
Named = tuple[str, str, int]
delivery_argument = click.argument(
    "delivery", type=DeliveryName(), metavar="REQUESTER/REFERENCE/NUMBER"
)


@click.command(short_help="Say that a delivery is wrong.")
@delivery_argument
@click.option(
    "--ground",
    required=True,
    type=click.Choice(["wrong", "incomplete", "outdated", "not-asked-for", "unreadable"]),
    help="What kind of fault it is; this goes on the ledger in clear.",
)
@click.option(
    "--details", required=True, metavar="TEXT", help="What is wrong. Only its salted hash goes out."
)
@opening_option
@sending_options
def dispute(
    *, delivery: Named, ground: str, details: str, opening: Path | None, sending: Sending
) -> None:  # fmt: skip
    """Dispute a delivery; the sender answers with a correction of that same commitment.

    \b
    Example:
      govchaind deliveries dispute city-bank/loan-7/1 --ground incomplete \\
          --details "rows of March are missing" --opening dispute.opening --key keys/branch.key
    """
    commitment = commit_text(details, opening, "details of a dispute")
    send(sending, [(int(Kind.DISPUTE), [*delivery, ground, commitment])])


@click.command("order-erasure", short_help="Order holders to destroy a delivery.")
@delivery_argument
@click.option(
    "--within-days",
    type=click.IntRange(1, 366),
    required=True,
    metavar="DAYS",
    help="By when each holder has to confirm.",
)
@click.option(
    "--holder",
    "holders",
    multiple=True,
    required=True,
    metavar="INSTITUTION/OFFICE",
    help="An office that has it, or may; repeat it. The receiver is one.",
)
@sending_options
def order_erasure(
    *, delivery: Named, within_days: int, holders: tuple[str, ...], sending: Sending
) -> None:  # fmt: skip
    """Order that keys and copies of a delivery be destroyed. The sender orders it.

    \b
    Example:
      govchaind deliveries order-erasure city-bank/loan-7/1 --within-days 30 \\
          --holder city-bank/branch --key keys/civil-affairs.key
    """
    from govchaind.client.client import wall_milliseconds

    author_of(sending.key_files)  # a wrong key is said first
    named = []
    for holder in holders:
        institution, _, office = holder.partition("/")
        if not (is_name(institution) and is_name(office)):
            raise click.UsageError(f"a holder is INSTITUTION/OFFICE, not {holder[:80]!r}")
        named.append([institution, office])
    deadline = wall_milliseconds() + within_days * MILLISECONDS_A_DAY
    send(sending, [(int(Kind.ORDER_ERASURE), [*delivery, deadline, named])])


@click.command(short_help="Report that a delivery is lost.")
@delivery_argument
@click.option(
    "--ground",
    required=True,
    type=click.Choice(["on-the-way", "stolen", "key-lost"]),
    help="It did not come; a copy is out of your hands; the key to it is gone.",
)
@sending_options
def lost(*, delivery: Named, ground: str, sending: Sending) -> None:
    """Report a delivery lost: that is another end than erased or never delivered.

    \b
    Example:
      govchaind deliveries lost city-bank/loan-7/1 --ground on-the-way --key keys/branch.key
    """
    send(sending, [(int(Kind.REPORT_LOST), [*delivery, ground])])
