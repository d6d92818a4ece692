"""The state's current values, their history, and when they become a checkpoint.

    STATE    state key                                → height of change (8 bytes), value or nothing
    HISTORY  length of key (1), state key, height (8) → value that a later change superseded
    CHANGED  height                                   → keys changed there since the last checkpoint

Stored values are a height, then 1 and the value, or 0 where the key has had no value since. The
length in a history key keeps one key's history apart from that of every longer key. So any key
can be read at any height; what can be *proved*, and at which heights, is `state_tree`'s.

`State` holds nothing. `Checkpoints` holds the changes since the last checkpoint, all of which a
new one finds again in storage: a node that restarts decides as one that did not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

from govchaind.base.encoding import encode, read
from govchaind.base.errors import InvalidEncoding, StorageCorrupt, invariant
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.limits import (
    CHECKPOINT_CALM_CHANGES_MAX,
    CHECKPOINT_CHANGES,
    CHECKPOINT_INTERVAL_MILLISECONDS,
    CHECKPOINT_LOADED_INTERVAL_MILLISECONDS,
    STATE_KEY_BYTES_MAX,
)
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.beginning import check_held
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.tree_proof import hash_key, hash_value

HEIGHT_BYTES = 8
_STATE = Table.STATE.value
_HISTORY = Table.HISTORY.value
_CHANGED = Table.CHANGED.value
_PRESENT, _ABSENT = b"\x01", b"\x00"


class State:
    """Reads and writes of state values. Values are bytes; None is no value."""

    __slots__ = ()

    def get(self, reader: KeyValueReader, key: bytes) -> bytes | None:
        """Return the newest value of `key`."""
        return row_value(reader.get(_STATE + key))

    def row(self, reader: KeyValueReader, key: bytes) -> bytes | None:
        """Return the stored row of `key`, for `row_value` and `write`."""
        return reader.get(_STATE + key)

    def changed_at(self, reader: KeyValueReader, key: bytes) -> Height | None:
        """Return the height of the newest change of `key`; None if it never had a value."""
        data = reader.get(_STATE + key)
        return None if data is None else _height(data)

    def get_at(self, reader: KeyValueReader, key: bytes, height: Height) -> bytes | None:
        """Return the value of `key` after the block at `height`. Raises Gone."""
        for _, value in self._versions(reader, key, height + 1):
            return value
        return None

    def history(
        self, reader: KeyValueReader, key: bytes, *, limit: int, before_height: Height | None = None
    ) -> list[tuple[Height, bytes | None]]:
        """Return up to `limit` changes of `key`, newest first, each below `before_height`.

        Raises Gone: the store begins above that height.
        """
        versions = self._versions(reader, key, before_height)
        return [version for version, _ in zip(versions, range(limit), strict=False)]

    def every_change(
        self, reader: KeyValueReader, until: Height
    ) -> Iterator[tuple[bytes, Height, bytes | None]]:
        """Yield (key, height, value) of each change ever, up to a height: by key, then height."""
        for stored, data in reader.scan(_STATE, prefix_end(_STATE)):
            key = stored[len(_STATE) :]
            head = _HISTORY + bytes((len(key),)) + key
            for past, value in reader.scan(head, head + b"\xff" * HEIGHT_BYTES):
                height = int.from_bytes(past[len(head) :], "big")
                if height <= until:
                    yield key, height, _decoded(value)
            if _height(data) <= until:
                yield key, _height(data), _value(data)

    def scan(
        self, reader: KeyValueReader, prefix: bytes, *, limit: int, after: bytes | None = None
    ) -> list[tuple[bytes, bytes, Height]]:
        """Return up to `limit` (key, value, height of change) under `prefix`, in order of keys.

        `after` is the last key of the page before.
        """
        start = _STATE + prefix
        if after is not None:
            start = max(start, _STATE + after + b"\x00")
        found: list[tuple[bytes, bytes, Height]] = []
        if limit <= 0:
            return found
        for stored, data in reader.scan(start, prefix_end(_STATE + prefix)):
            value = _value(data)
            if value is not None:
                found.append((stored[1:], value, _height(data)))
                if len(found) >= limit:
                    break
        return found

    def write(
        self,
        reader: KeyValueReader,
        batch: WriteBatch,
        height: Height,
        changes: Mapping[bytes, bytes | None],
        *,
        stored: Mapping[bytes, bytes | None] | None = None,
    ) -> None:
        """Put the changes of the block at `height`, and what they supersede into history.

        A value written again is a change; the removal of what is not there is none. `stored`
        holds rows that this block has read already; others are read here.
        """
        known = {} if stored is None else stored
        head = height.to_bytes(HEIGHT_BYTES, "big")
        for key, value in changes.items():
            invariant(0 < len(key) <= STATE_KEY_BYTES_MAX, "a state key is out of bounds")
            place = _STATE + key
            before = known[key] if key in known else reader.get(place)
            if before is None:
                if value is None:
                    continue
            else:
                if value is None and before[HEIGHT_BYTES:] == _ABSENT:
                    continue
                if not before.startswith(head):
                    invariant(before[:HEIGHT_BYTES] < head, "state changes go upward")
                    past = _HISTORY + bytes((len(key),)) + key + before[:HEIGHT_BYTES]
                    batch.put(past, before[HEIGHT_BYTES:])
            batch.put(place, head + (_ABSENT if value is None else _PRESENT + value))

    def _versions(
        self, reader: KeyValueReader, key: bytes, before_height: Height | None
    ) -> Iterator[tuple[Height, bytes | None]]:
        """Yield (height, value) of each change below `before_height`, newest first."""
        if before_height is not None:
            check_held(reader, before_height - 1)
        data = reader.get(_STATE + key)
        if data is None:
            return
        newest = _height(data)
        if before_height is None or newest < before_height:
            yield newest, _value(data)
            before_height = newest
        head = _HISTORY + bytes((len(key),)) + key
        end = head + before_height.to_bytes(HEIGHT_BYTES, "big")
        for stored, past in reader.scan(head, end, reverse=True):
            yield int.from_bytes(stored[len(head) :], "big"), _decoded(past)


class Checkpoints:
    """What has changed since the last checkpoint, and whether the next is due.

    Rebuilt from `reader` when made: the same as if it had never been away.
    """

    __slots__ = ("_heights", "_state", "last_height", "last_time", "pending", "tree")

    def __init__(self, reader: KeyValueReader, tree: StateTree | None = None) -> None:
        self.tree = StateTree() if tree is None else tree
        self._state = State()
        self.pending: dict[Hash, Hash | None] = {}
        self._heights: list[Height] = []  # with stored lists of changed keys
        last = self.tree.last_checkpoint(reader)
        self.last_height: Height = -1 if last is None else last[0]
        self.last_time: BlockTime = 0 if last is None else last[2]
        for stored, data in reader.scan(_CHANGED, prefix_end(_CHANGED)):
            self._heights.append(int.from_bytes(stored[len(_CHANGED) :], "big"))
            for key in _changed_keys(data):
                value = self._state.get(reader, key)
                self.pending[hash_key(key)] = None if value is None else hash_value(value)

    def add(self, batch: WriteBatch, height: Height, changes: Mapping[bytes, bytes | None]) -> None:
        """Take note of the changes that `State.write` put for `height`; at most once a height."""
        if not changes:
            return
        invariant(not self._heights or height > self._heights[-1], "changes are added upward")
        pending = self.pending
        for key, value in changes.items():
            pending[hash_key(key)] = None if value is None else hash_value(value)
        batch.put(height_key(Table.CHANGED, height), encode(list(changes)))
        self._heights.append(height)

    def is_due(self, time: BlockTime) -> bool:
        """Say whether the height whose block time this is, its changes added, is a checkpoint."""
        return due(len(self.pending), time, self.last_time)

    def fold(
        self, reader: KeyValueReader, batch: WriteBatch, height: Height, time: BlockTime
    ) -> Hash:
        """Make `height` a checkpoint of everything pending; return the state root."""
        root = self.tree.fold(reader, batch, height, self.pending, time=time)
        for folded in self._heights:
            batch.delete(height_key(Table.CHANGED, folded))
        self.pending = {}
        self._heights = []
        self.last_height, self.last_time = height, time
        return root


def due(pending_count: int, now_ms: BlockTime, last_checkpoint_ms: BlockTime) -> bool:
    """Say whether a height is a checkpoint (consensus).

    Args:
        pending_count: different keys changed since the last checkpoint, this height's included.
        now_ms: this height's block time.
        last_checkpoint_ms: the last checkpoint's block time.
    """
    if pending_count == 0:
        return False
    waited_ms = now_ms - last_checkpoint_ms
    return pending_count >= CHECKPOINT_CHANGES or waited_ms >= due_after(pending_count)


def due_after(pending_count: int) -> int:
    """Return the milliseconds of block time from one checkpoint to the next (consensus).

    Few changes are soon provable; many share the cost of the tree's upper records.
    """
    if pending_count > CHECKPOINT_CALM_CHANGES_MAX:
        return CHECKPOINT_LOADED_INTERVAL_MILLISECONDS
    return CHECKPOINT_INTERVAL_MILLISECONDS


def check_state(reader: KeyValueReader, tree: StateTree) -> int:
    """Compare every current value with the tree's leaves; return how many values there are.

    Values changed since the newest checkpoint are compared as of that checkpoint, through their
    history. `StateTree.check` says whether the leaves are the root's.

    Raises:
        StorageCorrupt: a value is not the tree's.
    """
    last = tree.last_checkpoint(reader)
    if last is None:
        return 0
    count, values = sum_of_values(reader, last[0])
    if values != sum_of_leaves(reader, tree):
        tell_difference(reader, tree, last[0])
    return count


# Values lie in the order of keys, leaves in that of their hashes; sums of SHA-256 compare them in
# one walk each.


def sum_of_leaves(reader: KeyValueReader, tree: StateTree) -> int:
    """Return the sum of the hashes of all entries of the newest checkpoint."""
    found = 0
    for leaf in tree.leaves(reader):
        found += int.from_bytes(hashlib.sha256(leaf).digest(), "big")
    return found


def sum_of_values(reader: KeyValueReader, height: Height) -> tuple[int, int]:
    """Return how many values there were at a height, and the sum of the hashes of the entries that
    a tree has for them.

    `height` is the newest checkpoint's. Raises StorageCorrupt: a value changed above it, and the
    lists of changes do not tell.
    """
    count = found = 0
    told = {
        (int.from_bytes(stored[len(_CHANGED) :], "big"), key)
        for stored, data in reader.scan(_CHANGED, prefix_end(_CHANGED))
        for key in _changed_keys(data)
    }
    for key, changed, value in _values_at(reader, height):
        if changed > height and (changed, key) not in told:
            raise StorageCorrupt(f"no list of changes tells that {key!r} changed at {changed}")
        if value is not None:
            count += 1
            leaf = hash_key(key) + hash_value(value)
            found += int.from_bytes(hashlib.sha256(leaf).digest(), "big")
    return count, found


def tell_difference(reader: KeyValueReader, tree: StateTree, height: Height) -> NoReturn:
    """Raise StorageCorrupt, naming a value that is not the tree's at its newest checkpoint."""
    for key, _, value in _values_at(reader, height):
        place = hash_key(key)
        expected = None if value is None else hash_value(value)
        if tree.prove(reader, height, place).value_hash(place) != expected:
            raise StorageCorrupt(f"the stored value of state key {key!r} is not the tree's")
    raise StorageCorrupt("the state tree has entries for which no value is stored")


def _values_at(
    reader: KeyValueReader, height: Height
) -> Iterator[tuple[bytes, Height, bytes | None]]:
    """Yield each key, the height of its newest change, and the value that it had at a height."""
    for stored, data in reader.scan(_STATE, prefix_end(_STATE)):
        key = stored[len(_STATE) :]
        changed = _height(data)
        value = _value(data) if changed <= height else State().get_at(reader, key, height)
        yield key, changed, value


def _changed_keys(data: bytes) -> Iterable[bytes]:
    try:
        return read(data, list[bytes], bytes_max=len(data))
    except InvalidEncoding as error:
        raise StorageCorrupt(f"a list of changed keys is not readable: {error}") from None


def stored_row(height: Height, value: bytes) -> bytes:
    """Return the row of a value that changed at `height`."""
    return height.to_bytes(HEIGHT_BYTES, "big") + _PRESENT + value


def row_value(row: bytes | None) -> bytes | None:
    """Return the value in a stored row; None where there is no row, or no value in it."""
    return None if row is None else _value(row)


def _height(data: bytes) -> Height:
    return int.from_bytes(data[:HEIGHT_BYTES], "big")


def _value(data: bytes) -> bytes | None:
    return _decoded(data[HEIGHT_BYTES:])


def _decoded(data: bytes) -> bytes | None:
    if data == _ABSENT:
        return None
    if not data.startswith(_PRESENT):
        raise StorageCorrupt("a stored state value is misshapen")
    return data[1:]
