"""The pool: verified transactions that wait for a block. Bounded, and fair per institution.

Rules it keeps:
- Bounded in count and in bytes, and for each institution by a share of both, so that a flood from
  one institution (through however many keys) leaves room for the others.
- Blocks are filled by deficit round robin over institutions, measured in bytes and operations. A
  turn that ends for want of room in the block goes on in the next one: otherwise what is large, and
  comes to its turn when the block is nearly full, would wait for ever.
- A transaction taken for a block stays known until the block is applied or given up.
It leaves out what is true on the ledger: `Ledger.check` has judged each transaction before.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from itertools import islice

from govchaind.base.limits import (
    BLOCK_BYTES_MAX,
    BLOCK_COST_MICROSECONDS_MAX,
    BLOCK_OPERATIONS_MAX,
    POOL_BYTES_MAX,
    POOL_SHARE_MAX,
    POOL_TRANSACTIONS_MAX,
)
from govchaind.base.types import BlockTime, Hash, Seconds
from govchaind.ledger.transaction import Transaction

BLOCK_OVERHEAD_BYTES = 4096  # header, array heads and byte-string heads, generously
OPERATION_CHARGE = 128  # an operation weighs as much as so many bytes
QUANTUM = 16 * 1024  # what one institution may put in before it is the next one's turn
EXPIRIES_KEPT = 1024  # of transactions that are gone, before they are swept


class _Queue:
    """One institution's transactions, oldest first."""

    __slots__ = ("bytes", "count", "deficit", "interrupted", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[Hash, Transaction] = OrderedDict()
        self.deficit = 0
        self.interrupted = False  # its turn goes on: it has its quantum already
        self.count = 0  # waiting and taken
        self.bytes = 0

    def leave(self) -> None:
        """Nothing waits: what was saved up is not kept for later."""
        self.deficit = 0
        self.interrupted = False


class Pool:
    """Transactions by identity, queued by institution."""

    def __init__(
        self, *, count_max: int = POOL_TRANSACTIONS_MAX, bytes_max: int = POOL_BYTES_MAX
    ) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._all: dict[Hash, tuple[Transaction, Seconds]] = {}
        self._ids: dict[Hash, int] = {}  # how many signed copies of a body are here
        self._taken: dict[Hash, Transaction] = {}
        self._queues: dict[str, _Queue] = {}
        self._turns: deque[str] = deque()  # institutions with something waiting
        self._expiries: list[tuple[BlockTime, Hash]] = []
        self.bytes = 0
        self.waiting_operations = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def waiting(self) -> int:
        """Return how many are not yet in a block."""
        return len(self._all) - len(self._taken)

    def get(self, identity: Hash) -> Transaction | None:
        found = self._all.get(identity)
        return None if found is None else found[0]

    def has(self, transaction_id: Hash) -> bool:
        """Say whether a transaction of this id, however signed, waits here."""
        return transaction_id in self._ids

    def room_for(self, transaction: Transaction) -> bool:
        """Say whether the transaction fits the pool and its institution's share."""
        size = transaction.size
        if len(self._all) >= self._count_max or self.bytes + size > self._bytes_max:
            return False
        queue = self._queues.get(transaction.institution)
        return queue is None or (
            queue.count < self._count_max * POOL_SHARE_MAX
            and queue.bytes + size <= self._bytes_max * POOL_SHARE_MAX
        )

    def is_full(self) -> bool:
        """Say whether nobody finds room, rather than one institution only."""
        return len(self._all) >= self._count_max or self.bytes + 4096 > self._bytes_max

    def add(self, transaction: Transaction, now: Seconds) -> bool:
        """Take the transaction in; False when there is no room. Known ones are no news."""
        identity = transaction.identity
        if identity in self._all:
            return True
        if not self.room_for(transaction):
            return False
        name = transaction.institution
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue()
        if not queue.waiting:
            self._turns.append(name)
        queue.waiting[identity] = transaction
        self.waiting_operations += len(transaction.operations)
        queue.count += 1
        queue.bytes += transaction.size
        self.bytes += transaction.size
        self._all[identity] = (transaction, now)
        self._ids[transaction.id] = self._ids.get(transaction.id, 0) + 1
        heapq.heappush(self._expiries, (transaction.valid_until, identity))
        if len(self._expiries) > 2 * len(self._all) + EXPIRIES_KEPT:
            # Those of included ones would stay until their time passes, which may be in weeks.
            self._expiries = [(item.valid_until, key) for key, (item, _) in self._all.items()]
            heapq.heapify(self._expiries)
        return True

    def remove(self, identity: Hash) -> Seconds | None:
        """Forget a transaction; return when it came in, None if it was not here."""
        found = self._all.pop(identity, None)
        if found is None:
            return None
        transaction, since = found
        copies = self._ids.pop(transaction.id)
        if copies > 1:
            self._ids[transaction.id] = copies - 1
        queue = self._queues[transaction.institution]
        if self._taken.pop(identity, None) is None:
            del queue.waiting[identity]
            self.waiting_operations -= len(transaction.operations)
            if not queue.waiting:
                self._turns.remove(transaction.institution)
                queue.leave()
        queue.count -= 1
        queue.bytes -= transaction.size
        self.bytes -= transaction.size
        if not queue.count:
            del self._queues[transaction.institution]
        return since

    def expire(self, time: BlockTime) -> list[Transaction]:
        """Remove and return those whose time has passed; those in a block stay until decided."""
        gone: list[Transaction] = []
        kept: list[tuple[BlockTime, Hash]] = []
        while self._expiries and self._expiries[0][0] < time:
            item = heapq.heappop(self._expiries)
            found = self._all.get(item[1])
            if found is None:
                continue
            if item[1] in self._taken:
                kept.append(item)
                continue
            self.remove(item[1])
            gone.append(found[0])
        for item in kept:
            heapq.heappush(self._expiries, item)
        return gone

    def take(self) -> list[Transaction]:
        """Return what goes into the next block, in order, and mark it as taken."""
        chosen: list[Transaction] = []
        operations, cost, size = 0, 0, BLOCK_OVERHEAD_BYTES
        while self._turns:
            name = self._turns[0]
            queue = self._queues[name]
            if not queue.interrupted:
                queue.deficit += QUANTUM
            queue.interrupted = False
            while queue.waiting:
                identity, transaction = next(iter(queue.waiting.items()))
                count = len(transaction.operations)
                charge = transaction.size + OPERATION_CHARGE * count
                if charge > queue.deficit:
                    break
                if (
                    operations + count > BLOCK_OPERATIONS_MAX
                    or cost + transaction.cost > BLOCK_COST_MICROSECONDS_MAX
                    or size + transaction.size + 8 > BLOCK_BYTES_MAX
                ):
                    queue.interrupted = True
                    return chosen
                queue.deficit -= charge
                del queue.waiting[identity]
                self._taken[identity] = transaction
                self.waiting_operations -= count
                chosen.append(transaction)
                operations += count
                cost += transaction.cost
                size += transaction.size + 8
            self._turns.popleft()
            if queue.waiting:
                self._turns.append(name)
            else:
                queue.leave()
        return chosen

    def mark_taken(self, identity: Hash) -> None:
        """The log already holds this one: it must not go into another block of ours."""
        found = self._all.get(identity)
        if found is None or identity in self._taken:
            return
        transaction = found[0]
        queue = self._queues[transaction.institution]
        del queue.waiting[identity]
        self.waiting_operations -= len(transaction.operations)
        if not queue.waiting:
            self._turns.remove(transaction.institution)
            queue.leave()
        self._taken[identity] = transaction

    def release(self) -> None:
        """Put everything taken back to the front: the blocks they were in may not survive."""
        taken, self._taken = self._taken, {}
        by_name: dict[str, OrderedDict[Hash, Transaction]] = {}
        for identity, transaction in taken.items():
            by_name.setdefault(transaction.institution, OrderedDict())[identity] = transaction
            self.waiting_operations += len(transaction.operations)
        for name, back in by_name.items():
            queue = self._queues[name]
            if not queue.waiting:
                self._turns.append(name)
            back.update(queue.waiting)
            queue.waiting = back

    def older_than(self, before: Seconds, limit: int) -> list[Hash]:
        """Return identities of waiting transactions that came in before a time, oldest first.

        Each institution has an equal part of `limit`, so that none hides what others wait for.
        """
        found: list[tuple[Seconds, Hash]] = []
        share = max(1, limit // max(1, len(self._turns)))
        for name in self._turns:
            for identity in islice(self._queues[name].waiting, share):
                since = self._all[identity][1]
                if since <= before:
                    found.append((since, identity))
        found.sort()
        return [identity for _, identity in found[:limit]]

    @property
    def next_expiry(self) -> BlockTime | None:
        return self._expiries[0][0] if self._expiries else None
