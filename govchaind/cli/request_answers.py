"""What who answers for data does, and who supervises: grant, refuse, extend, rule, revoke."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.catalogue import split_named
from govchaind.cli.days import DATE_HELP, end_of
from govchaind.cli.openings import commit_text
from govchaind.cli.options import Sending, sending_options
from govchaind.cli.request_making import opening_option
from govchaind.cli.sending import send
from govchaind.ledger.operations.costs import Kind

named_argument = click.argument("named", metavar="INSTITUTION/REFERENCE")
ground_option = click.option(
    "--ground", required=True, metavar="CODE", help="One of the grounds that the terms name."
)
reason_option = click.option(
    "--reason", metavar="TEXT", help="Why, in words. Only its salted hash goes on the ledger."
)


@click.command(short_help="Grant a request.")
@named_argument
@click.option("--until", required=True, metavar="DATE", help=f"Its last day. {DATE_HELP}")
@click.option(
    "--condition", "conditions", multiple=True, metavar="NAME",
    help="A condition that the catalogue had when the data were asked for; repeat it.",
)  # fmt: skip
@click.option("--uses", type=click.IntRange(1), help="How often at most.  [default: any number]")
@sending_options
def grant(
    *, named: str, until: str, conditions: tuple[str, ...], uses: int | None, sending: Sending
) -> None:  # fmt: skip
    """Answer a request with yes, bound to its purpose and fields, to conditions, count and end.

    \b
    Example:
      govchaind requests grant tax/2026-17 --until 2026-12-31 --condition no-copies --uses 100 \\
          --key keys/civil-affairs.key
    """
    requester, reference = split_named(named)
    arguments = [requester, reference, list(conditions), end_of(until), uses]
    send(sending, [(int(Kind.GRANT), arguments)])


@click.command(short_help="Refuse a request, on a ground.")
@named_argument
@ground_option
@reason_option
@opening_option
@sending_options
def refuse(
    *, named: str, ground: str, reason: str | None, opening: Path | None, sending: Sending
) -> None:  # fmt: skip
    """Answer a request with no. Data that are shared without condition cannot be refused.

    \b
    Example:
      govchaind requests refuse tax/2026-17 --ground no-basis --key keys/civil-affairs.key
    """
    requester, reference = split_named(named)
    arguments = [requester, reference, ground, _reason(reason, opening)]
    send(sending, [(int(Kind.REFUSE), arguments)])


@click.command(short_help="Extend the time to answer, once.")
@named_argument
@sending_options
def extend(*, named: str, sending: Sending) -> None:
    """Extend the time to answer a request, before it is over; who may is what the terms say.

    \b
    Example:
      govchaind requests extend tax/2026-17 --key keys/supervisor.key
    """
    send(sending, [(int(Kind.EXTEND), list(split_named(named)))])


@click.command(short_help="Rule on an appeal.")
@named_argument
@click.option("--overturn/--uphold", "overturned", required=True, default=None,
              help="Order that the data be given, or let the refusal stand.")  # fmt: skip
@ground_option
@reason_option
@opening_option
@sending_options
def rule(
    *,
    named: str,
    overturned: bool,
    ground: str,
    reason: str | None,
    opening: Path | None,
    sending: Sending,
) -> None:  # fmt: skip
    """Rule on the appeal in the matter of a request; signed by the supervisor of its terms.

    \b
    Example:
      govchaind requests rule tax/2026-17 --overturn --ground article-6 --key keys/supervisor.key
    """
    requester, reference = split_named(named)
    arguments = [requester, reference, overturned, ground, _reason(reason, opening)]
    send(sending, [(int(Kind.RULE), arguments)])


@click.command(short_help="Revoke a grant, on a ground.")
@named_argument
@ground_option
@reason_option
@opening_option
@sending_options
def revoke(
    *, named: str, ground: str, reason: str | None, opening: Path | None, sending: Sending
) -> None:  # fmt: skip
    """End the grant of a request at once; the provider or the supervisor may.

    \b
    Example:
      govchaind requests revoke tax/2026-17 --ground misuse --key keys/civil-affairs.key
    """
    requester, reference = split_named(named)
    arguments = [requester, reference, ground, _reason(reason, opening)]
    send(sending, [(int(Kind.REVOKE_GRANT), arguments)])


def _reason(reason: str | None, opening: Path | None) -> bytes | None:
    return None if reason is None else commit_text(reason, opening, "reason")
