"""What provokes the outcomes of suspensions, parameters, upgrades and returns, for
`test_outcomes.py`."""

from __future__ import annotations

from typing import Any

from govchaind.base.limits import STANDINGS_MAX
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.standings import SuspendInstitution, suspend_institution
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import NETWORK, standing_key
from govchaind.ledger.working_state import Act, WorkingState
from tests.ledger.chain import START, Chain
from tests.ledger.decided import DAY, adopted, majority_for, mandate

SUSPEND: list[Any] = ["registry", "silence", None]
REMOVE: list[Any] = ["registry", "merger", bytes(32)]


def suspended() -> Chain:
    """Return a chain on which the registry is suspended: three of four count."""
    chain = Chain()
    assert majority_for(MotionKind.SUSPEND_INSTITUTION, *SUSPEND, chain=chain) == 0
    return chain


def removed() -> Chain:
    """Return a chain on which the registry and its node are removed."""
    chain = suspended()
    for motion, arguments in (
        (MotionKind.REMOVE_NODE, ["node-d"]),
        (MotionKind.REMOVE_INSTITUTION, REMOVE),
    ):
        assert chain.vote(motion, arguments, "bank", "court") == [0, 0]
    return chain


def institution_suspended() -> int:
    return suspended().do(Kind.RETIRE, "nothing", b"1")


def institution_removed() -> int:
    return removed().do(Kind.RETIRE, "nothing", b"1")


def not_suspended() -> int:
    return majority_for(MotionKind.RESTORE_INSTITUTION, "registry")


def institution_has_nodes() -> int:
    return suspended().vote(MotionKind.REMOVE_INSTITUTION, REMOVE, "bank", "court")[1]


def suspend_with(institutions: int, aside: list[str]) -> int:
    """Suspend the registry where so many institutions are, and these of them set aside."""
    chain = Chain()
    working = WorkingState(State(), chain.store, {})
    working.put_value(NETWORK, [institutions, 4, 3, 0])
    working.put_value(standing_key(""), aside)
    act = Act("bank", "head", 9, chain.ledger.time, chain.genesis.chain_id)
    return suspend_institution(SuspendInstitution("registry", "silence", None), act, working)


def last_institution() -> int:
    return suspend_with(4, ["bank", "court", "ministry"])


def too_many_suspended() -> int:
    return suspend_with(1000, [f"no-{number:03}" for number in range(STANDINGS_MAX)])


def unknown_parameter() -> int:
    return majority_for(MotionKind.SET_PARAMETER, "luck", 7)


def parameter_out_of_bounds() -> int:
    return majority_for(MotionKind.SET_PARAMETER, "quiet-days", 6)


def not_ready() -> int:
    return majority_for(MotionKind.ACTIVATE_UPGRADE, 2, 0)


def version_wrong() -> int:
    return majority_for(MotionKind.ACTIVATE_UPGRADE, 3, 0)


def node_of_another() -> int:
    return Chain().do(Kind.DECLARE_READY, "node-a", 2, institution="court")


def mandate_line_in_force() -> int:
    second = mandate("second", START + DAY, predecessor="first")
    chain = adopted(mandate("first"), second)
    arguments = ["first", START + 2 * DAY, None]
    return majority_for(MotionKind.RESTORE_MANDATE, *arguments, chain=chain)
