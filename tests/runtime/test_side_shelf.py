"""The folder of side values: only what is recorded, and never again what a vote has removed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from govchaind.base.errors import Busy, Gone, InvalidProof, InvalidSetting, NotFound
from govchaind.runtime import side_shelf as module
from govchaind.runtime.side_shelf import RecordedSide, SideName, SideShelf
from govchaind.runtime.system import InlineThreads

CONTENT = b"sealed, as far as a node knows" * 50
NAME: SideName = ("bank", b"c" * 32)
OTHER: SideName = ("bank", b"o" * 32)


class Record:
    """What the ledger says, as a test sets it."""

    def __init__(self) -> None:
        digest = hashlib.sha256(CONTENT).digest()
        kept = RecordedSide(digest, len(CONTENT), (("bank", "head"),), removed=False)
        self.known = {NAME: kept, OTHER: kept}

    def remove(self, name: SideName) -> None:
        found = self.known[name]
        self.known[name] = RecordedSide(found.digest, found.length, found.offices, removed=True)

    def __call__(self, name: SideName) -> RecordedSide | None:
        return self.known.get(name)


def make(
    folder: Path,
    judge: Callable[[SideName], RecordedSide | None],
    *,
    bytes_max: int = 100_000,
    free: int = 10**9,
    told: list[SideName] | None = None,
) -> SideShelf:
    return SideShelf(
        folder,
        bytes_max=bytes_max,
        reserve_bytes=1000,
        threads=InlineThreads(),
        judge=judge,
        removed=([] if told is None else told).append,
        free_bytes=lambda _: free,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rot(folder: Path) -> None:
    [path] = folder.iterdir()
    path.write_bytes(CONTENT[:-1] + b"x")


async def test_what_is_put_is_read_also_after_a_restart(tmp_path: Path) -> None:
    record = Record()
    shelf = make(tmp_path, record)
    await shelf.put(NAME, CONTENT)
    await shelf.put(NAME, CONTENT)  # again: nothing happens
    assert await shelf.read(NAME) == CONTENT
    [name] = names(tmp_path)
    assert name == f"bank.{NAME[1].hex()}.{hashlib.sha256(CONTENT).hexdigest()}"
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    (tmp_path / f"{name}.coming").write_bytes(b"a crash came between")
    (tmp_path / "notes.txt").write_text("not ours")
    again = make(tmp_path, record)
    assert (again.count, again.holds(NAME), again.holds(OTHER)) == (1, True, False)
    assert await again.read(NAME) == CONTENT
    assert names(tmp_path) == [name, "notes.txt"]


async def test_only_the_recorded_file_is_taken(tmp_path: Path) -> None:
    shelf = make(tmp_path, Record())
    for data in (CONTENT[:-1], CONTENT[:-1] + b"x", b""):
        with pytest.raises(InvalidProof) as refused:
            await shelf.put(NAME, data)
        assert refused.value.code == "not-the-recorded-file"
    with pytest.raises(NotFound) as unknown:
        await shelf.put(("court", b"c" * 32), CONTENT)
    assert unknown.value.code == "not-recorded"
    with pytest.raises(NotFound) as absent:
        await shelf.read(NAME)
    assert absent.value.code == "not-held"
    assert names(tmp_path) == []


async def test_what_was_removed_is_refused_at_once_and_deleted_at_the_next_look(
    tmp_path: Path,
) -> None:
    record, told = Record(), list[SideName]()
    shelf = make(tmp_path, record, told=told)
    await shelf.put(NAME, CONTENT)
    await shelf.put(OTHER, CONTENT)
    await shelf.look()
    record.remove(NAME)
    for refused in (shelf.read(NAME), shelf.put(NAME, CONTENT)):
        with pytest.raises(Gone) as gone:
            await refused
        assert gone.value.code == "side-value-removed"
    await shelf.look()
    assert (told, shelf.count) == ([NAME], 1)
    assert [name.split(".")[1] for name in names(tmp_path)] == [OTHER[1].hex()]
    assert await shelf.read(OTHER) == CONTENT


async def test_a_folder_from_a_backup_loses_what_was_removed_since(tmp_path: Path) -> None:
    record = Record()
    await make(tmp_path, record).put(NAME, CONTENT)
    record.remove(NAME)
    back = make(tmp_path, record)
    assert back.count == 1
    await back.look()
    assert (back.count, names(tmp_path)) == (0, [])


async def test_a_vote_that_comes_while_it_is_written_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, write = Record(), module._write

    def written(path: Path, data: bytes) -> None:
        write(path, data)
        record.remove(NAME)

    monkeypatch.setattr(module, "_write", written)
    shelf = make(tmp_path, record)
    with pytest.raises(Gone):
        await shelf.put(NAME, CONTENT)
    assert (shelf.count, names(tmp_path)) == (0, [])


async def test_each_look_judges_a_few_and_all_have_their_turn(tmp_path: Path) -> None:
    record, told = Record(), list[SideName]()
    shelf = make(tmp_path, record, told=told)
    for name in (NAME, OTHER):
        await shelf.put(name, CONTENT)
        record.remove(name)
    await shelf.look(1)
    assert told == [NAME]
    await shelf.look(1)
    assert told == [NAME, OTHER]


async def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = make(tmp_path / "bytes", Record(), bytes_max=len(CONTENT))
    await full.put(NAME, CONTENT)
    with pytest.raises(Busy) as refused:
        await full.put(OTHER, CONTENT)
    assert refused.value.code == "side-values-full"
    with pytest.raises(Busy) as disk:
        await make(tmp_path / "disk", Record(), free=1000).put(NAME, CONTENT)
    assert disk.value.code == "delivery-disk-full"
    monkeypatch.setattr(module, "SIDE_FILES_MAX", 0)
    with pytest.raises(Busy):
        await make(tmp_path / "files", Record()).put(NAME, CONTENT)
    (tmp_path / "no-folder").write_text("a file")
    with pytest.raises(InvalidSetting):
        make(tmp_path / "no-folder", Record())


async def test_a_file_that_has_rotted_is_not_served(tmp_path: Path) -> None:
    shelf = make(tmp_path, Record())
    await shelf.put(NAME, CONTENT)
    rot(tmp_path)
    with pytest.raises(NotFound) as gone:
        await shelf.read(NAME)
    assert (gone.value.code, names(tmp_path)) == ("not-held", [])
    await shelf.put(NAME, CONTENT)  # it can be brought again
    assert await shelf.read(NAME) == CONTENT
