"""Which membership is in force at which height, by this node's own log.

A recovery (ledger/recovery.py) says also who *certifies*: from its certified height to its block,
which may not even be in the log yet, nobody but those whom it names. A recovery that is known and
whose block is not in the log ends this node's part in what was in force before.
"""

from __future__ import annotations

import bisect

from govchaind.base.errors import invariant
from govchaind.base.types import Hash, Height, NodeId
from govchaind.ledger.membership import Membership
from govchaind.ledger.recovery import Recovery


class Memberships:
    """Memberships by the index of the block that brought each in force; genesis's at 0."""

    __slots__ = ("_digests", "_indexes", "_values", "recoveries")

    def __init__(self, stored: list[tuple[Height, Membership, Recovery | None]]) -> None:
        invariant(bool(stored) and stored[0][0] == 0, "the store has no membership of genesis")
        self._indexes = [index for index, _, _ in stored]
        self._values = [value for _, value, _ in stored]
        self.recoveries = [recovery for _, _, recovery in stored if recovery is not None]
        self._digests = [value.digest for value in self._values]

    def after(self, height: Height) -> Membership:
        """Return the membership in force after the block at `height`."""
        return self._values[bisect.bisect_right(self._indexes, height) - 1]

    def before(self, height: Height) -> Membership:
        """Return the membership in force before the block at `height`."""
        return self.after(height - 1) if height > 0 else self._values[0]

    def certifying(self, height: Height) -> tuple[Membership, Membership]:
        """Return the two sets that certify a height: before and after it, mostly one and the same.

        A configuration block's height needs a quorum of both.
        """
        recovery = self.recovery_over(height)
        if recovery is None:
            return self.before(height), self.after(height)
        return recovery.body.membership, recovery.body.membership

    def recovery_over(self, height: Height) -> Recovery | None:
        """Return the recovery whose validators certify a height in place of those before."""
        for recovery in reversed(self.recoveries):
            if recovery.body.certified < height <= recovery.body.height:
                return recovery
        return None

    @property
    def recovered_at(self) -> Height:
        """Return the height of the newest recovery that is known; 0 if there is none."""
        return self.recoveries[-1].body.height if self.recoveries else 0

    def recover(self, recovery: Recovery) -> None:
        """Take note of a recovery that was judged; its block comes with the log."""
        if all(known.raw != recovery.raw for known in self.recoveries):
            invariant(recovery.body.height > self.recovered_at, "recoveries follow each other")
            self.recoveries.append(recovery)

    def since(self, height: Height) -> list[Membership]:
        """Return the memberships that count at `height` and after, oldest first.

        What was in force before a recovery does not count any more.
        """
        recovered_at = self.recovered_at
        if recovered_at > self._indexes[-1]:
            return [self.recoveries[-1].body.membership]
        height = max(height, recovered_at)
        if height >= self._indexes[-1]:
            return self._values[-1:]
        return self._values[bisect.bisect_right(self._indexes, height) - 1 :]

    def include(self, node: NodeId) -> bool:
        """Say whether the newest membership that counts names a node."""
        counts = self._values[-1]
        if self.recovered_at > self._indexes[-1]:
            counts = self.recoveries[-1].body.membership
        return counts.member(node) is not None

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

    def append(
        self, index: Height, membership: Membership, recovery: Recovery | None = None
    ) -> None:
        invariant(index > self._indexes[-1], "memberships are appended in order")
        if recovery is not None:
            self.recover(recovery)
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
