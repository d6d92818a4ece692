"""The state with which a chain begins: height 0, which is a checkpoint."""

from __future__ import annotations

from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import Hash
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.operations.motions import found_institution, place_node
from govchaind.ledger.state import Checkpoints, State
from govchaind.ledger.state_keys import NETWORK, VERSION
from govchaind.ledger.versions import FIRST_VERSION
from govchaind.ledger.working_state import WorkingState


def write_genesis_state(genesis: Genesis, batch: WriteBatch) -> Hash:
    """Write the state of height 0 for an empty store; return its root."""
    nothing = MemoryReader()
    state = State()
    working = WorkingState(state, nothing, {})
    for institution in genesis.institutions:
        found_institution(institution, 0, working)
    for node in genesis.nodes:
        place_node(node, working)
    validators = sum(1 for node in genesis.nodes if node.role == "validator")
    working.put_value(NETWORK, [len(genesis.institutions), len(genesis.nodes), validators, 0])
    if genesis.ledger_version > FIRST_VERSION:
        working.put_value(VERSION, [genesis.ledger_version, 0])
    working.keep()
    state.write(nothing, batch, 0, working.changes)
    checkpoints = Checkpoints(nothing)
    checkpoints.add(batch, 0, working.changes)
    return checkpoints.fold(nothing, batch, 0, genesis.time)
