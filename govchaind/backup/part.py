"""One part of a backup: certified blocks, in bytes that tell whether they are whole.

    part  = "govchaind backup 1\\n", frame …              a file, or a stretch of a stream
    frame = length (4 bytes, big-endian), CBOR of that length
    head  = [0, chain id, first height, SHA-256 of the part before or null, genesis or null]
    page  = [1, [[block, certificate] …]]
    tip   = [2, last height, hash of its block, its time, since which height the membership in
             force after it is, that membership]
    end   = [3, SHA-256 of every byte of this part before]

Rules it keeps:
- A part is read once, forwards, in bounded pieces, and written the same way: it fits a pipe.
- What is cut off lacks its end; what is changed has another hash. Each part but the first names the
  SHA-256 of the part before, so that none can be left out, swapped, or taken from another backup.
- Nothing here says that blocks are true: `links.py` and `runtime/replay.py` judge them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from govchaind.base.encoding import encode, read
from govchaind.base.errors import Invalid, InvalidEncoding
from govchaind.base.limits import GENESIS_BYTES_MAX
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.membership import Membership, read_membership
from govchaind.runtime.replay import PAGE_BYTES_MAX

MAGIC = b"govchaind backup 1\n"
_VERSION_OF = re.compile(rb"govchaind backup (\d{1,3})\n?\Z").fullmatch
FRAME_BYTES_MAX = PAGE_BYTES_MAX + 1024
HEIGHT_MAX = (1 << 63) - 1
_HEAD, _PAGE, _TIP, _END = 0, 1, 2, 3
_TIP_BEGINS = bytes([0x86, _TIP])  # an array of six; a page is one of two
_LENGTH_BYTES = 4
_HASH_BYTES = 32
_ANOTHER_COPY = "Take another copy of this part, or another backup; nothing of it was kept."

Read = Callable[[int], bytes]  # gives so many bytes, fewer only at the end
Write = Callable[[bytes], object]
Pairs = Sequence[tuple[bytes, bytes]]  # block and certificate, in order of height
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a chain stands after a block: all that is needed to judge the next one's links."""

    height: Height
    block_hash: Hash
    time: BlockTime
    membership_since: Height
    membership: Membership


@dataclass(frozen=True, slots=True)
class Head:
    """What a part says of itself at its beginning. `genesis`: in the part that begins at 1."""

    chain_id: Hash
    first: Height
    before: Hash | None
    genesis: bytes | None


def damaged(name: str, what: str) -> Invalid:
    """Return the error for a part that is not as it was written."""
    return Invalid(f"{name}: {what}", code="backup-damaged", remedy=_ANOTHER_COPY)


class PartWriter:
    """Writes one part. What is written is whole only after `end`."""

    def __init__(self, write: Write, head: Head) -> None:
        self._write = write
        self._hash = hashlib.sha256()
        self.bytes = 0
        self._put(MAGIC)
        self._frame([_HEAD, head.chain_id, head.first, head.before, head.genesis])

    def page(self, pairs: Pairs) -> None:
        """Write blocks with their certificates."""
        self._frame([_PAGE, [[block, certificate] for block, certificate in pairs]])

    def end(self, tip: Tip) -> Hash:
        """Write the end; return the SHA-256 of the whole part, which the next one names."""
        stands = [tip.height, tip.block_hash, tip.time, tip.membership_since]
        self._frame([_TIP, *stands, tip.membership.encode()])
        self._frame([_END, self._hash.digest()])
        return self._hash.digest()

    def _frame(self, value: list[Any]) -> None:
        data = encode(value)
        self._put(len(data).to_bytes(_LENGTH_BYTES, "big") + data)

    def _put(self, data: bytes) -> None:
        self._write(data)
        self._hash.update(data)
        self.bytes += len(data)


class PartReader:
    """Reads one part; `tip` and `hash` are there once `pages` has come to its end.

    Raises:
        Invalid: `not-a-backup`: it does not begin as a part does; `backup-damaged`: it is cut off,
            or a byte is not the one that was written.
    """

    def __init__(self, read: Read, name: str, begins: bytes) -> None:
        """Take a part whose first bytes, as many as `MAGIC` has, are read already."""
        self.name = name
        self._read = read
        self._hash = hashlib.sha256(begins)
        version = _VERSION_OF(begins)
        if version is not None and begins != MAGIC:
            raise Invalid(
                f"{name} is a backup of version {version[1].decode()}; this release knows 1",
                code="unknown-version",
                remedy="Use the release of govchaind that wrote it, or a later one.",
            )
        if begins != MAGIC:
            raise Invalid(
                f"{name} is no part of a backup, as `govchaind backup` writes them",
                code="not-a-backup",
                remedy="Name what `govchaind backup` wrote, or use the release that wrote it.",
            )
        self.tip: Tip | None = None
        self.hash: Hash = b""
        data = self._frame()
        _, chain_id, first, before, genesis = self._as(
            data, tuple[int, bytes, int, bytes | None, bytes | None], _HEAD
        )
        hashes = [chain_id] if before is None else [chain_id, before]
        if any(len(one) != _HASH_BYTES for one in hashes) or not 1 <= first <= HEIGHT_MAX:
            raise damaged(name, "its head is not one")
        if (first == 1) != (genesis is not None) or (first == 1) != (before is None):
            raise damaged(name, "its head does not say what comes before it")
        if genesis is not None and len(genesis) > GENESIS_BYTES_MAX:
            raise damaged(name, "its genesis is too large")
        self.head = Head(chain_id, first, before, genesis)

    def pages(self) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the pages in order; the hash of everything is judged with the last."""
        height = self.head.first
        while (data := self._frame())[:2] != _TIP_BEGINS:
            _, pairs = self._as(data, tuple[int, list[tuple[bytes, bytes]]], _PAGE)
            if not pairs:
                raise damaged(self.name, "a page without a block")
            height += len(pairs)
            yield pairs
        tip = self._read_tip(data, height - 1)
        so_far = self._hash.digest()
        _, told = self._as(self._frame(), tuple[int, bytes], _END)
        if told != so_far:
            raise damaged(self.name, "its SHA-256 is not the one at its end")
        self.tip, self.hash = tip, self._hash.digest()

    def _read_tip(self, data: bytes, last: Height) -> Tip:
        _, height, block_hash, time, since, membership = self._as(
            data, tuple[int, int, bytes, int, int, bytes], _TIP
        )
        if height != last or len(block_hash) != _HASH_BYTES or not 0 <= since <= height:
            raise damaged(self.name, "its end does not fit its blocks")
        try:
            return Tip(height, block_hash, time, since, read_membership(membership))
        except InvalidEncoding as error:
            raise damaged(self.name, f"its membership: {error.message}") from error

    def _frame(self) -> bytes:
        length = int.from_bytes(self._take(_LENGTH_BYTES), "big")
        if not 1 <= length <= FRAME_BYTES_MAX:
            raise damaged(self.name, "a length in it is none that is written")
        return self._take(length)

    def _take(self, count: int) -> bytes:
        data = self._read(count)
        if len(data) < count:
            raise damaged(self.name, "it is cut off: its end is missing")
        self._hash.update(data)
        return data

    def _as(self, data: bytes, shape: type[T], kind: int) -> T:
        try:
            value = read(data, shape, bytes_max=FRAME_BYTES_MAX)
        except InvalidEncoding as error:
            raise damaged(self.name, f"it is not readable: {error.message}") from error
        if not isinstance(value, tuple) or value[0] != kind:
            raise damaged(self.name, "its frames are not in order")
        return value
