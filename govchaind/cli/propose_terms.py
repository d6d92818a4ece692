"""`govchaind propose terms`: the clocks that run for requests under a mandate."""

from __future__ import annotations

import re

import click

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import CLOCK_DAYS_MAX
from govchaind.cli.catalogue import split_named
from govchaind.cli.options import Sending, proposing_options, round_option
from govchaind.cli.voting import cast_ballot
from govchaind.ledger.operations.motion import MotionKind

_CLOCK = re.compile(r"([1-9][0-9]{0,2})(w?)")
CLOCK = "DAYS[w]"


@click.command(short_help="Move the clocks of requests under a mandate.")
@click.argument("mandate")
@click.option("--reply", required=True, metavar=CLOCK, help="To grant or refuse a request.")
@click.option("--extension", metavar=CLOCK, help="By how much it is extended.  [default: never]")
@click.option(
    "--extended-by", "extender", type=click.Choice(["provider", "supervisor"]),
    default="supervisor", show_default=True, help="Who may extend, once.",
)  # fmt: skip
@click.option("--appeal", required=True, metavar=CLOCK, help="To appeal against a refusal.")
@click.option("--ruling", required=True, metavar=CLOCK, help="To rule on an appeal.")
@click.option("--delivery", metavar=CLOCK, help="To deliver what was granted.  [default: none]")
@click.option(
    "--ground", "grounds", multiple=True, required=True, metavar="CODE",
    help="A ground that a refusal may name; repeat it.",
)  # fmt: skip
@click.option(
    "--supervisor", required=True, metavar="INSTITUTION/OFFICE", help="Who rules on appeals."
)
@click.option("--calendar", metavar="NAME", help="The calendar whose working days count.")
@click.option(
    "--utc-offset-minutes", "offset", type=click.IntRange(-840, 840), default=480,
    show_default=True, help="The zone whose days end a clock.",
)  # fmt: skip
@round_option
@proposing_options
def terms(
    *,
    mandate: str,
    reply: str,
    extension: str | None,
    extender: str,
    appeal: str,
    ruling: str,
    delivery: str | None,
    grounds: tuple[str, ...],
    supervisor: str,
    calendar: str | None,
    offset: int,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move the clocks that run for requests under MANDATE. DAYS ends in w for working days.

    \b
    Example:
      govchaind propose terms data-sharing --reply 10w --extension 5w --appeal 15w --ruling 20w \\
          --ground no-basis --ground too-broad --supervisor big-data/oversight \\
          --calendar china --key keys/civil-affairs.key
    """
    clocks = [
        None if clock is None else _clock(clock)
        for clock in (reply, extension, appeal, ruling, delivery)
    ]
    if calendar is None and any(clock is not None and clock[1] for clock in clocks):
        raise InvalidSetting(
            "working days are those of a calendar",
            code="bad-clock",
            remedy="Give --calendar NAME; `govchaind calendars` lists them.",
        )
    arguments = [
        mandate, calendar, offset, clocks[0], clocks[1], extender, clocks[2], clocks[3], clocks[4],
        list(grounds), list(split_named(supervisor)),
    ]  # fmt: skip
    cast_ballot(sending, int(MotionKind.SET_TERMS), arguments, round_number)


def _clock(text: str) -> list[int | bool]:
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > CLOCK_DAYS_MAX:
        raise InvalidSetting(
            f"a clock is 1 to {CLOCK_DAYS_MAX} days, 10 or 10w, not {text[:20]!r}",
            code="bad-clock",
            remedy="Write 10 for ten days, 10w for ten working days.",
        )
    return [int(found[1]), found[2] == "w"]
