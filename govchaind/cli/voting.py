"""Casting a ballot: what is voted for is told before it is signed, and named for the others."""

from __future__ import annotations

from typing import Any

from govchaind.api.motion_words import motion_words
from govchaind.api.sentence import tell
from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.cli.options import Sending
from govchaind.cli.output import line, note
from govchaind.cli.sending import send
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.working_days import departures


def send_on(sending: Sending, kind: Kind, arguments: list[Any], digest: bytes) -> None:
    """Sign and send one operation on a motion; its digest stands in the JSON as `motion`."""
    send(sending, [(int(kind), arguments)], named={"motion": digest.hex()})


def details(motion: int, arguments: list[Any]) -> list[str]:
    """Return a motion's arguments as lines, whole: keys and hashes are compared by people."""
    lines = []
    for name, value in zip(MOTIONS[motion].shape.__struct_fields__, arguments, strict=True):
        if motion == MotionKind.ADOPT_CALENDAR and name == "days":
            not_worked, worked = departures(arguments[1], value)
            lines.append(f"not worked: {' '.join(map(str, not_worked)) or '–'}")
            lines.append(f"worked: {' '.join(map(str, worked)) or '–'}")
        else:
            lines.append(f"{name.replace('_', ' ')}: {_plain(value)}")
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return " ".join(f"[{_plain(item)}]" if isinstance(item, list) else _plain(item)
                        for item in value) or "–"  # fmt: skip
    return line(value)


def cast_ballot(sending: Sending, motion: int, arguments: list[Any], round_number: int) -> None:
    """Vote for a motion, the first or one after others, or only try it. Raises InvalidSetting."""
    try:
        words = motion_words(motion, arguments)
    except (GovchaindError, ValueError) as error:
        raise InvalidSetting(
            f"this cannot be voted on: {error}",
            code="bad-motion",
            remedy="Names are 1 to 32 of a-z, 0-9 and '-'; see --help for the rest.",
        ) from None
    if sending.stretch is not None:
        from govchaind.cli.trial import try_motion

        try_motion(sending, sending.stretch, motion, arguments)
        return
    digest = motion_digest(round_number, motion, arguments)
    sentence = tell("Voting to %(motion)s.", motion=words)
    note(line(sentence.english))
    note(line(sentence.chinese))
    for detail in details(motion, arguments):
        note(f"  {detail}")
    note(f"Motion {digest.hex()}; others second it with `govchaind motions vote` and that digest.")
    send_on(sending, Kind.VOTE, [round_number, motion, arguments], digest)
