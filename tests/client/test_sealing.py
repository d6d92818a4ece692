"""Sealed files: whole and unchanged, or refused; for one delivery, one office, in little memory."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidEncoding, InvalidProof, InvalidSetting
from govchaind.client.sealing import (
    DeliveryKey,
    Opened,
    Sealed,
    check_content,
    new_letter,
    read_header,
    seal,
    unseal,
)
from govchaind.ledger.sealed_file import Letter, Place, length_max

CHUNK = 4096
KEY = DeliveryKey(b"receiver".ljust(32, b"."))
OTHER = DeliveryKey(b"somebody else".ljust(32, b"."))
PLACE = Place(bytes(32), "bank", "loan-7", 1, ("ministry", "head"), ("bank", "branch"))


class Counted:
    """Entropy of a counter: secret to nobody, the same each time."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, count: int) -> bytes:
        self.given += 1
        return self.given.to_bytes(count, "big")


def sealed(
    content: bytes, *, key: bytes = KEY.public, rows: int | None = 3
) -> tuple[bytes, Sealed]:
    target = io.BytesIO()
    entropy = Counted()
    letter = new_letter("households.csv", len(content), rows, entropy)
    made = seal(
        io.BytesIO(content),
        target,
        place=PLACE,
        letter=letter,
        receiver_key=key,
        entropy=entropy,
        chunk_bytes=CHUNK,
    )
    return target.getvalue(), made


def opened(
    data: bytes, key: DeliveryKey | bytes = KEY, place: Place = PLACE
) -> tuple[bytes, Opened]:
    target = io.BytesIO()
    found = unseal(io.BytesIO(data), target, place=place, key=key)
    return target.getvalue(), found


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_is_sealed_comes_out_again(length: int) -> None:
    content = bytes(number % 251 for number in range(length))
    data, made = sealed(content)
    found, read = opened(data)
    assert found == content
    assert (read.letter.name, read.letter.size, read.letter.rows) == ("households.csv", length, 3)
    assert read.commitment == made.commitment
    assert made.length == len(data) <= length_max(length)
    check_content(io.BytesIO(content), read.letter, made.commitment)
    with pytest.raises(InvalidProof):
        check_content(io.BytesIO(content + b"x"), read.letter, made.commitment)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: -(CHUNK // 2)],
        lambda data: data[: len(data) - (2 * CHUNK + 7 + 3 * 17) + CHUNK + 17],  # whole chunks
        lambda data: data + b"\0",
        lambda data: data + data[-(CHUNK + 17) :],
        lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
        lambda data: data[:2000] + bytes([data[2000] ^ 0x80]) + data[2001:],
    ],
)
def test_cut_off_longer_or_changed_is_refused(change: object) -> None:
    data, _ = sealed(b"7" * (2 * CHUNK + 7))
    assert callable(change)
    with pytest.raises(InvalidProof) as caught:
        opened(change(data))
    assert caught.value.code == "sealed-file-damaged"


def test_chunks_in_another_order_or_twice_are_refused() -> None:
    data, _ = sealed(b"a" * CHUNK + b"b" * CHUNK + b"c" * 5)
    last = 5 + 17
    size = CHUNK + 17
    head, first = data[: -(2 * size + last)], data[-(2 * size + last) : -(size + last)]
    second, end = data[-(size + last) : -last], data[-last:]
    assert opened(head + first + second + end)[0].startswith(b"a")
    for wrong in (head + second + first + end, head + first + first + end, head + first + end):
        with pytest.raises(InvalidProof, match="damaged"):
            opened(wrong)


def test_a_stream_under_another_header_is_refused() -> None:
    """Whoever changes the header, say to have it pass for another delivery, breaks each chunk."""
    data, _ = sealed(b"content")
    header, _ = read_header(io.BytesIO(data))
    listed = [bytes(32), "bank", "loan-8", 1, ["ministry", "head"], ["bank", "branch"]]
    head = encode([listed, KEY.public, CHUNK, header.sealed_key, header.stream])
    begin = 12 + int.from_bytes(data[8:12], "big")
    forged = data[:8] + len(head).to_bytes(4, "big") + head + data[begin:]
    other = Place(bytes(32), "bank", "loan-8", 1, ("ministry", "head"), ("bank", "branch"))
    with pytest.raises(InvalidProof) as caught:
        opened(forged, place=other)
    assert caught.value.code == "sealed-file-damaged"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_flipped_bit_passes(draw: st.DataObject) -> None:
    data, _ = sealed(b"some rows\n" * 900)
    place = draw.draw(st.integers(0, len(data) - 1))
    bit = 1 << draw.draw(st.integers(0, 7))
    flipped = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
    with pytest.raises(Invalid):
        opened(flipped)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_nonsense_is_refused_and_not_more(data: bytes) -> None:
    for whole in (
        data,
        b"GVDELIV\x01" + data,
        b"GVDELIV\x01" + len(data).to_bytes(4, "big") + data,
    ):
        with pytest.raises(Invalid):
            opened(whole)


def test_only_the_receiver_opens_it_and_later_the_content_key() -> None:
    data, _ = sealed(b"content")
    with pytest.raises(Invalid) as caught:
        opened(data, OTHER)
    assert caught.value.code == "wrong-delivery-key"
    _, found = opened(data)
    assert opened(data, found.content_key)[0] == b"content"
    with pytest.raises(InvalidProof, match="damaged"):
        opened(data, bytes(32))


def test_it_is_opened_only_as_the_delivery_that_it_is() -> None:
    data, _ = sealed(b"content")
    for other in (
        _changed(chain_id=b"\1" * 32),
        _changed(number=2),
        _changed(sender=("ministry", "pair")),
        _changed(receiver=("bank", "vault")),
    ):
        with pytest.raises(InvalidProof) as caught:
            opened(data, place=other)
        assert caught.value.code == "other-delivery"


def _changed(**parts: Any) -> Place:
    return msgspec.structs.replace(PLACE, **parts)


def test_a_source_that_changes_meanwhile_is_refused() -> None:
    for announced in (3, 8):
        letter = Letter(bytes(16), "a.csv", announced, None)
        with pytest.raises(Invalid) as caught:
            seal(
                io.BytesIO(b"12345"),
                io.BytesIO(),
                place=PLACE,
                letter=letter,
                receiver_key=KEY.public,
                entropy=Counted(),
            )
        assert caught.value.code == "file-changed"


@pytest.mark.parametrize("key", [bytes(32), b"short", b"\1" + bytes(31)])
def test_nothing_is_sealed_to_a_key_that_is_none(key: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        sealed(b"content", key=key)
    assert caught.value.code == "bad-key"


def test_a_delivery_key_has_32_bytes_and_is_never_shown() -> None:
    with pytest.raises(InvalidSetting):
        DeliveryKey(b"short")
    secret = b"receiver".ljust(32, b".")
    assert repr(KEY) == f"DeliveryKey(public={KEY.public.hex()[:16]}…)"
    assert secret.hex() not in repr(KEY)


def test_a_long_header_is_not_read() -> None:
    with pytest.raises(InvalidEncoding) as caught:
        read_header(io.BytesIO(b"GVDELIV\x01" + b"\xff" * 4 + bytes(9000)))
    assert caught.value.code == "not-a-sealed-file"


_MEASURED = """
import os, resource, sys
from govchaind.client.sealing import DeliveryKey, new_letter, seal, unseal
from govchaind.ledger.sealed_file import Place
folder, size = sys.argv[1], int(sys.argv[2])
key = DeliveryKey(os.urandom(32))
place = Place(bytes(32), "bank", "loan-7", 1, ("ministry", "head"), ("bank", "branch"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(f"{folder}/plain", "rb") as source, open(f"{folder}/sealed", "wb") as target:
    made = seal(source, target, place=place, letter=new_letter("a", size, None, os.urandom),
                receiver_key=key.public, entropy=os.urandom)
with open(f"{folder}/sealed", "rb") as source, open(f"{folder}/again", "wb") as target:
    found = unseal(source, target, place=place, key=key)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert found.commitment == made.commitment
print(after - before)
"""


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """A sparse file of 300 MB: the peak of resident memory grows by a few chunks and no more."""
    size = 300 * 1024 * 1024
    with (tmp_path / "plain").open("wb") as file:
        file.truncate(size)
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path), str(size)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(ended.stdout) < 8 * 1024  # KiB
