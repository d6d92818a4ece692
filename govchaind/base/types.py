"""Names for the plain values that cross every floor."""

from __future__ import annotations

from typing import TypeAlias

NodeId: TypeAlias = str
"""A node's name, unique on its chain: 1 to 32 of a-z, 0-9 and '-'."""

StoreId: TypeAlias = bytes
"""16 random bytes made when a store is made; a wiped disk comes back as another store."""

Hash: TypeAlias = bytes
"""32 bytes of SHA-256 (suite 1)."""

PublicKey: TypeAlias = bytes
"""32 bytes of Ed25519."""

Signature: TypeAlias = bytes
"""64 bytes of Ed25519."""

Height: TypeAlias = int
"""A block's place on the chain, which is its Raft index. Genesis is 0; the first block is 1."""

Term: TypeAlias = int
"""A Raft term; 0 before the first election."""

BlockTime: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00:00Z, set by the leader, strictly increasing."""

Seconds: TypeAlias = float
"""Monotonic seconds; only differences mean anything."""

ZERO_HASH: Hash = bytes(32)
