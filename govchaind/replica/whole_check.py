"""A whole store checked in pieces: each stands alone, so they can be looked at side by side.

    BLOCKS   a stretch of heights: links, signatures, results, certificates
    TREE     the state tree of the newest checkpoint, up to the root that its height's result states
    VALUES   every current value, summed for comparison with the tree's entries
    ROWS     every row of every table: its checksum, and the order of keys

Together they say that everything in the store follows from genesis and the validators' signatures,
but for history and indexes, for which only their checksums speak: a value that another took the
place of is in no tree any more, one that changed since the newest checkpoint in none yet. Replay,
from a backup or from a peer, would judge them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from govchaind.base.errors import GovchaindError, StorageCorrupt
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.beginning import beginning
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import newest_result, read_result
from govchaind.ledger.state import sum_of_leaves, sum_of_values, tell_difference
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_record import read_checkpoint
from govchaind.replica.inspection import check_chain
from govchaind.replica.marker import first_height
from govchaind.replica.store import StoredLog, View, applied_height, last_index

PIECES = 256  # of the log, about; so that progress is seen, and cores end at about the same time
HEIGHTS_MIN = 8  # of a piece


class Part(Enum):
    """What a piece looks at."""

    BLOCKS = 0
    TREE = 1
    VALUES = 2
    ROWS = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """What to look at."""

    part: Part
    first: Height = 0
    last: Height = 0  # of BLOCKS


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a piece."""

    piece: Piece
    count: int = 0  # of blocks, values or rows
    total: int = 0  # of hashes: TREE's and VALUES' agree
    wrong: str | None = None


def pieces(reader: KeyValueReader) -> list[Piece]:
    """Return the pieces of a store, blocks upward first."""
    found: list[Piece] = []
    last, first = last_index(reader), 1
    held = first_height(reader)  # what was removed below it belongs to the first piece
    each = max(HEIGHTS_MIN, -(-(last - held + 1) // PIECES))
    for end in range(held + each - 1, last + each, each):
        found.append(Piece(Part.BLOCKS, first, min(end, last)))
        first = end + 1
    found = found or [Piece(Part.BLOCKS, 1, last)]  # whatever the store says of where it begins
    return [*found, Piece(Part.TREE), Piece(Part.VALUES), Piece(Part.ROWS)]


def check_piece(reader: KeyValueReader, genesis: Genesis, piece: Piece) -> Found:
    """Check a piece; what does not hold is in `wrong`."""
    try:
        return _checked(reader, genesis, piece)
    except GovchaindError as error:
        return Found(piece, wrong=error.message)


def _checked(reader: KeyValueReader, genesis: Genesis, piece: Piece) -> Found:
    if piece.part is Part.BLOCKS:
        if piece.first == 1:
            _check_ends(reader, genesis)
        heights = check_chain(reader, genesis, piece.first, piece.last)
        return Found(piece, sum(1 for _ in heights))
    if piece.part is Part.ROWS:
        return Found(piece, sum(1 for _ in reader.scan(b"", b"\xff" * 16)))
    if piece.part is Part.VALUES:
        return Found(piece, *sum_of_values(reader, _newest(reader)))
    return Found(piece, total=_check_tree(reader, genesis, _newest(reader)))


def _newest(reader: KeyValueReader) -> Height:
    """Return the height of the newest checkpoint, which genesis already has."""
    found = StateTree().last_checkpoint(reader)
    if found is None:
        raise StorageCorrupt("the store has no checkpoint of its state")
    return found[0]


def _check_ends(reader: KeyValueReader, genesis: Genesis) -> None:
    """Check where the store begins and ends, and that each membership is a block's."""
    log = StoredLog(View(reader), lambda _: None)
    last, applied, result = log.last_index(), applied_height(reader), newest_result(reader)
    if log.first_index() > last + 1:
        raise StorageCorrupt(f"the store begins at {log.first_index()} but its log ends at {last}")
    if applied != (0 if result is None else result.height):
        raise StorageCorrupt(f"height {applied} is applied, but the newest result is another's")
    (_, first, record), *later = log.memberships()
    if first != genesis.membership() or record is not None:
        raise StorageCorrupt("the first membership is not the one of genesis")
    for height, membership, recovery in later:
        if beginning(reader) < height:  # those before were judged when they were fetched
            block = log.block(height)
            if (block.membership, block.recovery) != (membership, recovery):
                raise StorageCorrupt(f"the membership of height {height} is not the block's")


def _check_tree(reader: KeyValueReader, genesis: Genesis, newest: Height) -> int:
    tree = StateTree()
    for height in tree.checkpoints(reader):
        record = read_checkpoint(reader, height)
        if record is None or (record.root, record.time) != _stated(reader, genesis, height):
            raise StorageCorrupt(f"the state root of height {height} is not what its result states")
    for height in range(newest + 1, applied_height(reader) + 1):
        if read_result(reader, height).state_root is not None:
            raise StorageCorrupt(f"the state tree is older than the root of height {height}")
    tree.check(reader, newest)
    return sum_of_leaves(reader, tree)


def _stated(
    reader: KeyValueReader, genesis: Genesis, height: Height
) -> tuple[Hash | None, BlockTime]:
    """Return state root and time of a height, as its result has them."""
    if not height:
        return Ledger.write_genesis(genesis, WriteBatch()), genesis.time
    result = read_result(reader, height)
    return result.state_root, result.time


def judge(reader: KeyValueReader, founds: Iterable[Found]) -> tuple[int, int, int]:
    """Return how many blocks, values and rows hold, or tell the first thing that does not.

    Raises:
        StorageCorrupt: the lowest height's fault, or else what is wrong with state or a row.
    """
    counts = dict.fromkeys(Part, 0)
    totals = dict.fromkeys(Part, 0)
    for found in sorted(founds, key=lambda each: (each.piece.part.value, each.piece.first)):
        if found.wrong is not None:
            raise StorageCorrupt(found.wrong)
        counts[found.piece.part] += found.count
        totals[found.piece.part] += found.total
    if totals[Part.TREE] != totals[Part.VALUES]:
        tell_difference(reader, StateTree(), _newest(reader))
    return counts[Part.BLOCKS], counts[Part.VALUES], counts[Part.ROWS]
