"""Where a bridge writes to, as the loop that feeds it sees it.

The contract is what makes each height come exactly once: `write` puts a height and the place where
the chain then stands out in one step, whole or not at all, and `open` reads that place back. So
whichever side dies in whatever moment, what `open` says is true, and the bridge goes on from there.
"""

from __future__ import annotations

from typing import Protocol

from govchaind.backup.part import Tip
from govchaind.bridge.feed import Verified
from govchaind.ledger.genesis import Genesis


class Sink(Protocol):
    """A database, a stream of messages, or whatever else takes heights in order."""

    @property
    def name(self) -> str:
        """What it is, for messages to people; without a password."""

    async def open(self, genesis: Genesis) -> Tip | None:
        """Connect; return where the chain stands there, None where there is nothing of it yet.

        Raises:
            PeerError: it cannot be reached now. InvalidSetting: it never will, as things are.
            Conflict: it holds another chain.
        """

    async def write(self, verified: Verified) -> int:
        """Write the next height; return how many changes of registers are in it.

        Raises:
            PeerError: the connection broke, and whether it was written is not known here.
            Conflict: somebody else has written there.
        """

    async def close(self) -> None:
        """Let go of the connection; also after a failure, and twice."""
