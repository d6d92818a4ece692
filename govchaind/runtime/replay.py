"""A store that is made from certified blocks, believing nobody who brings them.

They come from a running node's API, or from a backup, as many at a time as fit a page. Each is
judged as a validator would: links, bounds, every signature, the certificate under the membership
that follows from genesis; then it is applied, and what came of it must be what the quorum has
signed. What is written stays: a fetch that was cut short goes on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from govchaind.base.encoding import encode, read
from govchaind.base.errors import GovchaindError, InvalidProof, PeerError
from govchaind.base.keyspace import Table, height_key
from govchaind.base.limits import BLOCK_BYTES_MAX, CERTIFICATE_BYTES_MAX
from govchaind.base.types import Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block, check_block, read_block
from govchaind.ledger.certificate import Certificate, check_certificate, read_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.transaction import Transaction, verify_transaction
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import check_recovered, take_record
from govchaind.replica.store import (
    APPLIED,
    StoredLog,
    View,
    check_store,
    membership_row,
    store_batch,
    stored_store_id,
)
from govchaind.runtime.environment import Storage, Threads
from govchaind.runtime.system import InlineThreads

PAGE_BLOCKS = 100  # what a node gives at once
PAGE_BYTES_MAX = 2 * BLOCK_BYTES_MAX + PAGE_BLOCKS * CERTIFICATE_BYTES_MAX
STORE_ID = bytes(16)  # of a store that never takes part in anything

VERIFY_BATCH_MIN = 16  # below it, splitting between workers costs more than it gains

Judged = tuple[Block, bytes | None]  # a block whose signatures hold, and its certificate
Page = Callable[[Height, int], Awaitable[bytes]]  # from which height, at most how many


class Replay:
    """Follows one chain in a store.

    Args:
        threads: where signatures are verified, on so many of `workers` at once.
    """

    def __init__(
        self,
        storage: Storage,
        genesis: Genesis,
        threads: Threads | None = None,
        workers: int = 1,
    ) -> None:
        """Take up a store that `prepare` has made. Raises InvalidSetting: of another chain."""
        self._threads = InlineThreads() if threads is None else threads
        self._workers = workers
        self._storage = storage
        self._genesis = genesis
        snapshot = storage.snapshot()
        try:
            check_store(snapshot, genesis)
            self._ledger = Ledger(genesis, snapshot)
            log = StoredLog(View(snapshot), lambda _: None)
            self._memberships = Memberships(log.memberships())
        finally:
            snapshot.close()

    @staticmethod
    async def prepare(storage: Storage, genesis: Genesis) -> Replay:
        """Return what follows the chain in a store, which is made if it is empty."""
        snapshot = storage.snapshot()
        made = stored_store_id(snapshot) is not None
        snapshot.close()
        if not made:
            await storage.write(store_batch(genesis, STORE_ID))
        return Replay(storage, genesis)

    @property
    def height(self) -> Height:
        """The newest height in the store."""
        return self._ledger.height

    async def follow(
        self, page: Page, until: Height, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Fetch and apply blocks up to a height that the node has said is certified.

        Raises:
            PeerError: the node gives no more blocks before that height.
            InvalidProof: what it gives does not hold; what came before it is kept.
        """
        while self.height < until:
            data = await page(self.height + 1, min(PAGE_BLOCKS, until - self.height))
            shape = list[tuple[bytes, bytes | None]]
            pairs = read(data, shape, bytes_max=PAGE_BYTES_MAX)
            if not pairs:
                raise PeerError(
                    f"the node gave no block {self.height + 1}, though it has {until}",
                    code="blocks-missing",
                    remedy="Run the command again, or ask another node.",
                )
            pairs = pairs[: until - self.height]
            await self.take(await self.judge(self.height + 1, pairs))
            progress(len(pairs))

    async def judge(
        self, first: Height, pairs: Sequence[tuple[bytes, bytes | None]]
    ) -> list[Judged]:
        """Read blocks `first` … and verify every signature of their transactions, on threads.

        What a block's place in the chain and its certificate are worth is `take`'s to judge.

        Raises InvalidProof: a block is not readable, or a signature is wrong.
        """
        judged: list[Judged] = []
        for height, (raw, certificate) in enumerate(pairs, first):
            try:
                judged.append((read_block(raw), certificate))
            except GovchaindError as error:
                raise _does_not_hold(height, error) from error
        items = [
            (height, transaction)
            for height, (block, _) in enumerate(judged, first)
            for transaction in block.transactions
        ]
        each = max(VERIFY_BATCH_MIN, -(-len(items) // self._workers))
        wrong: list[InvalidProof] = []

        async def verified(part: list[tuple[Height, Transaction]]) -> None:
            found = await self._threads.run(partial(_first_wrong, part))
            wrong.extend([] if found is None else [found])

        async with trio.open_nursery() as nursery:
            for start in range(0, len(items), each):
                nursery.start_soon(verified, items[start : start + each])
        if wrong:
            raise wrong[0]
        return judged

    async def take(self, judged: Sequence[Judged]) -> None:
        """Apply the next blocks, and write them as one. Raises InvalidProof: nothing is written."""
        snapshot = self._storage.snapshot()
        try:
            view = View(snapshot)
            for block, certificate in judged:
                height = self.height + 1
                try:
                    self._one(view, block, certificate)
                except GovchaindError as error:
                    raise _does_not_hold(height, error) from error
            view.pending.put(APPLIED, encode(self.height))
            batch = view.pending
        finally:
            snapshot.close()
        await self._storage.write(batch)

    async def take_and_judge(
        self, judged: Sequence[Judged], first: Height, pairs: Sequence[tuple[bytes, bytes | None]]
    ) -> list[Judged]:
        """Take what is judged while the threads judge what follows it, blocks `first` …; return it.

        Raises InvalidProof: of what is wrong, that at the lower height.
        """
        following: list[Judged] = []
        wrong: list[GovchaindError] = []

        async def judge() -> None:
            try:
                following.extend(await self.judge(first, pairs))
            except GovchaindError as error:
                wrong.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(judge)
            await trio.lowlevel.checkpoint()  # the signatures are on their way to the threads
            try:
                if judged:
                    await self.take(judged)
            except GovchaindError as error:
                wrong.insert(0, error)
        if wrong:
            raise wrong[0]
        return following

    def _one(self, view: View, block: Block, data: bytes | None) -> None:
        ledger, memberships, height = self._ledger, self._memberships, self.height + 1
        check_block(
            block,
            chain_id=self._genesis.chain_id,
            height=height,
            previous_hash=ledger.last_hash,
            previous_time=ledger.time,
            membership_digest=memberships.digest_after(height - 1),
        )
        if data is None:
            raise InvalidProof("it has no certificate")
        certificate = read_certificate(data)
        for record in (certificate.recovery, block.record):
            if record is not None:
                take_record(record, self._genesis.chain_id, self.height, memberships)
        check_recovered(block, memberships)
        if memberships.recovery_over(height) is not None:
            check_certificate(certificate, *memberships.certifying(height))
        else:
            before = memberships.before(height)
            check_certificate(certificate, before, block.membership or before)
        self._apply(view, block, certificate)

    def _apply(self, view: View, block: Block, certificate: Certificate) -> None:
        height, batch = block.height, view.pending
        applied = self._ledger.apply(block, view, batch)
        if applied.statement != certificate.statement:
            raise InvalidProof("what came of it here is not what the validators have signed")
        batch.put(height_key(Table.LOG, height), encode([block.term, block.raw]))
        batch.put(height_key(Table.CERTIFICATE, height), certificate.encode())
        if block.membership is not None:
            row = membership_row(block.membership, block.recovery)
            batch.put(height_key(Table.MEMBERSHIP, height), row)
            self._memberships.append(height, block.membership, block.recovery)


def _first_wrong(items: Sequence[tuple[Height, Transaction]]) -> InvalidProof | None:
    """Verify signatures, on a worker; return what is wrong with the first that does not hold."""
    for height, transaction in items:
        try:
            verify_transaction(transaction)
        except GovchaindError as error:
            return _does_not_hold(height, error)
    return None


def _does_not_hold(height: Height, error: GovchaindError) -> InvalidProof:
    return InvalidProof(
        f"block {height} does not hold: {error.message}",
        code="block-does-not-hold",
        remedy="The node is wrong, or this release is older than the network's: "
        "ask another node, or use the release that the network runs.",
    )
