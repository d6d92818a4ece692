"""A store of one's own that follows a running node, believing nothing that the node says.

Blocks and certificates come over the API, as many at a time as fit an answer. Each is judged as a
validator would: links, bounds, every signature, the certificate under the membership that follows
from genesis; then it is applied, and what came of it must be what the quorum has signed. What is
written stays: a fetch that was cut short goes on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from govchaind.base.encoding import encode, read
from govchaind.base.errors import GovchaindError, InvalidProof, PeerError
from govchaind.base.keyspace import Table, height_key
from govchaind.base.limits import BLOCK_BYTES_MAX, CERTIFICATE_BYTES_MAX
from govchaind.base.types import Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block, check_block, read_block
from govchaind.ledger.certificate import Certificate, check_certificate, read_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.transaction import verify_transaction
from govchaind.replica.memberships import Memberships
from govchaind.replica.store import (
    APPLIED,
    StoredLog,
    View,
    check_store,
    store_batch,
    stored_store_id,
)
from govchaind.runtime.environment import Storage

PAGE_BLOCKS = 100  # what a node gives at once
PAGE_BYTES_MAX = 2 * BLOCK_BYTES_MAX + PAGE_BLOCKS * CERTIFICATE_BYTES_MAX
STORE_ID = bytes(16)  # of a store that never takes part in anything

Page = Callable[[Height, int], Awaitable[bytes]]  # from which height, at most how many


class Replay:
    """Follows one chain in a store."""

    def __init__(self, storage: Storage, genesis: Genesis) -> None:
        """Take up a store that `prepare` has made. Raises InvalidSetting: of another chain."""
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
            before = self.height
            await self._take(pairs[: until - before])
            progress(self.height - before)

    async def _take(self, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Judge and apply one page, and write it as one."""
        snapshot = self._storage.snapshot()
        try:
            view = View(snapshot)
            for raw, certificate in pairs:
                height = self.height + 1
                try:
                    self._one(view, raw, certificate)
                except GovchaindError as error:
                    raise InvalidProof(
                        f"block {height} does not hold: {error.message}",
                        code="block-does-not-hold",
                        remedy="The node is wrong, or this release is older than the network's: "
                        "ask another node, or use the release that the network runs.",
                    ) from error
            view.pending.put(APPLIED, encode(self.height))
            batch = view.pending
        finally:
            snapshot.close()
        await self._storage.write(batch)

    def _one(self, view: View, raw: bytes, data: bytes | None) -> None:
        ledger, memberships, height = self._ledger, self._memberships, self.height + 1
        block = read_block(raw)
        check_block(
            block,
            chain_id=self._genesis.chain_id,
            height=height,
            previous_hash=ledger.last_hash,
            previous_time=ledger.time,
            membership_digest=memberships.digest_after(height - 1),
        )
        for transaction in block.transactions:
            verify_transaction(transaction)
        if data is None:
            raise InvalidProof("it has no certificate")
        certificate = read_certificate(data)
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
            batch.put(height_key(Table.MEMBERSHIP, height), block.membership.encode())
            self._memberships.append(height, block.membership)
