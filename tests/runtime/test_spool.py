"""The folder of sealed files: bounded, resumable, and only what the ledger records becomes held."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import trio

from govchaind.base.errors import Busy, Conflict, InvalidProof, InvalidSetting, NotFound
from govchaind.runtime import spool as module
from govchaind.runtime.spool import PART_IDLE_SECONDS_MAX, Parcel, Spool
from govchaind.runtime.system import InlineThreads

CONTENT = bytes(range(256)) * 40
PARCEL = Parcel("bank", "loan-7", 1, hashlib.sha256(CONTENT).digest())
OTHER = Parcel("bank", "loan-8", 1, hashlib.sha256(b"other").digest())


class Wall:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ms = int(2e12)

    def __call__(self) -> int:
        return self.ms


def make(
    folder: Path,
    *,
    quota: int = 100_000,
    wall: Wall | None = None,
    free: int = 10**9,
    reserve: int = 0,
    told: list[tuple[Parcel, str]] | None = None,
) -> Spool:
    gone = [] if told is None else told
    return Spool(
        folder,
        quota_bytes=quota,
        hold_seconds=1000,
        reserve_bytes=reserve,
        threads=InlineThreads(),
        wall_milliseconds=wall or Wall(),
        removed=lambda parcel, reason: gone.append((parcel, reason)),
        free_bytes=lambda _: free,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


async def fill(spool: Spool, *, upto: int = len(CONTENT)) -> int:
    have = spool.begin(PARCEL, len(CONTENT))
    while have < upto:
        have = await spool.append(PARCEL, have, CONTENT[have : min(have + 1000, upto)])
    return have


async def test_a_file_comes_in_chunks_and_is_read_in_chunks(tmp_path: Path) -> None:
    spool = make(tmp_path)
    assert await fill(spool) == len(CONTENT)
    assert spool.whole() == [PARCEL]
    assert await spool.read(PARCEL, 100, 50) == CONTENT[100:150]
    assert await spool.read(PARCEL, len(CONTENT) - 5, 50) == CONTENT[-5:]
    assert await spool.read(PARCEL, len(CONTENT) + 5, 50) == b""
    assert await spool.append(PARCEL, 0, b"again") == len(CONTENT)  # it is whole: nothing to do
    [name] = names(tmp_path)
    assert name == f"bank.loan-7.1.{PARCEL.digest.hex()}.{len(CONTENT)}.held"
    assert os.stat(tmp_path / name).st_mode & 0o077 == 0


async def test_what_was_interrupted_goes_on_after_a_restart(tmp_path: Path) -> None:
    await fill(make(tmp_path), upto=4321)
    spool = make(tmp_path)
    assert spool.begin(PARCEL, len(CONTENT)) == 4321
    with pytest.raises(NotFound):
        await spool.read(PARCEL, 0, 10)  # not before it is whole
    with pytest.raises(Conflict) as caught:
        await spool.append(PARCEL, 4000, b"x")
    assert (caught.value.code, "4321" in caught.value.remedy) == ("other-offset", True)
    assert await fill(spool) == len(CONTENT)
    assert make(tmp_path).whole() == [PARCEL]


async def test_another_file_than_the_recorded_one_is_not_kept(tmp_path: Path) -> None:
    spool = make(tmp_path)
    spool.begin(PARCEL, len(CONTENT))
    with pytest.raises(InvalidProof) as caught:
        await spool.append(PARCEL, 0, bytes(len(CONTENT)))
    assert caught.value.code == "not-the-recorded-file"
    assert (spool.count, spool.reserved_bytes, names(tmp_path)) == (0, 0, [])


async def test_all_files_together_keep_to_the_quota(tmp_path: Path) -> None:
    spool = make(tmp_path, quota=len(CONTENT) + 100)
    spool.begin(PARCEL, len(CONTENT))
    with pytest.raises(Busy) as caught:
        spool.begin(OTHER, 101)
    assert caught.value.code == "delivery-quota"
    assert spool.begin(OTHER, 100) == 0
    await spool.remove(PARCEL)
    assert spool.reserved_bytes == 100


async def test_their_number_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CARRY_WAITING_MAX", 1)
    spool = make(tmp_path)
    spool.begin(PARCEL, 10)
    with pytest.raises(Busy):
        spool.begin(OTHER, 10)


async def test_more_than_was_announced_is_refused(tmp_path: Path) -> None:
    spool = make(tmp_path)
    spool.begin(PARCEL, 10)
    with pytest.raises(Conflict):
        spool.begin(PARCEL, 11)
    with pytest.raises(Conflict):
        await spool.append(PARCEL, 0, bytes(11))
    with pytest.raises(NotFound):
        await spool.append(OTHER, 0, b"x")


async def test_the_disk_keeps_what_the_ledger_needs(tmp_path: Path) -> None:
    with pytest.raises(Busy) as caught:
        make(tmp_path, free=5000, reserve=4000).begin(PARCEL, len(CONTENT))
    assert caught.value.code == "delivery-disk-full"


async def test_a_full_disk_takes_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make(tmp_path)
    await fill(spool, upto=3000)
    calls = []

    def full(descriptor: int, data: object, at: int) -> int:
        calls.append(at)
        if len(calls) == 1:
            return real(descriptor, bytes(500), at)
        raise OSError(errno.ENOSPC, "No space left on device")

    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Busy) as caught:
        await spool.append(PARCEL, 3000, CONTENT[3000:4000])
    assert caught.value.code == "delivery-disk-full"
    assert size(tmp_path) == 3000
    monkeypatch.setattr(os, "pwrite", real)
    assert await fill(spool) == len(CONTENT)


async def test_a_disk_that_fails_is_a_refusal_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make(tmp_path)
    await fill(spool, upto=len(CONTENT) - 1)

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(Busy) as caught:
        await spool.append(PARCEL, len(CONTENT) - 1, CONTENT[-1:])
    assert caught.value.code == "delivery-disk"
    monkeypatch.undo()
    assert spool.whole() == []
    assert await spool.append(PARCEL, len(CONTENT), b"") == len(CONTENT)  # checked again
    assert spool.whole() == [PARCEL]


async def test_two_who_bring_one_file_do_not_mix(tmp_path: Path) -> None:
    spool = make(tmp_path)
    refused = 0

    async def bring() -> None:
        nonlocal refused
        while (have := spool.begin(PARCEL, len(CONTENT))) < len(CONTENT):
            try:
                await spool.append(PARCEL, have, CONTENT[have : have + 777])
            except Conflict:
                refused += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bring)
        nursery.start_soon(bring)
    assert spool.whole() == [PARCEL]
    assert refused > 0


async def test_what_is_over_goes_and_says_why(tmp_path: Path) -> None:
    wall, told = Wall(), []  # type: ignore[var-annotated]
    spool = make(tmp_path, wall=wall, told=told)
    await fill(spool)
    spool.begin(OTHER, 10)
    await spool.sweep(lambda _: True)
    assert (spool.count, told) == (2, [])
    wall.ms += 1_000_001
    await spool.sweep(lambda _: True)
    assert told == [(PARCEL, "held for too long")]
    wall.ms += PART_IDLE_SECONDS_MAX * 1000
    await spool.sweep(lambda _: True)
    assert told[1:] == [(OTHER, "came no further")]
    await fill(spool)
    await spool.sweep(lambda parcel: parcel != PARCEL)
    assert told[2:] == [(PARCEL, "not wanted any longer")]
    assert names(tmp_path) == []


async def test_files_of_others_are_left_alone_and_spoilt_ones_go(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / f"bank.loan-7.1.{'0' * 64}.5.part").write_bytes(b"more than five")
    (tmp_path / f"bank.loan-7.2.{'0' * 64}.5.held").write_bytes(b"four")
    assert make(tmp_path).count == 0
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".", "bank.x", "BANK", "a\0b"])
async def test_no_name_from_outside_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    spool = make(tmp_path / "inside")
    parcel = Parcel(name, "loan-7", 1, PARCEL.digest)
    spool.begin(parcel, 10)
    with pytest.raises(NotFound):
        await spool.append(parcel, 0, b"x")
    assert (names(tmp_path), names(tmp_path / "inside")) == (["inside"], [])


def test_a_folder_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSetting, match="folder of deliveries"):
        make(tmp_path / "file")
