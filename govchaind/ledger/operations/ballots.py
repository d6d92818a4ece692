"""Ballots: how institutions decide together. What they may decide is `motions.py`'s.

    vote  [round, motion kind, motion arguments]     by a governing office, in favour

A motion is the hash of kind, arguments and round; the first ballot opens it, and the ballot that
reaches a majority of the institutions there are enacts it. Ballots are one state key each, so they
commute. If what it orders is not possible, the enacting ballot is refused and the motion stays
open. The round lets the same thing be moved again later.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.quorum import majority
from govchaind.base.types import Hash
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.motions import INSTITUTIONS, MOTIONS
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Shape, shaped
from govchaind.ledger.state_keys import NETWORK, ballot_key, motion_key
from govchaind.ledger.working_state import Act, WorkingState


class Vote(Shape):
    """Arguments of `vote`."""

    round: Count
    motion: Count
    arguments: list[Any]


def motion_digest(round_number: int, motion: int, arguments: list[Any]) -> Hash:
    """Return what names a motion: institutions that vote for the same thing name the same hash."""
    return digest(Domain.MOTION, encode([motion, arguments, round_number]))


def vote(arguments: Vote, act: Act, state: WorkingState) -> int:
    """Cast the institution's ballot; enact the motion if that makes a majority."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    motion = MOTIONS.get(arguments.motion)
    if motion is None:
        return Code.UNKNOWN_MOTION
    try:
        wanted = shaped(arguments.arguments, motion.shape)
    except InvalidEncoding:
        return Code.MALFORMED_MOTION
    name = motion_digest(arguments.round, arguments.motion, arguments.arguments)
    key = motion_key(name)
    record = state.decoded(key)
    if record is None:
        record = [arguments.motion, arguments.arguments, arguments.round, 0, act.height, None]
    if record[5] is not None:
        return Code.MOTION_ALREADY_ENACTED
    ballot = ballot_key(name, act.institution)
    if state.get(ballot) is not None:
        return Code.ALREADY_VOTED
    state.put_value(ballot, act.height)
    ballots = record[3] + 1
    enacted = None
    if ballots >= majority(state.decoded(NETWORK)[INSTITUTIONS]):
        code = motion.enact(wanted, act, state)
        if code != Code.APPLIED:
            return code
        enacted = act.height
    state.put_value(key, [*record[:3], ballots, record[4], enacted])
    return Code.APPLIED


OPERATIONS = (
    Operation(int(Kind.VOTE), "vote", "institutions", COST_MICROSECONDS[Kind.VOTE], Vote, vote),
)
