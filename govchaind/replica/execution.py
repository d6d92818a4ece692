"""Committed blocks: applied to the ledger, signed, and told once all of it is durable.

Rules it keeps: the applied height, the state and the own attestation change in one write; outcomes
are told when the block is committed and applied, since a majority holds it and every node comes to
the same ones; everything else of a height, when that write is durable; a certificate when its row
is. A committed configuration block that the state before it does not order stops the node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidProof, StateDiverged
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.types import Hash, Height, Seconds
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block
from govchaind.ledger.membership import Membership, next_steps
from govchaind.ledger.state_tree import StateTree
from govchaind.raft.messages import HardState
from govchaind.replica.attestation import Attestations
from govchaind.replica.events import Certified, Committed, Decided, MembersChanged, Notice
from govchaind.replica.pool import Pool
from govchaind.replica.recovering import carried_out_wrongly
from govchaind.replica.store import APPLIED

BLOCK_COST = 10  # of a block besides its operations, in operations


class Pending:
    """What gathers for the next write, and what may be told and sent once it is durable."""

    __slots__ = ("attested", "batch", "certified", "hard_state", "notices", "raft_ticket")

    def __init__(self) -> None:
        self.batch = WriteBatch()
        self.notices: list[Notice] = []
        self.raft_ticket = 0  # the newest of Raft's that this write completes
        self.attested: Height = 0  # results, and own attestations, up to here become durable
        self.certified: Height = 0  # certificates up to here become durable
        self.hard_state: HardState | None = None


class Executor:
    """Applies blocks in order."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        attestations: Attestations,
        pool: Pool,
        reader: KeyValueReader,
        membership_before: Callable[[Height], Membership],
    ) -> None:
        self.ledger = ledger
        self._before = membership_before
        self._attestations = attestations
        self._pool = pool
        self.decided: list[Notice] = []  # what may be told at once; the replica takes it out
        self.checkpoint: Height = ledger.last_checkpoint
        self.state_root: Hash = StateTree().root(reader, ledger.last_checkpoint)
        self._look(reader)

    def _look(self, reader: KeyValueReader) -> None:
        """Read which members state wants, and since which height."""
        self.wanted, self.ordered_at = self.ledger.wanted_members(reader)

    def apply(self, block: Block, reader: KeyValueReader, pending: Pending, now: Seconds) -> int:
        """Apply the next block; its results, and what is told of it, go into `pending`.

        Return what that cost, in operations: its own, and some for the block itself.

        Raises StateDiverged: a majority took a configuration that state does not order.
        """
        self._check_ordered(block)
        try:
            applied = self.ledger.apply(block, reader, pending.batch)
        except InvalidProof as error:
            raise carried_out_wrongly(error) from error
        height = applied.height
        pending.batch.put(APPLIED, encode(height))
        waited: Seconds | None = None
        told = []
        for transaction, outcome in zip(block.transactions, applied.outcomes, strict=True):
            since = self._pool.remove(transaction.identity)
            if since is not None:
                waited = now - since if waited is None else max(waited, now - since)
            told.append((transaction.id, outcome.code, outcome.operation))
        pending.notices.append(Committed(height, block.time, block.hash, told))
        self.decided.append(Decided(height, told, waited))
        if applied.state_root is not None:
            self.checkpoint, self.state_root = height, applied.state_root
        if applied.membership_changed:
            self._look(reader)
            pending.notices.append(MembersChanged(height))
        certified = self._attestations.applied(height, applied.statement, pending.batch, now)
        pending.attested = height
        self.tell_certified(certified, pending, now)
        return block.operations + BLOCK_COST

    def _check_ordered(self, block: Block) -> None:
        if block.membership is None or block.recovery is not None:
            return
        steps = next_steps(self._before(block.height), self.wanted, self.ordered_at)
        if block.membership not in steps:
            raise StateDiverged(
                f"the configuration that block {block.height} brings is not what state orders"
            )

    def tell_certified(self, heights: Sequence[Height], pending: Pending, now: Seconds) -> None:
        """Tell of newly certified heights with the write that stores their certificates."""
        waited: Seconds | None = None
        for height in heights:
            applied_at = self._attestations.applied_at(height)
            if applied_at is not None:
                waited = now - applied_at if waited is None else max(waited, now - applied_at)
        if heights:
            pending.certified = heights[-1]
            pending.notices.append(Certified(heights[-1], waited))
