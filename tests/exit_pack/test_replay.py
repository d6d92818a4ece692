"""A store that follows a node: the same pack comes of it, and nothing that is false gets in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidProof, PeerError
from govchaind.exit_pack.pack import Written, write_pack
from govchaind.exit_pack.source import Source
from govchaind.ledger.genesis import make_genesis
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.replay import PAGE_BLOCKS, Replay
from tests.exit_pack.packed import SMALL_FILES, eventful, pack, store
from tests.ledger.chain import START, Chain, signed

Rows = list[list[bytes | None]]


@pytest.fixture(scope="module", name="chain")
def the_chain() -> Chain:
    return store(eventful())


class Node:
    """Gives pages of a chain, as a node's API does; `change` makes it lie."""

    def __init__(self, chain: Chain, change: Callable[[Rows], Rows] = lambda rows: rows) -> None:
        self.rows: Rows = [
            [step.block.raw, chain.certificate(step.block.height).encode()] for step in chain.steps
        ]
        self.rows = change(self.rows)
        self.asked: list[tuple[int, int]] = []

    async def page(self, first: int, limit: int) -> bytes:
        self.asked.append((first, limit))
        return encode(self.rows[first - 1 : first - 1 + min(limit, 7)])


@contextmanager
def opened(folder: Path) -> Iterator[LmdbStorage]:
    folder.mkdir(exist_ok=True)
    storage = LmdbStorage(folder)
    try:
        yield storage
    finally:
        storage.close()


@asynccontextmanager
async def following(folder: Path, chain: Chain) -> AsyncIterator[tuple[LmdbStorage, Replay]]:
    with opened(folder) as storage:
        yield storage, await Replay.prepare(storage, chain.genesis)


def packed(storage: LmdbStorage, chain: Chain, folder: Path) -> Written:
    folder.mkdir()
    with storage.snapshot() as snapshot:
        source = Source(snapshot, chain.genesis)
        return write_pack(source, folder, tables=False, file_bytes_max=SMALL_FILES)


async def test_the_same_pack_comes_of_it(chain: Chain, tmp_path: Path) -> None:
    node, told = Node(chain), 0

    def progress(blocks: int) -> None:
        nonlocal told
        told += blocks

    async with following(tmp_path / "store", chain) as (_, replay):
        await replay.follow(node.page, 30, progress)
        assert replay.height == told == 30
    assert node.asked[0] == (1, 30)
    node.asked.clear()
    async with following(tmp_path / "store", chain) as (storage, replay):
        await replay.follow(node.page, chain.ledger.height, progress)
        fetched = packed(storage, chain, tmp_path / "fetched")

    assert node.asked[0] == (31, min(PAGE_BLOCKS, chain.ledger.height - 30))  # it went on
    assert told == chain.ledger.height
    assert fetched == pack(chain, tmp_path / "stored", tables=False)


async def test_a_store_of_another_chain_is_refused(chain: Chain, tmp_path: Path) -> None:
    old = chain.genesis
    other = make_genesis(name="other", time=START, institutions=old.institutions, nodes=old.nodes)
    async with following(tmp_path / "store", chain) as (storage, _):
        with pytest.raises(Invalid) as caught:
            await Replay.prepare(storage, other)
    assert caught.value.code == "store-chain"


async def test_a_node_that_ends_early_is_told_of(chain: Chain, tmp_path: Path) -> None:
    async with following(tmp_path / "store", chain) as (_, replay):
        with pytest.raises(PeerError) as caught:
            await replay.follow(Node(chain, lambda rows: rows[:20]).page, 21)
        assert (caught.value.code, replay.height) == ("blocks-missing", 20)


def _replaced(place: int, column: int, value: Any) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        made = value(rows) if callable(value) else value
        row = [made if at == column else item for at, item in enumerate(rows[place])]
        return [*rows[:place], row, *rows[place + 1 :]]

    return change


def _flipped(place: int, column: int, at: int) -> Callable[[Rows], Rows]:
    def value(rows: Rows) -> bytes:
        data = bytearray(rows[place][column] or b"")
        data[at] ^= 1
        return bytes(data)

    return _replaced(place, column, value)


LIES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "no certificate": (_replaced(9, 1, None), "it has no certificate"),
    "another's certificate": (_replaced(9, 1, lambda rows: rows[8][1]), "what came of it here"),
    "a dropped block": (lambda rows: [*rows[:9], *rows[10:]], "a block of height 11"),
    "a changed header": (_flipped(9, 0, 60), "does not follow|another chain|not readable|header"),
    "a changed signature": (_flipped(9, 0, -9), "the transactions are not those"),
    "a changed certificate": (_flipped(9, 1, -9), "does not verify"),
}


@pytest.mark.parametrize("name", LIES)
async def test_what_is_false_is_not_kept(chain: Chain, tmp_path: Path, name: str) -> None:
    change, said = LIES[name]
    async with following(tmp_path / "store", chain) as (_, replay):
        with pytest.raises(InvalidProof, match=said) as caught:
            await replay.follow(Node(chain, change).page, chain.ledger.height)
        assert caught.value.code == "block-does-not-hold"
        assert caught.value.message.startswith("block 10 does not hold: ")
    async with following(tmp_path / "store", chain) as (_, replay):
        assert replay.height == 7  # the page before
        await replay.follow(Node(chain).page, 12)
        assert replay.height == 12


async def test_too_few_signatures_are_refused(chain: Chain, tmp_path: Path) -> None:
    lone = signed(chain, 10, "node-b").encode()
    async with following(tmp_path / "store", chain) as (_, replay):
        with pytest.raises(InvalidProof, match="1 of 3 validators have signed; 2 are needed"):
            await replay.follow(Node(chain, _replaced(9, 1, lone)).page, 12)
