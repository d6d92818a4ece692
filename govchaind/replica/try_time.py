"""How long a try to join goes on though nothing comes of it.

Rules it keeps:
- Only what holds, an offer or a chunk, gives a try more time; whoever says that something will come
  gives it none. But one may say that it lays the state out: that is honest work, and done once.
"""

from __future__ import annotations

from govchaind.base.types import Seconds

FRUITLESS_SECONDS = 60.0  # without anything that holds, blocks are taken instead …
PREPARING_SECONDS = 600.0  # … or so long from its begin while somebody lays the state out


class TryTime:
    """The time that one try has left."""

    def __init__(self, now: Seconds) -> None:
        """Begin with the try itself."""
        self._preparing_until = now + PREPARING_SECONDS - FRUITLESS_SECONDS
        self.held = now  # when an offer or a chunk held
        self.prepared = now  # when a peer last said that it lays the state out

    def over(self, now: Seconds) -> bool:
        """Say whether the try has to end."""
        prepared = min(self.prepared, self._preparing_until)
        return now - max(self.held, prepared) > FRUITLESS_SECONDS

    def reason(self, now: Seconds, *, alone: bool) -> str:
        """Say why it has to. `alone`: nobody is linked who could be asked."""
        if alone:
            return "no linked node can be asked for a snapshot"
        return f"nothing that holds has come for {int(now - self.held)} seconds"
