"""What is left of a node after a disaster: its store, as far as it can speak for the chain.

A store that is older than its node's guard file remembers was set back: it may contradict what the
node has said since, so it is no survivor. Which of several logs is kept is Raft's own rule for who
may lead: the later last term, then the longer log. By it, what a majority once had and any of these
stores still holds is in the log that is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from govchaind.base.errors import Conflict
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Hash, Height, NodeId, StoreId, Term
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import read_result
from govchaind.replica.attestation import last_certified
from govchaind.replica.events import Guard
from govchaind.replica.marker import first_height
from govchaind.replica.store import (
    StoredLog,
    View,
    applied_height,
    behind_guard,
    check_store,
    hard_state,
    last_index,
    stored_store_id,
)


@dataclass(frozen=True, slots=True)
class Survivor:
    """One node's store."""

    name: NodeId
    reader: KeyValueReader
    store: StoreId
    term: Term  # the highest that the node is known to have been in
    last: Height
    last_term: Term
    applied: Height
    certified: Height

    def log(self) -> StoredLog:
        return StoredLog(View(self.reader), lambda _: None)

    def hash_at(self, height: Height, genesis: Genesis) -> Hash:
        """Return the hash of a block of the log; of height 0, the chain id."""
        return self.log().block(height).hash if height else genesis.chain_id


def read_survivor(
    name: NodeId, reader: KeyValueReader, genesis: Genesis, guard: Guard | None
) -> Survivor:
    """Return what a store says.

    Raises:
        Conflict: `no-store`: there is nothing in it; `set-back`: its node has said more since.
        InvalidSetting: it is of another chain or format.
    """
    store = stored_store_id(reader)
    if store is None:
        raise Conflict(
            f"the store of {name} is empty",
            code="no-store",
            remedy="Leave this node out: there is nothing of it that could be kept.",
        )
    check_store(reader, genesis)
    behind = None if guard is None else behind_guard(reader, guard)
    if behind is not None:
        raise Conflict(
            f"the store of {name} was set back: it has {behind}",
            code="set-back",
            remedy="Leave this node out; it comes back later with an empty store.",
        )
    last = last_index(reader)
    term = max(hard_state(reader).term, 0 if guard is None else guard.term)
    last_term = StoredLog(View(reader), lambda _: None).term(last)
    applied, certified = applied_height(reader), last_certified(reader)
    return Survivor(name, reader, store, max(term, last_term), last, last_term, applied, certified)


def kept_by_rule(survivors: Sequence[Survivor], genesis: Genesis) -> Survivor:
    """Return whose log is kept.

    Raises Conflict: `contradiction`: a store has applied what that log does not hold;
        `too-far-behind`: one has applied less than that store still holds.
    """
    best = max(survivors, key=lambda each: (each.last_term, each.last, each.applied, each.name))
    for each in survivors:
        first = first_height(best.reader)
        if first > 1 and each.applied < first:
            raise Conflict(
                f"{each.name} has applied height {each.applied} only, and the store of "
                f"{best.name} that would be kept begins at {first}",
                code="too-far-behind",
                remedy="Leave this node out; it joins again when the others run.",
            )
        agrees = each.applied <= best.last and (
            each.applied == 0
            or read_result(each.reader, each.applied).block_hash
            == best.hash_at(each.applied, genesis)
        )
        if not agrees:
            raise Conflict(
                f"{each.name} has applied height {each.applied}, which is not in the log of "
                f"{best.name} that would be kept",
                code="contradiction",
                remedy="Keep both stores. One of the two was tampered with, or its disk lies: "
                "check both with `govchaind verify`, compare their certificates, and leave out "
                "the one that is wrong.",
            )
    return best


def common_height(one: Survivor, kept: Survivor, genesis: Genesis) -> Height:
    """Return up to which height the log of `one` is the log that is kept."""
    height = min(one.last, kept.last)
    while height and one.hash_at(height, genesis) != kept.hash_at(height, genesis):
        height -= 1
    return height


def highest(survivors: Iterable[Survivor]) -> Survivor:
    """Return the survivor whose certificates reach furthest."""
    return max(survivors, key=lambda each: (each.certified, each.name))
