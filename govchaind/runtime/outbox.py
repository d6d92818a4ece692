"""What waits to be sent to one peer: bounded, the oldest dropped, never half a frame.

The loop never waits for a peer: `push` always takes, and drops the oldest frames when the count
or the bytes are at their bound. Raft and gossip send again what is missed. `take` joins frames
into one send, since one TLS record and one system call for many small frames is many times the
rate of one each. What was taken is the link's; a link that breaks loses it.
"""

from __future__ import annotations

from collections import deque

import trio

from govchaind.base.limits import OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX
from govchaind.base.types import Seconds

SEND_BYTES = 256 * 1024  # joined into one send


class Outbox:
    """Frames for one peer, with one reader: the link's write task."""

    def __init__(
        self, *, messages_max: int = OUTBOX_MESSAGES_MAX, bytes_max: int = OUTBOX_BYTES_MAX
    ) -> None:
        self.dropped = 0
        self.pushed = 0
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._arrived = trio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def push(self, frame: bytes) -> None:
        """Add a whole frame; never waits."""
        self._frames.append(frame)
        self._bytes += len(frame)
        self.pushed += 1
        while len(self._frames) > self._messages_max or (
            self._bytes > self._bytes_max and len(self._frames) > 1
        ):
            self._bytes -= len(self._frames.popleft())
            self.dropped += 1
        self._arrived.set()

    async def take(self, deadline: Seconds) -> bytes:
        """Return joined frames; empty when `deadline` (Trio's clock) comes first."""
        if not self._frames:
            self._arrived = trio.Event()
            with trio.move_on_at(deadline):
                await self._arrived.wait()
        if not self._frames:
            return b""
        first = self._frames.popleft()
        parts, size = [first], len(first)
        while self._frames and size + len(self._frames[0]) <= SEND_BYTES:
            part = self._frames.popleft()
            parts.append(part)
            size += len(part)
        self._bytes -= size
        return first if len(parts) == 1 else b"".join(parts)

    def clear(self) -> None:
        """Forget what waits: the peer's link is new, and it will be told afresh."""
        self._frames.clear()
        self._bytes = 0
