"""What a validator signs of a height.

    statement = [1, chain id, height, block hash, outcomes root, state root or null, log root]

The log root is the root of the tree of heights of size `height`, so a statement covers every
earlier height too. The signature is over these bytes in Domain.ATTESTATION.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from govchaind.base.encoding import encode
from govchaind.base.types import Hash, Height
from govchaind.ledger.shapes import Bytes32, Shape, read_versioned

VERSION = 1
STATEMENT_BYTES_MAX = 256
_Height = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]


class _StatementShape(Shape):
    version: int
    chain_id: Bytes32
    height: _Height
    block_hash: Bytes32
    outcomes_root: Bytes32
    state_root: Bytes32 | None
    log_root: Bytes32


@dataclass(frozen=True, slots=True)
class Statement:
    """A height's results, as they are signed."""

    chain_id: Hash
    height: Height
    block_hash: Hash
    outcomes_root: Hash
    state_root: Hash | None
    log_root: Hash

    def encode(self) -> bytes:
        return encode(
            [
                VERSION,
                self.chain_id,
                self.height,
                self.block_hash,
                self.outcomes_root,
                self.state_root,
                self.log_root,
            ]
        )


def read_statement(data: bytes) -> Statement:
    """Return the statement that `data` encodes. Raises InvalidEncoding."""
    shape = read_versioned(
        data,
        _StatementShape,
        what="a statement",
        version=VERSION,
        place=0,
        bytes_max=STATEMENT_BYTES_MAX,
    )
    return Statement(
        shape.chain_id,
        shape.height,
        shape.block_hash,
        shape.outcomes_root,
        shape.state_root,
        shape.log_root,
    )
