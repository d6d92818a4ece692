"""What the ledger answers for each height, how it is stored, and the tree over all heights.

    outcome leaf   [transaction id, identity, code, operation or null]
    result leaf    [height, block hash, outcomes root, state root or null]
    RESULT row     [block hash, outcomes root, state root or null, [outcome …], block time]
    TRANSACTION    height (8 bytes), position in the block (4 bytes)
    HEIGHT_TREE    level (1 byte), index (8 bytes) → root of a complete subtree (32 bytes)

Leaves are hashed as RFC 9162 leaves of suite 1; the result of height h is leaf h-1 of the tree of
heights. Outcome encodings are put together by hand (they are fixed but for the tail) because there
is one for each transaction; a test compares them with the encoder's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, NotFound, StorageCorrupt
from govchaind.base.keyspace import Table, height_key, named_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.limits import BLOCK_BYTES_MAX
from govchaind.base.merkle import SUITE_1, Frontier
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.beginning import check_held
from govchaind.ledger.outcomes import Outcome
from govchaind.ledger.shapes import Bytes32, Count, Shape, read_shape

OutcomeShape = tuple[Bytes32, Bytes32, Count, Count | None]
_ID_HEAD = b"\x84\x58\x20"
_IDENTITY_HEAD = b"\x58\x20"
_APPLIED_TAIL = b"\x00\xf6"


class _RowShape(Shape):
    block_hash: Bytes32
    outcomes_root: Bytes32
    state_root: Bytes32 | None
    outcomes: tuple[OutcomeShape, ...]
    time: Count


@dataclass(frozen=True, slots=True)
class Result:
    """The stored answer for one height."""

    height: Height
    block_hash: Hash
    outcomes_root: Hash
    state_root: Hash | None
    outcomes: tuple[tuple[Hash, Hash, int, int | None], ...]  # id, identity, code, operation
    time: BlockTime

    def leaf(self) -> bytes:
        """Return the bytes of this height's leaf in the tree of heights."""
        return result_leaf(self.height, self.block_hash, self.outcomes_root, self.state_root)


def outcome_leaf(transaction_id: Hash, identity: Hash, outcome: Outcome) -> bytes:
    """Return the bytes of an outcome's leaf."""
    code, operation = outcome.code, outcome.operation
    tail = encode(code) + encode(operation) if code or operation is not None else _APPLIED_TAIL
    return _ID_HEAD + transaction_id + _IDENTITY_HEAD + identity + tail


def result_leaf(
    height: Height, block_hash: Hash, outcomes_root: Hash, state_root: Hash | None
) -> bytes:
    """Return the bytes of a height's leaf in the tree of heights."""
    return encode([height, block_hash, outcomes_root, state_root])


def result_row(
    block_hash: Hash,
    outcomes_root: Hash,
    state_root: Hash | None,
    leaves: list[bytes],
    time: BlockTime,
) -> bytes:
    """Return the RESULT row; outcome leaves are their own encodings, so they are only joined."""
    count = len(leaves)
    if count < 24:
        head = bytes((0x80 + count,))
    elif count < 256:
        head = bytes((0x98, count))
    else:
        head = b"\x99" + count.to_bytes(2, "big")
    state = b"\xf6" if state_root is None else b"\x58\x20" + state_root
    roots = b"\x85\x58\x20" + block_hash + b"\x58\x20" + outcomes_root + state
    return roots + head + b"".join(leaves) + encode(time)


def read_result(reader: KeyValueReader, height: Height) -> Result:
    """Return the stored result of a height.

    Raises:
        NotFound: the height is not applied here.
        Gone: it lies below the beginning of a store that began with a snapshot.
        StorageCorrupt: the row is not what was written.
    """
    data = reader.get(height_key(Table.RESULT, height))
    if data is None:
        check_held(reader, height)
        raise NotFound(f"height {height} has no result here")
    try:
        return read_result_row(data, height)
    except InvalidEncoding as error:
        raise StorageCorrupt(f"the result of height {height} is not readable: {error}") from None


def read_result_row(data: bytes, height: Height) -> Result:
    """Return the result that a row holds. Raises InvalidEncoding."""
    row = read_shape(data, _RowShape, bytes_max=BLOCK_BYTES_MAX)
    return Result(height, row.block_hash, row.outcomes_root, row.state_root, row.outcomes, row.time)


def thinned_row(result: Result) -> bytes:
    """Return what stays of a result when its block is removed: all but the outcomes, each of which
    the outcomes root still binds. The tree of heights can be built from it, and its time be told.
    """
    return result_row(result.block_hash, result.outcomes_root, result.state_root, [], result.time)


def newest_result(reader: KeyValueReader) -> Result | None:
    """Return the result of the newest applied height; None before block 1."""
    start = Table.RESULT.value
    for key, _ in reader.scan(start, prefix_end(start), reverse=True):
        return read_result(reader, int.from_bytes(key[1:9], "big"))
    return None


def transaction_row(height: Height, position: int) -> bytes:
    return height.to_bytes(8, "big") + position.to_bytes(4, "big")


def find_transaction(reader: KeyValueReader, transaction_id: Hash) -> tuple[Height, int] | None:
    """Return height and position of the transaction that used this id; None if none has."""
    data = reader.get(named_key(Table.TRANSACTION, transaction_id))
    if data is None:
        return None
    if len(data) != 12:
        raise StorageCorrupt("a row of the index of transactions is not readable")
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")


def find_block(reader: KeyValueReader, block_hash: Hash) -> Height | None:
    """Return the height of the block with this hash."""
    data = reader.get(named_key(Table.BLOCK_HASH, block_hash))
    return None if data is None else int.from_bytes(data, "big")


def subtree_key(level: int, index: int) -> bytes:
    return Table.HEIGHT_TREE + bytes((level,)) + index.to_bytes(8, "big")


def stored_subtree(reader: KeyValueReader) -> Callable[[int, int], Hash]:
    """Return the function by which `merkle.AppendTree` reads the tree of heights."""

    def subtree(level: int, index: int) -> Hash:
        value = reader.get(subtree_key(level, index))
        if value is None:
            check_held(reader, index << level)
            raise StorageCorrupt(f"the tree of heights has no node {index} at level {level}")
        return value

    return subtree


def load_frontier(reader: KeyValueReader, size: int) -> Frontier:
    """Return the right edge of the tree of the first `size` heights."""
    subtree = stored_subtree(reader)
    subtrees: list[Hash] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            subtrees.append(subtree(level, start >> level))
            start += 1 << level
    return Frontier(size, subtrees)


def append_result(batch: WriteBatch, frontier: Frontier, leaf: bytes) -> Hash:
    """Append a height's leaf to the tree of heights; return its new root."""
    for level, index, root in frontier.append(SUITE_1.leaf(leaf)):
        batch.put(subtree_key(level, index), root)
    return frontier.root()
