"""What a snapshot is besides the state: the height, and why to believe it.

    head = [certificate, block, RESULT row, [hash …]]    hashes: right edge of the tree of heights
    step = a trust advance of one step, a change of membership, without a consistency proof

Rules it keeps:
- Nothing is believed but genesis and what follows from it: each step is certified by a quorum of
  the membership before it and by one of its own; the head by the membership that they lead to.
- The certificate binds the block, its outcomes, the state root and the root of the tree of heights,
  so every part of a head is compared with it.
- The height is a checkpoint: what has changed since is nothing, so the state's root binds all that
  the next block is carried out on.

`head_rows` are what a store that begins there holds besides the state; META `steps` keeps the steps
up to there, for the next one who joins from this store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta

from govchaind.base.encoding import encode, read
from govchaind.base.errors import InvalidProof, NotFound
from govchaind.base.keyspace import Table, height_key, named_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import FRAME_BYTES_MAX
from govchaind.base.merkle import PATH_LENGTH_MAX, SUITE_1, Frontier
from govchaind.base.merkle import root as merkle_root
from govchaind.base.types import Hash, Height
from govchaind.ledger.beginning import put_beginning
from govchaind.ledger.block import Block, read_block
from govchaind.ledger.certificate import Certificate, check_certificate, read_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Membership
from govchaind.ledger.outcomes import OUTCOMES, Outcome
from govchaind.ledger.results import (
    Result,
    load_frontier,
    outcome_leaf,
    read_result_row,
    subtree_key,
    transaction_row,
)
from govchaind.ledger.shapes import Bytes32, Shape, read_shape
from govchaind.ledger.tree_record import WINDOW_KEY, CheckpointRecord
from govchaind.ledger.trust import (
    ConfigurationBlock,
    TrustRoot,
    TrustStep,
    encode_advance,
    read_advance,
)

STEPS = named_key(Table.META, b"steps")
BEFORE_CHANGE = "before-change"  # who gives such a snapshot may be honest: others know more
STEPS_BYTES_MAX = 64 * 1024 * 1024  # all steps of a chain, as one row


class _HeadShape(Shape):
    certificate: bytes
    block: bytes
    result: bytes
    edge: Annotated[list[Bytes32], Meta(max_length=PATH_LENGTH_MAX)]


@dataclass(frozen=True, slots=True)
class Step:
    """A change of membership that holds; `recovery`: the record of one that institutions made."""

    height: Height
    membership: Membership
    recovery: bytes | None
    raw: bytes


class Standing:
    """The memberships that lead from genesis to a height, each believed for the one before."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.steps: list[Step] = []
        self._trust = TrustRoot.from_genesis(genesis)

    @property
    def era(self) -> Height:
        """The height of the newest change of membership that is known here."""
        return self._trust.era

    @property
    def membership(self) -> Membership:
        return self._trust.membership

    def take(self, raw: bytes) -> None:
        """Judge the next change of membership. Raises InvalidEncoding, InvalidProof."""
        steps = read_advance(raw)
        if len(steps) != 1 or steps[0].membership is None:
            raise InvalidProof("a step is one change of membership")
        [step] = steps
        # what lies between two changes is covered by the head's own tree of heights
        bare = replace(self._trust, head_height=0, log_root=SUITE_1.empty())
        self._trust = bare.advance(steps)
        membership = self._trust.membership
        self.steps.append(Step(step.certificate.height, membership, step.recovery, raw))


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """A certified checkpoint and what belongs to it; judged by `judge_head`."""

    raw: bytes
    certificate: Certificate
    block: Block
    result: Result
    result_row: bytes
    edge: tuple[Hash, ...]
    state_root: Hash

    @property
    def height(self) -> Height:
        return self.block.height


def judge_head(raw: bytes, standing: Standing) -> SnapshotHead:
    """Return the head that `raw` holds, all of which is certified.

    Raises:
        InvalidEncoding: not the shape of a head.
        InvalidProof: it is not certified by the membership that `standing` has come to.
        InvalidBlock: the block's parts contradict its header.
    """
    shape = read_shape(raw, _HeadShape, bytes_max=FRAME_BYTES_MAX)
    certificate, block = read_certificate(shape.certificate), read_block(shape.block)
    stated = certificate.read
    if stated.chain_id != standing.genesis.chain_id or block.chain_id != stated.chain_id:
        raise InvalidProof("the snapshot belongs to another chain", code="other-chain")
    if stated.state_root is None:
        raise InvalidProof("the snapshot's height is no checkpoint")
    if stated.height <= standing.era:
        raise InvalidProof(
            "the snapshot's height is not above the last change of membership", code=BEFORE_CHANGE
        )
    if certificate.recovery is not None or block.recovery is not None:
        raise InvalidProof("a snapshot is not of a height that a recovery covers")
    membership = standing.membership
    check_certificate(certificate, membership, block.membership or membership)
    if (block.height, block.hash) != (stated.height, stated.block_hash):
        raise InvalidProof("the snapshot's certificate is of another block")
    if block.membership is None and block.membership_digest != membership.digest:
        raise InvalidProof("the snapshot's block names another membership")
    result = read_result_row(shape.result, block.height)
    found = (result.block_hash, result.outcomes_root, result.state_root, result.time)
    if found != (stated.block_hash, stated.outcomes_root, stated.state_root, block.time):
        raise InvalidProof("the snapshot's result is not the certified one")
    leaves = [
        SUITE_1.leaf(outcome_leaf(tx, identity, Outcome(code, operation)))
        for tx, identity, code, operation in result.outcomes
    ]
    if merkle_root(leaves) != stated.outcomes_root:
        raise InvalidProof("the snapshot's outcomes are not the certified ones")
    edge = tuple(shape.edge)
    if Frontier(block.height, edge).root() != stated.log_root:
        raise InvalidProof("the snapshot's tree of heights is not the certified one")
    state_root = stated.state_root
    return SnapshotHead(raw, certificate, block, result, shape.result, edge, state_root)


def make_head(
    reader: KeyValueReader, height: Height, block: bytes, certificate: Certificate
) -> bytes:
    """Return the head of a certified checkpoint that the store holds. Raises NotFound."""
    row = reader.get(height_key(Table.RESULT, height))
    if row is None or certificate.read.state_root is None:
        raise NotFound(f"height {height} is no checkpoint that is held here")
    edge = load_frontier(reader, height).subtrees
    return encode([certificate.encode(), block, row, edge])


def encode_step(block: ConfigurationBlock) -> bytes:
    """Return the step that a configuration block is."""
    changed = block.header, block.membership, block.recovery
    return encode_advance([TrustStep(block.certificate.without_recovery(), (), *changed)])


def step_height(raw: bytes) -> Height:
    """Return the height of a step's block."""
    return read_advance(raw)[0].certificate.height


def stored_steps(reader: KeyValueReader) -> list[bytes]:
    """Return the steps below the beginning of a store that began with a snapshot."""
    data = reader.get(STEPS)
    return [] if data is None else read(data, list[bytes], bytes_max=STEPS_BYTES_MAX)


def head_rows(head: SnapshotHead, standing: Standing, entries: int, top: bytes) -> WriteBatch:
    """Return the rows, besides the state, of a store that begins at a snapshot.

    Args:
        entries: how many entries the state has.
        top: the record at the root of the state's tree.
    """
    height, block, batch = head.height, head.block, WriteBatch()
    genesis = standing.genesis.membership()
    batch.put(height_key(Table.MEMBERSHIP, 0), genesis.encode())
    for step in standing.steps:
        row = step.membership.encode()
        if step.recovery is not None:
            row = encode([row, step.recovery])
        batch.put(height_key(Table.MEMBERSHIP, step.height), row)
    if block.membership is not None:
        batch.put(height_key(Table.MEMBERSHIP, height), block.membership.encode())
    batch.put(STEPS, encode([step.raw for step in standing.steps]))
    batch.put(height_key(Table.LOG, height), encode([block.term, block.raw]))
    batch.put(height_key(Table.CERTIFICATE, height), head.certificate.encode())
    batch.put(height_key(Table.RESULT, height), head.result_row)
    batch.put(named_key(Table.BLOCK_HASH, block.hash), height.to_bytes(8, "big"))
    for position, (transaction, _, code, _) in enumerate(head.result.outcomes):
        if not code or OUTCOMES[code].consumes_id:
            row = transaction_row(height, position)
            batch.put(named_key(Table.TRANSACTION, transaction), row)
    _put_edge(batch, height, head.edge)
    record = CheckpointRecord(head.state_root, entries, block.time, 0, top)
    batch.put(height_key(Table.CHECKPOINT, height), record.encode())
    batch.put(WINDOW_KEY, encode([height]))
    put_beginning(batch, height)
    return batch


def _put_edge(batch: WriteBatch, size: int, edge: Sequence[Hash]) -> None:
    """Put the complete subtrees at the right edge of the tree of heights, largest first."""
    start, at = 0, 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            batch.put(subtree_key(level, start >> level), edge[at])
            start += 1 << level
            at += 1
