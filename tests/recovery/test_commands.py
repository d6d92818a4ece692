"""`govchaind recover` over node folders: what lies beside a store, and which clock counts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from govchaind.ledger.recovery import make_recovery
from govchaind.recovery import second_store
from govchaind.recovery.record_file import load_record, save_record
from govchaind.replica.memberships import Memberships
from govchaind.replica.store import StoredLog, View, applied_height
from govchaind.runtime import system
from govchaind.runtime.lmdb_storage import LmdbStorage
from tests.cli.command import Command
from tests.recovery.disaster import clock, lose, survivor, uncertified
from tests.recovery.folders import folder, join, next_start, office_key, rows, second
from tests.replica.cluster import Cluster

HOUR = 3_600_000
Crash = Callable[..., Any]


@dataclass(frozen=True)
class Disaster:
    """Two of five nodes are left, in folders, and the keys of all institutions."""

    cluster: Cluster
    root: Path
    one: Path
    two: Path
    run: Command

    @property
    def record(self) -> Path:
        return self.root / "recovery.record"

    def prepare(self) -> None:
        assert self.run("recover", "prepare", self.record, self.one, self.two).code == 0

    def sign(self) -> None:
        genesis = self.one / "genesis.bin"
        for name in "abcd":
            key = self.root / f"dept-{name}.key"
            done = self.run("recover", "sign", self.record, "--key", key, "--genesis", genesis)
            assert done.code == 0, done.errors

    def apply(self, *options: str) -> Any:
        return self.run("recover", "apply", self.one, self.record, *options)

    @property
    def last(self) -> int:
        return survivor(self.cluster, self.one.name).last


@pytest.fixture(name="left")
def what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Disaster:
    cluster = uncertified()
    leader = cluster.leader()
    one, two, *others = (name for name in "abcde" if name != leader)
    lose(cluster, leader, *others)
    monkeypatch.setenv("GOVCHAIND_LANG", "en")
    at(monkeypatch, clock(cluster))
    for name in "abcd":
        office_key(tmp_path, f"dept-{name}")
    first, other = (folder(tmp_path, cluster, name) for name in (one, two))
    return Disaster(cluster, tmp_path, first, other, Command(capsys))


def at(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    """Set the machine's clock."""
    monkeypatch.setattr(system, "wall_milliseconds", lambda: milliseconds)


def recovered_at(directory: Path) -> int:
    """Return at which height a store was recovered; 0: it was not."""
    storage = LmdbStorage(directory / "store")
    try:
        with storage.snapshot() as snapshot:
            log = StoredLog(View(snapshot), lambda _: None)
            return Memberships(log.memberships()).recovered_at
    finally:
        storage.close()


def height_of(directory: Path) -> int:
    storage = LmdbStorage(directory / "store")
    try:
        with storage.snapshot() as snapshot:
            return applied_height(snapshot)
    finally:
        storage.close()


def test_the_clock_of_each_who_takes_part_is_asked(
    left: Disaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock(left.cluster)
    at(monkeypatch, now - 10 * HOUR)
    early = left.run("recover", "prepare", left.record, left.one, left.two)
    assert (early.code, left.record.exists()) == (1, False)
    assert "error[time-ahead]: the last block that is kept is of 2023-" in early.errors
    at(monkeypatch, now + HOUR)
    left.prepare()
    at(monkeypatch, now)
    unsigned = left.record.read_bytes()
    key = left.root / "dept-a.key"
    for options in ([], ["--genesis", left.one / "genesis.bin"]):
        done = left.run("recover", "sign", left.record, "--key", key, *options)
        assert (done.code, left.record.read_bytes()) == (1, unsigned)
        assert "error[time-ahead]: the recovery is of 2023-" in done.errors
        assert "3600 s ahead of this machine's clock" in done.errors
    at(monkeypatch, now + HOUR)
    left.sign()
    at(monkeypatch, now)
    before = rows(left.one / "store")
    done = left.apply()
    assert (done.code, rows(left.one / "store")) == (1, before)
    assert "error[time-ahead]" in done.errors
    at(monkeypatch, now + HOUR)
    assert left.apply().code == 0


def test_a_record_of_no_time_that_there_is_can_be_shown(left: Disaster) -> None:
    left.prepare()
    made = load_record([left.record])
    save_record(left.record, make_recovery(replace(made.body, time=2**60), made.proofs))
    done = left.run("recover", "show", left.record)
    assert (done.code, f"{2**60} ms after 1970" in done.output) == (0, True), done.errors


def test_a_second_store_from_before_never_takes_the_place_of_a_recovered_one(
    left: Disaster,
) -> None:
    left.prepare()
    left.sign()
    height = left.last + 100
    for directory in (left.one, left.two):
        join(directory, height)
    done = left.apply("--json")
    assert (done.code, done.json["second_store_removed"]) == (0, True)
    for directory in (left.one, left.two):
        next_start(directory)
    assert recovered_at(left.one) == done.json["height"]
    assert height_of(left.one) < height
    assert height_of(left.two) == height  # nobody has carried the record out there
    again = left.apply("--json")
    assert (again.json["changed"], again.json["second_store_removed"]) == (False, False)


def test_one_that_is_not_whole_goes_too_and_a_person_is_told(left: Disaster) -> None:
    left.prepare()
    left.sign()
    assert join(left.one, left.last + 100, whole=False).exists()
    done = left.apply()
    assert "The second store that a join by snapshot had left there was removed." in done.errors
    assert not second(left.one).exists()


def test_a_record_that_is_refused_removes_nothing(left: Disaster) -> None:
    left.prepare()
    kept = rows(join(left.one, left.last + 100))
    done = left.apply()
    assert (done.code, "error[recovery-quorum]" in done.errors) == (2, True)
    assert rows(second(left.one)) == kept


def crashing(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def half_removed(path: Path) -> None:
    """Remove what comes first, then die."""
    first = min(path.iterdir())
    first.unlink()
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "name", "crash"),
    [
        (shutil, "rmtree", crashing),
        (shutil, "rmtree", half_removed),
        (second_store, "sync_folder", crashing),
        (LmdbStorage, "write", crashing),
    ],
)
def test_a_crash_leaves_nothing_applied_or_the_second_store_gone(
    left: Disaster, monkeypatch: pytest.MonkeyPatch, where: object, name: str, crash: Crash
) -> None:
    left.prepare()
    left.sign()
    join(left.one, left.last + 100)
    before = rows(left.one / "store")
    with monkeypatch.context() as dying:
        dying.setattr(where, name, crash)
        assert left.apply().code != 0
    assert rows(left.one / "store") == before
    assert left.apply().code == 0
    assert not second(left.one).exists()
    next_start(left.one)
    assert recovered_at(left.one) == left.last + 1


def test_one_that_cannot_be_removed_stops_the_recovery(
    left: Disaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.prepare()
    left.sign()
    join(left.one, left.last + 100)
    before = rows(left.one / "store")

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as refusing:
        refusing.setattr(shutil, "rmtree", refuse)
        done = left.apply()
    assert "error[storage-failed]: cannot remove" in done.errors
    assert "Remove it by hand" in done.errors
    assert rows(left.one / "store") == before


def test_whoever_prepares_is_told_of_a_whole_one_also_where_it_is_refused(
    left: Disaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = left.last + 100
    kept = rows(join(left.one, height))
    join(left.two, left.last + 100, whole=False)
    done = left.run("recover", "prepare", left.record, left.one, left.two, "--json")
    assert done.json["second_stores"] == {left.one.name: height}
    told = f"{left.one.name} has a whole snapshot of height {height} beside its store"
    [said] = [line for line in done.errors.splitlines() if "snapshot" in line]
    assert said.startswith(told)
    assert "start this node alone" in said
    assert rows(second(left.one)) == kept
    at(monkeypatch, 0)
    refused = left.run("recover", "prepare", left.root / "other", left.one, left.two)
    assert refused.code == 1
    assert told in refused.errors


def test_one_that_reaches_no_further_than_the_store_is_named_as_such(left: Disaster) -> None:
    join(left.one, left.last)
    done = left.run("recover", "prepare", left.record, left.one, left.two)
    assert f"the store itself reaches {left.last}" in done.errors
    assert "start this node alone" not in done.errors


def test_one_whose_bytes_are_damaged_holds_nothing(left: Disaster) -> None:
    path = join(left.one, left.last + 100) / "data.mdb"
    path.write_bytes(b"\x00" * path.stat().st_size)
    done = left.run("recover", "prepare", left.record, left.one, left.two, "--json")
    assert (done.code, done.json["second_stores"]) == (0, {})
