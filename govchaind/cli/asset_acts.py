"""Acts on assets: create, issue, transfer, redeem, freeze, thaw. What is signed is told before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from govchaind.api.asset_words import WRITERS
from govchaind.api.sentence import tell
from govchaind.api.titles import Names
from govchaind.base.errors import InvalidEncoding, InvalidSetting
from govchaind.base.limits import AMOUNT_MAX, SALT_BYTES, VALUE_BYTES_MAX
from govchaind.cli.days import DATE_HELP, end_of
from govchaind.cli.options import FILE, Sending, sending_options
from govchaind.cli.output import line, note
from govchaind.cli.sending import send
from govchaind.client.keyfile import author_of
from govchaind.identity import write_private
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.operations.costs import Kind

HOLDER = "INSTITUTION/OFFICE"
AMOUNT = click.IntRange(1, AMOUNT_MAX)
NUMBER_DIGITS_MAX = 10  # of the number of a delivery

purpose_option = click.option(
    "--for", "purpose", required=True, metavar="PURPOSE", help="What it is bound to."
)
to_option = click.option(
    "--to", required=True, metavar=HOLDER, help="The office that gets it."
)  # fmt: skip
holder_option = click.option(
    "--holder", required=True, metavar=HOLDER, help="The office that holds it."
)
ground_option = click.option(
    "--ground", required=True, metavar="CODE", help="The ground's code, a name: court-order."
)


@click.command(short_help="Create an asset.")
@click.argument("name")
@click.option("--title", required=True, help="What it is, for people.")
@click.option("--unit", required=True, help="What is counted, as `answers`.")
@click.option("--mandate", required=True, metavar="NAME", help="The mandate that orders it.")
@click.option("--supervisor", required=True, metavar=HOLDER, help="The office that may freeze it.")
@click.option(
    "--purpose", "purposes", multiple=True, metavar="NAME",
    help="What it may be issued for; repeat it. None: anything.",
)  # fmt: skip
@click.option("--until", metavar="DATE", help=f"Its last day. {DATE_HELP}  [default: no end]")
@sending_options
def create(
    *,
    name: str,
    title: str,
    unit: str,
    mandate: str,
    supervisor: str,
    purposes: tuple[str, ...],
    until: str | None,
    sending: Sending,
) -> None:  # fmt: skip
    """Create the asset NAME; the governing office that signs is its issuer.

    Its mandate must be in force. After its last day it can only be given back.

    \b
    Example:
      govchaind assets create answer-vouchers --title "Vouchers for answers" --unit answers \\
          --mandate data-sharing --supervisor statistics/governing --purpose lookups \\
          --until 2027-12-31 --key keys/civil-affairs.key
    """
    expiry = None if until is None else end_of(until)
    supervises = list(split_office(supervisor))
    arguments = [name, title, unit, mandate, supervises, list(purposes), expiry]
    _act(sending, Kind.CREATE_ASSET, arguments)


@click.command(short_help="Issue some of an asset.")
@click.argument("name")
@click.argument("amount", type=AMOUNT)
@to_option
@purpose_option
@sending_options
def issue(*, name: str, amount: int, to: str, purpose: str, sending: Sending) -> None:
    """Issue AMOUNT of the asset NAME to an office, bound to a purpose. By the issuer.

    \b
    Example:
      govchaind assets issue answer-vouchers 100 --to railways/governing --for lookups \\
          --key keys/civil-affairs.key
    """
    _act(sending, Kind.ISSUE_ASSET, [name, list(split_office(to)), amount, purpose])


@click.command(short_help="Transfer some of an asset.")
@click.argument("name")
@click.argument("amount", type=AMOUNT)
@to_option
@purpose_option
@click.option(
    "--settles", metavar="INSTITUTION/REQUEST/NUMBER",
    help="The delivery that it is for: who requested it, the request, and the delivery's number.",
)  # fmt: skip
@click.option(
    "--received", is_flag=True,
    help="With --settles: only if the delivery was received and is not disputed.",
)  # fmt: skip
@sending_options
def transfer(
    *,
    name: str,
    amount: int,
    to: str,
    purpose: str,
    settles: str | None,
    received: bool,
    sending: Sending,
) -> None:  # fmt: skip
    """Transfer AMOUNT of the asset NAME to another office, for the purpose it was issued for.

    A transfer that settles a delivery is between its requester and its provider, which is
    voluntary: what an institution owes by law is not paid for. Both ways are possible, so a payment
    can be given back. The ledger refuses it where there is no such delivery between the two.

    \b
    Example:
      govchaind assets transfer answer-vouchers 5 --to savings-bank/governing --for lookups \\
          --settles railways/req-17/3 --received --key keys/railways.key
    """
    if received and settles is None:
        raise click.UsageError("--received says something of a delivery: give --settles too")
    settlement = None if settles is None else [*_settlement(settles), received]
    arguments = [name, list(split_office(to)), amount, purpose, settlement]
    _act(sending, Kind.TRANSFER_ASSET, arguments)


@click.command(short_help="Give some of an asset back to its issuer.")
@click.argument("name")
@click.argument("amount", type=AMOUNT)
@purpose_option
@sending_options
def redeem(*, name: str, amount: int, purpose: str, sending: Sending) -> None:
    """Give AMOUNT of the asset NAME back to its issuer: it circulates no longer.

    \b
    Example:
      govchaind assets redeem answer-vouchers 5 --for lookups --key keys/savings-bank.key
    """
    _act(sending, Kind.REDEEM_ASSET, [name, amount, purpose])


@click.command(short_help="Freeze a holding, or an amount of it.")
@click.argument("name")
@holder_option
@purpose_option
@click.option("--amount", type=AMOUNT, help="How much.  [default: all, also what comes later]")
@ground_option
@click.option(
    "--reason", type=FILE, metavar="FILE",
    help="A text that says why: only a salted commitment to it goes on the ledger.",
)  # fmt: skip
@click.option("--opening", type=FILE, help="With --reason: private file to keep salt and reason.")
@sending_options
def freeze(
    *,
    name: str,
    holder: str,
    purpose: str,
    amount: int | None,
    ground: str,
    reason: Path | None,
    opening: Path | None,
    sending: Sending,
) -> None:  # fmt: skip
    """Freeze what an office holds of the asset NAME: it neither moves nor is redeemed.

    By the asset's supervisor. A holding has one freeze for each ground.

    \b
    Example:
      govchaind assets freeze answer-vouchers --holder railways/governing --for lookups \\
          --amount 50 --ground court-order --reason order.txt --opening order.opening \\
          --key keys/statistics.key
    """
    office = list(split_office(holder))
    commitment = None
    if reason is not None:
        shown = {"asset": name, "holder": holder, "purpose": purpose, "ground": ground}
        commitment = _committed(reason, opening, shown)
    _act(sending, Kind.FREEZE_ASSET, [name, office, purpose, amount, ground, commitment])


@click.command(short_help="Thaw what is frozen.")
@click.argument("name")
@holder_option
@purpose_option
@click.option("--amount", type=AMOUNT, help="How much of the freeze.  [default: all of it]")
@ground_option
@sending_options
def thaw(
    *, name: str, holder: str, purpose: str, amount: int | None, ground: str, sending: Sending
) -> None:  # fmt: skip
    """End a freeze of what an office holds of the asset NAME, or lower it. By the supervisor.

    \b
    Example:
      govchaind assets thaw answer-vouchers --holder railways/governing --for lookups \\
          --ground court-order --key keys/statistics.key
    """
    office = list(split_office(holder))
    _act(sending, Kind.THAW_ASSET, [name, office, purpose, amount, ground])


ACTS = (create, issue, transfer, redeem, freeze, thaw)


def split_office(text: str) -> tuple[str, str]:
    """Return institution and office of INSTITUTION/OFFICE."""
    institution, slash, office = text.partition("/")
    if not (institution and slash and office):
        raise click.UsageError(f"an office is {HOLDER}, not {text[:80]!r}")
    return institution, office


def _act(sending: Sending, kind: Kind, arguments: list[Any]) -> None:
    """Say in two languages what is signed; sign it and send it. Raises InvalidSetting."""
    author = author_of(sending.key_files)
    who = f"{author.institution}/{author.office}"
    try:
        words = WRITERS[kind](who, arguments, Names())
    except InvalidEncoding as error:
        raise InvalidSetting(
            f"this is no act on an asset: {error}",
            code="malformed-operation",
            remedy="Names are 1 to 32 of a-z, 0-9 and '-'; see --help for the rest.",
        ) from None
    sentence = tell("What is signed: %(sentence)s", sentence=words)
    note(line(sentence.english))
    note(line(sentence.chinese))
    send(sending, [(int(kind), arguments)])


def _settlement(text: str) -> list[Any]:
    """Return the requester, request and number that INSTITUTION/REQUEST/NUMBER names."""
    requester, request, number = [*text.split("/"), "", ""][:3]
    countable = number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS_MAX
    if text.count("/") != 2 or not (requester and request) or not countable:
        raise click.UsageError(f"a delivery is INSTITUTION/REQUEST/NUMBER, not {text[:80]!r}")
    return [requester, request, int(number)]


def _committed(reason: Path, opening: Path | None, shown: dict[str, str]) -> bytes:
    """Return the commitment to the text in a file; keep what opens it."""
    if opening is None:
        raise InvalidSetting(
            "a reason is not sent, only a commitment to it",
            code="opening-needed",
            remedy="Give --opening FILE; without salt and reason nobody can show them later.",
        )
    try:
        with reason.open("rb") as opened:
            text = opened.read(VALUE_BYTES_MAX + 1).decode()
        if len(text) > VALUE_BYTES_MAX:
            raise ValueError
    except (OSError, ValueError):
        raise InvalidSetting(
            f"{reason} is no text of at most {VALUE_BYTES_MAX} bytes",
            code="bad-value",
            remedy="Name a text file that says why in a few sentences.",
        ) from None
    salt = os.urandom(SALT_BYTES)
    kept = json.dumps({**shown, "salt": salt.hex(), "value": [text]}, ensure_ascii=False)
    write_private(opening, kept + "\n")
    return make_commitment(salt, [text])
