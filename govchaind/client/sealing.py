"""Sealed files: what a delivery is while it travels. Only the receiving office can open one.

    8 bytes          "GVDELIV" and the version, 1
    4 bytes          length of the header
    header           CBOR: chain id, delivery, sender, receiver, its key, chunk size, sealed key,
                     header of the stream
    1 letter         salt, name of the file, size, rows; padded to one length
    n chunks         the content; the last one says that it is the last

Each file has a key of its own, drawn when it is sealed, and sealed to the receiver's X25519 key
(libsodium's crypto_box_seal). Letter and chunks are one stream of crypto_secretstream with that
key, so a chunk that is changed, left out, moved, repeated or cut off is refused, and the digest of
the header goes into each: a stream under another header is refused too. Content is never in memory
but for one chunk. What the salt and the content commit to stands on the ledger.

Besides `base/crypto.py` and `side_sealing.py` this is the only door to PyNaCl.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import nacl.bindings
import nacl.exceptions

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidEncoding, InvalidProof, InvalidSetting
from govchaind.base.limits import (
    SALT_BYTES,
    SEALED_CHUNK_BYTES,
    SEALED_HEADER_BYTES_MAX,
    SEALED_LETTER_BYTES,
    SEALED_NAME_CHARS_MAX,
)
from govchaind.base.types import Hash
from govchaind.ledger.commitment import check_commitment
from govchaind.ledger.sealed_file import (
    LENGTH_BYTES,
    MAGIC,
    SEAL_BYTES,
    Header,
    Letter,
    Place,
    content_commitment,
)
from govchaind.ledger.shapes import read_shape, unknown_version

DELIVERY_KEY_BYTES = 32
_KEY_BYTES = nacl.bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
_MESSAGE = nacl.bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL = nacl.bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL

Advance = Callable[[int], None]
"""Told how many further bytes of content are done."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What sealing made: what the ledger records of it, and the sealed file's length."""

    commitment: Hash
    size: int
    rows: int | None
    digest: Hash
    length: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found in a sealed file, and the key that opens this one and no other."""

    letter: Letter
    commitment: Hash
    content_key: bytes = field(repr=False)


class DeliveryKey:
    """An office's X25519 key, private part too. Its text form never shows the secret."""

    __slots__ = ("_secret", "public")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != DELIVERY_KEY_BYTES:
            raise InvalidSetting("a delivery key has 32 bytes", code="bad-key")
        self._secret = secret
        self.public = nacl.bindings.crypto_scalarmult_base(secret)

    def open(self, header: Header) -> bytes:
        """Return the content key of a sealed file. Raises Invalid: it is sealed to another key."""
        return self.unwrap(header.sealed_key)

    def unwrap(self, sealed_key: bytes) -> bytes:
        """Return a content key that was sealed to this one. Raises Invalid: it was to another."""
        try:
            return nacl.bindings.crypto_box_seal_open(sealed_key, self.public, self._secret)
        except nacl.exceptions.CryptoError:
            raise Invalid(
                "the file is not sealed to this delivery key",
                code="wrong-delivery-key",
                remedy="Name the key that was published when the file was sealed; "
                "`govchaind delivery-keys` lists the published ones.",
            ) from None

    def __repr__(self) -> str:
        return f"DeliveryKey(public={self.public.hex()[:16]}…)"


def seal(
    source: BinaryIO,
    target: BinaryIO,
    *,
    place: Place,
    letter: Letter,
    receiver_key: bytes,
    entropy: Callable[[int], bytes],
    advance: Advance = lambda _: None,
    chunk_bytes: int = SEALED_CHUNK_BYTES,
) -> Sealed:
    """Seal the content of `source` to the receiver's key, into `target`.

    Raises:
        Invalid: the receiver's key is none, or the source has not `letter.size` bytes.
    """
    content_key = entropy(_KEY_BYTES)
    try:
        sealed_key = nacl.bindings.crypto_box_seal(content_key, receiver_key)
    except (nacl.exceptions.CryptoError, nacl.exceptions.TypeError, ValueError):
        raise Invalid("nothing can be sealed to this delivery key", code="bad-key") from None
    state = nacl.bindings.crypto_secretstream_xchacha20poly1305_state()
    stream = nacl.bindings.crypto_secretstream_xchacha20poly1305_init_push(state, content_key)
    head = encode([place.listed(), receiver_key, chunk_bytes, sealed_key, stream])
    bound = digest(Domain.SEALED_HEADER, head)
    written = hashlib.sha256()
    length = 0

    def put(data: bytes) -> None:
        nonlocal length
        target.write(data)
        written.update(data)
        length += len(data)

    def push(message: bytes, tag: int) -> None:
        put(nacl.bindings.crypto_secretstream_xchacha20poly1305_push(state, message, bound, tag))

    put(MAGIC + len(head).to_bytes(LENGTH_BYTES, "big") + head)
    push(_letter_bytes(letter), _MESSAGE)
    content = hashlib.sha256()
    left = letter.size
    while True:
        chunk = _exactly(source, min(chunk_bytes, left))
        content.update(chunk)
        left -= len(chunk)
        push(chunk, _MESSAGE if left else _FINAL)
        advance(len(chunk))
        if not left:
            break
    if source.read(1):
        raise _changed()
    commitment = content_commitment(letter, content.digest())
    return Sealed(commitment, letter.size, letter.rows, written.digest(), length)


def read_header(source: BinaryIO) -> tuple[Header, Hash]:
    """Return a sealed file's header and the digest that its chunks are bound to.

    Raises InvalidEncoding: it is no sealed file.
    """
    head = source.read(len(MAGIC) + LENGTH_BYTES)
    length = int.from_bytes(head[len(MAGIC) :], "big")
    if head[: len(MAGIC) - 1] == MAGIC[:-1] and head[: len(MAGIC)] not in (MAGIC, MAGIC[:-1]):
        raise unknown_version("a sealed file", head[len(MAGIC) - 1], MAGIC[-1])
    if len(head) != len(MAGIC) + LENGTH_BYTES or head[: len(MAGIC)] != MAGIC:
        raise InvalidEncoding("this is not a sealed file", code="not-a-sealed-file")
    if length > SEALED_HEADER_BYTES_MAX:
        raise InvalidEncoding("a sealed file's header is never so long", code="not-a-sealed-file")
    data = source.read(length)
    header = read_shape(data, Header, bytes_max=SEALED_HEADER_BYTES_MAX)
    return header, digest(Domain.SEALED_HEADER, data)


def unseal(
    source: BinaryIO,
    target: BinaryIO,
    *,
    place: Place,
    key: DeliveryKey | bytes,
    advance: Advance = lambda _: None,
) -> Opened:
    """Open the sealed file `source` into `target`; believe what is there only when this returns.

    Args:
        place: which delivery it must be.
        key: the office's delivery key, or the content key that an earlier opening returned.

    Raises:
        Invalid: of another delivery, sealed to another key, or not whole and unchanged.
    """
    header, bound = read_header(source)
    if header.place != place:
        raise InvalidProof(
            "the sealed file is of another delivery",
            code="other-delivery",
            remedy="Name the delivery that the file is of, or get the right file.",
        )
    content_key = key.open(header) if isinstance(key, DeliveryKey) else key
    state = nacl.bindings.crypto_secretstream_xchacha20poly1305_state()
    nacl.bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header.stream, content_key)

    def pull(length: int) -> tuple[bytes, int]:
        data = _up_to(source, length + SEAL_BYTES)
        try:
            message, tag = nacl.bindings.crypto_secretstream_xchacha20poly1305_pull(
                state, data, bound
            )
        except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError, ValueError):
            raise damaged() from None
        return message, tag

    first, tag = pull(SEALED_LETTER_BYTES)
    letter = _read_letter(first)
    if tag != _MESSAGE:
        raise damaged()
    content = hashlib.sha256()
    left = letter.size
    while tag != _FINAL:
        chunk, tag = pull(min(header.chunk_bytes, left))
        left -= len(chunk)
        if left < 0 or (tag == _FINAL) != (left == 0):
            raise damaged()
        content.update(chunk)
        target.write(chunk)
        advance(len(chunk))
    if source.read(1):
        raise damaged()
    return Opened(letter, content_commitment(letter, content.digest()), content_key)


def check_content(source: BinaryIO, letter: Letter, commitment: Hash) -> None:
    """Raise InvalidProof unless a plain file is the one that was committed to."""
    content = hashlib.sha256()
    while part := source.read(SEALED_CHUNK_BYTES):
        content.update(part)
    check_commitment(commitment, letter.salt, [content.digest(), letter.size, letter.rows])


def new_letter(name: str, size: int, rows: int | None, entropy: Callable[[int], bytes]) -> Letter:
    """Return the letter of a file that is about to be sealed."""
    return Letter(entropy(SALT_BYTES), name[:SEALED_NAME_CHARS_MAX], size, rows)


def damaged() -> InvalidProof:
    """Return the error of a sealed file that is not whole and unchanged."""
    return InvalidProof(
        "the sealed file is damaged: changed, cut off, or not in order",
        code="sealed-file-damaged",
        remedy="Fetch it again; if its SHA-256 is the recorded one, dispute the delivery.",
    )


def _letter_bytes(letter: Letter) -> bytes:
    data = encode([letter.salt, letter.name, letter.size, letter.rows])
    return (len(data).to_bytes(2, "big") + data).ljust(SEALED_LETTER_BYTES, b"\0")


def _read_letter(data: bytes) -> Letter:
    length = int.from_bytes(data[:2], "big")
    if len(data) != SEALED_LETTER_BYTES or any(data[2 + length :]):
        raise damaged()
    return read_shape(data[2 : 2 + length], Letter, bytes_max=SEALED_LETTER_BYTES)


def _up_to(source: BinaryIO, length: int) -> bytes:
    """Return `length` bytes, or what there is: `read` may return less than asked for."""
    parts = []
    while length and (part := source.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _exactly(source: BinaryIO, length: int) -> bytes:
    data = _up_to(source, length)
    if len(data) != length:
        raise _changed()
    return data


def _changed() -> Invalid:
    return Invalid(
        "the file has changed its size while it was being sealed",
        code="file-changed",
        remedy="Let whoever writes it finish; then deliver it again.",
    )
