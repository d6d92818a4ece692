"""An archive of old blocks, made of a node's own store before it removes them.

It is a backup in every way (`part.py`, `folder.py`): it begins at genesis, each further run adds
what is new, every link and certificate is verified on the way, and `govchaind restore` makes a
store of it. So nothing is removed that was not judged, put out whole, and synced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from govchaind.backup.folder import opened
from govchaind.backup.links import Links
from govchaind.backup.making import Made, Maker
from govchaind.base.encoding import encode, read
from govchaind.base.errors import InvalidSetting, Refused, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.limits import BLOCK_BYTES_MAX
from govchaind.base.types import Height
from govchaind.ledger.genesis import Genesis
from govchaind.replica.marker import check_kept, first_height
from govchaind.replica.store import ROW_BYTES_MAX
from govchaind.runtime.environment import Storage, Threads
from govchaind.runtime.replay import PAGE_BLOCKS
from govchaind.runtime.system import InlineThreads

RUNNING_BLOCKS = 4  # judged at once by a running node, in a millisecond or two
RUNNING_BYTES = 64 * 1024


async def no_pause() -> None:
    """Nobody else waits for this thread."""


class Archive:
    """A folder that a store's blocks are put into.

    Args:
        threads: where files are synced, and the newest one is read again.
        pause: waited for between pieces, which are small then: for a node that runs meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        storage: Storage,
        genesis: Genesis,
        *,
        threads: Threads | None = None,
        pause: Callable[[], Awaitable[None]] = no_pause,
    ) -> None:
        self._folder = folder
        self._storage = storage
        self._genesis = genesis
        self._threads = InlineThreads() if threads is None else threads
        self._pause = pause
        self._blocks, self._bytes = PAGE_BLOCKS, BLOCK_BYTES_MAX
        if pause is not no_pause:
            self._blocks, self._bytes = RUNNING_BLOCKS, RUNNING_BYTES

    async def reach(
        self, height: Height, progress: Callable[[int], None] = lambda _: None
    ) -> Made | None:
        """Have every block up to `height` in the archive; return what was written, if anything.

        Raises:
            Refused: there is no room (`backup-no-room`), or blocks that the archive lacks were
                removed here before (`archive-gap`).
            Invalid: the newest part is damaged.
            InvalidSetting: the folder holds a backup of another chain.
            InvalidProof: the store's own blocks do not hold.
        """
        with opened(self._folder) as folder:
            newest = await self._threads.run(folder.newest)
            tip = None if newest is None else newest[1]
            if newest is not None and newest[0].chain_id != self._genesis.chain_id:
                raise InvalidSetting(
                    f"{self._folder} holds a backup of another chain",
                    code="other-chain",
                    remedy="Name another folder for the archive.",
                )
            links = Links(self._genesis, tip)
            self._check_gap(links.tip.height + 1)
            if links.tip.height >= height:
                return None
            before = None if newest is None else newest[2]
            maker = Maker(self._genesis, links, before, folder, threads=self._threads)
            return await maker.run(self._page, height, progress)

    def _check_gap(self, following: Height) -> None:
        snapshot = self._storage.snapshot()
        try:
            first = first_height(snapshot)
        finally:
            snapshot.close()
        if following < first:
            raise Refused(
                f"the archive ends before block {following}; blocks below {first} are gone here",
                code="archive-gap",
                remedy="Let `govchaind backup` of a node that has them bring the archive up to "
                f"block {first - 1} first.",
            )

    async def _page(self, first: Height, limit: int) -> bytes:
        await self._pause()
        return encode(self._rows(first, min(limit, self._blocks)))

    def _rows(self, first: Height, limit: int) -> list[list[bytes | None]]:
        rows: list[list[bytes | None]] = []
        size = 0
        snapshot = self._storage.snapshot()
        try:
            for height in range(first, first + limit):
                row = snapshot.get(height_key(Table.LOG, height))
                if row is None:
                    check_kept(snapshot, height)
                    raise StorageCorrupt(f"block {height} is missing from the store")
                _, raw = read(row, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
                rows.append([raw, snapshot.get(height_key(Table.CERTIFICATE, height))])
                size += len(raw)
                if size > self._bytes:
                    break
        finally:
            snapshot.close()
        return rows
