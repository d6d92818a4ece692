"""Ballots: how institutions decide together. What they may decide is `motions.py`'s.

    vote      [round, motion kind, motion arguments]     by a governing office, in favour
    withdraw  [motion]                                   by a governing office: its own ballot
    enact     [motion]                                   by any governing office

A motion is the hash of kind, arguments and round; the first ballot opens it, and with as many as
its rule asks (`rules.py`) it is carried. Without notice that ballot enacts it; with notice anybody
enacts it once the time is over, if it is still carried then. Ballots are one state key each, so
they commute; those of institutions that do not count (`standings.py`) are kept, and not counted. If
what it orders is not possible, what would enact it is refused and the motion stays
open. The round lets the same thing be moved again later.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.types import Hash
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.rules import Rule, rule_of
from govchaind.ledger.operations.standings import counting, void_ballots
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Shape, shaped
from govchaind.ledger.state_keys import ballot_key, motion_key
from govchaind.ledger.versions import knows_motion, version_of
from govchaind.ledger.working_state import Act, WorkingState

# places in a motion's value (state_keys.py)
KIND, BALLOTS, MOVED, ENACTED, CARRIED = 0, 3, 4, 5, 6


class Vote(Shape):
    """Arguments of `vote`."""

    round: Count
    motion: Count
    arguments: list[Any]


class NamedMotion(Shape):
    """Arguments of `withdraw` and `enact`."""

    motion: Bytes32


def motion_digest(round_number: int, motion: int, arguments: list[Any]) -> Hash:
    """Return what names a motion: institutions that vote for the same thing name the same hash."""
    return digest(Domain.MOTION, encode([motion, arguments, round_number]))


def vote(arguments: Vote, act: Act, state: WorkingState) -> int:
    """Cast the institution's ballot; enact the motion if that makes a majority."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    motion = MOTIONS.get(arguments.motion)
    if motion is None or not knows_motion(version_of(state), arguments.motion):
        return Code.UNKNOWN_MOTION
    try:
        wanted = shaped(arguments.arguments, motion.shape)
    except InvalidEncoding:
        return Code.MALFORMED_MOTION
    name = motion_digest(arguments.round, arguments.motion, arguments.arguments)
    key = motion_key(name)
    record = state.decoded(key)
    if record is None:
        record = [arguments.motion, arguments.arguments, arguments.round, 0, act.height, None, None]
    if record[ENACTED] is not None:
        return Code.MOTION_ALREADY_ENACTED
    ballot = ballot_key(name, act.institution)
    if state.get(ballot) is not None:
        return Code.ALREADY_VOTED
    state.put_value(ballot, act.height)
    ballots = record[BALLOTS] + 1
    rule = rule_of(arguments.motion, state)
    enacted, carried = None, record[CARRIED]
    asked = _asked(rule, state)
    if ballots >= asked and (counted := ballots - void_ballots(name, state)) >= asked:
        if carried is None or counted <= asked:  # also where it had not been any longer
            carried = act.time
        if act.time >= carried + rule.notice:
            code = motion.enact(wanted, act, state)
            if code != Code.APPLIED:
                return code
            enacted = act.height
    state.put_value(key, [*record[:BALLOTS], ballots, record[MOVED], enacted, carried])
    return Code.APPLIED


def withdraw(arguments: NamedMotion, act: Act, state: WorkingState) -> int:
    """Take the institution's ballot back while the motion is open."""
    key = motion_key(arguments.motion)
    record = state.decoded(key)
    if (refusal := _refusal(record, act, state)) != Code.APPLIED:
        return refusal
    ballot = ballot_key(arguments.motion, act.institution)
    if state.get(ballot) is None:
        return Code.NOT_VOTED
    state.delete(ballot)
    ballots = record[BALLOTS] - 1
    carried = record[CARRIED]
    if not _is_carried(record[KIND], arguments.motion, ballots, state):
        carried = None  # the notice begins anew with the ballot that carries it again
    state.put_value(key, [*record[:BALLOTS], ballots, record[MOVED], None, carried])
    return Code.APPLIED


def enact(arguments: NamedMotion, act: Act, state: WorkingState) -> int:
    """Carry out a motion whose notice is over."""
    key = motion_key(arguments.motion)
    record = state.decoded(key)
    if (refusal := _refusal(record, act, state)) != Code.APPLIED:
        return refusal
    rule = rule_of(record[KIND], state)
    ballots = record[BALLOTS]
    if record[CARRIED] is None or not _is_carried(record[KIND], arguments.motion, ballots, state):
        return Code.NOT_CARRIED
    if act.time < record[CARRIED] + rule.notice:
        return Code.NOTICE_NOT_OVER
    motion = MOTIONS[record[KIND]]
    code = motion.enact(shaped(record[1], motion.shape), act, state)
    if code == Code.APPLIED:
        state.put_value(key, [*record[:ENACTED], act.height, record[CARRIED]])
    return code


def _refusal(record: list[Any] | None, act: Act, state: WorkingState) -> int:
    """Say why this author may do nothing to a motion, or APPLIED if it may."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    if record is None:
        return Code.NO_SUCH_MOTION
    return Code.APPLIED if record[ENACTED] is None else Code.MOTION_ALREADY_ENACTED


def _asked(rule: Rule, state: WorkingState) -> int:
    return rule.ballots(counting(state))


def _is_carried(kind: int, motion: Hash, ballots: int, state: WorkingState) -> bool:
    """Say whether so many ballots carry a motion, without those that do not count."""
    asked = _asked(rule_of(kind, state), state)
    return ballots >= asked and ballots - void_ballots(motion, state) >= asked


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "institutions", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.VOTE, "vote", Vote, vote),
    _operation(Kind.WITHDRAW, "withdraw", NamedMotion, withdraw),
    _operation(Kind.ENACT, "enact", NamedMotion, enact),
)
