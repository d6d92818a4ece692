"""What a fuzzer began from, and what it once found, is read or refused as promised; so is more.

The long runs are `scripts/fuzz`; here each target gets its corpus and a thousand changes of it.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from govchaind.base.encoding import encode
from tests.fuzz import targets
from tests.fuzz.mutation import changed
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import CORPUS, TARGETS, Refused, call

CHANGES = 1000


def _accepted(name: str, data: bytes) -> bool:
    try:
        call(name, data)
    except Refused:
        return False
    return True


def _files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_every_target_has_a_corpus_of_its_own() -> None:
    assert sorted({path.parent.name for path in _files()}) == sorted(TARGETS)


def test_the_corpus_begins_with_what_the_readers_accept() -> None:
    for name, file, data in seeds():
        assert (CORPUS / name / file).exists()  # sealing draws; its bytes differ each time
        assert _accepted(name, data), f"{name}/{file}"


@pytest.mark.parametrize("path", _files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_file_of_the_corpus_is_a_fault(path: Path) -> None:
    accepted = _accepted(path.parent.name, path.read_bytes())

    assert accepted or path.name.startswith("fault-")


@pytest.mark.parametrize("name", list(TARGETS))
def test_changed_bytes_are_read_or_refused(name: str) -> None:
    draw = random.Random(name)
    good = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    accepted = sum(_accepted(name, changed(draw.choice(good), draw)) for _ in range(CHANGES))

    assert accepted < CHANGES


def test_what_a_reader_did_not_promise_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        data.decode()

    monkeypatch.setattr(targets, "TARGETS", {"cbor": broken})
    with pytest.raises(UnicodeDecodeError):
        call("cbor", b"\xff")


def test_changes_stay_cbor_and_come_again_with_the_seed() -> None:
    data = encode([1, b"bytes", ["text", {"a": None}]])
    made = [changed(data, random.Random(number)) for number in range(200)]

    assert made == [changed(data, random.Random(number)) for number in range(200)]
    assert len(set(made)) > 100
    assert sum(_accepted("cbor", item) for item in made) > 100
