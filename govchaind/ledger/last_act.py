"""When each office last acted, to the day: so that one gone quiet is seen by all nodes alike.

Written with an office's first applied transaction of each day (UTC) of block time, and with no
other, so that it costs one change of state per office and day. What it says is the moment of that
first one.
"""

from __future__ import annotations

from govchaind.ledger.state_keys import acted_key
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.ledger.working_state import Act, WorkingState

HEIGHT, TIME = 0, 1  # places in its value (state_keys.py)


def note_act(act: Act, state: WorkingState) -> None:
    """Write that an office has acted, unless it had on this day already."""
    key = acted_key(act.institution, act.office)
    before = state.decoded(key)
    if before is None or before[TIME] // MILLISECONDS_A_DAY != act.time // MILLISECONDS_A_DAY:
        state.put_value(key, [act.height, act.time])
