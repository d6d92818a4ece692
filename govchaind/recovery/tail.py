"""Blocks that some survivors hold and others lack, beside a record of recovery.

    tail = ["recovery-blocks", 1, chain id, first height, [[term, block bytes] …]]

They are in the record by their hashes alone: the hash of the last one is what institutions sign,
and each names the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from govchaind.base.encoding import encode
from govchaind.base.types import Hash, Height, Term
from govchaind.ledger.shapes import Bytes32, Count, Shape, read_versioned

VERSION = 1
TAIL_BYTES_MAX = 1024 * 1024 * 1024


class _TailShape(Shape):
    what: Literal["recovery-blocks"]
    version: Literal[1]
    chain_id: Bytes32
    first: Count
    blocks: list[tuple[Count, bytes]]


@dataclass(frozen=True, slots=True)
class Tail:
    """Blocks from `first` to the kept height; none: no survivor lacks any."""

    chain_id: Hash
    first: Height
    blocks: tuple[tuple[Term, bytes], ...]

    def encode(self) -> bytes:
        listed = [list(each) for each in self.blocks]
        return encode(["recovery-blocks", VERSION, self.chain_id, self.first, listed])


def read_tail(data: bytes) -> Tail:
    """Return what `data` encodes, not yet judged. Raises InvalidEncoding."""
    shape = read_versioned(
        data,
        _TailShape,
        what="a file of blocks",
        version=VERSION,
        place=1,
        bytes_max=TAIL_BYTES_MAX,
    )
    return Tail(shape.chain_id, shape.first, tuple(shape.blocks))
