"""Parameters: numbers that institutions may change together, each within bounds fixed here.

    13 set parameter  [name, value]

What is not set has today's value. Only what the ledger reads at each height is here, so a change
holds from the block behind its enactment on, for every node alike; and no bound lets a change stop
a chain: a transaction may always live an hour, and an institution may always have a thousand live
ids. The ones about days and spare ballots change what is warned of, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from govchaind.base.limits import (
    ACTING_MILLISECONDS_MAX,
    LIFETIME_MAX_MILLISECONDS,
    LIFETIME_MAX_MILLISECONDS_LEAST,
    LIVE_IDS_PER_INSTITUTION_LEAST,
    LIVE_IDS_PER_INSTITUTION_MAX,
)
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Name, Shape
from govchaind.ledger.state_keys import parameter_key
from govchaind.ledger.versions import knows_parameter, version_of
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.ledger.working_state import Act, WorkingState


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of the table."""

    name: str
    least: int
    most: int
    default: int


LIFETIME_HOURS = Parameter(
    "lifetime-hours",
    LIFETIME_MAX_MILLISECONDS_LEAST // 3_600_000,
    LIFETIME_MAX_MILLISECONDS // 3_600_000,
    LIFETIME_MAX_MILLISECONDS // 3_600_000,
)
LIVE_IDS = Parameter(
    "live-ids",
    LIVE_IDS_PER_INSTITUTION_LEAST,
    LIVE_IDS_PER_INSTITUTION_MAX,
    LIVE_IDS_PER_INSTITUTION_MAX,
)
ACTING_DAYS = Parameter(
    "acting-days",
    1,
    ACTING_MILLISECONDS_MAX // MILLISECONDS_A_DAY,
    ACTING_MILLISECONDS_MAX // MILLISECONDS_A_DAY,
)
QUIET_DAYS = Parameter("quiet-days", 7, 3660, 90)
WARNING_DAYS = Parameter("warning-days", 7, 366, 90)
SPARE_BALLOTS = Parameter("spare-ballots", 0, 100, 1)
# How far ahead it is looked who could still vote: twice, and the first is always the nearer one.
SOON_DAYS = Parameter("soon-days", 7, 60, 30)
LATER_DAYS = Parameter("later-days", 61, 366, 90)

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        parameter.name: parameter
        for parameter in (
            *(LIFETIME_HOURS, LIVE_IDS, ACTING_DAYS, QUIET_DAYS, WARNING_DAYS, SPARE_BALLOTS),
            *(SOON_DAYS, LATER_DAYS),
        )
    }
)


class SetParameter(Shape):
    """Arguments of `set-parameter`."""

    name: Name
    value: Count


def parameter_of(parameter: Parameter, state: WorkingState) -> int:
    """Return the value of a parameter as it is now."""
    found = state.decoded(parameter_key(parameter.name))
    return parameter.default if found is None else int(found[0])


def set_parameter(arguments: SetParameter, act: Act, state: WorkingState) -> int:
    """Change one parameter within its bounds."""
    parameter = PARAMETERS.get(arguments.name)
    if parameter is None or not knows_parameter(version_of(state), arguments.name):
        return Code.UNKNOWN_PARAMETER
    if not parameter.least <= arguments.value <= parameter.most:
        return Code.PARAMETER_OUT_OF_BOUNDS
    if parameter_of(parameter, state) == arguments.value:
        return Code.NOTHING_CHANGES
    state.put_value(parameter_key(parameter.name), [arguments.value, act.height])
    return Code.APPLIED


MOTIONS = (Motion(MotionKind.SET_PARAMETER, "set-parameter", SetParameter, set_parameter),)
