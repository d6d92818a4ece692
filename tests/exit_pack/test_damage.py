"""Whatever is changed in a pack is refused: by its hashes, and where they are made anew, by what
the signatures say."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.encoding import decode, encode
from govchaind.data.exit.verify import SEALED
from tests.exit_pack.packed import eventful, pack, seal, store, verify, verify_here

FLIPS_PER_FILE = 3


@pytest.fixture(scope="module", name="whole")
def the_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "whole"
    pack(store(eventful()), folder)
    return folder


@pytest.fixture(name="folder")
def a_copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def records(path: Path) -> list[Any]:
    """Return the records of a file, decoded."""
    data, found = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(decode(data[4 : 4 + size], bytes_max=size))
        data = data[4 + size :]
    return found


def write_records(path: Path, found: list[Any]) -> None:
    parts = [encode(record) for record in found]
    path.write_bytes(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


def refused(folder: Path, *, where: str = "") -> str:
    """Return why the pack does not hold; it must say so by itself, in one line."""
    done = verify_here(folder)
    assert done.code == 1, done.output
    assert "HOLDS " not in done.output
    last = done.errors.splitlines()[-1]
    assert last.startswith("DOES NOT HOLD: "), done.errors
    assert where in last, last
    return last


def test_every_flipped_byte_is_refused(folder: Path) -> None:
    draw = random.Random(1)
    tried = 0
    for path in files(folder):
        data = path.read_bytes()
        places = {0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(FLIPS_PER_FILE - 2))}
        for place in sorted(places):
            changed = bytearray(data)
            changed[place] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            done = verify(folder) if path.name == "verify.py" else verify_here(folder)
            assert done.code == 1, (path, place)
            tried += 1
        path.write_bytes(data)
    assert tried > 110
    assert verify(folder).code == 0


@pytest.mark.parametrize("kind", ["blocks/*", "state/*", "genesis.bin", "trust.file", "*.jsonl"])
def test_a_flip_is_refused_also_under_a_new_manifest(folder: Path, kind: str) -> None:
    """Whoever makes the hashes anew still cannot make the signatures."""
    draw = random.Random(kind)
    chosen = sorted(path for path in folder.glob(kind) if path.stat().st_size)
    for path in [draw.choice(chosen) for _ in range(20)]:
        data = path.read_bytes()
        changed = bytearray(data)
        place = draw.randrange(len(data))
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        seal(folder)
        assert verify_here(folder).code == 1, (path, place)
        path.write_bytes(data)
    seal(folder)
    assert verify_here(folder).code == 0


def test_the_file_and_the_height_are_named(folder: Path) -> None:
    path = folder / "blocks" / "000004.cbor"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1  # in the last block's certificate, or behind it
    path.write_bytes(data)
    done = verify_here(folder)

    assert "DAMAGED: blocks/000004.cbor: its SHA-256 is not the manifest's\n" in done.errors
    assert re.search(r"DOES NOT HOLD: blocks/000004.cbor: height \d+: ", done.errors)


def _drop_block(folder: Path) -> None:
    path = folder / "blocks" / "000003.cbor"
    found = records(path)
    write_records(path, [*found[:2], *found[3:]])


def _swap_certificates(folder: Path) -> None:
    path = folder / "blocks" / "000005.cbor"
    found = records(path)
    found[1][1], found[2][1] = found[2][1], found[1][1]
    write_records(path, found)


def _drop_certificate(folder: Path) -> None:
    path = folder / "blocks" / "000005.cbor"
    found = records(path)
    found[2][1] = None
    write_records(path, found)


def _change_outcome(folder: Path) -> None:
    path = folder / "blocks" / "000002.cbor"
    found = records(path)
    found[1][3][0][0] = 105
    write_records(path, found)


def _one_signer_less(folder: Path) -> None:
    path = folder / "blocks" / "000002.cbor"
    found = records(path)
    statement, signatures = decode(found[1][1], bytes_max=10_000)
    found[1][1] = encode([statement, signatures[:1]])
    write_records(path, found)


def _truncate(folder: Path) -> None:
    path = folder / "state" / "000002.cbor"
    path.write_bytes(path.read_bytes()[:-10])


def _drop_change(folder: Path) -> None:
    path = folder / "state" / "000002.cbor"
    write_records(path, records(path)[:-1])


def _change_length(folder: Path) -> None:
    path = folder / "blocks" / "000002.cbor"
    data = bytearray(path.read_bytes())
    data[int.from_bytes(data[:4], "big") + 7] ^= 1  # of the record behind the head
    path.write_bytes(data)


def _swap_files(folder: Path) -> None:
    first, second = folder / "blocks" / "000001.cbor", folder / "blocks" / "000002.cbor"
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)


def _drop_line(folder: Path) -> None:
    path = folder / "transactions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def _change_holder(folder: Path) -> None:
    path = folder / "offices.jsonl"
    path.write_text(path.read_text().replace("Holder court one", "Holder court zwo", 1))


def _bytes_behind(folder: Path) -> None:
    path = folder / "trust.file"
    path.write_bytes(path.read_bytes() + b"\x00")


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a dropped block": (_drop_block, "blocks/000003.cbor: height "),
    "swapped certificates": (_swap_certificates, "blocks/000005.cbor: height "),
    "a dropped certificate": (_drop_certificate, "blocks/000005.cbor: height "),
    "another outcome": (_change_outcome, "blocks/000002.cbor: height "),
    "a signature less": (_one_signer_less, "1 of 3 have signed; 2 are needed"),
    "a truncated file": (_truncate, "state/000002.cbor: it is cut short"),
    "a dropped change": (_drop_change, "the state has not the root that was signed"),
    "swapped files": (_swap_files, "blocks/000001.cbor: height 1: its head is of another"),
    "a changed length": (_change_length, "blocks/000002.cbor: height "),
    "a dropped line": (_drop_line, "transactions.jsonl: "),
    "another holder": (_change_holder, "offices.jsonl: "),
    "bytes behind the trust file": (_bytes_behind, "bytes follow"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_careful_change_is_refused_and_told(folder: Path, name: str) -> None:
    change, where = CHANGES[name]
    change(folder)
    hashes = verify_here(folder)
    assert (hashes.code, "DAMAGED: " in hashes.errors) == (1, True)
    seal(folder)
    refused(folder, where=where)


def test_files_more_or_fewer_are_refused(folder: Path) -> None:
    (folder / "more").write_text("x")
    assert "more: the manifest does not name it" in refused(folder)
    (folder / "more").unlink()
    kept = (folder / "README.md").read_bytes()
    (folder / "README.md").unlink()
    assert "README.md: it is missing" in refused(folder)
    (folder / "README.md").write_bytes(kept)
    (folder / "\x1b[2Jx").write_text("x")
    assert "?[2Jx: the manifest does not name it" in refused(folder)
    (folder / "\x1b[2Jx").unlink()
    (folder / "tables" / "link").symlink_to(folder / "README.md")
    assert "tables/link" in refused(folder)


def test_what_the_manifest_says_is_compared(folder: Path) -> None:
    for fact, value in (("blocks", 1), ("certified", 62), ("chain", "x"), ("tables", False)):
        kept = {name: (folder / name).read_bytes() for name in SEALED}
        seal(folder, **{fact: value})
        assert "it says other things of the pack" in refused(folder)
        for name, data in kept.items():
            (folder / name).write_bytes(data)
    assert verify_here(folder).code == 0
