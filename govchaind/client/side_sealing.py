"""Sealed texts: what a side value is while nodes keep it. Only the offices it is for can open one.

    8 bytes          "GVSIDE", a zero and the version, 1
    4 bytes          length of the header
    header           CBOR: [chain id, institution, commitment], a nonce, and
                     [institution, office, its delivery key, sealed content key] of each reader
    the rest         XChaCha20-Poly1305 of length, CBOR [salt, value], zeros to a whole KiB

The content key is drawn anew for each and sealed to each reader's X25519 key (libsodium's
crypto_box_seal); the digest of the header is authenticated with the content, so readers or name
cannot be changed. Padding hides how long a text is. What was opened is believed only if salt and
value are what the commitment on the ledger is to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import nacl.bindings
import nacl.exceptions

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidEncoding
from govchaind.base.limits import (
    SIDE_HEADER_BYTES_MAX,
    SIDE_SEALED_BYTES_MAX,
    SIDE_TEXT_BYTES_MAX,
)
from govchaind.base.types import Hash
from govchaind.client.sealing import DeliveryKey, damaged
from govchaind.ledger.commitment import check_commitment
from govchaind.ledger.shapes import read_shape, unknown_version
from govchaind.ledger.side_file import (
    LENGTH_BYTES,
    MAGIC,
    NONCE_BYTES,
    PAD_BYTES,
    SideHeader,
    SideInside,
    SidePlace,
)

_KEY_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES


@dataclass(frozen=True, slots=True)
class SideText:
    """What opens a commitment. Its text form shows neither."""

    salt: bytes = field(repr=False)
    value: list[Any] = field(repr=False)


def seal_side(
    text: SideText,
    *,
    place: SidePlace,
    readers: Sequence[tuple[str, str, bytes]],
    entropy: Callable[[int], bytes],
) -> bytes:
    """Return the sealed file of a text.

    Args:
        readers: institution, office and delivery key of each.

    Raises:
        InvalidProof: the text is not what the commitment is to.
        InvalidEncoding: it is too long. Invalid: a reader's key is none.
    """
    check_commitment(place.commitment, text.salt, text.value)
    inside = encode([text.salt, text.value])
    if len(inside) > SIDE_TEXT_BYTES_MAX:
        raise InvalidEncoding(
            f"a text that goes beside the ledger has at most {SIDE_TEXT_BYTES_MAX} bytes",
            code="too-large",
            remedy="Shorten it, or deliver a file.",
        )
    content_key, nonce = entropy(_KEY_BYTES), entropy(NONCE_BYTES)
    sealed = [
        [institution, office, key, _seal_key(content_key, key)]
        for institution, office, key in readers
    ]
    named = [place.chain_id, place.institution, place.commitment]
    head = encode([named, nonce, sealed])
    plain = len(inside).to_bytes(LENGTH_BYTES, "big") + inside
    plain = plain.ljust(-(-len(plain) // PAD_BYTES) * PAD_BYTES, b"\0")
    content = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        plain, _bound(head), nonce, content_key
    )
    return MAGIC + len(head).to_bytes(LENGTH_BYTES, "big") + head + content


def read_side_header(data: bytes) -> tuple[SideHeader, bytes, bytes]:
    """Return a sealed text's header, the header's bytes, and the content.

    Raises InvalidEncoding: it is none.
    """
    start = len(MAGIC) + LENGTH_BYTES
    length = int.from_bytes(data[len(MAGIC) : start], "big")
    if data[: len(MAGIC) - 1] == MAGIC[:-1] and data[: len(MAGIC)] not in (MAGIC, MAGIC[:-1]):
        raise unknown_version("a sealed text", data[len(MAGIC) - 1], MAGIC[-1])
    if data[: len(MAGIC)] != MAGIC or len(data) > SIDE_SEALED_BYTES_MAX:
        raise InvalidEncoding("this is not a sealed text", code="not-a-sealed-file")
    if length > SIDE_HEADER_BYTES_MAX:
        raise InvalidEncoding("a sealed text's header is never so long", code="not-a-sealed-file")
    head = data[start : start + length]
    return (
        read_shape(head, SideHeader, bytes_max=SIDE_HEADER_BYTES_MAX),
        head,
        data[start + length :],
    )


def open_side(data: bytes, *, place: SidePlace, key: DeliveryKey) -> SideText:
    """Return the text in a sealed file, which is what the commitment is to.

    Raises:
        InvalidEncoding: it is no sealed text. Invalid: it is of another side value, not sealed to
        this key, or damaged. InvalidProof: it is not what was committed to.
    """
    header, head, content = read_side_header(data)
    if header.place != place:
        raise Invalid(
            "the sealed text is of another side value",
            code="other-side-value",
            remedy="Fetch it again, from another node.",
        )
    mine = next((reader for reader in header.readers if reader.key == key.public), None)
    if mine is None:
        raise Invalid(
            "the text is not sealed to this delivery key",
            code="wrong-delivery-key",
            remedy="Name the key that was published when the text was sealed.",
        )
    content_key = key.unwrap(mine.sealed_key)
    try:
        plain = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            content, _bound(head), header.nonce, content_key
        )
    except (nacl.exceptions.CryptoError, nacl.exceptions.TypeError, ValueError):
        raise damaged() from None
    length = int.from_bytes(plain[:LENGTH_BYTES], "big")
    inside = plain[LENGTH_BYTES : LENGTH_BYTES + length]
    read = read_shape(inside, SideInside, bytes_max=SIDE_TEXT_BYTES_MAX)
    check_commitment(place.commitment, read.salt, read.value)
    return SideText(read.salt, read.value)


def _bound(head: bytes) -> Hash:
    return digest(Domain.SIDE_HEADER, head)


def _seal_key(content_key: bytes, key: bytes) -> bytes:
    try:
        return nacl.bindings.crypto_box_seal(content_key, key)
    except (nacl.exceptions.CryptoError, nacl.exceptions.TypeError, ValueError):
        raise Invalid("nothing can be sealed to this delivery key", code="bad-key") from None
