"""A transaction has one form; every other is refused."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, InvalidSignature
from govchaind.base.limits import TRANSACTION_BYTES_MAX
from govchaind.ledger.transaction import (
    assemble,
    build_body,
    is_name,
    read_transaction,
    sign_body,
    signature_checks,
    verify_transaction,
)
from tests.ledger.chain import START, key

CHAIN = digest(Domain.GENESIS, b"a chain")
KEYS = sorted((key(f"signer {number}") for number in range(3)), key=lambda item: item.public)
FIELDS: list[Any] = [
    *(1, CHAIN, "registry", "head", [[11, ["divisions", b"1", ["a", -1, True], None]]]),
    *(START, bytes(16)),
]


def body(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "chain_id": CHAIN,
        "institution": "registry",
        "office": "head",
        "operations": [(11, ["divisions", b"1", ["a", -1, True], None])],
        "valid_until": START,
        "salt": bytes(16),
        **changes,
    }
    return build_body(**fields)


def test_what_is_read_is_what_was_written() -> None:
    made = body()
    raw = sign_body(made, KEYS[:2])
    read = read_transaction(raw)
    assert made == encode(FIELDS)
    assert (read.raw, read.body, read.size) == (raw, made, len(raw))
    assert (read.id, read.identity) == (
        digest(Domain.TRANSACTION_BODY, made),
        digest(Domain.TRANSACTION, raw),
    )
    assert (read.chain_id, read.institution, read.office) == (CHAIN, "registry", "head")
    assert read.operations == [(11, ["divisions", b"1", ["a", -1, True], None])]
    assert (read.valid_until, read.cost) == (START, 40)
    assert [pair[0] for pair in read.signatures] == [signer.public for signer in KEYS[:2]]
    assert [check[:2] for check in signature_checks(read)] == [
        (signer.public, made) for signer in KEYS[:2]
    ]
    verify_transaction(read)


def test_signatures_change_the_identity_and_not_the_id() -> None:
    one, two = (read_transaction(sign_body(body(), KEYS[:count])) for count in (1, 2))
    assert one.id == two.id
    assert one.identity != two.identity


def test_a_wrong_signature_does_not_verify() -> None:
    raw = bytearray(sign_body(body(), KEYS[:1]))
    raw[-1] ^= 1
    with pytest.raises(InvalidSignature):
        verify_transaction(read_transaction(bytes(raw)))


def test_one_key_signs_once() -> None:
    pair = (KEYS[0].public, KEYS[0].sign(Domain.TRANSACTION_BODY, body()))
    with pytest.raises(InvalidSignature):
        assemble(body(), [pair, pair])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (0, True),
        (1, bytes(31)),
        (1, "x" * 32),
        (2, "Registry"),
        (2, "-registry"),
        (2, "r" * 33),
        (2, ""),
        (2, "registry\n"),
        (3, b"head"),
        (4, []),
        (4, [[11, []]] * 101),
        (4, [[11]]),
        (4, [[11, [], []]]),
        (4, [[0, []]]),
        (4, [[65536, []]]),
        (4, [[-1, []]]),
        (4, [[True, []]]),
        (4, [["11", []]]),
        (4, [[11, {}]]),
        (4, [[11, [{}]]]),
        (4, [[11, [1.5]]]),
        (4, [[11, [[[1.5]]]]]),
        (4, [[11, [cbor2.undefined]]]),
        (4, [[11, [cbor2.CBORSimpleValue(99)]]]),
        (4, {}),
        (5, 0),
        (5, -1),
        (5, True),
        (5, 1 << 63),
        (5, None),
        (6, bytes(15)),
        (6, bytes(17)),
        (6, "x" * 16),
    ],
)
def test_a_body_of_another_shape_is_refused(place: int, value: Any) -> None:
    fields = list(FIELDS)
    fields[place] = value
    with pytest.raises(InvalidEncoding):
        read_transaction(sign_body(encode(fields), KEYS[:1]))


@pytest.mark.parametrize("fields", [FIELDS[:6], [*FIELDS, 0], {}, 1, "text", None])
def test_a_body_of_another_length_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidEncoding):
        read_transaction(sign_body(encode(fields), KEYS[:1]))


def test_bounds_of_bytes_and_signatures() -> None:
    with pytest.raises(InvalidEncoding):
        read_transaction(bytes(TRANSACTION_BYTES_MAX + 1))
    largest = sign_body(body(), [key(f"many {number}") for number in range(16)])
    assert len(read_transaction(largest).signatures) == 16
    for count in (0, 17):
        raw = sign_body(body(), [key(f"many {number}") for number in range(count)])
        with pytest.raises(InvalidEncoding):
            read_transaction(raw)


def test_the_largest_transaction_is_read() -> None:
    empty = len(sign_body(body(operations=[(11, [b"x" * 60_000])]), KEYS[:1]))
    raw = sign_body(
        body(operations=[(11, [b"x" * (60_000 + TRANSACTION_BYTES_MAX - empty)])]), KEYS[:1]
    )
    assert len(raw) == TRANSACTION_BYTES_MAX
    assert read_transaction(raw).size == TRANSACTION_BYTES_MAX


RAW = sign_body(body(), KEYS[:2])
MADE = body()
PAIRS = [[item, value] for item, value in read_transaction(RAW).signatures]


def head(length: int, width: int) -> bytes:
    return bytes((0x57 + width,)) + length.to_bytes(1 << (width - 1), "big")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x82",
        RAW[:-1],
        RAW + b"\x00",
        encode([MADE, PAIRS[::-1]]),
        encode([MADE, [PAIRS[0], PAIRS[0]]]),
        encode([MADE, PAIRS, None]),
        encode([MADE]),
        encode([MADE, [[*PAIRS[0], 0]]]),
        encode([MADE, [[PAIRS[0][0], bytes(63)]]]),
        encode([MADE, [[bytes(31), PAIRS[0][1]]]]),
        encode([FIELDS, PAIRS]),
        b"\x98\x02" + RAW[1:],
        b"\x9f" + RAW[1:] + b"\xff",
        b"\x82" + head(len(MADE), 2) + RAW[3:],
        b"\x82" + head(len(MADE), 3) + RAW[3:],
        RAW.replace(b"\x82\x82\x58\x20", b"\x98\x02\x82\x58\x20", 1),
        RAW.replace(b"\x58\x40", b"\x59\x00\x40", 1),
        sign_body(MADE.replace(b"\x0b", b"\x18\x0b", 1), KEYS[:1]),
        sign_body(b"", KEYS[:1]),
        sign_body(MADE + b"\x00", KEYS[:1]),
    ],
)
def test_another_form_of_the_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        read_transaction(raw)


@given(st.integers(0, len(RAW) * 8 - 1))
def test_a_flipped_bit_is_refused_or_is_another_transaction(bit: int) -> None:
    changed = bytearray(RAW)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        read = read_transaction(bytes(changed))
    except InvalidEncoding:
        return
    assert read.identity != read_transaction(RAW).identity
    with pytest.raises(InvalidSignature):
        verify_transaction(read)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.text(max_size=40)
    | st.binary(max_size=300)
)
ARGUMENTS = st.lists(st.recursive(SCALARS, st.lists, max_leaves=8), max_size=6)


@given(st.lists(st.tuples(st.integers(1, 65535), ARGUMENTS), min_size=1, max_size=5))
def test_any_operations_come_back_as_they_were(operations: list[tuple[int, list[Any]]]) -> None:
    raw = sign_body(body(operations=operations), KEYS[:1])
    read = read_transaction(raw)
    assert read.operations == operations
    assert assemble(read.body, read.signatures) == raw


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        read_transaction(data)


def test_names() -> None:
    good = ["a", "0", "a-b", "a" * 32, "3-state"]
    bad = ["", "-", "-a", "a" * 33, "A", "a_b", "ä", "a b", "a\n", b"a", None]
    assert [is_name(name) for name in (*good, *bad)] == [True] * len(good) + [False] * len(bad)
