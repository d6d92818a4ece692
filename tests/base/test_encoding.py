"""Deterministic CBOR: what is written comes back, and nothing but what is written is read."""

from __future__ import annotations

import struct
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.encoding import convert, decode, encode, read
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import CBOR_DEPTH_MAX

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=100)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    assert decode(encode(value), bytes_max=1 << 20, depth_max=64) == value


# RFC 8949, appendix A: those of its examples that our shapes allow
EXAMPLES: list[tuple[Any, str]] = [
    (0, "00"),
    (23, "17"),
    (24, "1818"),
    (255, "18ff"),
    (256, "190100"),
    (1000000, "1a000f4240"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("IETF", "6449455446"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ([], "80"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
]


@pytest.mark.parametrize(("value", "data"), EXAMPLES, ids=[data for _, data in EXAMPLES])
def test_examples_of_the_rfc(value: Any, data: str) -> None:
    assert encode(value).hex() == data
    assert decode(bytes.fromhex(data), bytes_max=64) == value


def long_forms(major: int, argument: int) -> list[bytes]:
    """Return every encoding of a head but the shortest."""
    forms = [
        bytes((major << 5 | 24,)) + struct.pack(">B", argument) if argument < 1 << 8 else b"",
        bytes((major << 5 | 25,)) + struct.pack(">H", argument) if argument < 1 << 16 else b"",
        bytes((major << 5 | 26,)) + struct.pack(">I", argument) if argument < 1 << 32 else b"",
        bytes((major << 5 | 27,)) + struct.pack(">Q", argument),
    ]
    kept = [form for form in forms if form]
    return kept if argument < 24 else kept[1:]


@pytest.mark.parametrize("argument", [0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1])
@pytest.mark.parametrize("major", [0, 1])
def test_over_long_integers_are_refused(major: int, argument: int) -> None:
    for form in long_forms(major, argument):
        with pytest.raises(InvalidEncoding):
            decode(form, bytes_max=64)


@pytest.mark.parametrize("major", [2, 3, 4, 5])
def test_over_long_lengths_are_refused(major: int) -> None:
    item = {2: b"x", 3: b"x", 4: b"\x00", 5: b"\x61a\x00"}[major]
    for form in long_forms(major, 1):
        with pytest.raises(InvalidEncoding):
            decode(form + item, bytes_max=64)


@pytest.mark.parametrize(
    "data",
    [
        "",  # nothing
        "0000",  # trailing bytes
        "18",  # cut short
        "42ff",
        "8201",
        "1c",  # reserved
        "ff",  # a break alone
        "5f4101ff",  # indefinite lengths
        "7f6161ff",
        "9f01ff",
        "bf616101ff",
        "62c328",  # not UTF-8
        "a2616201616101",  # keys not in order
        "a2616101616102",  # a key twice
        "a1410161",  # keys of another kind that are cut short
        "a2626161016162 02".replace(" ", ""),  # length-first order broken
        "f800",  # simple values in the reserved form
        "f818",
    ],
)
def test_forms_that_are_not_deterministic_are_refused(data: str) -> None:
    with pytest.raises(InvalidEncoding):
        decode(bytes.fromhex(data), bytes_max=64)


@pytest.mark.parametrize(
    "tag", [*range(0, 45), 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799]
)
@pytest.mark.parametrize("content", [b"\x00", b"\x40", b"\x41\x01", b"\x60", b"\x81\x00", b"\x80"])
def test_every_tag_is_refused(tag: int, content: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        decode(cbor2.dumps(cbor2.CBORTag(tag, 0))[:-1] + content, bytes_max=64)


def test_depth_is_bounded() -> None:
    within: Any = 0
    for _ in range(CBOR_DEPTH_MAX - 1):
        within = [within]
    assert decode(encode(within), bytes_max=64) == within
    for depth in (CBOR_DEPTH_MAX + 1, 1000, 100_000):
        with pytest.raises(InvalidEncoding):
            decode(b"\x81" * depth + b"\x00", bytes_max=1 << 20)


def test_length_is_bounded_before_anything_is_read() -> None:
    with pytest.raises(InvalidEncoding) as refused:
        decode(b"\x45hello", bytes_max=5)
    assert refused.value.code == "too-large"
    assert decode(b"\x45hello", bytes_max=6) == b"hello"


@pytest.mark.parametrize("head", [0x5B, 0x7B, 0x9B, 0xBB])
def test_a_length_beyond_the_bytes_is_refused(head: int) -> None:
    for length in (1 << 31, 1 << 40, (1 << 64) - 1):
        with pytest.raises(InvalidEncoding):
            decode(bytes((head,)) + length.to_bytes(8, "big"), bytes_max=64)


class Shape(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One field of each kind that shapes have."""

    number: int
    name: str
    flag: bool
    data: bytes
    maybe: int | None


GOOD: list[Any] = [1, "a", True, b"x", None]


def test_a_shape_is_read() -> None:
    shape = read(encode(GOOD), Shape, bytes_max=64)
    assert [shape.number, shape.name, shape.flag, shape.data, shape.maybe] == GOOD


@pytest.mark.parametrize(
    "foreign",
    [
        1.0,
        1.5,
        float("nan"),
        float("inf"),
        cbor2.undefined,
        cbor2.CBORSimpleValue(19),
        cbor2.CBORSimpleValue(255),
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", range(5))
def test_floats_undefined_and_simple_values_fit_no_shape(place: int, foreign: Any) -> None:
    fields = list(GOOD)
    fields[place] = foreign
    with pytest.raises(InvalidEncoding):
        read(encode(fields), Shape, bytes_max=64)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, True), (0, "1"), (0, None), (1, 1), (1, b"a"), (2, 1), (2, None), (3, 1), (4, False)],
)
def test_one_kind_never_passes_for_another(place: int, value: Any) -> None:
    fields = list(GOOD)
    fields[place] = value
    with pytest.raises(InvalidEncoding):
        convert(fields, Shape)


@pytest.mark.parametrize("fields", [GOOD[:4], [*GOOD, 1], [], {}, 1, {"number": 1}])
def test_an_array_of_another_length_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidEncoding):
        convert(fields, Shape)


@given(st.binary(max_size=100))
def test_whatever_is_read_is_the_one_encoding(data: bytes) -> None:
    try:
        value = decode(data, bytes_max=100)
    except InvalidEncoding:
        return
    assert encode(value) == data


def test_text_never_passes_for_bytes() -> None:
    with pytest.raises(InvalidEncoding):
        convert("eA==", bytes)
