"""Makes a backup of a running node: pages of certified blocks, judged, put into parts.

The node is asked through its API, a page at a time, each of a snapshot that ends before the reply
leaves: no snapshot stands while the node writes, however long the backup takes. Blocks never
change once they are certified, so the pages of all these snapshots are one consistent whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from govchaind.backup.folder import Sink
from govchaind.backup.links import Links
from govchaind.backup.part import Head, PartWriter
from govchaind.base.encoding import read
from govchaind.base.errors import PeerError
from govchaind.base.limits import BACKUP_PART_BYTES_MAX
from govchaind.base.types import Hash, Height
from govchaind.ledger.genesis import Genesis
from govchaind.runtime.environment import Threads
from govchaind.runtime.replay import PAGE_BLOCKS, PAGE_BYTES_MAX, Page
from govchaind.runtime.system import InlineThreads


@dataclass(slots=True)
class Made:
    """What was written this time. `first` is above `last` where there was nothing new."""

    chain_id: str
    first: Height
    last: Height
    block_hash: str
    time_ms: int
    parts: int
    bytes: int


class Maker:
    """Writes what follows a position of one chain.

    Args:
        before: SHA-256 of the part before; None at genesis.
        threads: where a whole part is synced; a running node's loop does not wait for that.
    """

    def __init__(
        self,
        genesis: Genesis,
        links: Links,
        before: Hash | None,
        sink: Sink,
        *,
        part_bytes_max: int = BACKUP_PART_BYTES_MAX,
        threads: Threads | None = None,
    ) -> None:
        self._threads = InlineThreads() if threads is None else threads
        self._genesis = genesis
        self._links = links
        self._before = before
        self._sink = sink
        self._part_bytes_max = part_bytes_max

    async def run(
        self, page: Page, until: Height, progress: Callable[[int], None] = lambda _: None
    ) -> Made:
        """Write blocks up to a height that the node has said is certified.

        Raises:
            PeerError: the node gives fewer than that.
            InvalidProof: what it gives does not hold. Parts put out before stay.
        """
        first, parts, size = self._links.tip.height + 1, 0, 0
        while self._links.tip.height < until:
            size += await self._part(page, until, progress)
            parts += 1
        tip = self._links.tip
        chain_id, block_hash = self._genesis.chain_id.hex(), tip.block_hash.hex()
        return Made(chain_id, first, tip.height, block_hash, tip.time, parts, size)

    async def _part(self, page: Page, until: Height, progress: Callable[[int], None]) -> int:
        links, first = self._links, self._links.tip.height + 1
        genesis = self._genesis.bytes if first == 1 else None
        head = Head(self._genesis.chain_id, first, self._before, genesis)
        writer = PartWriter(self._sink.begin(), head)
        while links.tip.height < until and writer.bytes < self._part_bytes_max:
            height = links.tip.height + 1
            data = await page(height, min(PAGE_BLOCKS, until - height + 1))
            shape = list[tuple[bytes, bytes | None]]
            pairs = read(data, shape, bytes_max=PAGE_BYTES_MAX)[: until - height + 1]
            if not pairs:
                raise PeerError(
                    f"the node gave no block {height}, though it has {until}",
                    code="blocks-missing",
                    remedy="Run the command again, or ask another node.",
                )
            writer.page([(raw, links.take(raw, certificate)) for raw, certificate in pairs])
            progress(len(pairs))
        self._before = writer.end(links.tip)
        await self._threads.run(partial(self._sink.finish, first, links.tip.height))
        return writer.bytes
