"""A motion tried on real history: what would have come out differently, had it been in force.

Two ledgers take the same blocks, from genesis on. Before block `first` the motion is enacted on the
second one alone, as if it had been voted for; from there on their outcomes are compared, and in the
end what became of every motion that somebody voted for, withdrew from or enacted. Blocks themselves
are taken as they were: who would have acted otherwise is for people to say.

Neither keeps the state's tree, since nothing is proved by a trial. The blocks come from outside:
each must follow the one before, or it is refused (InvalidBlock); its signatures are not verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from govchaind.base.errors import InvalidBlock, Refused
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.operations.ballots import (
    BALLOTS,
    CARRIED,
    ENACTED,
    KIND,
    motion_digest,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.outcomes import OUTCOMES, Code, Outcome
from govchaind.ledger.shapes import shaped
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import motion_key
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.versions import KNOWN_VERSION
from govchaind.ledger.working_state import Act, WorkingState

ANY_VERSION = 65535
MOTIONS_COMPARED_MAX = 100_000  # those that votes of the stretch name; 32 bytes each are kept
_STATE = State()


class Scratch(Protocol):
    """A store for one ledger, thrown away afterwards."""

    def reader(self) -> KeyValueReader:
        """Return a view of everything kept so far."""

    def keep(self, batch: WriteBatch) -> None:
        """Make a batch part of what is read."""


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """A transaction whose outcome would have been another."""

    height: Height
    time: BlockTime
    transaction: Transaction
    was: Outcome
    would: Outcome


@dataclass(frozen=True, slots=True)
class MotionStand:
    """What became of a motion."""

    ballots: int
    carried: BlockTime | None
    enacted: Height | None


@dataclass(frozen=True, slots=True)
class MotionChange:
    """A motion of which something else would have become; None: nobody's vote for it counted."""

    digest: Hash
    kind: int
    arguments: list[Any]
    was: MotionStand | None
    would: MotionStand | None


class Trial:
    """Takes the blocks of a chain in order, and compares them from one height on.

    Args:
        first: the first block that is judged with the motion in force; 1 or more.
    """

    def __init__(
        self,
        genesis: Genesis,
        kind: int,
        arguments: list[Any],
        first: Height,
        *,
        real: Scratch,
        tried: Scratch,
    ) -> None:
        self._genesis, self._first = genesis, first
        self._motion, self._arguments = MOTIONS[kind], shaped(arguments, MOTIONS[kind].shape)
        self._real_store, self._tried_store = real, tried
        batch = WriteBatch()
        Ledger.write_genesis(genesis, batch)
        for store in (real, tried):
            store.keep(batch)
        self._real = self._ledger(real, KNOWN_VERSION)
        self._tried: Ledger | None = None
        self._touched: dict[Hash, None] = {}
        self.transactions = 0  # that were compared

    def _ledger(self, store: Scratch, known_version: int) -> Ledger:
        return Ledger(self._genesis, store.reader(), known_version=known_version, keeps_tree=False)

    @property
    def height(self) -> Height:
        """The newest block that was taken."""
        return self._real.height

    def take(self, block: Block) -> list[OutcomeChange]:
        """Take the next block; return the outcomes that would have been others.

        Raises:
            InvalidBlock: it does not follow the one before.
            Refused: the motion itself would have been refused before the first block.
        """
        real = self._real
        if (block.chain_id, block.height, block.previous) != (
            real.chain_id,
            real.height + 1,
            real.last_hash,
        ) or block.time <= real.time:
            raise InvalidBlock(f"block {block.height} does not follow block {real.height}")
        if block.height >= self._first and self._tried is None:
            self._tried = self._enact()
        batch = WriteBatch()
        was = real.apply(block, self._real_store.reader(), batch).outcomes
        self._real_store.keep(batch)
        if self._tried is None:
            self._tried_store.keep(batch)
            return []
        batch = WriteBatch()
        would = self._tried.apply(block, self._tried_store.reader(), batch).outcomes
        self._tried_store.keep(batch)
        self._touch(block)
        self.transactions += len(was)
        return [
            OutcomeChange(block.height, block.time, transaction, before, after)
            for transaction, before, after in zip(block.transactions, was, would, strict=True)
            if before != after
        ]

    def motions(self) -> list[MotionChange]:
        """Return the motions of which something else would have become, in order of digests."""
        found = []
        for digest in sorted(self._touched):
            records = [
                WorkingState(_STATE, store.reader(), {}, keeps_cache=False).decoded(
                    motion_key(digest)
                )
                for store in (self._real_store, self._tried_store)
            ]
            was, would = (_stand(record) for record in records)
            known = records[0] or records[1]
            if _fate(was) != _fate(would) and known is not None:
                found.append(MotionChange(digest, known[KIND], known[1], was, would))
        return found

    def _enact(self) -> Ledger:
        """Enact the motion on the second ledger, between two blocks."""
        store, height = self._tried_store, self._first - 1
        state = WorkingState(_STATE, store.reader(), {}, keeps_cache=False)
        code = self._motion.enact(
            self._arguments, Act("", "", height, self._real.time, self._real.chain_id), state
        )
        if code != Code.APPLIED:
            text = OUTCOMES[code]
            raise Refused(
                f"before block {self._first} the motion would have been refused: "
                f"{text.text[:1].lower()}{text.text[1:].rstrip('.')}",
                code=text.name,
                remedy=f"Begin at a later block. {text.remedy}",
            )
        state.keep()
        batch = WriteBatch()
        _STATE.write(store.reader(), batch, height, state.changes)
        store.keep(batch)
        return self._ledger(store, ANY_VERSION)

    def _touch(self, block: Block) -> None:
        """Remember the motions that a block's operations name."""
        for transaction in block.transactions:
            for kind, items in transaction.operations:
                if len(self._touched) >= MOTIONS_COMPARED_MAX:
                    return
                digest = _named(kind, items)
                if digest is not None:
                    self._touched[digest] = None


def _named(kind: int, items: list[Any]) -> Hash | None:
    """Return the motion that an operation names; arguments may be of any shape."""
    if kind in (Kind.WITHDRAW, Kind.ENACT) and len(items) == 1:
        return items[0] if type(items[0]) is bytes and len(items[0]) == 32 else None
    if kind == Kind.VOTE and len(items) == 3:
        round_number, motion, arguments = items
        if type(round_number) is int and type(motion) is int and type(arguments) is list:
            return motion_digest(round_number, motion, arguments)
    return None


def _fate(stand: MotionStand | None) -> tuple[Height | None, BlockTime | None]:
    """Return what matters of a stand: how many voted beyond what was asked does not."""
    if stand is None or stand.enacted is not None:
        return (None if stand is None else stand.enacted), None
    return None, stand.carried


def _stand(record: list[Any] | None) -> MotionStand | None:
    if record is None:
        return None
    return MotionStand(record[BALLOTS], record[CARRIED], record[ENACTED])
