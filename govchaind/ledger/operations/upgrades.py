"""Versions of the ledger: nodes declare what they are ready for, a vote makes all change at once.

    28 declare ready     [node, version]      by the governing office of the node's institution
    14 activate upgrade  [version, ready]     by vote

A version is activated one after the other, at the height that enacts the motion, if so many wanted
validators are ready for it: at least a certificate quorum of them, and `ready` if that is more.
The height itself is judged by the old version, those behind it by the new one. To declare the
version in force takes a declaration back.

A node that does not know the version which a block activates stops before it applies, signs or
stores that block (UpgradeNeeded); with the newer software it goes on from there. What each
version knows is in `ledger/versions.py`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import NodeId
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Count, Name, Shape
from govchaind.ledger.state_keys import NODE, VERSION, node_key, ready_key
from govchaind.ledger.versions import version_of
from govchaind.ledger.working_state import Act, WorkingState

Version = Annotated[int, Meta(ge=1, le=65535)]
_INSTITUTION, _ROLE = 1, 2  # places in a node's value


class DeclareReady(Shape):
    """Arguments of `declare-ready`."""

    node: Name
    version: Version


class ActivateUpgrade(Shape):
    """Arguments of `activate-upgrade`."""

    version: Version
    ready: Count


def declare_ready(arguments: DeclareReady, act: Act, state: WorkingState) -> int:
    """Say that a node's software knows a version."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    node = state.decoded(node_key(arguments.node))
    if node is None:
        return Code.UNKNOWN_NODE
    if node[_INSTITUTION] != act.institution:
        return Code.NODE_OF_ANOTHER
    if arguments.version < version_of(state):
        return Code.VERSION_WRONG
    key = ready_key(arguments.node)
    before = state.decoded(key)
    if before is not None and before[0] == arguments.version:
        return Code.NOTHING_CHANGES
    state.put_value(key, [arguments.version, act.height])
    return Code.APPLIED


def forget_readiness(node: NodeId, state: WorkingState) -> None:
    """Forget what was declared for a node: another one takes its name, or none."""
    if state.get(ready_key(node)) is not None:
        state.delete(ready_key(node))


def readiness(version: int, state: WorkingState) -> tuple[int, int]:
    """Return how many wanted validators are ready for a version, and how many there are."""
    ready = validators = 0
    for key, node in state.scan(NODE):
        if node[_ROLE] == "validator":
            validators += 1
            declared = state.decoded(ready_key(key[1:].decode()))
            ready += declared is not None and declared[0] >= version
    return ready, validators


def activate_upgrade(arguments: ActivateUpgrade, act: Act, state: WorkingState) -> int:
    """Bring the next version into force."""
    if arguments.version != version_of(state) + 1:
        return Code.VERSION_WRONG
    ready, validators = readiness(arguments.version, state)
    if ready < max(certificate_quorum(validators), arguments.ready):
        return Code.NOT_READY
    state.put_value(VERSION, [arguments.version, act.height])
    return Code.APPLIED


MOTIONS = (
    Motion(MotionKind.ACTIVATE_UPGRADE, "activate-upgrade", ActivateUpgrade, activate_upgrade),
)
OPERATIONS = (
    Operation(
        int(Kind.DECLARE_READY),
        "declare-ready",
        "institutions",
        COST_MICROSECONDS[Kind.DECLARE_READY],
        DeclareReady,
        declare_ready,
    ),
)
