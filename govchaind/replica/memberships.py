"""Which membership is in force at which height, by this node's own log."""

from __future__ import annotations

import bisect

from govchaind.base.errors import invariant
from govchaind.base.types import Hash, Height
from govchaind.ledger.membership import Membership


class Memberships:
    """Memberships by the index of the block that brought each in force; genesis's at 0."""

    __slots__ = ("_digests", "_indexes", "_values")

    def __init__(self, stored: list[tuple[Height, Membership]]) -> None:
        invariant(bool(stored) and stored[0][0] == 0, "the store has no membership of genesis")
        self._indexes = [index for index, _ in stored]
        self._values = [value for _, value in stored]
        self._digests = [value.digest for value in self._values]

    def after(self, height: Height) -> Membership:
        """Return the membership in force after the block at `height`."""
        return self._values[bisect.bisect_right(self._indexes, height) - 1]

    def before(self, height: Height) -> Membership:
        """Return the membership in force before the block at `height`: it certifies that height."""
        return self.after(height - 1) if height > 0 else self._values[0]

    def since(self, height: Height) -> list[Membership]:
        """Return the memberships in force at `height` and after, oldest first."""
        if height >= self._indexes[-1]:
            return self._values[-1:]
        return self._values[bisect.bisect_right(self._indexes, height) - 1 :]

    def digest_after(self, height: Height) -> Hash:
        """Return what the header of the block at `height` must name."""
        return self._digests[bisect.bisect_right(self._indexes, height) - 1]

    def __contains__(self, height: object) -> bool:
        """Say whether the block at a height brought a membership in force."""
        return height in self._indexes

    @property
    def latest_index(self) -> Height:
        return self._indexes[-1]

    def latest(self) -> Membership:
        return self._values[-1]

    def append(self, index: Height, membership: Membership) -> None:
        invariant(index > self._indexes[-1], "memberships are appended in order")
        self._indexes.append(index)
        self._values.append(membership)
        self._digests.append(membership.digest)

    def truncate(self, index: Height) -> list[Height]:
        """Forget those at or above `index`; return their indexes."""
        keep = bisect.bisect_left(self._indexes, index)
        gone = self._indexes[keep:]
        del self._indexes[keep:]
        del self._values[keep:]
        del self._digests[keep:]
        return gone
