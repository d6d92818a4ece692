"""The time that a recovery gives the chain, beside the clock of the machine that takes part in it.

Block time only goes up, and a follower takes no block whose time is further above its own clock
than a leader's may be. A recovery from a clock that was ahead would be the chain's last block until
that time comes, and no second recovery could be earlier. So whoever makes, signs or carries out a
record compares it with its own clock first. The clock judges nothing else: what is older is right.
"""

from __future__ import annotations

from datetime import UTC, datetime

from govchaind.base.errors import Conflict
from govchaind.base.limits import CLOCK_AHEAD_MAX_MILLISECONDS
from govchaind.base.types import BlockTime


def check_kept_time(kept: BlockTime, now: BlockTime) -> None:
    """Judge the time of the last block that is kept, which a recovery must be above.

    Args:
        now: the own clock, milliseconds since 1970.

    Raises Conflict: `time-ahead`.
    """
    if kept + 1 - now > CLOCK_AHEAD_MAX_MILLISECONDS:
        raise Conflict(
            f"the last block that is kept is of {_text(kept)}, {_seconds(kept - now)} s ahead of "
            "this machine's clock",
            code="time-ahead",
            remedy="Set this machine's clock and prepare again. If it is right, wait until that "
            "time has come: no block may be earlier.",
        )


def check_recovery_time(time: BlockTime, now: BlockTime) -> None:
    """Judge the time of a record that somebody else has made.

    Args:
        now: the own clock, milliseconds since 1970.

    Raises Conflict: `time-ahead`.
    """
    if time - now > CLOCK_AHEAD_MAX_MILLISECONDS:
        raise Conflict(
            f"the recovery is of {_text(time)}, {_seconds(time - now)} s ahead of this machine's "
            "clock, and no node would take a block that follows",
            code="time-ahead",
            remedy="Set this machine's clock. If it is right, do not sign or carry out the record: "
            "prepare it anew on a machine whose clock is right.",
        )


def _text(milliseconds: BlockTime) -> str:
    try:
        time = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):  # a record may say any number
        return f"{milliseconds} ms"
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(milliseconds: int) -> int:
    return milliseconds // 1000
