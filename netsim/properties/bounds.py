"""Nothing grows without end (I-29), and nobody is starved (L-h, amid faults). Sizes are looked at
from outside, without knowing what is kept.

While a node runs, what `limits.py` bounds is within it. At the end of a run, when all is decided
and certified, whatever a replica still holds must be small: containers are found by walking from
the replica, so one that somebody adds later is looked at too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from govchaind.base.limits import POOL_BYTES_MAX, POOL_TRANSACTIONS_MAX
from govchaind.raft.core import Role
from govchaind.replica.attestation import AHEAD_MAX
from govchaind.replica.store import block_of
from govchaind.replica.stored_certificates import CERTIFICATES_PAGE
from netsim.ghost import Ghost
from netsim.properties.base import Property, Step

LOOK_EVERY = 32  # steps
AT_REST_MAX = 80  # entries of one container, once nothing is under way
DEPTH_MAX = 9
WRITE_SECONDS = 5.0  # a write that is younger may still be under way
BLOCKS_BEFORE = 2  # before what an author has waiting first
# What may hold more: the log's tail, caches with bounds of their own, what is wanted of nodes.
BOUNDED_ELSEWHERE = frozenset(
    ("log", "_cache", "_unused", "genesis", "tree", "pending", "_expiries", "view", "_view",
     "_signer", "random", "_known", "membership", "memberships", "_memberships", "pool", "_pool",
     "_reader", "_live", "_state_tree", "_heights", "_newest")
)  # fmt: skip


class Bounded(Property):
    id = "I-29"
    text = (
        "bounds: every lane, pool, cache, per-peer buffer within limits.py; object count flat over "
        "100,000 blocks"
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self._steps = 0

    def step(self, step: Step) -> None:
        self._steps += 1
        if self._steps % LOOK_EVERY:
            return
        replica = step.node.replica
        if replica is None:
            return
        pool, attestations = replica.pool, replica.attestations
        sizes = {
            "transactions in the pool": (len(pool), POOL_TRANSACTIONS_MAX),
            "bytes in the pool": (pool.bytes, POOL_BYTES_MAX),
            "newest certificates": (len(attestations._newest), 2 * CERTIFICATES_PAGE),
            "certificates ahead": (len(attestations._certificates), 2 * CERTIFICATES_PAGE),
            "early attestations": (
                max(map(len, attestations._early.values()), default=0),
                AHEAD_MAX,
            ),
        }
        for what, (size, most) in sizes.items():
            if size > most:
                self.fail(step.node.name, f"{size} {what}, where {most} are the most")
        if pool.bytes != sum(each.size for each, _ in pool._all.values()):
            self.fail(step.node.name, "the pool does not know how many bytes it holds")
        if not {identity for _, identity in pool._expiries}.issuperset(pool._all):
            self.fail(step.node.name, "the pool holds a transaction that would never expire")

    def end(self) -> None:
        for node in self.ghost.running():
            replica = node.replica
            if replica is None or node.name in node.world.network.gone or node.paused:
                continue
            applied = min(replica.ledger.height, len(self.ghost.committed))
            self.ghost.advance_model(applied)
            included = {
                outcome[1]
                for result in self.ghost.model.results[:applied]
                for outcome in result.outcomes
            }
            stale = included & replica.pool._all.keys() - node.world.unlooked
            if stale:
                self.fail(node.name, f"{len(stale)} transactions stay in the pool for ever")
            hangs = node.disk.hung_until > node.world.heap.now
            issued = replica.raft._state.writes.oldest_issued_at
            writes = issued is not None and replica._now - issued < WRITE_SECONDS
            if replica.attestations.certified < applied or hangs or writes:
                continue  # something is under way
            for path, size in sizes_of(replica):
                if size > max(AT_REST_MAX, 2 * len(node.world.nodes)):
                    self.fail(node.name, f"{path} holds {size} entries, with nothing under way")


def sizes_of(root: Any) -> list[tuple[str, int]]:
    """Return every container under `root` that no bound of its own is known for, with its size."""
    found: list[tuple[str, int]] = []
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("replica", root, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if id(value) in seen or depth > DEPTH_MAX:
            continue
        seen.add(id(value))
        if isinstance(value, dict | list | set | deque):
            found.append((path, len(value)))
            if isinstance(value, dict):
                waiting += [(f"{path}[]", each, depth + 1) for each in list(value.values())[:40]]
            elif not isinstance(value, set):
                waiting += [(f"{path}[]", each, depth + 1) for each in list(value)[:40]]
        elif type(value).__module__.startswith("govchaind."):
            waiting += [
                (f"{path}.{name}", each, depth + 1)
                for name, each in _fields(value)
                if name != "_work"  # of the last step: it is gone with the next
            ]
    return found


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    names = list(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    for name in names:
        if name not in BOUNDED_ELSEWHERE and hasattr(value, name):
            yield name, getattr(value, name)


class NobodyStarves(Property):
    id = "L-h"
    text = "no author, peer or lane starved by a flood"

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        # leader → author → the first that waits, and how many blocks have gone before it
        self._waits: dict[str, dict[str, tuple[bytes, int]]] = {}

    def step(self, step: Step) -> None:
        """Look at who waits first of each author, when a leader has cut a block."""
        replica = step.node.replica
        if step.role is not Role.LEADER or step.elected or replica is None:
            self._waits.pop(step.node.name, None)
            return
        blocks = sum(1 for entry in step.appended if block_of(entry).transactions)
        if not blocks:
            return
        before = self._waits.get(step.node.name, {})
        now: dict[str, tuple[bytes, int]] = {}
        for author, queue in replica.pool._queues.items():
            if not queue.waiting:
                continue
            first = next(iter(queue.waiting))
            known, passed = before.get(author, (b"", 0))
            passed = passed + blocks if known == first else 0
            if passed > BLOCKS_BEFORE:
                self.fail(step.node.name, f"{passed} blocks go before what {author} waits for")
            now[author] = (first, passed)
        self._waits[step.node.name] = now


PROPERTIES: tuple[type[Property], ...] = (Bounded, NobodyStarves)
