"""The store's files beside LMDB: its lock, room ahead, a probe for room, and LMDB's two roots.

Plain functions over a directory; nothing here opens LMDB.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from govchaind.base.errors import Conflict, StorageCorrupt, StorageFailed

FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

DATA_FILE = "data.mdb"
COMPACTED_FILE = "compacted.mdb"  # a copy that has not taken the data's place: of no use
_LOCK_FILE = "in-use"
_PROBE_FILE = "room-probe"
_PROBE_BYTES_MIN = 1024 * 1024
_PROBE_CHUNK_BYTES = 256 * 1024
_MAGIC, _VERSION = 0xBEEFC0DE, 1  # of LMDB's root pages
_ROOT = struct.Struct("=IIQQI")  # magic, version, address, map size, page size; after 16 bytes
_ROOT_END = struct.Struct("=QQ")  # last page, transaction number
_ROOT_END_AT = 136
_ROOT_BYTES = 152
_PAGE_BYTES = (4096, 8192, 16384, 32768, 65536)
_AHEAD_SHARE_OF_FREE = 64  # with less free than so many times the room ahead, none is kept


def lock_store(path: Path) -> int:
    """Take the store's lock; return its descriptor, which holds it until closed."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed(f"cannot use the store's directory: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Conflict(
            "the store is open in another process: its node runs, or was started twice",
            code="already-running",
            remedy="Stop the other process of this node first; one identity runs once.",
        ) from error
    return descriptor


def lacks_room(path: Path, batch_bytes: int) -> bool:
    """Say whether a file twice the batch's size cannot be written beside the data.

    A full disk often cuts a long write short instead of refusing it, which LMDB then reports as
    an input/output error, as it does a broken disk. The two need different answers.
    """
    probe = path / _PROBE_FILE
    left = 2 * batch_bytes + _PROBE_BYTES_MIN
    try:
        with probe.open("wb", buffering=0) as file:
            while left > 0:
                left -= file.write(bytes(min(left, _PROBE_CHUNK_BYTES)))
    except OSError as error:
        return error.errno in FULL_ERRNOS
    finally:
        probe.unlink(missing_ok=True)
    return False


class RoomAhead:
    """Zeros behind LMDB's last page, so that its commits seldom change the file's metadata.

    A synced write that makes the file longer waits for the file system's journal, and so for every
    other writer on it: with three nodes on one disk nine commits in ten took up to 10 ms instead of
    0.6 ms. LMDB does not look at what lies behind its last page. It is kept for speed alone: where
    it cannot be had, or the disk is rather full, commits make the file longer as they need.
    """

    def __init__(self, data: Path, *, ahead_bytes: int, file_bytes_max: int) -> None:
        self._ahead_bytes = ahead_bytes
        self._file_bytes_max = file_bytes_max
        self._file = os.open(data, os.O_RDWR | os.O_CLOEXEC)
        self._size = 0  # of the file at least
        self._fresh = (0, 0)  # place and length of zeros that no sync has followed yet

    def keep(self, used_bytes: int) -> None:
        """Write zeros if less than half is left. Only while no commit is under way."""
        if not self._ahead_bytes or self._size - used_bytes >= self._ahead_bytes // 2:
            return
        size = self._size = os.fstat(self._file).st_size
        if size - used_bytes >= self._ahead_bytes // 2:
            return
        wanted = min(used_bytes + self._ahead_bytes, self._file_bytes_max) - size
        disk = os.fstatvfs(self._file)
        if wanted <= 0 or disk.f_bavail * disk.f_frsize < self._ahead_bytes * _AHEAD_SHARE_OF_FREE:
            return
        try:
            written = os.pwrite(self._file, bytes(wanted), size)
        except OSError:
            written = 0
        if written < wanted:
            self._ahead_bytes = 0
            os.ftruncate(self._file, size)
        else:
            self._size = size + written
            self._fresh = (size, written)

    def synced(self) -> None:
        """Let go of what the page cache holds of new zeros; a sync has just written them.

        One long write lies there in large pieces, and each later write of a page inside such a
        piece costs the kernel a walk over the whole of it.
        """
        place, length = self._fresh
        if length:
            os.posix_fadvise(self._file, place, length, os.POSIX_FADV_DONTNEED)
            self._fresh = (0, 0)

    def close(self) -> None:
        os.close(self._file)


def check_roots(data: Path) -> None:
    """Judge LMDB's two root pages before LMDB trusts them.

    Their transaction numbers are neighbours (each commit overwrites the older one), so a damaged
    number cannot bring back an old root; and a file shorter than they say would kill its reader.
    """
    with data.open("rb") as file:
        head = file.read(_ROOT_BYTES)
        size = os.fstat(file.fileno()).st_size
        magic, version, _, _, page_bytes = _ROOT.unpack_from(head.ljust(_ROOT_BYTES, b"\0"), 16)
        if (magic, version) != (_MAGIC, _VERSION) or page_bytes not in _PAGE_BYTES:
            raise StorageCorrupt("the store's file does not begin as LMDB's do")
        file.seek(page_bytes)
        second = file.read(_ROOT_BYTES).ljust(_ROOT_BYTES, b"\0")
    if _ROOT.unpack_from(second, 16)[:2] != (_MAGIC, _VERSION):
        raise StorageCorrupt("the store's second root page is damaged")
    last_a, number_a = _ROOT_END.unpack_from(head, _ROOT_END_AT)
    last_b, number_b = _ROOT_END.unpack_from(second, _ROOT_END_AT)
    if abs(number_a - number_b) != 1 and (number_a, number_b) != (0, 0):
        raise StorageCorrupt("the store's two root pages are not of neighbouring transactions")
    last = last_a if number_a > number_b else last_b
    if (last + 1) * page_bytes > size:
        raise StorageCorrupt("the store's file is shorter than its own header says")
