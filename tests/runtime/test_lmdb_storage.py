"""What is LMDB's own: one opener, no room, failed writes, damage anywhere in the file."""

from __future__ import annotations

import ast
import pickle
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from random import Random

import pytest
import trio

from govchaind.base.errors import (
    Conflict,
    InvalidSetting,
    InvariantBroken,
    StorageCorrupt,
    StorageFailed,
    StorageFull,
)
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import WriteBatch
from govchaind.runtime.lmdb_storage import LmdbStorage


def batch_of(rows: dict[bytes, bytes]) -> WriteBatch:
    batch = WriteBatch()
    for key, value in rows.items():
        batch.put(key, value)
    return batch


def key_of(number: int) -> bytes:
    return Table.LOG.value + number.to_bytes(8, "big")


async def test_a_second_opener_is_refused_with_a_clear_error(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path)
    with pytest.raises(Conflict, match="started twice") as caught:
        LmdbStorage(tmp_path)
    assert caught.value.code == "already-running"
    storage.close()
    LmdbStorage(tmp_path).close()


def test_another_process_is_refused(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path)
    program = f"""
        from pathlib import Path
        from govchaind.runtime.lmdb_storage import LmdbStorage
        LmdbStorage(Path({str(tmp_path)!r}))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    storage.close()
    assert ran.returncode != 0
    assert "started twice" in ran.stderr


def test_a_map_too_small_to_hold_anything_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="map_bytes_max"):
        LmdbStorage(tmp_path, map_bytes_max=1000)


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(StorageFailed, match="directory"):
        LmdbStorage(file / "store")


async def test_a_full_map_writes_nothing_and_recovers(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path, map_bytes_max=1024 * 1024)
    await storage.write(batch_of({b"ma": b"kept"}))
    big = {key_of(number): bytes(10_000) for number in range(200)}
    for _ in range(2):
        with pytest.raises(StorageFull, match="map_bytes_max"):
            await storage.write(batch_of(big))
    snapshot = storage.snapshot()
    assert snapshot.get(b"ma") == b"kept"
    assert snapshot.get(key_of(0)) is None
    snapshot.close()
    await storage.write(batch_of({b"mb": b"after"}))
    storage.close()
    storage = LmdbStorage(tmp_path, map_bytes_max=16 * 1024 * 1024)
    await storage.write(batch_of(big))
    snapshot = storage.snapshot()
    assert snapshot.get(b"mb") == b"after"
    assert snapshot.get(key_of(199)) == bytes(10_000)
    snapshot.close()
    storage.close()


async def test_no_room_for_the_file_is_full_and_recovers(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path)
    await storage.write(batch_of({b"ma": b"kept"}))
    big = {key_of(number): bytes(10_000) for number in range(200)}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(StorageFull, match="no room"):
                await storage.write(batch_of(big))
        snapshot = storage.snapshot()
        assert snapshot.get(b"ma") == b"kept"
        assert snapshot.get(key_of(0)) is None
        snapshot.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await storage.write(batch_of(big))
    snapshot = storage.snapshot()
    assert snapshot.get(key_of(199)) == bytes(10_000)
    snapshot.close()
    storage.close()


async def test_a_snapshot_kept_over_a_write_is_found_out(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path)
    snapshot = storage.snapshot()
    with pytest.raises(InvariantBroken, match="snapshot"):
        await storage.write(batch_of({b"ma": b"1"}))
    snapshot.close()
    snapshot.close()
    await storage.write(batch_of({b"ma": b"1"}))
    storage.close()


async def test_the_writer_counts_what_it_did(tmp_path: Path) -> None:
    storage = LmdbStorage(tmp_path)
    await storage.write(batch_of({b"ma": b"12345678"}))
    assert storage.counts.writes == 1
    assert storage.counts.written_bytes == 10
    assert 0 < storage.counts.commit_seconds <= storage.counts.write_seconds
    storage.close()


async def filled(path: Path) -> dict[bytes, bytes]:
    """Make a store of a few hundred rows, some on overflow pages, rewritten a few times."""
    random = Random(7)
    rows = {key_of(number): random.randbytes(random.randrange(1, 400)) for number in range(400)}
    rows[b"mbig"] = random.randbytes(20_000)
    storage = LmdbStorage(path)
    await storage.write(batch_of(rows))
    for _ in range(3):
        changed = {key: random.randbytes(100) for key in random.sample(sorted(rows), 20)}
        rows.update(changed)
        await storage.write(batch_of(changed))
    storage.close()
    return rows


async def test_a_flipped_byte_of_a_value_names_table_and_key(tmp_path: Path) -> None:
    rows = await filled(tmp_path)
    data = tmp_path / "data.mdb"
    image = bytearray(data.read_bytes())
    place = image.rindex(rows[key_of(5)])
    image[place] ^= 1
    data.write_bytes(image)
    storage = LmdbStorage(tmp_path)
    snapshot = storage.snapshot()
    with pytest.raises(StorageCorrupt, match="table LOG, key 0000000000000005"):
        snapshot.get(key_of(5))
    snapshot.close()
    with storage.snapshot() as snapshot, pytest.raises(StorageCorrupt):
        list(snapshot.scan(b"", b"\xff" * 511))
    storage.close()


async def test_a_flipped_byte_of_a_key_does_not_pass_for_absence(tmp_path: Path) -> None:
    await filled(tmp_path)
    data = tmp_path / "data.mdb"
    image = data.read_bytes()
    for number in (0, 5, 200, 399):
        for flip in (1, 128):
            damaged = bytearray(image)
            place = -1
            while (place := image.find(key_of(number), place + 1)) >= 0:
                damaged[place + 4] ^= flip
            data.write_bytes(damaged)
            storage = LmdbStorage(tmp_path)
            snapshot = storage.snapshot()
            with pytest.raises(StorageCorrupt):
                snapshot.get(key_of(number))
            snapshot.close()
            storage.close()


async def test_a_cut_file_is_corrupt(tmp_path: Path) -> None:
    await filled(tmp_path)
    data = tmp_path / "data.mdb"
    data.write_bytes(data.read_bytes()[:-8192])
    with pytest.raises(StorageCorrupt, match="shorter"):
        LmdbStorage(tmp_path)


async def test_a_file_that_is_no_store_is_corrupt(tmp_path: Path) -> None:
    await filled(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"not a store" * 2000)
    with pytest.raises(StorageCorrupt):
        LmdbStorage(tmp_path)


DAMAGE = """
import os, pickle, sys
from collections import Counter
from pathlib import Path
from random import Random
from govchaind.base.errors import StorageCorrupt
from govchaind.runtime.lmdb_storage import LmdbStorage

path = Path(sys.argv[1])
rows = pickle.loads(Path(sys.argv[2]).read_bytes())


def end_of_reader():
    try:
        storage = LmdbStorage(path)
        snapshot = storage.snapshot()
        for key, value in rows.items():
            if snapshot.get(key) != value:
                return "WRONG"
        return "EQUAL" if dict(snapshot.scan(b"\\0", b"\\xff")) == rows else "WRONG"
    except StorageCorrupt:
        return "CORRUPT"


ends = ["EQUAL", "CORRUPT", "WRONG"]
counts = Counter()
data = path / "data.mdb"
image = data.read_bytes()
random = Random(13)
for place in list(range(0, len(image), 4096)) * 4:
    damaged = bytearray(image)
    for _ in range(random.choice((1, 8))):
        at = random.choice((random.randrange(4096), random.randrange(64)))
        damaged[place + at] ^= 1 << random.randrange(8)
    data.write_bytes(damaged)
    child = os.fork()
    if child == 0:
        end = 9
        try:
            end = ends.index(end_of_reader())
        finally:
            os._exit(end)
    status = os.waitpid(child, 0)[1]
    end = "killed" if os.WIFSIGNALED(status) else (ends + [""] * 9)[os.WEXITSTATUS(status)]
    counts[end] += 1
    if end not in ("EQUAL", "CORRUPT", "killed"):
        print("at page", place // 4096, end)
print(dict(counts))
"""


@pytest.mark.process
async def test_flipped_bits_anywhere_never_give_wrong_data(tmp_path: Path) -> None:
    """Each page is damaged in turn at drawn places; a reader that dies served nothing wrong."""
    store = tmp_path / "store"
    rows = tmp_path / "rows"
    rows.write_bytes(pickle.dumps(await filled(store)))
    ran = await trio.run_process(
        [sys.executable, "-c", DAMAGE, str(store), str(rows)],
        capture_stdout=True,
        cwd=Path(__file__).parents[2],
    )
    counts = ast.literal_eval(ran.stdout.decode().splitlines()[-1])
    assert set(counts) <= {"EQUAL", "CORRUPT", "killed"}, ran.stdout
    assert counts["CORRUPT"] > 50
    assert counts["EQUAL"] > 10  # bits that nothing reads
