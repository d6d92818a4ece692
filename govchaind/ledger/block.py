"""A block: an ordered list of transactions under a header that links it to the block before.

    header = [1, chain id, height, previous hash, transactions root, term, leader, time,
              membership digest]
    block  = [header bytes, [transaction bytes …], membership bytes or null]
    recovery block = [header bytes, [], membership bytes, record bytes]       see recovery.py

A block is a Raft log entry and its height is the Raft index. The membership digest names the
membership in force *after* the block; a configuration block carries that membership and no
transactions. `read_block` judges what a block says of itself; `check_block` judges it against the
block before and against the bounds that every honest leader keeps. Neither looks at state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidBlock, InvalidEncoding
from govchaind.base.limits import (
    BLOCK_BYTES_MAX,
    BLOCK_COST_MICROSECONDS_MAX,
    BLOCK_OPERATIONS_MAX,
)
from govchaind.base.merkle import SUITE_1, root
from govchaind.base.types import BlockTime, Hash, Height, NodeId, Term
from govchaind.ledger.membership import Membership, read_membership
from govchaind.ledger.operations.costs import least_cost
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.shapes import Bytes32, Name, Shape, read_shape, read_versioned
from govchaind.ledger.transaction import Transaction, read_transaction

VERSION = 1
HEADER_BYTES_MAX = 512
_WITH_RECOVERY = b"\x84"  # an array of four
_Positive = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]


class _HeaderShape(Shape):
    version: int
    chain_id: Bytes32
    height: _Positive
    previous: Bytes32
    transactions_root: Bytes32
    term: _Positive
    leader: Name
    time: _Positive
    membership_digest: Bytes32


class _BlockShape(Shape):
    header: bytes
    transactions: list[bytes]
    membership: bytes | None
    recovery: bytes | None = None


class Header:
    """A block's header as it was read."""

    __slots__ = (
        "chain_id",
        "hash",
        "height",
        "leader",
        "membership_digest",
        "previous",
        "raw",
        "term",
        "time",
        "transactions_root",
    )

    chain_id: Hash
    height: Height
    previous: Hash
    transactions_root: Hash
    term: Term
    leader: NodeId
    time: BlockTime
    membership_digest: Hash
    raw: bytes
    hash: Hash

    def __init__(self, raw: bytes) -> None:
        """Read header bytes strictly. Raises InvalidEncoding."""
        fields = read_versioned(
            raw, _HeaderShape, what="a block", version=VERSION, place=0, bytes_max=HEADER_BYTES_MAX
        )
        self.chain_id = fields.chain_id
        self.height = fields.height
        self.previous = fields.previous
        self.transactions_root = fields.transactions_root
        self.term = fields.term
        self.leader = fields.leader
        self.time = fields.time
        self.membership_digest = fields.membership_digest
        self.raw = raw
        self.hash = digest(Domain.BLOCK, raw)


class Block:
    """One block as it was read or made. Nobody changes one after it was made."""

    __slots__ = (
        "chain_id",
        "cost",
        "hash",
        "header",
        "height",
        "leader",
        "membership",
        "membership_digest",
        "operations",
        "previous",
        "raw",
        "recovery",
        "term",
        "time",
        "transactions",
    )

    def __init__(
        self,
        raw: bytes,
        header: Header,
        transactions: list[Transaction],
        membership: Membership | None,
        recovery: Recovery | None = None,
    ) -> None:
        self.raw = raw
        self.header = header.raw
        self.hash = header.hash
        self.chain_id = header.chain_id
        self.height = header.height
        self.previous = header.previous
        self.term = header.term
        self.leader = header.leader
        self.time = header.time
        self.membership_digest = header.membership_digest
        self.transactions = transactions
        self.membership = membership
        self.recovery = recovery
        self.operations = sum(len(transaction.operations) for transaction in transactions)
        self.cost = sum(transaction.cost for transaction in transactions)

    @property
    def size(self) -> int:
        """Bytes on the wire: what Raft's flow control counts."""
        return len(self.raw)

    @property
    def record(self) -> bytes | None:
        """The bytes of the record of a recovery block."""
        return None if self.recovery is None else self.recovery.encode()

    def __repr__(self) -> str:
        return f"Block({self.height}, {self.hash.hex()[:16]}, {len(self.transactions)})"


def transactions_root(identities: Sequence[Hash]) -> Hash:
    """Return the root over transaction identities, in order."""
    leaf = SUITE_1.leaf
    return root([leaf(identity) for identity in identities])


def _no_transaction_known(_: Hash) -> Transaction | None:
    return None


def read_block(
    raw: bytes, known: Callable[[Hash], Transaction | None] = _no_transaction_known
) -> Block:
    """Return the block that `raw` is; `known` gives transactions already read, by identity.

    Raises:
        InvalidEncoding: not the one form of a block within bounds.
        InvalidBlock: the parts contradict the header.
    """
    parts = _parts(raw)
    raws, membership_bytes = parts.transactions, parts.membership
    header = Header(parts.header)
    if parts.recovery is not None:
        return _read_recovery_block(raw, header, parts)
    transactions: list[Transaction] = []
    for data in raws:
        found = known(digest(Domain.TRANSACTION, data))
        transactions.append(read_transaction(data) if found is None else found)
    if header.transactions_root != transactions_root([item.identity for item in transactions]):
        raise InvalidBlock("the transactions are not those that the header names")
    membership = None
    if membership_bytes is not None:
        membership = read_membership(membership_bytes)
        if transactions:
            raise InvalidBlock("a configuration block has no transactions")
        if digest(Domain.CONFIGURATION, membership_bytes) != header.membership_digest:
            raise InvalidBlock("the membership is not the one that the header names")
    return Block(raw, header, transactions, membership)


def block_parts(raw: bytes) -> tuple[bytes, list[bytes], bytes | None]:
    """Return header bytes, transaction bytes and membership bytes, none of them judged."""
    parts = _parts(raw)
    return parts.header, parts.transactions, parts.membership


def _parts(raw: bytes) -> _BlockShape:
    parts = read_shape(raw, _BlockShape, bytes_max=BLOCK_BYTES_MAX)
    if (parts.recovery is None) == (raw[:1] == _WITH_RECOVERY):
        raise InvalidEncoding("a block has a record of recovery, or no place for one")
    return parts


def _read_recovery_block(raw: bytes, header: Header, parts: _BlockShape) -> Block:
    """Return a recovery block: there is one for each body that institutions sign."""
    recovery = read_recovery(parts.recovery or b"")
    wanted = recovery_block(recovery)
    if (parts.header, parts.transactions) != (wanted.header, []):
        raise InvalidBlock("the header is not the one of the block that the record makes")
    membership = recovery.body.membership
    if parts.membership != membership.encode():
        raise InvalidBlock("the membership is not the one that the record names")
    return Block(raw, header, [], membership, recovery)


def recovery_block(recovery: Recovery) -> Block:
    """Return the block that a record makes: its header follows from the record's body alone."""
    body = recovery.body
    membership = body.membership.encode()
    fields = [VERSION, body.chain_id, body.height, body.kept_hash, recovery.digest, body.term]
    configuration = digest(Domain.CONFIGURATION, membership)
    header = Header(encode([*fields, body.leader, body.time, configuration]))
    raw = encode([header.raw, [], membership, recovery.encode()])
    return Block(raw, header, [], body.membership, recovery)


def make_block(
    *,
    chain_id: Hash,
    height: Height,
    previous: Hash,
    term: Term,
    leader: NodeId,
    time: BlockTime,
    transactions: Sequence[Transaction] = (),
    membership_digest: Hash | None = None,
    membership: Membership | None = None,
) -> Block:
    """Return a new block.

    Args:
        membership: the new membership of a configuration block; its digest goes into the header.
        membership_digest: otherwise, the digest of the membership in force.
    """
    carried = None if membership is None else membership.encode()
    if carried is not None:
        membership_digest = digest(Domain.CONFIGURATION, carried)
    if membership_digest is None:
        raise InvalidBlock("a block names the membership in force after it")
    if carried is not None and transactions:
        raise InvalidBlock("a configuration block has no transactions")
    fields = [VERSION, chain_id, height, previous]
    fields += [transactions_root([item.identity for item in transactions]), term, leader, time]
    header = Header(encode([*fields, membership_digest]))
    raw = encode([header.raw, [item.raw for item in transactions], carried])
    return Block(raw, header, list(transactions), membership)


def check_block(
    block: Block,
    *,
    chain_id: Hash,
    height: Height,
    previous_hash: Hash,
    previous_time: BlockTime,
    membership_digest: Hash,
) -> None:
    """Judge a block against the one before it and against the bounds. Needs no state.

    Args:
        height: the height that the block must have.
        previous_hash: of the block before; before block 1, the chain id.
        previous_time: of the block before; before block 1, genesis's.
        membership_digest: of the membership in force before this block.

    Raises:
        InvalidBlock: it breaks a rule that every honest leader keeps.
    """
    if block.chain_id != chain_id:
        raise InvalidBlock("the block belongs to another chain")
    if block.height != height:
        raise InvalidBlock(f"a block of height {block.height} where {height} is next")
    if block.previous != previous_hash:
        raise InvalidBlock(f"block {height} does not follow the block before it")
    if block.time <= previous_time:
        raise InvalidBlock(f"block {height} is not later than the block before it")
    if block.membership is None and block.membership_digest != membership_digest:
        raise InvalidBlock(f"block {height} names another membership than the one in force")
    if len(block.raw) > BLOCK_BYTES_MAX:
        raise InvalidBlock(f"block {height} has more than {BLOCK_BYTES_MAX} bytes")
    if block.operations > BLOCK_OPERATIONS_MAX:
        raise InvalidBlock(f"block {height} has more than {BLOCK_OPERATIONS_MAX} operations")
    if block.cost > BLOCK_COST_MICROSECONDS_MAX and (  # seldom: only then is it looked at twice
        sum(least_cost(each.operations) for each in block.transactions)
        > BLOCK_COST_MICROSECONDS_MAX
    ):
        raise InvalidBlock(
            f"block {height} is declared to cost more than {BLOCK_COST_MICROSECONDS_MAX} µs"
        )
