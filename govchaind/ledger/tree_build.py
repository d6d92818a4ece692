"""A subtree of the state's tree built at once from its entries, as a fold would have left it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from govchaind.base.crypto import HASH_BYTES
from govchaind.base.types import ZERO_HASH, Hash
from govchaind.ledger.tree_proof import BUCKET_BYTES_MAX, BUCKET_PREFIX, ENTRY_BYTES
from govchaind.ledger.tree_record import DEPTH_KEYS, Inner, child_path, empty_inner

_sha256 = hashlib.sha256

Put = Callable[[bytes, bytes], None]
Keep = Callable[[bytes, Inner], None]


def _not_kept(_key: bytes, _node: Inner) -> None:
    pass


def build_subtree(depth: int, path: bytes, entries: bytes, put: Put) -> Hash:
    """Put every record over ascending entries (key hash ‖ value hash); return the subtree's hash.

    Args:
        depth, path: where the subtree hangs; every key hash begins with them.
        put: takes the key and the value of each record.
    """
    if not entries:
        return ZERO_HASH
    if len(entries) > BUCKET_BYTES_MAX:
        return build_records(depth, path, entries, put, _not_kept)
    put(DEPTH_KEYS[depth] + path, entries)
    return _sha256(BUCKET_PREFIX + entries).digest()


def build_records(depth: int, path: bytes, entries: bytes, put: Put, keep: Keep) -> Hash:
    """Put the records over more entries than a bucket holds; `keep` is told of inner ones."""
    node = empty_inner()
    half, odd = depth >> 1, depth & 1
    start = 0
    for child in range(16):
        end = start
        while end < len(entries):
            byte = entries[end + half]
            if (byte & 15 if odd else byte >> 4) != child:
                break
            end += ENTRY_BYTES
        if end == start:
            continue
        part, below = entries[start:end], child_path(path, depth, child)
        if len(part) > BUCKET_BYTES_MAX:
            hashed = build_records(depth + 1, below, part, put, keep)
        else:
            put(DEPTH_KEYS[depth + 1] + below, part)
            hashed = _sha256(BUCKET_PREFIX + part).digest()
        node.children[child * HASH_BYTES : (child + 1) * HASH_BYTES] = hashed
        node.counts[child] = len(part) // ENTRY_BYTES
        start = end
    key = DEPTH_KEYS[depth] + path
    put(key, node.pack())
    keep(key, node)
    return node.rehash(15)
