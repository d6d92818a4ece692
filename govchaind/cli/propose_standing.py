"""`govchaind propose`: suspensions, removals, parameters, versions, and mandates that return."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import SALT_BYTES
from govchaind.cli.days import DATE_HELP, end_of, start_of
from govchaind.cli.options import FILE, Sending, proposing_options, round_option
from govchaind.cli.output import note
from govchaind.cli.side_values import SideValueName
from govchaind.cli.voting import cast_ballot
from govchaind.identity import write_private
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.parameters import PARAMETERS

REASONS_BYTES_MAX = 64 * 1024

ground_option = click.option(
    "--ground", required=True, metavar="WORD",
    help="The ground, in one word of a-z, 0-9 and '-': everybody sees it.",
)  # fmt: skip
reasons_option = click.option(
    "--reasons", type=FILE,
    help="Text of the reasons: only a salted hash of it goes on the ledger. Needs --opening.",
)  # fmt: skip
opening_option = click.option(
    "--opening", type=FILE,
    help="Private file to write, with which the reasons can be shown to others later.",
)  # fmt: skip


@click.command(short_help="Move to suspend an institution.")
@click.argument("name")
@ground_option
@reasons_option
@opening_option
@round_option
@proposing_options
def suspend(
    *,
    name: str,
    ground: str,
    reasons: Path | None,
    opening: Path | None,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move to suspend the institution NAME: it can do nothing, and does not count, until restored.

    Its nodes stay: they are voted on with `govchaind members`. Its votes for open motions are kept
    and do not count. `--try` shows what would have come out differently without it.

    \b
    Example:
      govchaind propose suspend savings-bank --ground merger --key keys/civil-affairs.key
    """
    commitment = _committed(reasons, opening)
    arguments = [name, ground, commitment]
    cast_ballot(sending, int(MotionKind.SUSPEND_INSTITUTION), arguments, round_number)


@click.command(short_help="Move to restore a suspended institution.")
@click.argument("name")
@round_option
@proposing_options
def restore(*, name: str, round_number: int, sending: Sending) -> None:
    """Move to let the suspended institution NAME take part again.

    \b
    Example:
      govchaind propose restore savings-bank --key keys/civil-affairs.key
    """
    cast_ballot(sending, int(MotionKind.RESTORE_INSTITUTION), [name], round_number)


@click.command(short_help="Move to remove a suspended institution for good.")
@click.argument("name")
@ground_option
@reasons_option
@opening_option
@round_option
@proposing_options
def remove(
    *,
    name: str,
    ground: str,
    reasons: Path | None,
    opening: Path | None,
    round_number: int,
    sending: Sending,
) -> None:  # fmt: skip
    """Move to remove the institution NAME for good. It must be suspended, and have no node.

    Everything that it did stays readable and provable. Its name is never given again.

    \b
    Example:
      govchaind members remove savings-bank-1 --key keys/civil-affairs.key
      govchaind propose remove savings-bank --ground merger --key keys/civil-affairs.key
    """
    commitment = _committed(reasons, opening)
    arguments = [name, ground, commitment]
    cast_ballot(sending, int(MotionKind.REMOVE_INSTITUTION), arguments, round_number)


@click.command(short_help="Move to change a parameter.")
@click.argument("name", type=click.Choice(list(PARAMETERS)))
@click.argument("value", type=int)
@round_option
@proposing_options
def parameter(*, name: str, value: int, round_number: int, sending: Sending) -> None:
    """Move to set the parameter NAME to VALUE. `govchaind parameters` shows all of them.

    \b
    Example:
      govchaind propose parameter quiet-days 60 --key keys/civil-affairs.key
    """
    known = PARAMETERS[name]
    if not known.least <= value <= known.most:
        raise InvalidSetting(
            f"{name} is {known.least} to {known.most}, not {value}",
            code="bad-parameter",
            remedy="Choose a value within the bounds; `govchaind parameters` shows them.",
        )
    cast_ballot(sending, int(MotionKind.SET_PARAMETER), [name, value], round_number)


@click.command(short_help="Move to activate a version of the ledger.")
@click.argument("version", type=click.IntRange(2, 65535))
@click.option(
    "--ready",
    type=click.IntRange(0),
    default=0,
    metavar="VALIDATORS",
    help="Ask that so many validators be ready, if that is more than a certificate takes.",
)
@round_option
@proposing_options
def upgrade(*, version: int, ready: int, round_number: int, sending: Sending) -> None:
    """Move to activate VERSION of the ledger's rules, on all nodes in the same block.

    A node whose software does not know it stops there, unharmed, until it gets a release that does.
    So upgrade the software first, have `govchaind members ready` said for each node, and vote then;
    `govchaind parameters` shows who is ready.

    \b
    Example:
      govchaind propose upgrade 2 --key keys/civil-affairs.key
    """
    cast_ballot(sending, int(MotionKind.ACTIVATE_UPGRADE), [version, ready], round_number)


@click.command("restore-mandate", short_help="Move to bring an ended mandate back.")
@click.argument("name")
@click.option("--from", "start", required=True, metavar="DATE", help=f"Its first day. {DATE_HELP}")
@click.option("--until", metavar="DATE", help="Its last day.  [default: no end]")
@round_option
@proposing_options
def restore_mandate(
    *, name: str, start: str, until: str | None, round_number: int, sending: Sending
) -> None:
    """Move to bring the mandate NAME, which has ended, back into force.

    The repeal of a mandate that took its place does not do that. Its predecessor and its
    successor must have ended by then. Days are of the zone +08:00 unless an offset is given.

    \b
    Example:
      govchaind propose repeal new-rules --from 2027-01-01 --key keys/civil-affairs.key
      govchaind propose restore-mandate old-rules --from 2027-01-01 --key keys/civil-affairs.key
    """
    begins, ends = start_of(start), None if until is None else end_of(until)
    if ends is not None and ends <= begins:
        raise InvalidSetting(
            f"a mandate cannot last from {start} until {until}",
            code="bad-date",
            remedy="Give --until a day that is not before --from.",
        )
    cast_ballot(sending, int(MotionKind.RESTORE_MANDATE), [name, begins, ends], round_number)


@click.command("remove-side-value", short_help="Move to have a sealed text removed.")
@click.argument("side_value", type=SideValueName(), metavar="INSTITUTION/COMMITMENT")
@ground_option
@round_option
@proposing_options
def remove_side_value(
    *, side_value: tuple[str, bytes], ground: str, round_number: int, sending: Sending
) -> None:  # fmt: skip
    """Move to have every node delete a sealed text, since it holds what must not be kept.

    The record of it stays, with the ground and the day of the removal; no hash changes.

    \b
    Example:
      govchaind propose remove-side-value savings-bank/5f1c…e0 --ground personal-data \\
          --key keys/civil-affairs.key
    """
    arguments = [*side_value, ground]
    cast_ballot(sending, int(MotionKind.REMOVE_SIDE_VALUE), arguments, round_number)


def _committed(reasons: Path | None, opening: Path | None) -> bytes | None:
    """Return the salted commitment to a file of reasons, and write what opens it."""
    if (reasons is None) != (opening is None):
        raise InvalidSetting(
            "--reasons and --opening go together",
            code="opening-needed",
            remedy="Give --reasons FILE and --opening FILE; without the salt nobody can show them.",
        )
    if reasons is None or opening is None:
        return None
    with reasons.open("rb") as opened:
        data = opened.read(REASONS_BYTES_MAX + 1)
    try:
        text = data.decode() if len(data) <= REASONS_BYTES_MAX else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise InvalidSetting(
            f"{reasons} is no text of at most {REASONS_BYTES_MAX} bytes",
            code="bad-reasons",
            remedy="Write the reasons as plain text.",
        )
    salt = os.urandom(SALT_BYTES)
    shown = {"salt": salt.hex(), "value": [text]}
    write_private(opening, json.dumps(shown, ensure_ascii=False) + "\n")
    note(f"Wrote {opening}: give it to those who may know the reasons, and keep it.")
    return make_commitment(salt, [text])


COMMANDS = (suspend, restore, remove, parameter, upgrade, restore_mandate, remove_side_value)
