"""`govchaind propose`: the first ballot for a rule, a calendar, a mandate, its end, or new keys."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import RULE_DENOMINATOR_MAX
from govchaind.cli import propose_standing
from govchaind.cli.calendar_file import read_calendar
from govchaind.cli.days import DATE_HELP, end_of, start_of
from govchaind.cli.options import FILE, Sending, proposing_options, round_option
from govchaind.cli.propose_terms import terms
from govchaind.cli.voting import cast_ballot
from govchaind.client.keyfile import read_key_file
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.rules import Rule
from govchaind.ledger.working_days import MILLISECONDS_A_DAY

KINDS = {motion.name: kind for kind, motion in sorted(MOTIONS.items())}
_SHARE = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")


@click.group()
def propose() -> None:
    """Move a rule, a calendar, a mandate, new keys.

    Each of these is the first ballot for a motion, cast by the governing office whose keys sign.
    It prints the motion's digest, by which other institutions second it with `govchaind motions
    vote`. Institutions and nodes are voted on with `govchaind members`.

    With --try nothing is signed: real history is replayed as if the proposal had been in force, and
    what would have come out differently is told, each as a sentence.

    \b
    Example:
      govchaind propose rule adopt-mandate --more-than 2/3 --notice-days 7 --try
      govchaind propose rule adopt-mandate --more-than 2/3 --notice-days 7 --key keys/rail.key
      govchaind propose calendar china-2026 --key keys/civil-affairs.key
    """


@propose.command(short_help="Move by how many a kind of motion is carried.")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--more-than",
    "share",
    required=True,
    metavar="N/D",
    help="Of all institutions: 1/2 at least; 1/1 asks for every one of them.",
)
@click.option(
    "--notice-days",
    type=click.IntRange(0, 366),
    default=0,
    show_default=True,
    help="Days between the vote that carries such a motion and its effect.",
)
@round_option
@proposing_options
def rule(
    *,
    kind: str,
    share: str,
    notice_days: int,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move by how many votes motions of KIND are carried, and after how long they take effect.

    To set a rule takes as many votes, and as long a notice, as the strictest of all rules asks.

    \b
    Example:
      govchaind propose rule adopt-mandate --more-than 2/3 --notice-days 7 --key keys/rail.key
    """
    found = _SHARE.fullmatch(share)
    wanted = Rule(int(found[1]), int(found[2]), 0) if found else Rule(0, 1, 0)
    numerator, denominator = wanted.numerator, wanted.denominator
    if denominator > RULE_DENOMINATOR_MAX or not denominator <= 2 * numerator <= 2 * denominator:
        raise InvalidSetting(
            f"a rule asks for more than 1/2 to 1/1 of the institutions, not {share[:20]!r}",
            code="bad-share",
            remedy=f"Write it as 2/3, its second number at most {RULE_DENOMINATOR_MAX}.",
        )
    arguments = [KINDS[kind], numerator, denominator, notice_days * MILLISECONDS_A_DAY]
    cast_ballot(sending, int(MotionKind.SET_RULE), arguments, round_number)


@propose.command(short_help="Move a year of working days.")
@click.argument("named", metavar="FILE.toml|NAME")
@round_option
@proposing_options
def calendar(
    *,
    named: str,
    round_number: int,
    sending: Sending,
) -> None:
    """Move to adopt a year of a calendar: a file, or one that is shipped, by its name.

    Shipped are china-2025 and china-2026, copied from the State Council's notices. The days that
    differ from Monday to Friday are listed before the vote is signed.

    \b
    A calendar's file:
      name = "china"
      year = 2026
      version = 1                      # a correction has the next number
      utc_offset_minutes = 480         # its days are of the zone +08:00
      holidays = ["2026-01-01", "2026-01-02"]
      worked = ["2026-01-04"]          # Saturdays and Sundays that are worked

    \b
    Example:
      govchaind propose calendar china-2026 --key keys/civil-affairs.key
      govchaind propose calendar rail-2026.toml --key keys/rail.key
    """
    arguments = read_calendar(named)
    cast_ballot(sending, int(MotionKind.ADOPT_CALENDAR), arguments, round_number)


@propose.command(short_help="Move a mandate: a document that orders what is done.")
@click.argument("name")
@click.option("--title", required=True, help="What the document is called.")
@click.option("--number", required=True, help="Its number, as it was issued.")
@click.option("--issuer", required=True, help="Who issued it.")
@click.option(
    "--document",
    type=FILE,
    required=True,
    help="The document: only its SHA-256 goes on the ledger, so all must have the same file.",
)
@click.option("--from", "start", required=True, metavar="DATE", help=f"Its first day. {DATE_HELP}")
@click.option("--until", metavar="DATE", help="Its last day.  [default: no end]")
@click.option("--after", "predecessor", metavar="NAME", help="The mandate whose place it takes.")
@round_option
@proposing_options
def mandate(
    *,
    name: str,
    title: str,
    number: str,
    issuer: str,
    document: Path,
    start: str,
    until: str | None,
    predecessor: str | None,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move to adopt the mandate NAME.

    Days are of the zone +08:00 unless an offset is given. A mandate that takes another's place
    ends that one on the day on which it begins itself.

    \b
    Example:
      govchaind propose mandate data-sharing --title "Regulation on Government Data Sharing" \\
          --number "Order 809" --issuer "State Council" --document order-809.pdf \\
          --from 2026-03-01 --until 2028-12-31 --key keys/civil-affairs.key
    """
    begins = start_of(start)
    ends = None if until is None else end_of(until)
    if ends is not None and ends <= begins:
        raise InvalidSetting(
            f"a mandate cannot last from {start} until {until}",
            code="bad-date",
            remedy="Give --until a day that is not before --from.",
        )
    with document.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
    arguments = [name, title, number, issuer, digest, begins, ends, predecessor]
    cast_ballot(sending, int(MotionKind.ADOPT_MANDATE), arguments, round_number)


@propose.command(short_help="Move the end of a mandate.")
@click.argument("name")
@click.option(
    "--from",
    "start",
    required=True,
    metavar="DATE",
    help=f"The first day on which it is in force no longer. {DATE_HELP}",
)
@round_option
@proposing_options
def repeal(
    *,
    name: str,
    start: str,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move to repeal the mandate NAME from DATE on.

    DATE must still be ahead when the motion takes effect, so leave time for votes and notice.
    Days are of the zone +08:00 unless an offset is given.

    \b
    Example:
      govchaind propose repeal data-sharing --from 2026-12-01 --key keys/civil-affairs.key
    """
    arguments = [name, start_of(start)]
    cast_ballot(sending, int(MotionKind.REPEAL_MANDATE), arguments, round_number)


@propose.command(short_help="Move new keys for an office whose own are lost.")
@click.argument("institution")
@click.argument("office")
@click.option(
    "--threshold",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many of the new keys sign together.",
)
@click.option(
    "--card",
    "cards",
    type=FILE,
    multiple=True,
    required=True,
    help="Card of a new key, as `govchaind keys new` makes it; repeat it.",
)
@round_option
@proposing_options
def recover(
    *,
    institution: str,
    office: str,
    threshold: int,
    cards: tuple[Path, ...],
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move to give OFFICE of INSTITUTION new keys: its own are lost, or in wrong hands.

    --card names the new keys, --key those with which you sign. Check by telephone whose they are.

    \b
    Example:
      govchaind propose recover bank head --card new-head.card --key keys/civil-affairs.key
    """
    files = [read_key_file(card) for card in cards]
    for path, file in zip(cards, files, strict=True):
        if (file.institution, file.office) != (institution, office):
            raise InvalidSetting(
                f"{path} is a key of {file.institution}/{file.office}, not of "
                f"{institution}/{office}",
                code="wrong-key",
                remedy="Have the new keys made for that office with `govchaind keys new`.",
            )
    if threshold > len(files):
        raise click.UsageError(f"{threshold} of {len(files)} keys can never sign")
    keys = sorted([file.public, file.title, 0, None] for file in files)
    arguments = [institution, office, threshold, keys]
    cast_ballot(sending, int(MotionKind.RECOVER_OFFICE), arguments, round_number)


propose.add_command(terms)
for _command in propose_standing.COMMANDS:
    propose.add_command(_command)
