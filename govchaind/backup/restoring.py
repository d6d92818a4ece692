"""Makes a store of a backup: every part read once, every block judged and carried out again.

Rules it keeps:
- Nothing is believed: the genesis is the node's own file, and from it follows who may certify.
  Signatures, links, certificates are verified; outcomes and state roots are computed and compared.
- The store is a new one, under an id that nobody knows: its node votes and signs nothing until the
  institutions have re-admitted it, and never at or below the height that was restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from govchaind.backup.part import MAGIC, PartReader, Read, Tip, damaged
from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidProof, InvalidSetting
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import Height, StoreId
from govchaind.ledger.genesis import Genesis
from govchaind.replica.events import Guard
from govchaind.replica.store import FLOOR, store_batch
from govchaind.runtime.environment import Storage, Threads
from govchaind.runtime.replay import Judged, Replay

Source = tuple[str, Read]  # what it is called, and what gives its bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    chain_id: str
    height: Height
    block_hash: str
    time_ms: int
    parts: int
    transactions: int
    store: str


class Parts:
    """The parts of a backup in order, judged to follow each other.

    Raises:
        Invalid: `backup-incomplete`: a part is missing; `backup-order`: they are not in order, or
            not of one backup; and what `PartReader` raises.
        InvalidSetting: `other-chain`.
    """

    def __init__(self, sources: Iterable[Source], genesis: Genesis) -> None:
        self._sources = sources
        self._genesis = genesis
        self._before: PartReader | None = None
        self.count = 0

    @property
    def tip(self) -> Tip | None:
        """Where the part that was read last ends."""
        return None if self._before is None else self._before.tip

    def __iter__(self) -> Iterator[PartReader]:
        for name, read in self._sources:
            begins = read(len(MAGIC))
            if not begins:
                raise damaged(name, "it is empty")
            while begins:  # a stream has all its parts one after the other
                part = PartReader(read, name, begins)
                self._check(part)
                yield part
                self._before = part
                self.count += 1
                begins = read(len(MAGIC))
        if self.count == 0:
            raise Invalid(
                "there is no part of a backup",
                code="backup-incomplete",
                remedy="Name a folder that `govchaind backup` wrote, or `-` and give it a stream.",
            )

    def _check(self, part: PartReader) -> None:
        head, before = part.head, self._before
        if head.chain_id != self._genesis.chain_id:
            raise InvalidSetting(
                f"{part.name} is of chain {head.chain_id.hex()}, not of this node's",
                code="other-chain",
                remedy="Name a backup of this node's chain; its genesis.bin says which it is.",
            )
        if head.genesis not in (None, self._genesis.bytes):
            raise damaged(part.name, "its genesis is another than its chain id names")
        following = 1 if self.tip is None else self.tip.height + 1
        if head.first > following:
            raise Invalid(
                f"blocks {following} to {head.first - 1} are missing before {part.name}",
                code="backup-incomplete",
                remedy="Put the missing part back; without it restore up to there, from a folder "
                "that holds only the parts before.",
            )
        if head.first < following or (before is not None and head.before != before.hash):
            raise Invalid(
                f"{part.name} begins at height {head.first} but was not made after what comes "
                f"before it, which ends at {following - 1}",
                code="backup-order",
                remedy="Give the parts of one backup, each once, lowest heights first.",
            )


class Restorer:
    """Fills an empty store with a chain.

    Args:
        store: the id of the new store: drawn at random, known to nobody.
        guard: what the guard file of its node remembers, if there is one.
        workers: how many threads verify signatures at once.
    """

    def __init__(
        self,
        storage: Storage,
        genesis: Genesis,
        store: StoreId,
        threads: Threads,
        workers: int,
        guard: Guard | None = None,
    ) -> None:
        self._guard = guard
        self._storage = storage
        self._genesis = genesis
        self._store = store
        self._threads = threads
        self._workers = workers

    async def run(
        self, sources: Iterable[Source], progress: Callable[[int], None] = lambda _: None
    ) -> Restored:
        """Restore all parts. Raises what `Parts` and `PartReader` raise."""
        await self._storage.write(store_batch(self._genesis, self._store, self._guard))
        replay = Replay(self._storage, self._genesis, self._threads, self._workers)
        parts = Parts(sources, self._genesis)
        transactions = 0
        for part in parts:
            transactions += await self._part(replay, part, progress)
        floor = WriteBatch()
        floor.put(FLOOR, encode(replay.height))
        await self._storage.write(floor)
        tip = parts.tip
        if tip is None:
            raise InvalidProof("no part has come to its end")
        return Restored(
            self._genesis.chain_id.hex(),
            tip.height,
            tip.block_hash.hex(),
            tip.time,
            parts.count,
            transactions,
            self._store.hex(),
        )

    async def _part(self, replay: Replay, part: PartReader, progress: Callable[[int], None]) -> int:
        """Carry out one part: while a page is applied, the next one's signatures are verified."""
        transactions, first = 0, replay.height + 1
        waiting: list[Judged] = []
        try:
            for page in part.pages():
                waiting = await replay.take_and_judge(waiting, first, page)
                progress(len(page))
                first += len(page)
                transactions += sum(len(block.transactions) for block, _ in waiting)
            await replay.take_and_judge(waiting, first, [])
        except InvalidProof as error:
            raise damaged(part.name, error.message) from error
        return transactions
