"""Damage to a backup: each is refused with its code, and nothing that is not certified gets in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.backup.part import MAGIC, Head, PartReader, PartWriter, Tip
from govchaind.backup.restoring import Parts
from govchaind.base.errors import Invalid
from tests.backup.chains import Bytes, Node, back_up, parts_of, restore, sources
from tests.exit_pack.packed import eventful
from tests.ledger.chain import Chain
from tests.runtime.test_verify_store import chain_of

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(scope="module", name="chain")
def the_chain() -> Chain:
    return eventful()


@pytest.fixture(name="parts")
async def its_backup(chain: Chain, tmp_path: Path) -> list[bytes]:
    """Return a backup of four parts or more."""
    await back_up(Node(chain), chain.genesis, tmp_path / "backup", chain.ledger.height)
    found = parts_of(tmp_path / "backup")
    assert len(found) >= 4
    return found


def rewritten(part: bytes, change: Callable[[list[tuple[bytes, bytes]]], None]) -> bytes:
    """Return a part with other pairs and hashes that fit: what whoever forges one would make."""
    reader = PartReader(Bytes(part[len(MAGIC) :]).read, "it", MAGIC)
    pairs = [pair for page in reader.pages() for pair in page]
    change(pairs)
    made: list[bytes] = []
    writer = PartWriter(made.append, reader.head)
    for pair in pairs:
        writer.page([pair])
    assert reader.tip is not None
    writer.end(reader.tip)
    return b"".join(made)


def forged(part: bytes) -> bytes:
    def change(pairs: list[tuple[bytes, bytes]]) -> None:
        block, certificate = pairs[3]
        pairs[3] = block, certificate[:-1] + bytes([certificate[-1] ^ 1])

    return rewritten(part, change)


DAMAGE: dict[str, tuple[Change, str, str]] = {
    "cut off": (lambda p: [*p[:-1], p[-1][:-9]], "backup-damaged", "cut off"),
    "cut in the middle": (lambda p: [p[0][: len(p[0]) // 2]], "backup-damaged", "cut off"),
    "only a beginning": (lambda p: [p[0][:7]], "not-a-backup", "is no part of a backup"),
    "an empty file": (lambda p: [p[0], b""], "backup-damaged", "it is empty"),
    "nothing": (lambda p: [], "backup-incomplete", "there is no part"),
    "another file": (lambda p: [b"\x7fELF" * 99], "not-a-backup", "part 1 is no part"),
    "first part missing": (lambda p: p[1:], "backup-incomplete", "blocks 1 to"),
    "a part missing": (lambda p: [p[0], *p[2:]], "backup-incomplete", "are missing before"),
    "a part twice": (lambda p: [p[0], p[0], p[1]], "backup-order", "part 2 begins at height 1"),
    "wrong order": (lambda p: [p[0], p[1], p[0]], "backup-order", "lowest heights|begins"),
    "a forged certificate": (lambda p: [forged(p[0])], "backup-damaged", "block 4 does not hold"),
    "made after another": (
        lambda p: [rewritten(p[0], lambda _: None), p[1]],
        "backup-order",
        "was not made after",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_what_is_not_whole_is_refused(
    chain: Chain, parts: list[bytes], tmp_path: Path, name: str
) -> None:
    change, code, said = DAMAGE[name]
    with pytest.raises(Invalid, match=said) as caught:
        await restore(change(parts), chain.genesis, tmp_path / "store")
    assert caught.value.code == code
    assert caught.value.remedy != Invalid.remedy


def read_all(stream: bytes, chain: Chain) -> int:
    """Read a stream to its end, as a restore does but for the blocks; return how many parts."""
    parts = Parts(sources([stream]), chain.genesis)
    for part in parts:
        for _ in part.pages():
            pass
    return parts.count


async def test_every_byte_counts(chain: Chain, parts: list[bytes]) -> None:
    """Flip bits all over: no part is read as whole, whatever the place."""
    stream = b"".join(parts[:2])
    assert read_all(stream, chain) == 2
    for place in range(0, len(stream), 37):
        data = bytearray(stream)
        data[place] ^= 1 << (place % 8)
        with pytest.raises(Invalid):
            read_all(bytes(data), chain)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="it: "):
        PartReader(Bytes(data).read, "it", MAGIC)


async def test_a_wrong_signature_is_refused_though_it_is_certified(tmp_path: Path) -> None:
    """A quorum of liars certifies what no office has signed: restoring finds it."""
    chain = chain_of(wrong=(6,))
    made = await back_up(Node(chain), chain.genesis, tmp_path / "backup", chain.ledger.height)
    with pytest.raises(Invalid, match=r"part \d+: block 6 does not hold") as caught:
        await restore(parts_of(tmp_path / "backup"), chain.genesis, tmp_path / "store")
    assert (made.last, caught.value.code) == (chain.ledger.height, "backup-damaged")


def test_a_head_that_contradicts_itself_is_refused(chain: Chain) -> None:
    chain_id, genesis = chain.genesis.chain_id, chain.genesis.bytes
    for head in (
        Head(chain_id, 1, None, None),
        Head(chain_id, 1, bytes(32), genesis),
        Head(chain_id, 5, None, None),
        Head(chain_id, 5, bytes(32), genesis),
        Head(chain_id[1:], 1, None, genesis),
        Head(chain_id, 0, None, genesis),
    ):
        made: list[bytes] = []
        PartWriter(made.append, head)
        with pytest.raises(Invalid, match="its head"):
            PartReader(Bytes(b"".join(made)[len(MAGIC) :]).read, "it", MAGIC)


def test_an_end_that_does_not_fit_is_refused(chain: Chain) -> None:
    made: list[bytes] = []
    writer = PartWriter(made.append, Head(chain.genesis.chain_id, 1, None, chain.genesis.bytes))
    writer.page([(b"block", b"certificate")])
    writer.end(Tip(2, bytes(32), 1, 0, chain.genesis.membership()))
    reader = PartReader(Bytes(b"".join(made)[len(MAGIC) :]).read, "it", MAGIC)
    with pytest.raises(Invalid, match="its end does not fit its blocks"):
        list(reader.pages())
