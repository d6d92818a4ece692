"""How long a try to join goes on though nothing comes of it.

Rules it keeps:
- Only what holds, an offer or a chunk, gives a try more time; whoever says that something will come
  gives it none. But one may say that it lays the state out: that is honest work, and done once.
- Nor do crumbs: who parts the state into as many pieces as it has records, and gives one a minute,
  would hold a node for years.
"""

from __future__ import annotations

from govchaind.base.types import Seconds

FRUITLESS_SECONDS = 60.0  # without anything that holds, blocks are taken instead …
PREPARING_SECONDS = 600.0  # … or so long from its begin while somebody lays the state out
SLOWEST_BYTES_PER_SECOND = 10_000  # of what holds, beyond the first ten minutes


class TryTime:
    """The time that one try has left."""

    def __init__(self, now: Seconds) -> None:
        """Begin with the try itself."""
        self._bytes = 0
        self._preparing_until = now + PREPARING_SECONDS - FRUITLESS_SECONDS
        self.held = now  # when an offer or a chunk held
        self.prepared = now  # when a peer last said that it lays the state out

    def came(self, now: Seconds, count: int) -> None:
        """Note that `count` bytes have come which hold."""
        self.held = now
        self._bytes += count

    def over(self, now: Seconds) -> bool:
        """Say whether the try has to end."""
        fruitless = now - max(self.held, self._ready_at()) > FRUITLESS_SECONDS
        return fruitless or self._too_slow(now)

    def _ready_at(self) -> Seconds:
        """Return when nobody laid the state out any more, as far as that counts."""
        return min(self.prepared, self._preparing_until)

    def _too_slow(self, now: Seconds) -> bool:
        spent = now - self._ready_at() - PREPARING_SECONDS
        return spent * SLOWEST_BYTES_PER_SECOND > self._bytes

    def reason(self, now: Seconds, *, alone: bool) -> str:
        """Say why it has to. `alone`: nobody is linked who could be asked."""
        if alone:
            return "no linked node can be asked for a snapshot"
        if self._too_slow(now):
            return f"only {self._bytes} bytes have come in {int(now - self._ready_at())} seconds"
        return f"nothing that holds has come for {int(now - self.held)} seconds"
