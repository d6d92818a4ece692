"""Sealed texts: each reader opens one, nobody else does, and nothing of one can be changed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.errors import Invalid, InvalidEncoding, InvalidProof
from govchaind.base.limits import (
    SIDE_READERS_MAX,
    SIDE_SEALED_BYTES_MAX,
    SIDE_TEXT_BYTES_MAX,
)
from govchaind.client import side_sealing as module
from govchaind.client.sealing import DeliveryKey
from govchaind.client.side_sealing import SideText, open_side, read_side_header, seal_side
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.side_file import SidePlace

SALT = b"salt of sixteen."
COURT = DeliveryKey(b"court".ljust(32, b"."))
BANK = DeliveryKey(b"bank".ljust(32, b"."))
OTHER = DeliveryKey(b"somebody else".ljust(32, b"."))
READERS = [("court", "head", COURT.public), ("bank", "branch", BANK.public)]
TEXT = SideText(SALT, ["住房补贴核查 of 110101199003070000"])


def entropy(count: int) -> bytes:
    return bytes(range(count))


def place(text: SideText = TEXT) -> SidePlace:
    return SidePlace(bytes(32), "bank", make_commitment(text.salt, text.value))


def sealed(text: SideText = TEXT, readers: list[tuple[str, str, bytes]] = READERS) -> bytes:
    return seal_side(text, place=place(text), readers=readers, entropy=entropy)


@pytest.mark.parametrize("key", [COURT, BANK])
def test_each_reader_opens_it(key: DeliveryKey) -> None:
    assert open_side(sealed(), place=place(), key=key) == TEXT


def test_nobody_else_opens_it_and_it_shows_nothing() -> None:
    data = sealed()
    with pytest.raises(Invalid) as refused:
        open_side(data, place=place(), key=OTHER)
    assert refused.value.code == "wrong-delivery-key"
    for part in (b"110101199003070000", SALT):
        assert part not in data
    header, _, _ = read_side_header(data)
    assert [(each.institution, each.office) for each in header.readers] == [
        ("court", "head"), ("bank", "branch")
    ]  # fmt: skip
    assert (repr(TEXT), str(TEXT)) == ("SideText()", "SideText()")


def test_texts_of_about_one_length_look_alike() -> None:
    short, long = (sealed(SideText(SALT, ["x" * size])) for size in (1, 900))
    assert len(short) == len(long)


def test_bounds_fit_into_each_other() -> None:
    """The longest text for the most readers fits what the ledger lets be recorded."""
    names = ("i" * 32, "o" * 32, BANK.public)
    longest = SideText(SALT, ["x" * (SIDE_TEXT_BYTES_MAX - 30)])
    data = sealed(longest, [names] * SIDE_READERS_MAX)
    assert len(data) <= SIDE_SEALED_BYTES_MAX
    assert open_side(data, place=place(longest), key=BANK) == longest
    with pytest.raises(InvalidEncoding) as refused:
        sealed(SideText(SALT, ["x" * SIDE_TEXT_BYTES_MAX]))
    assert refused.value.code == "too-large"


def test_it_is_of_one_side_value_only() -> None:
    elsewhere = msgspec.structs.replace(place(), institution="court")
    with pytest.raises(Invalid) as refused:
        open_side(sealed(), place=elsewhere, key=BANK)
    assert refused.value.code == "other-side-value"
    with pytest.raises(InvalidProof):
        seal_side(SideText(SALT, ["other"]), place=place(), readers=READERS, entropy=entropy)
    with pytest.raises(Invalid) as none:
        sealed(readers=[("court", "head", bytes(32))])
    assert none.value.code == "bad-key"


def test_another_text_than_was_committed_to_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever recorded it may have sealed something else: to open it shows that."""
    with monkeypatch.context() as cheating:
        cheating.setattr(module, "check_commitment", lambda *_: None)
        other = SideText(SALT, ["another purpose"])
        data = seal_side(other, place=place(), readers=READERS, entropy=entropy)
    with pytest.raises(InvalidProof):
        open_side(data, place=place(), key=BANK)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(sealed()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_never_believed(at: int, change: int) -> None:
    data = bytearray(sealed())
    data[at] ^= change
    with pytest.raises(Invalid):
        open_side(bytes(data), place=place(), key=BANK)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(sealed()) - 1))
def test_a_part_of_one_is_none(length: int) -> None:
    with pytest.raises(Invalid):
        open_side(sealed()[:length], place=place(), key=BANK)
