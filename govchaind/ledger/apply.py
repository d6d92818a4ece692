"""The ledger: block and state in; outcomes, changes and a new state root out.

Rules it keeps:
- Everything an outcome depends on is in the block or in the authenticated state.
- A transaction's operations all happen or none. A refused one leaves its outcome and, where its id
  is consumed, the memory of that id; nothing else.
- An exception inside an operation is the outcome `internal-error`; memory and storage errors and
  broken invariants are not, they stop the node.
- A height is a checkpoint when `state.due` says so, which looks at nothing but the chain.

It leaves out whether a block may enter the log (`block.check_block` and Raft) and whether its
signatures verify (checked before that); it trusts that both were done. Time is the block's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from govchaind.base.encoding import decode
from govchaind.base.errors import (
    Fatal,
    InvalidEncoding,
    InvalidProof,
    StorageCorrupt,
    UpgradeNeeded,
    invariant,
)
from govchaind.base.keyspace import Table, height_key, named_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import LIVE_IDS_PER_INSTITUTION_MAX, RANGE_ITEMS_MAX
from govchaind.base.merkle import SUITE_1
from govchaind.base.merkle import root as merkle_root
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.admission import admission
from govchaind.ledger.block import Block
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.genesis_state import write_genesis_state
from govchaind.ledger.last_act import note_act
from govchaind.ledger.live_ids import LiveIds
from govchaind.ledger.membership import Member, member_of
from govchaind.ledger.operations.motions import ORDERED_AT
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import APPLIED, OUTCOMES, Code, Outcome
from govchaind.ledger.recovered_state import carry_out, judge_recovery
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.results import (
    append_result,
    load_frontier,
    newest_result,
    outcome_leaf,
    result_leaf,
    result_row,
    transaction_row,
)
from govchaind.ledger.shapes import shaped
from govchaind.ledger.state import Checkpoints, State
from govchaind.ledger.state_keys import NETWORK, NODE, VERSION, live_key
from govchaind.ledger.statement import Statement
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.versions import FIRST_VERSION, KNOWN_VERSION, knows_operation
from govchaind.ledger.working_state import Act, WorkingState

UNUSED_IDS_MAX = 100_000  # remembered between check and apply; several pools full


@dataclass(slots=True)
class Applied:
    """What came of one block."""

    height: Height
    block_hash: Hash
    outcomes: list[Outcome]  # one for each transaction, in order
    outcomes_root: Hash
    state_root: Hash | None  # at checkpoints
    statement: bytes  # what a validator signs
    membership_changed: bool  # which members are wanted has changed
    changes: int


class _Taken:
    """The ids that one block has consumed so far."""

    __slots__ = ("counts", "ids", "latest", "order")

    def __init__(self) -> None:
        self.ids: set[Hash] = set()
        self.order: list[Hash] = []
        self.counts: dict[str, int] = {}
        self.latest: BlockTime = 0

    def add(self, transaction: Transaction) -> None:
        self.ids.add(transaction.id)
        self.order.append(transaction.id)
        name = transaction.institution
        self.counts[name] = self.counts.get(name, 0) + 1
        self.latest = max(self.latest, transaction.valid_until)


class Ledger:
    """The state machine of one chain, at the newest height that `reader` holds."""

    def __init__(
        self,
        genesis: Genesis,
        reader: KeyValueReader,
        *,
        operations: Mapping[int, Operation] = OPERATIONS,
        live_ids_max: int = LIVE_IDS_PER_INSTITUTION_MAX,
        known_version: int = KNOWN_VERSION,
        keeps_tree: bool = True,
    ) -> None:
        """`keeps_tree`: whether checkpoints are made, with roots; what is only tried has none."""
        self._keeps_tree = keeps_tree
        self.chain_id: Hash = genesis.chain_id
        self._operations = operations
        self._state = State()
        self._checkpoints = Checkpoints(reader)
        if self._checkpoints.last_height < 0:
            raise StorageCorrupt("the store holds no genesis state")
        self._live = LiveIds(reader, self._state, per_institution_max=live_ids_max)
        self._cache: dict[bytes, Any] = {}
        self._unused: set[Hash] = set()  # ids checked at the newest height, not consumed since
        newest = newest_result(reader)
        self.height: Height = 0 if newest is None else newest.height
        self.time: BlockTime = genesis.time if newest is None else newest.time
        self.last_hash: Hash = genesis.chain_id if newest is None else newest.block_hash
        self._heights = load_frontier(reader, self.height)
        self._known_version = known_version
        self._version = self._checked_version(self._state.get(reader, VERSION))

    @staticmethod
    def write_genesis(genesis: Genesis, batch: WriteBatch) -> Hash:
        """Write height 0 for an empty store; return the state root."""
        return write_genesis_state(genesis, batch)

    @property
    def pending_changes(self) -> int:
        """How many state keys have changed since the last checkpoint."""
        return len(self._checkpoints.pending)

    @property
    def last_checkpoint_time(self) -> BlockTime:
        return self._checkpoints.last_time

    @property
    def last_checkpoint(self) -> Height:
        return self._checkpoints.last_height

    @property
    def log_root(self) -> Hash:
        """The root of the tree of all applied heights."""
        return self._heights.root()

    def apply(self, block: Block, reader: KeyValueReader, batch: WriteBatch) -> Applied:
        """Apply the next block; write everything it changes into `batch`.

        `reader` must see every earlier write, also those not yet durable.

        Raises InvalidProof, and changes nothing: too few institutions have signed a recovery.
        """
        invariant(block.chain_id == self.chain_id, "a block of another chain reached the ledger")
        invariant(block.height == self.height + 1, f"block {block.height} after {self.height}")
        invariant(block.previous == self.last_hash, f"block {block.height} does not follow")
        invariant(block.time > self.time, f"block {block.height} is not later than the last")
        working = WorkingState(self._state, reader, self._cache)
        for lapsed in self._live.lapse(reader, batch, block.time):
            working.changes[lapsed] = None
        taken = _Taken()

        unused = self._unused

        def id_is_used(wanted: Hash) -> bool:
            if wanted in taken.ids:
                return True
            return wanted not in unused and _is_used(reader, wanted)

        outcomes: list[Outcome] = []
        for position, transaction in enumerate(block.transactions):
            outcome = self._transaction(transaction, block, working, id_is_used)
            if not outcome.code or OUTCOMES[outcome.code].consumes_id:
                taken.add(transaction)
                unused.discard(transaction.id)
                self._live.remember(transaction.institution)
                row = transaction_row(block.height, position)
                batch.put(named_key(Table.TRANSACTION, transaction.id), row)
            outcomes.append(outcome)
        if block.recovery is not None:
            signed = judge_recovery(block.recovery, working)
            carry_out(block.recovery, signed, block.height, working)
            working.keep()
        if taken.order:
            working.changes[live_key(block.height)] = self._live.record(
                batch, block.height, taken.order, taken.counts, taken.latest
            )
        if VERSION in working.changes:  # it holds behind this block, if this software knows it
            version = self._checked_version(working.changes[VERSION])
            applied = self._finish(block, reader, batch, working, outcomes)
            self._version = version
            return applied
        return self._finish(block, reader, batch, working, outcomes)

    def _checked_version(self, value: bytes | None) -> int:
        """Return the version in this value of the state. Raises UpgradeNeeded: not known here."""
        version: int = FIRST_VERSION if value is None else decode(value, bytes_max=len(value))[0]
        if version > self._known_version:
            raise UpgradeNeeded(
                f"the ledger has version {version} from here on; this software knows it up to "
                f"version {self._known_version}"
            )
        return version

    def _knows(self, kind: int) -> bool:
        """Say whether an operation exists, here and under the version in force."""
        return kind in self._operations and knows_operation(self._version, kind)

    def _finish(
        self,
        block: Block,
        reader: KeyValueReader,
        batch: WriteBatch,
        working: WorkingState,
        outcomes: list[Outcome],
    ) -> Applied:
        """Write state, checkpoint, results and indexes; move the head."""
        leaves = [
            outcome_leaf(transaction.id, transaction.identity, outcome)
            for transaction, outcome in zip(block.transactions, outcomes, strict=True)
        ]
        height, block_hash, changes = block.height, block.hash, working.changes
        self._state.write(reader, batch, height, changes, stored=working.stored)
        state_root: Hash | None = None
        if self._keeps_tree:
            self._checkpoints.add(batch, height, changes)
            if self._checkpoints.is_due(block.time):
                state_root = self._checkpoints.fold(reader, batch, height, block.time)
        outcomes_root = merkle_root([SUITE_1.leaf(leaf) for leaf in leaves])
        row = result_row(block_hash, outcomes_root, state_root, leaves, block.time)
        batch.put(height_key(Table.RESULT, height), row)
        batch.put(named_key(Table.BLOCK_HASH, block_hash), height.to_bytes(8, "big"))
        leaf = result_leaf(height, block_hash, outcomes_root, state_root)
        log_root = append_result(batch, self._heights, leaf)
        statement = Statement(
            self.chain_id, height, block_hash, outcomes_root, state_root, log_root
        )
        self.height, self.time, self.last_hash = height, block.time, block_hash
        return Applied(
            height,
            block_hash,
            outcomes,
            outcomes_root,
            state_root,
            statement.encode(),
            NETWORK in changes and self._ordered_at(changes[NETWORK]) == height,
            len(changes),
        )

    def _transaction(
        self,
        transaction: Transaction,
        block: Block,
        working: WorkingState,
        id_is_used: Callable[[Hash], bool],
    ) -> Outcome:
        code = admission(
            transaction,
            chain_id=self.chain_id,
            time=block.time,
            state=working,
            id_is_used=id_is_used,
            has_room=self._live.has_room,
        )
        if code:
            return Outcome(int(code))
        author = transaction.institution, transaction.office
        act = Act(*author, block.height, block.time, self.chain_id)
        for place, (kind, arguments) in enumerate(transaction.operations):
            code = self._operation(kind, arguments, act, working)
            if code:
                working.drop()
                return Outcome(int(code), place)
        note_act(act, working)
        working.keep()
        return APPLIED

    def _operation(self, kind: int, arguments: list[Any], act: Act, working: WorkingState) -> int:
        if not self._knows(kind):
            return Code.UNKNOWN_OPERATION
        operation = self._operations[kind]
        try:
            wanted = shaped(arguments, operation.shape)
        except InvalidEncoding:
            return Code.MALFORMED_OPERATION
        try:
            return operation.apply(wanted, act, working)
        except (Fatal, MemoryError):
            raise
        except Exception:  # protocol-rules.md, "A bad block": the same outcome on every node
            return Code.INTERNAL_ERROR

    def check(
        self,
        transaction: Transaction,
        reader: KeyValueReader,
        now_ms: BlockTime,
        *,
        newest: bool = False,
    ) -> int:
        """Return the outcome code that the transaction would get now, as far as is cheap to say.

        Advice for the pool and the API, not truth: operations are not tried. `newest` says that
        `reader` holds this ledger's own height: then what is found is remembered for `apply`.
        """
        unused = self._unused

        def id_is_used(wanted: Hash) -> bool:
            if newest and wanted in unused:
                return False
            used = _is_used(reader, wanted)
            if newest and not used:
                if len(unused) >= UNUSED_IDS_MAX:
                    unused.clear()
                unused.add(wanted)
            return used

        code = admission(
            transaction,
            chain_id=self.chain_id,
            time=max(now_ms, self.time),
            state=WorkingState(self._state, reader, self._cache, keeps_cache=newest),
            id_is_used=id_is_used,
            has_room=self._live.has_room,
        )
        if code == Code.APPLIED and not all(
            self._knows(kind) for kind, _ in transaction.operations
        ):
            return Code.UNKNOWN_OPERATION
        return code

    def check_recovery(self, recovery: Recovery, reader: KeyValueReader) -> None:
        """Raise InvalidProof unless the state of the newest height carries a record's signatures.

        The newest height is the one that the record keeps.
        """
        if recovery.body.kept != self.height or recovery.body.kept_hash != self.last_hash:
            raise InvalidProof("the recovery keeps another block than the newest one")
        state = WorkingState(self._state, reader, {}, keeps_cache=False)
        judge_recovery(recovery, state)

    def wanted_members(self, reader: KeyValueReader) -> tuple[list[Member], Height]:
        """Return the members that state wants, observers too, and the height that ordered them."""
        members: list[Member] = []
        after: bytes | None = None
        while page := self._state.scan(reader, NODE, limit=RANGE_ITEMS_MAX, after=after):
            for _, value, _ in page:
                fields = decode(value, bytes_max=len(value))
                members.append(member_of((*fields[:6], tuple(fields[6]), fields[7])))
            after = page[-1][0]
        return members, self._ordered_at(self._state.get(reader, NETWORK))

    @staticmethod
    def _ordered_at(network: bytes | None) -> Height:
        if network is None:
            raise StorageCorrupt("the state has no record of the network")
        height: Height = decode(network, bytes_max=len(network))[ORDERED_AT]
        return height


def _is_used(reader: KeyValueReader, transaction_id: Hash) -> bool:
    return reader.get(named_key(Table.TRANSACTION, transaction_id)) is not None
