"""Room on the disk that is kept for the store's own writes, and given to them when all is used.

The low-water mark (`storage.reserve_bytes`) keeps clients' writes away from the last of the room,
but not other programs on the same disk. So a file takes a part of it beforehand. When a write finds
the disk full, the file goes and the write is made once more: a follower keeps up with its leader
for a while, and a vote and the guard file find room. The file comes back when there is room again.

Without room from the beginning there is no such file, and everything else is as before.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

RESERVE_FILE_BYTES_MAX = 16 * 1024 * 1024
SHARE = 4  # the file takes one part in so many of storage.reserve_bytes
AGAIN_TIMES = 8  # made where so many times its size is free: above the low-water mark
LOOK_SECONDS = 60.0
_NAME = "reserve"


class ReserveFile:
    """One per open store. `reserve_bytes`: the low-water mark; 0: no file is kept."""

    def __init__(self, directory: Path, reserve_bytes: int) -> None:
        self._path = directory / _NAME
        self._bytes = min(reserve_bytes // SHARE, RESERVE_FILE_BYTES_MAX)
        self._look_at = 0.0
        self.held = self._bytes > 0 and self._path.exists()
        if not self._bytes:
            self._path.unlink(missing_ok=True)

    def keep(self) -> None:
        """Make the file if it is not there and the disk has room, looking now and then."""
        if self.held or not self._bytes or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < self._bytes * AGAIN_TIMES:
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._bytes)
        except OSError:
            self._path.unlink(missing_ok=True)
        else:
            self.held = True

    def release(self) -> bool:
        """Give the room away; say whether there was any."""
        if not self.held:
            return False
        self.held = False
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._path.unlink(missing_ok=True)
        return True

    def release_for(self, path: Path) -> bool:
        """Give the room away for a file that lies on the same disk; say whether there was any."""
        same = self._path.parent.stat().st_dev == path.parent.stat().st_dev
        return same and self.release()
