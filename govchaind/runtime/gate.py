"""Judges bytes before the inbox: strict decoding, then every signature not seen before.

Rules kept here:
- Each transaction is verified once per node, whether it comes by the API, by gossip or in a block:
  verdicts go by identity, good and bad ones, in bounded memory.
- Signatures go to worker threads in batches; callers' items share batches. A batch leaves as soon
  as a worker is free: under load batches fill while others are verified. A lone transaction waits
  for nothing: it is verified on the spot.
- Blocks go first: everyone waits for them. All other callers take turns, one transaction each, so
  a caller with one waits for one of each other's and not for all that a flood has brought.
- One message with one bad transaction is bad as a whole: an honest peer has judged it too.
- `begin` returns at once, so that a link can read on; it awaits judgements in order, and so a
  peer's messages stay in order.

Left out: whether an office may sign is state's to say, and certificates are the replica's.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from govchaind.base.crypto import Domain, digest, verify
from govchaind.base.errors import Invalid, InvalidSignature
from govchaind.base.limits import VERDICTS_MAX, VERIFY_BATCH_MAX
from govchaind.base.types import Hash
from govchaind.ledger.transaction import Transaction, read_transaction, signature_checks
from govchaind.raft.messages import AppendEntries, Heartbeat
from govchaind.replica.messages import CertifiedBlocks
from govchaind.runtime import codec
from govchaind.runtime.environment import Threads

WORKERS = 2
INLINE_SIGNATURES_MAX = 2  # cheaper here than the way to a worker thread and back
INLINE_PAUSE_SECONDS = 0.002  # and at most so often: under load the loop has other things to do
BATCH_MIN = 16  # below it, splitting between idle workers costs more than it gains


@dataclass(slots=True)
class GateCounts:
    """What the gate has done since the start."""

    verified: int = 0
    refused: int = 0
    remembered: int = 0  # found among the verdicts: not verified again
    batches: int = 0
    signatures: int = 0


class _Waiting:
    """One caller's wait for some verdicts."""

    __slots__ = ("bad", "done", "left")

    def __init__(self) -> None:
        self.left = 0
        self.done = trio.Event()
        self.bad: set[Hash] = set()

    def settle(self, identity: Hash, verdict: bool) -> None:
        if not verdict:
            self.bad.add(identity)
        self.left -= 1
        if self.left == 0:
            self.done.set()


@dataclass(slots=True)
class Judgement:
    """A message under judgement. `early`: what may be told before its signatures are verified."""

    message: codec.Anything
    size: int
    early: Heartbeat | None
    _waiting: _Waiting = field(repr=False)

    @property
    def settled(self) -> bool:
        """Whether `done` waits for nothing."""
        return self._waiting.done.is_set()

    async def done(self) -> codec.Anything:
        """Return the message once every signature holds. Raises InvalidSignature."""
        if not self.settled:
            await self._waiting.done.wait()
        if self._waiting.bad:
            raise InvalidSignature(
                f"{len(self._waiting.bad)} of the message's transactions are signed wrongly"
            )
        return self.message


class _Turns:
    """Transactions to verify: those of blocks in order, then one of each other caller in turn."""

    __slots__ = ("_blocks", "_callers", "_count")

    def __init__(self) -> None:
        self._blocks: deque[Transaction] = deque()
        self._callers: deque[deque[Transaction]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, transactions: Sequence[Transaction], *, first: bool) -> None:
        self._count += len(transactions)
        if first:
            self._blocks.extend(transactions)
        else:
            self._callers.append(deque(transactions))

    def take(self) -> Transaction:
        self._count -= 1
        if self._blocks:
            return self._blocks.popleft()
        turn = self._callers.popleft()
        transaction = turn.popleft()
        if turn:
            self._callers.append(turn)
        return transaction


class Gate:
    """One per node; `run` must be running for anything to be verified."""

    def __init__(
        self,
        threads: Threads,
        *,
        known: Callable[[Hash], Transaction | None],
        workers: int = WORKERS,
        verdicts_max: int = VERDICTS_MAX,
    ) -> None:
        """`known` gives transactions in the pool: verified and read already."""
        self.counts = GateCounts()
        self._threads = threads
        self._known = known
        self._workers = workers
        self._verdicts_max = verdicts_max
        self._verdicts: OrderedDict[Hash, bool] = OrderedDict()
        # by identity: who waits for a verdict under way
        self._waiting: dict[Hash, list[_Waiting]] = {}
        self._queue = _Turns()
        self._idle = 0
        self._inline_at = -INLINE_PAUSE_SECONDS
        self._work = trio.Event()

    async def run(self) -> None:
        """Verify what callers bring, until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._workers):
                nursery.start_soon(self._work_on)

    def begin(self, body: bytes) -> Judgement:
        """Decode a frame's body and set its verification going. Raises Invalid."""
        frame = codec.split(body)
        message = codec.read(frame, self._known)
        blocks = isinstance(message, AppendEntries | CertifiedBlocks)
        waiting = self._ask(codec.transactions_of(message), first=blocks)
        early = None if waiting.done.is_set() else frame.heard()
        return Judgement(message, len(body), early, waiting)

    async def judge(self, body: bytes) -> codec.Anything:
        """Return the message of a frame's body, fully judged. Raises Invalid."""
        return await self.begin(body).done()

    async def judge_transactions(self, raws: Sequence[bytes]) -> list[Transaction | Invalid]:
        """Return for each of `raws`, in order, the verified transaction, or what is wrong."""
        answers: list[Transaction | Invalid] = []
        for raw in raws:
            known = self._known(digest(Domain.TRANSACTION, raw))
            if known is not None:
                answers.append(known)
                continue
            try:
                answers.append(read_transaction(raw))
            except Invalid as error:
                answers.append(error)
        waiting = self._ask([item for item in answers if isinstance(item, Transaction)])
        if not waiting.done.is_set():
            await waiting.done.wait()
        for place, item in enumerate(answers):
            if isinstance(item, Transaction) and item.identity in waiting.bad:
                answers[place] = InvalidSignature("a signature of the transaction does not verify")
        return answers

    def _ask(self, transactions: Sequence[Transaction], *, first: bool = False) -> _Waiting:
        """Queue what has no verdict yet; return the wait for all of them."""
        waiting = _Waiting()
        unknown: list[Transaction] = []
        for transaction in transactions:
            identity = transaction.identity
            if self._known(identity) is transaction:
                continue
            verdict = self._verdicts.get(identity)
            if verdict is not None:
                self.counts.remembered += 1
                if not verdict:
                    waiting.bad.add(identity)
                continue
            waiting.left += 1
            others = self._waiting.get(identity)
            if others is None:
                self._waiting[identity] = [waiting]
                unknown.append(transaction)
            else:
                others.append(waiting)
        if unknown and self._is_lone(unknown):
            self._count(unknown)
            self._settle(unknown, _verdicts(unknown))
        elif unknown:
            self._queue.add(unknown, first=first)
        if waiting.left == 0:
            waiting.done.set()
        if self._queue:
            self._work.set()
        return waiting

    def _is_lone(self, transactions: Sequence[Transaction]) -> bool:
        """Say whether these are few, and come after a calm time: then they wait for nobody."""
        if self._queue or not _are_few(transactions):
            return False
        now = trio.current_time()
        calm = now - self._inline_at >= INLINE_PAUSE_SECONDS
        if calm:
            self._inline_at = now
        return calm

    def _count(self, batch: Sequence[Transaction]) -> None:
        self.counts.batches += 1
        self.counts.signatures += _signatures(batch)

    async def _work_on(self) -> None:
        while True:
            while not self._queue:
                self._idle += 1
                try:
                    self._work = self._work if not self._work.is_set() else trio.Event()
                    await self._work.wait()
                finally:
                    self._idle -= 1
            batch = self._take_batch()
            if _are_few(batch):
                verdicts = _verdicts(batch)  # under load batches are never so small
                await trio.lowlevel.checkpoint()
            else:
                verdicts = await self._threads.run(partial(_verdicts, batch))
            self._settle(batch, verdicts)

    def _take_batch(self) -> list[Transaction]:
        """Take a fair share for the workers that are free, at most VERIFY_BATCH_MAX signatures."""
        queue = self._queue
        share = max(BATCH_MIN, -(-len(queue) // (self._idle + 1)))
        batch: list[Transaction] = []
        signatures = 0
        while queue and len(batch) < share and signatures < VERIFY_BATCH_MAX:
            transaction = queue.take()
            batch.append(transaction)
            signatures += len(transaction.signatures)
        self._count(batch)
        return batch

    def _settle(self, batch: Sequence[Transaction], verdicts: Sequence[bool]) -> None:
        for transaction, verdict in zip(batch, verdicts, strict=True):
            if verdict:
                self.counts.verified += 1
            else:
                self.counts.refused += 1
            self._verdicts[transaction.identity] = verdict
            for waiting in self._waiting.pop(transaction.identity):
                waiting.settle(transaction.identity, verdict)
        while len(self._verdicts) > self._verdicts_max:
            self._verdicts.popitem(last=False)


def _signatures(transactions: Sequence[Transaction]) -> int:
    return sum(len(item.signatures) for item in transactions)


def _are_few(transactions: Sequence[Transaction]) -> bool:
    """Say whether verifying these here is cheaper than a way to a worker thread."""
    return _signatures(transactions) <= INLINE_SIGNATURES_MAX


def _verdicts(batch: Sequence[Transaction]) -> list[bool]:
    """Verify on a worker thread: pure, and libsodium gives up the interpreter lock meanwhile."""
    return [
        all(
            verify(Domain.TRANSACTION_BODY, key, message, signature)
            for key, message, signature in signature_checks(transaction)
        )
        for transaction in batch
    ]
