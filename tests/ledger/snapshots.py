"""Snapshots of a chain in memory: what an honest server would answer, by the pure pieces."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.merkle import AppendTree
from govchaind.base.types import Hash, Height
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.results import stored_subtree
from govchaind.ledger.snapshot_chunk import Entry, Place, cut, pack_row
from govchaind.ledger.snapshot_head import Standing, encode_step, make_head
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import LIVE
from govchaind.ledger.tree_proof import hash_key, hash_value
from govchaind.ledger.tree_record import path_of
from govchaind.ledger.trust import ConfigurationBlock
from tests.ledger.chain import Chain, with_register


def entries_at(store: KeyValueReader, height: Height) -> list[tuple[bytes, Entry]]:
    """Return (leaf, entry) of the whole state at a height, ascending by leaf."""
    ids = {
        int.from_bytes(key[9:17], "big"): value
        for key, value in store.scan(Table.LIVE_IDS.value, prefix_end(Table.LIVE_IDS.value))
    }
    found: list[tuple[bytes, Entry]] = []
    for stored, _ in store.scan(Table.STATE.value, prefix_end(Table.STATE.value)):
        key = stored[1:]
        value = State().get_at(store, key, height)
        if value is not None:
            joined = ids[int.from_bytes(key[1:], "big")] if key.startswith(LIVE) else None
            found.append((hash_key(key) + hash_value(value), (key, value, joined)))
    return sorted(found)


def encode_chunk(entries: Iterable[Entry]) -> bytes:
    """Return the bytes of a chunk of these entries."""
    return b"".join(pack_row(*entry) for entry in entries)


def answer(
    entries: list[tuple[bytes, Entry]], depth: int, path: bytes, bytes_max: int
) -> tuple[bool, bytes]:
    """Return what an honest server answers for a place."""
    held = [
        (leaf, pack_row(*entry)) for leaf, entry in entries if path_of(leaf[:32], depth) == path
    ]
    return cut(held, depth, path, bytes_max=bytes_max)


def head_of(chain: Chain, height: Height) -> bytes:
    """Return the head of the snapshot at a height."""
    return make_head(chain.store, height, chain.step(height).block.raw, chain.certificate(height))


def steps_of(chain: Chain, until: Height, above: Height = 0) -> list[bytes]:
    """Return the changes of membership of a chain up to a height."""
    found: list[bytes] = []
    for step in chain.steps:
        block = step.block
        if block.membership is not None and above < block.height <= until:
            raw = block.membership.encode()
            certificate = chain.certificate(block.height)
            found.append(encode_step(ConfigurationBlock(block.header, raw, certificate)))
    return found


def proof_from(chain: Chain, seen: Height, height: Height) -> list[Hash]:
    """Return the proof that a head's tree of heights continues that of the heights seen."""
    return AppendTree(height, stored_subtree(chain.store)).consistency_proof(seen)


def root_of(chain: Chain, height: Height) -> Hash:
    root = chain.step(height).applied.state_root
    assert root is not None
    return root


@cache
def snapshot() -> tuple[bytes, bytes, Place, Standing]:
    """Return a head, the one chunk of its whole state, where that belongs, and who is believed."""
    chain = with_register()
    for number in range(20):
        put = (int(Kind.PUT), ["divisions", b"%d" % number, [f"{number}", number], None])
        chain.apply(chain.raw(put))
    height = chain.ledger.height
    standing = Standing(chain.genesis)
    chunk = encode_chunk(entry for _, entry in entries_at(chain.store, height))
    return head_of(chain, height), chunk, Place(0, b"", root_of(chain, height)), standing
