"""Whether anybody waits for certificates: if nobody does, what makes them may go together."""

from __future__ import annotations

from govchaind.base.types import Seconds

PATIENCE_SECONDS = 0.02  # several times what the next transaction of a client takes
AWAITED_SECONDS = 1.0  # after somebody has waited for a certificate, nothing is held back


class Patience:
    """How long something may be held back for what comes next."""

    def __init__(self) -> None:
        self._awaited_until: Seconds = 0.0
        self._held_until: Seconds | None = None

    def awaited(self, now: Seconds) -> None:
        """Somebody waits."""
        self._awaited_until = now + AWAITED_SECONDS

    def holds(self, now: Seconds) -> bool:
        """Say whether what is ready is still to be held back; the first call begins the time."""
        if self._held_until is None:
            self._held_until = now + PATIENCE_SECONDS
        return now < self._held_until and now >= self._awaited_until

    def over(self) -> None:
        """What was held back has gone."""
        self._held_until = None

    @property
    def deadline(self) -> Seconds:
        """Return when what is held back no longer may be."""
        return float("inf") if self._held_until is None else self._held_until
