"""One suite for every implementation of the Storage seam.

A new implementation adds one factory to `OPENERS`: a function from a directory to an open store;
opening the same directory again, after `close`, shows what was durable.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.errors import InvariantBroken
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.runtime.environment import Storage
from govchaind.runtime.lmdb_storage import LmdbStorage
from netsim.gear2.disk import Disk

Opener = Callable[[Path], Storage]

_DISKS: dict[Path, Disk] = {}  # a simulated disk has no directory of its own


def _open_simulated(path: Path) -> Storage:
    return _DISKS.setdefault(path, Disk(Random(1))).open()


OPENERS: dict[str, Opener] = {
    "lmdb": lambda path: LmdbStorage(path, map_bytes_max=64 * 1024**2),
    "simulated": _open_simulated,
}

opener_of = pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS.keys())


def batch_of(**rows: bytes | None) -> WriteBatch:
    batch = WriteBatch()
    for name, value in rows.items():
        key = b"m" + name.encode()
        if value is None:
            batch.delete(key)
        else:
            batch.put(key, value)
    return batch


def rows_of(storage: Storage, *, reverse: bool = False) -> list[tuple[bytes, bytes]]:
    snapshot = storage.snapshot()
    try:
        return list(snapshot.scan(b"m", b"n", reverse=reverse))
    finally:
        snapshot.close()


@opener_of
async def test_what_was_written_is_read_in_order(opener: Opener, tmp_path: Path) -> None:
    storage = opener(tmp_path)
    await storage.write(batch_of(b=b"2", a=b"1", c=b""))
    expected = [(b"ma", b"1"), (b"mb", b"2"), (b"mc", b"")]
    assert expected == rows_of(storage)
    assert list(reversed(expected)) == rows_of(storage, reverse=True)
    storage.close()


@opener_of
async def test_bounds_of_a_scan_are_start_inclusive_end_exclusive(
    opener: Opener, tmp_path: Path
) -> None:
    storage = opener(tmp_path)
    await storage.write(batch_of(a=b"1", b=b"2", c=b"3", d=b"4"))
    snapshot = storage.snapshot()
    assert list(snapshot.scan(b"mb", b"md")) == [(b"mb", b"2"), (b"mc", b"3")]
    assert list(snapshot.scan(b"mb", b"md", reverse=True)) == [(b"mc", b"3"), (b"mb", b"2")]
    assert list(snapshot.scan(b"md", b"mb")) == []
    assert list(snapshot.scan(b"md", b"mb", reverse=True)) == []
    assert list(snapshot.scan(b"x", b"y")) == []
    snapshot.close()
    storage.close()


@opener_of
async def test_a_deletion_and_a_put_are_one_unit_and_survive_reopening(
    opener: Opener, tmp_path: Path
) -> None:
    storage = opener(tmp_path)
    await storage.write(batch_of(a=b"1", b=b"2"))
    await storage.write(batch_of(a=None, b=b"3", absent=None))
    storage.close()
    storage = opener(tmp_path)
    assert rows_of(storage) == [(b"mb", b"3")]
    snapshot = storage.snapshot()
    assert snapshot.get(b"ma") is None
    assert snapshot.get(b"mb") == b"3"
    snapshot.close()
    storage.close()


@opener_of
async def test_an_empty_store_reads_as_empty(opener: Opener, tmp_path: Path) -> None:
    storage = opener(tmp_path)
    assert rows_of(storage) == []
    assert rows_of(storage, reverse=True) == []
    snapshot = storage.snapshot()
    assert snapshot.get(b"ma") is None
    snapshot.close()
    storage.close()


@opener_of
async def test_a_cancelled_write_is_whole(opener: Opener, tmp_path: Path) -> None:
    storage = opener(tmp_path)
    batch = WriteBatch()
    for number in range(1000):
        batch.put(b"m" + number.to_bytes(2, "big"), b"value")
    with trio.CancelScope() as scope:
        scope.cancel()
        await storage.write(batch)
    assert len(rows_of(storage)) in (0, 1000)
    await storage.write(batch_of(a=b"1"))
    storage.close()


@opener_of
async def test_the_snapshot_of_a_write_under_way_does_not_see_it(
    opener: Opener, tmp_path: Path
) -> None:
    storage = opener(tmp_path)
    await storage.write(batch_of(a=b"old"))
    seen: set[bytes | None] = set()
    done = False

    async def look() -> None:
        while not done:
            snapshot = storage.snapshot()
            pair = (snapshot.get(b"ma"), snapshot.get(b"mb"))
            snapshot.close()
            assert pair in ((b"old", None), (b"new", b"new"))
            seen.add(pair[0])
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        batch = batch_of(a=b"new", b=b"new")
        for number in range(2000):
            batch.put(b"s" + number.to_bytes(2, "big"), b"filling")
        await storage.write(batch)
        done = True
    assert rows_of(storage) == [(b"ma", b"new"), (b"mb", b"new")]
    storage.close()


@opener_of
async def test_a_snapshot_kept_over_a_write_is_found_out(opener: Opener, tmp_path: Path) -> None:
    storage = opener(tmp_path)
    snapshot = storage.snapshot()
    with pytest.raises(InvariantBroken, match="snapshot"):
        await storage.write(batch_of(a=b"1"))
    snapshot.close()
    await storage.write(batch_of(a=b"1"))
    storage.close()


@opener_of
async def test_used_grows_and_free_is_positive(opener: Opener, tmp_path: Path) -> None:
    storage = opener(tmp_path)
    before = storage.used_bytes()
    await storage.write(batch_of(a=bytes(100_000)))
    assert storage.used_bytes() > before
    assert storage.free_bytes() > 0
    storage.close()


KEYS = st.binary(min_size=1, max_size=4).map(lambda tail: b"m" + tail)
BATCHES = st.lists(
    st.dictionaries(KEYS, st.one_of(st.none(), st.binary(max_size=40)), max_size=12), max_size=8
)


@opener_of
@settings(max_examples=25, deadline=None)
@given(batches=BATCHES, start=KEYS, end=KEYS)
def test_it_agrees_with_a_sorted_map(
    opener: Opener,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[dict[bytes, bytes | None]],
    start: bytes,
    end: bytes,
) -> None:
    async def compare() -> None:
        model = MemoryReader()
        storage = opener(tmp_path_factory.mktemp("store"))
        for rows in batches:
            batch = WriteBatch()
            for key, value in rows.items():
                if value is None:
                    batch.delete(key)
                else:
                    batch.put(key, value)
            await storage.write(batch)
            model.apply(batch)
        snapshot = storage.snapshot()
        for reverse in (False, True):
            assert list(model.scan(start, end, reverse=reverse)) == list(
                snapshot.scan(start, end, reverse=reverse)
            )
        for key in {key for rows in batches for key in rows} | {start, end}:
            assert model.get(key) == snapshot.get(key)
        snapshot.close()
        storage.close()

    trio.run(compare)
