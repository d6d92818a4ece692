"""Which first byte of a stored key belongs to whom. Integers in keys are 8 bytes, big-endian.

Part of the store's format: a number is never reused for another meaning.
"""

from __future__ import annotations

from enum import Enum


class Table(bytes, Enum):
    """The first byte of every stored key; as bytes itself, for `.value` costs as much as a read."""

    # the replica's
    META = b"m"  # name → store id, hard state, applied height, format, own attestation height
    LOG = b"l"  # index → [term, block bytes]
    MEMBERSHIP = b"k"  # index → membership that the block at that index brought in force
    CERTIFICATE = b"c"  # height → certificate
    ATTESTATION = b"o"  # height → own attestation's bytes, while the height is not certified
    EVIDENCE = b"e"  # attestation key (32 bytes), height → two statements that it has signed
    # the ledger's
    RESULT = b"r"  # height → [block hash, outcomes root, state root or null, outcomes]
    HEIGHT_TREE = b"t"  # level (1 byte), index → complete subtree of the RFC 9162 tree of heights
    TRANSACTION = b"x"  # transaction id → [height, position in the block]
    BLOCK_HASH = b"b"  # block hash → height
    STATE = b"s"  # state key → height of change, value or absence (binary; ledger/state.py)
    HISTORY = b"h"  # key length, state key, height → the value that a later change superseded
    CHANGED = b"d"  # height → state keys changed since the last checkpoint
    TREE_NODE = b"n"  # path → newest node of the state tree (binary; ledger/tree_record.py)
    TREE_GARBAGE = b"g"  # alone: the window of checkpoints; with path, checkpoint: what undoes it
    CHECKPOINT = b"p"  # height → state root and time
    LIVE_IDS = b"i"  # latest expiry, height → ids of that block, while any of them is live


def height_key(table: Table, height: int) -> bytes:
    """Return the key of `height` in `table`."""
    return table + height.to_bytes(8, "big")


def named_key(table: Table, name: bytes) -> bytes:
    """Return the key of `name` in `table`."""
    return table + name
