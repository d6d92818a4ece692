"""What a direction of a link does to the order and the pace of what is sent: pipes that are narrow.

A clogged pipe takes everything and gives nothing until it is free; then all comes at once, in
order. What enters a winding one arrives late, and what is sent after it overtakes it. A narrow one
passes so many bytes a second, one message after another. A slow reader takes one message after
another from all its links. Nothing is lost here. What waits longer than a send may last ends its
link, as in `runtime/link.py`.
"""

from __future__ import annotations

from govchaind.base.limits import LINK_WRITE_SECONDS_MAX
from govchaind.base.types import NodeId
from govchaind.raft.messages import AppendEntries
from govchaind.replica.messages import Certificates, CertifiedBlocks, Gossip, PeerMessage

Direction = tuple[NodeId, NodeId]
FRAME_BYTES = 100  # of a message that carries nothing large
CERTIFICATE_BYTES = 500
ORDER_SECONDS = 1e-6  # between two messages that a clogged pipe gives back


def size_of(message: PeerMessage) -> int:
    """Return about how many bytes a message has on the wire."""
    if isinstance(message, AppendEntries):
        return FRAME_BYTES + sum(getattr(each.payload, "size", 0) for each in message.entries)
    if isinstance(message, Gossip):
        return FRAME_BYTES + sum(each.size for each in message.transactions)
    if isinstance(message, CertifiedBlocks):
        return FRAME_BYTES + sum(block.size + CERTIFICATE_BYTES for block, _ in message.blocks)
    if isinstance(message, Certificates):
        return FRAME_BYTES + CERTIFICATE_BYTES * len(message.certificates)
    return FRAME_BYTES


class Pipes:
    """All pipes that are not as wide as they should be; `odd` says whether there are any."""

    def __init__(self) -> None:
        self.odd = False
        self._clogged: dict[Direction, float] = {}
        self._rates: dict[Direction, float] = {}  # bytes a second
        self._readers: dict[NodeId, float] = {}  # seconds a message
        self._winding: dict[Direction, tuple[float, float]] = {}  # until when, and how much later
        self._free_at: dict[Direction | NodeId, float] = {}

    def clog(self, directions: list[Direction], until: float) -> None:
        """Let these directions give nothing until then."""
        for direction in directions:
            self._clogged[direction] = max(until, self._clogged.get(direction, 0.0))
        self._look()

    def wind(self, directions: list[Direction], until: float, late: float) -> None:
        """Have what enters these directions until then arrive so many seconds later."""
        for direction in directions:
            self._winding[direction] = (until, late)
        self._look()

    def late(self, now: float, direction: Direction) -> float:
        """Return how much later than others a message arrives."""
        until, late = self._winding.get(direction, (0.0, 0.0))
        return late if now <= until else 0.0

    def cap(self, directions: list[Direction], rate: float) -> None:
        """Let these directions pass so many bytes a second; 0: as many as come."""
        for direction in directions:
            if rate:
                self._rates[direction] = rate
            else:
                self._rates.pop(direction, None)
        self._look()

    def read_slowly(self, reader: NodeId, seconds: float) -> None:
        """Have a node take so long for each message that comes; 0: no time."""
        if seconds:
            self._readers[reader] = seconds
        else:
            self._readers.pop(reader, None)
        self._look()

    def clear(self) -> None:
        """Have every pipe wide again."""
        self._clogged.clear()
        self._winding.clear()
        self._rates.clear()
        self._readers.clear()
        self._free_at.clear()
        self.odd = False

    def _look(self) -> None:
        self.odd = bool(self._clogged or self._winding or self._rates or self._readers)

    def wait(self, now: float, direction: Direction, message: PeerMessage, wait: float) -> float:
        """Return after how long a message arrives that would arrive after `wait`."""
        at = now + wait
        clogged = self._clogged.get(direction, 0.0)
        if clogged > now:
            at = max(at, clogged, self._free_at.get(direction, 0.0) + ORDER_SECONDS)
            self._free_at[direction] = at
        rate = self._rates.get(direction)
        if rate is not None:
            free = max(now, self._free_at.get(direction, 0.0)) + size_of(message) / rate
            self._free_at[direction] = free
            at = max(at, free + wait)
        pause = self._readers.get(direction[1])
        if pause is not None:
            at = max(at, self._free_at.get(direction[1], 0.0)) + pause
            self._free_at[direction[1]] = at
        return at - now


def is_hopeless(wait: float) -> bool:
    """Say whether a message waits longer than a send may last."""
    return wait > LINK_WRITE_SECONDS_MAX
