"""What each version of the ledger knows: its operations, motions and parameters, by number.

Rules it keeps:
- Software that knows a newer version judges an older one as the older software did: what came
  later is unknown there, with the same outcome, until a vote activates the version that has it.
- What a release has is listed here when it is released, and the list is then for ever. What no
  list has is of `KNOWN_VERSION`, the version that is still being made.

    version 1   release 0.1.0
    version 2   the release after it
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from types import MappingProxyType

from govchaind.ledger.state_keys import VERSION
from govchaind.ledger.working_state import WorkingState

FIRST_VERSION = 1
KNOWN_VERSION = 2  # the newest that this software knows


def _numbers(*runs: tuple[int, int]) -> frozenset[int]:
    return frozenset(number for first, last in runs for number in range(first, last + 1))


OPERATIONS_OF: Mapping[int, frozenset[int]] = MappingProxyType(
    {
        1: _numbers(
            (10, 12), (20, 28), (30, 34), (40, 48), (50, 58), (60, 65), (70, 70), (80, 80)
        )
    }
)  # fmt: skip
MOTIONS_OF: Mapping[int, frozenset[int]] = MappingProxyType(
    {1: _numbers((1, 15), (20, 20), (70, 70))}
)
PARAMETERS_OF: Mapping[int, frozenset[str]] = MappingProxyType(
    {
        1: frozenset(
            (
                *("lifetime-hours", "live-ids", "acting-days", "quiet-days", "warning-days"),
                *("spare-ballots", "soon-days", "later-days"),
            )
        )
    }
)


def version_of(state: WorkingState) -> int:
    """Return the version of the ledger that is in force."""
    found = state.decoded(VERSION)
    return FIRST_VERSION if found is None else int(found[0])


def _since(listed: Mapping[int, Container[int | str]], wanted: int | str) -> int:
    for version, known in listed.items():
        if wanted in known:
            return version
    return KNOWN_VERSION


def knows_operation(version: int, kind: int) -> bool:
    """Say whether an operation is in force under a version of the ledger, if it is at all."""
    return _since(OPERATIONS_OF, kind) <= version


def knows_motion(version: int, kind: int) -> bool:
    """Say whether a motion may be voted on under a version of the ledger, if it is at all."""
    return _since(MOTIONS_OF, kind) <= version


def knows_parameter(version: int, name: str) -> bool:
    """Say whether a parameter may be set under a version of the ledger, if it is at all."""
    return _since(PARAMETERS_OF, name) <= version
