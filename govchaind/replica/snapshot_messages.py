"""What nodes say to each other about snapshots. It goes beside the replica, which knows nothing of
it: `runtime/codec.py` has the bytes, `runtime/snapshots.py` takes it from the links.

Heads, steps and chunks travel as the bytes that `ledger/snapshot_head.py` and
`ledger/snapshot_chunk.py` judge; nothing here is believed before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from govchaind.base.types import Hash, Height

PREPARING = "preparing"  # ask again soon: the entries are being laid out, or the height is ahead
UNHELD = "gone"  # this node cannot give that height
BUSY = "busy"  # too many ask at once


@dataclass(slots=True)
class WantSnapshot:
    """The sender wants to join at a certified checkpoint, and knows memberships up to `era`.

    It holds `seen` heights itself, which what it joins at must continue.
    """

    height: Height  # 0: the newest that is there
    era: Height
    seen: Height


@dataclass(slots=True)
class SnapshotOffer:
    """Changes of membership above the era asked with, and the head; empty if more changes come.

    With the head: the proof that its tree of heights continues that of the heights seen.
    """

    height: Height
    steps: list[bytes]
    head: bytes
    consistency: list[Hash]


@dataclass(slots=True)
class WantChunk:
    """The sender wants what hangs at a place of the state's tree at a height."""

    height: Height
    depth: int
    path: bytes


@dataclass(slots=True)
class SnapshotChunk:
    """All entries below a place, or the sixteen hashes of its children."""

    height: Height
    depth: int
    path: bytes
    parting: bool
    body: bytes


@dataclass(slots=True)
class SnapshotRefusal:
    """Why nothing is given of a height."""

    height: Height
    code: str


SnapshotMessage: TypeAlias = (
    WantSnapshot | SnapshotOffer | WantChunk | SnapshotChunk | SnapshotRefusal
)
