"""A node that gives pages, backups of it in several parts, and stores that are restored of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from govchaind.backup.folder import opened, part_files
from govchaind.backup.links import Links
from govchaind.backup.making import Made, Maker
from govchaind.backup.restoring import Restored, Restorer, Source
from govchaind.base.encoding import encode
from govchaind.ledger.genesis import Genesis
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.system import InlineThreads
from tests.ledger.chain import Chain

STORE = b"drawn at random."
SMALL_PARTS = 3000  # bytes, so that there are several
Rows = list[tuple[bytes, bytes | None]]


class Node:
    """Gives pages of a chain, as a node's API does."""

    def __init__(self, chain: Chain) -> None:
        self.rows: Rows = [
            (step.block.raw, chain.certificate(step.block.height).encode()) for step in chain.steps
        ]

    async def page(self, first: int, limit: int) -> bytes:
        return encode([list(row) for row in self.rows[first - 1 : first - 1 + min(limit, 7)]])


async def back_up(
    node: Node, genesis: Genesis, path: Path, until: int, *, part_bytes_max: int = SMALL_PARTS
) -> Made:
    """Make a backup, or go on with the one that is there."""
    with opened(path) as folder:
        newest = folder.newest()
        links = Links(genesis, None if newest is None else newest[1])
        before = None if newest is None else newest[2]
        maker = Maker(genesis, links, before, folder, part_bytes_max=part_bytes_max)
        return await maker.run(node.page, until)


class Bytes:
    """Gives bytes as a file does."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, count: int) -> bytes:
        found, self._data = self._data[:count], self._data[count:]
        return found


def sources(parts: Sequence[bytes]) -> list[Source]:
    return [(f"part {place}", Bytes(data).read) for place, data in enumerate(parts, 1)]


def parts_of(path: Path) -> list[bytes]:
    return [one.read_bytes() for one in part_files(path)]


async def restore(parts: Sequence[bytes], genesis: Genesis, path: Path) -> Restored:
    """Restore into a store that is made for it."""
    storage = LmdbStorage(path)
    try:
        return await Restorer(storage, genesis, STORE, InlineThreads(), 2).run(sources(parts))
    finally:
        storage.close()
