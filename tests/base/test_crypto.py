"""Strict Ed25519, and hashes that keep kinds of bytes apart.

The edge cases are computed here with the curve's own arithmetic (RFC 8032, section 5.1), in the
manner of Wycheproof's set: they must be refused whatever library is behind the door.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.crypto import (
    SUITE,
    Domain,
    SigningKey,
    check_signature,
    checksum,
    digest,
    signing_bytes,
    verify,
)
from govchaind.base.errors import InvalidSetting, InvalidSignature

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int]
KEY = SigningKey(bytes(range(32)))
MESSAGE = b"a message"
SIGNATURE = KEY.sign(Domain.ATTESTATION, MESSAGE)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y3 = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x3, y3


def multiply(scalar: int, point: Point) -> Point:
    result: Point = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def recover_x(y: int, sign: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return P - x if x & 1 != sign else x


def packed(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


BASE: Point = (recover_x(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def order_eight() -> Point:
    """Return a point of order 8: the order of the prime subgroup times a point with torsion."""
    for y in range(2, 60):
        square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
        if pow(square, (P - 1) // 2, P) != 1:
            continue
        point = multiply(ORDER, (recover_x(y, 0), y))
        if multiply(4, point) != (0, 1):
            return point
    raise AssertionError("no point of order 8 among the small ones")


TORSION = [multiply(number, order_eight()) for number in range(8)]


def hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def secret_of(seed: bytes) -> int:
    low = bytearray(hashlib.sha512(seed).digest()[:32])
    low[0] &= 248
    low[31] = low[31] & 63 | 64
    return int.from_bytes(low, "little")


def test_the_arithmetic_here_signs_as_the_library_does() -> None:
    secret = secret_of(bytes(range(32)))
    assert packed(multiply(secret, BASE)) == KEY.public
    assert multiply(ORDER, BASE) == (0, 1)
    assert len({packed(point) for point in TORSION}) == 8
    message = signing_bytes(Domain.ATTESTATION, MESSAGE)
    nonce = 12345
    r = packed(multiply(nonce, BASE))
    s = (nonce + hashed(r, KEY.public, message) * secret) % ORDER
    assert verify(Domain.ATTESTATION, KEY.public, MESSAGE, r + s.to_bytes(32, "little"))


def test_a_signature_verifies() -> None:
    assert verify(Domain.ATTESTATION, KEY.public, MESSAGE, SIGNATURE)
    check_signature(Domain.ATTESTATION, KEY.public, MESSAGE, SIGNATURE, what="a test")


def test_rfc_8032_test_1() -> None:
    """Our messages have a prefix, so the RFC's vector is checked on the key alone."""
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert SigningKey(bytes.fromhex(seed)).public.hex() == public


@pytest.mark.parametrize("times", [1, 2, 7, 8, 14])
def test_malleable_s_is_refused(times: int) -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + times * ORDER
    changed = SIGNATURE[:32] + s.to_bytes(32, "little")
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, changed)


def test_the_negated_s_and_the_high_bits_are_refused() -> None:
    s = ORDER - int.from_bytes(SIGNATURE[32:], "little")
    changed = SIGNATURE[:32] + s.to_bytes(32, "little")
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, changed)
    for bit in (0x20, 0x40, 0x80):
        high = SIGNATURE[:63] + bytes((SIGNATURE[63] | bit,))
        assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, high)


@pytest.mark.parametrize("number", range(8))
def test_keys_of_small_order_are_refused(number: int) -> None:
    """For such a key some signature fits without any secret: R = S·B − h·A with h·A small."""
    public = packed(TORSION[number])
    message = signing_bytes(Domain.ATTESTATION, MESSAGE)
    for nonce in range(1, 17):
        for twist in TORSION:
            r = packed(add(multiply(nonce, BASE), twist))
            h = hashed(r, public, message)
            if add(multiply(h % 8, TORSION[number]), add(multiply(nonce, BASE), twist)) == (
                multiply(nonce, BASE)
            ):
                signature = r + nonce.to_bytes(32, "little")
                assert not verify(Domain.ATTESTATION, public, MESSAGE, signature)
                return
    raise AssertionError("no such signature was found, so nothing was tried")


@pytest.mark.parametrize("number", range(8))
def test_r_of_small_order_is_refused(number: int) -> None:
    """S = h·a fits R = identity up to torsion; a cofactored verifier would take all eight."""
    secret = secret_of(bytes(range(32)))
    message = signing_bytes(Domain.ATTESTATION, MESSAGE)
    r = packed(TORSION[number])
    s = hashed(r, KEY.public, message) * secret % ORDER
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, r + s.to_bytes(32, "little"))


@pytest.mark.parametrize("number", range(1, 8))
def test_r_with_torsion_is_refused(number: int) -> None:
    secret, nonce = secret_of(bytes(range(32))), 54321
    message = signing_bytes(Domain.ATTESTATION, MESSAGE)
    r = packed(add(multiply(nonce, BASE), TORSION[number]))
    s = (nonce + hashed(r, KEY.public, message) * secret) % ORDER
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, r + s.to_bytes(32, "little"))


@pytest.mark.parametrize("y", [P, P + 1, P + 3, P + 18, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_and_r_that_are_not_canonical_are_refused(y: int, sign: int) -> None:
    strange = (y | sign << 255).to_bytes(32, "little")
    assert not verify(Domain.ATTESTATION, strange, MESSAGE, SIGNATURE)
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, strange + SIGNATURE[32:])
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, strange + bytes(32))


def test_a_key_that_is_no_point_is_refused() -> None:
    for y in range(2, 40):
        square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
        if pow(square, (P - 1) // 2, P) == P - 1:
            assert not verify(Domain.ATTESTATION, y.to_bytes(32, "little"), MESSAGE, SIGNATURE)


def test_other_lengths_are_refused() -> None:
    for length in range(0, 130):
        if length != 64:
            cut = (SIGNATURE + SIGNATURE + b"..")[:length]
            assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, cut)
        if length != 32:
            public = (KEY.public * 5)[:length]
            assert not verify(Domain.ATTESTATION, public, MESSAGE, SIGNATURE)


def test_bytes_never_move_between_key_signature_and_message() -> None:
    """A signature one byte longer, with a message one byte shorter, is not the same bytes."""
    message = SIGNATURE[-1:] + MESSAGE
    assert not verify(Domain.ATTESTATION, KEY.public, message, SIGNATURE[:-1])


@settings(max_examples=200)
@given(st.integers(0, 64 * 8 - 1))
def test_a_flipped_bit_of_the_signature_is_refused(bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, bytes(changed))


def test_all_zero_is_refused() -> None:
    assert not verify(Domain.ATTESTATION, KEY.public, MESSAGE, bytes(64))
    assert not verify(Domain.ATTESTATION, bytes(32), MESSAGE, bytes(64))
    assert not verify(Domain.ATTESTATION, b"\x01" + bytes(31), MESSAGE, b"\x01" + bytes(63))


def test_a_wrong_signature_is_an_error_that_names_what() -> None:
    with pytest.raises(InvalidSignature, match="the signature of a test"):
        check_signature(Domain.BLOCK, KEY.public, MESSAGE, SIGNATURE, what="a test")


def test_domains_keep_signatures_and_hashes_apart() -> None:
    others = [domain for domain in Domain if domain != Domain.ATTESTATION]
    assert not any(verify(domain, KEY.public, MESSAGE, SIGNATURE) for domain in others)
    assert len({digest(domain, MESSAGE) for domain in Domain}) == len(Domain)
    assert signing_bytes(Domain.BLOCK, b"x") == bytes((SUITE, 4)) + b"x"
    assert digest(Domain.BLOCK, b"x") == hashlib.sha256(b"\x01\x04x").digest()


def test_a_key_never_shows_its_secret() -> None:
    seed = hashlib.sha256(b"secret").digest()
    text = repr(SigningKey(seed)) + str(SigningKey(seed))
    assert seed.hex()[:8] not in text
    with pytest.raises(InvalidSetting):
        SigningKey(seed[:31])


def test_a_checksum_ties_a_value_to_its_key() -> None:
    assert len(checksum(b"k", b"v")) == 8
    pairs = [(b"k", b"v"), (b"kv", b""), (b"", b"kv"), (b"k", b"w"), (b"l", b"v")]
    assert len({checksum(key, value) for key, value in pairs}) == len(pairs)
