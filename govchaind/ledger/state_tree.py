"""The authenticated state: folding changes into the stored tree, and proofs at its checkpoints.

What the tree is, `tree_proof` says; how it is stored, `tree_record`; how changes go into it,
`tree_fold`; how it is read at a checkpoint, `tree_view`. Here are the checkpoints themselves and
the window of those that can be proved. Rules it keeps:

- All truth is in the reader. The cache of decoded inner records belongs to one checkpoint, named
  by height and root, and is thrown away when the reader's newest checkpoint is another.
- Work is bounded by the changes: a fold deletes at most two checkpoints that left the window.

It does not decide when a checkpoint is due: `state.Checkpoints` does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from govchaind.base.encoding import encode
from govchaind.base.errors import Gone, NotFound, StorageCorrupt, invariant
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.base.limits import (
    STATE_TREE_CACHE_RECORDS_MAX,
    STATE_WINDOW_CHECKPOINTS,
)
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.tree_fold import Fold, Pending
from govchaind.ledger.tree_proof import TreePath
from govchaind.ledger.tree_record import (
    DEPTH_KEYS,
    EMPTY_CHECKPOINT,
    SIXTEENTHS,
    WINDOW_KEY,
    CheckpointRecord,
    Inner,
    read_checkpoint,
    read_window,
    undo_key,
)
from govchaind.ledger.tree_view import TreeView


class StateTree:
    """The tree of the state's checkpoints. Holds only a bounded cache."""

    __slots__ = (
        "_cache",
        "_cache_of",
        "_cache_records_max",
        "_window",
        "_window_read",
        "_window_row",
    )

    def __init__(
        self,
        *,
        window_checkpoints: int = STATE_WINDOW_CHECKPOINTS,
        cache_records_max: int = STATE_TREE_CACHE_RECORDS_MAX,
    ) -> None:
        self._window = window_checkpoints
        self._cache_records_max = cache_records_max
        self._cache: OrderedDict[bytes, Inner] = OrderedDict()
        self._cache_of: tuple[Height, Hash] | None = None
        self._window_row: bytes | None = None  # the newest window as it lies in the store …
        self._window_read: list[Height] = []  # … and as it is read

    def fold(
        self,
        reader: KeyValueReader,
        batch: WriteBatch,
        height: Height,
        changes: Mapping[Hash, Hash | None],
        *,
        time: BlockTime = 0,
    ) -> Hash:
        """Make `height` a checkpoint with these changes (None deletes); return the state root.

        `reader` must see everything written before; what is already in `batch` is seen too.
        `time` is the block time, kept for `last_checkpoint`.
        """
        read = Pending(reader, batch)
        row = read.get(WINDOW_KEY)
        if row is None or row != self._window_row:
            self._window_read = read_window(read)
        window = self._window_read
        self._window_row = None  # until it is written: what fails below is read again
        before = EMPTY_CHECKPOINT
        if window:
            invariant(height > window[-1], "checkpoints must ascend")
            before = _stored(read, window[-1])
        if not window or self._cache_of != (window[-1], before.root):
            self._cache.clear()
        self._cache_of = None  # whatever goes wrong below, the cache is not trusted after it
        fold = Fold(read, batch, self._cache, changes)
        root, entries = fold.run(before)
        sixteenths = fold.write_undo(height) if window else 0
        top = (read.get(DEPTH_KEYS[0]) or b"") if entries else b""
        record = CheckpointRecord(root, entries, time, sixteenths, top)
        batch.put(height_key(Table.CHECKPOINT, height), record.encode())
        window.append(height)
        for gone in window[: max(0, len(window) - 1 - self._window)][:2]:
            _forget(read, batch, gone, window[1])
            window.pop(0)
        self._window_row = encode(window)
        batch.put(WINDOW_KEY, self._window_row)
        while len(self._cache) > self._cache_records_max:
            self._cache.popitem(last=False)
        self._cache_of = (height, root)
        return root

    def root(self, reader: KeyValueReader, height: Height) -> Hash:
        """Return the state root of the checkpoint at `height`.

        Raises:
            Gone: it is older than what is kept; the message names the oldest that is.
            NotFound: it is no checkpoint; the message names the nearest below.
        """
        return _checkpoint(reader, height, read_window(reader)).root

    def prove(self, reader: KeyValueReader, height: Height, key_hash: Hash) -> TreePath:
        """Return the path of a key hash, present or absent, at a checkpoint; raises as `root`."""
        window = read_window(reader)
        checkpoint = _checkpoint(reader, height, window)
        return TreeView(reader, window, height, checkpoint).prove(key_hash)

    def checkpoints(self, reader: KeyValueReader) -> list[Height]:
        """Return the heights at which the state can be proved, ascending."""
        return read_window(reader)

    def checkpoint_at(self, reader: KeyValueReader, height: Height) -> Height:
        """Return the newest provable checkpoint at or below `height`; raises Gone or NotFound."""
        return _nearest(read_window(reader), height)

    def last_checkpoint(self, reader: KeyValueReader) -> tuple[Height, Hash, BlockTime] | None:
        """Return height, root and block time of the newest checkpoint; None before the first."""
        window = read_window(reader)
        if not window:
            return None
        record = _stored(reader, window[-1])
        return window[-1], record.root, record.time

    def leaves(self, reader: KeyValueReader) -> Iterator[bytes]:
        """Yield each entry (key hash ‖ value hash) of the newest checkpoint, ascending."""
        window = read_window(reader)
        if window:
            view = TreeView(reader, window, window[-1], _stored(reader, window[-1]))
            yield from view.leaves()

    def check(self, reader: KeyValueReader, height: Height) -> None:
        """Walk the whole tree of a checkpoint and recompute every hash; raises StorageCorrupt."""
        window = read_window(reader)
        checkpoint = _checkpoint(reader, height, window)
        TreeView(reader, window, height, checkpoint).check()


def _nearest(window: list[Height], height: Height) -> Height:
    if not window:
        raise NotFound("there is no checkpoint yet")
    if height < window[0]:
        raise Gone(f"the state at {height} can no longer be proved; the nearest is {window[0]}")
    return max(kept for kept in window if kept <= height)


def _checkpoint(reader: KeyValueReader, height: Height, window: list[Height]) -> CheckpointRecord:
    nearest = _nearest(window, height)
    if nearest != height:
        raise NotFound(f"height {height} is not a checkpoint; the nearest below is {nearest}")
    return _stored(reader, height)


def _stored(reader: KeyValueReader, height: Height) -> CheckpointRecord:
    record = read_checkpoint(reader, height)
    if record is None:
        raise StorageCorrupt(f"checkpoint {height} is missing from the store")
    return record


def _forget(reader: KeyValueReader, batch: WriteBatch, gone: Height, following: Height) -> None:
    """Delete a checkpoint, and the undo that led to it from the next one."""
    batch.delete(height_key(Table.CHECKPOINT, gone))
    record = _stored(reader, following)
    for sixteenth in range(SIXTEENTHS):
        if record.sixteenths >> sixteenth & 1:
            batch.delete(undo_key(following, sixteenth))
