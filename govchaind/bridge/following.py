"""The loop of every bridge: certified heights from the nodes into a sink, for as long as it takes.

Rules it keeps:
- After any failure on either side the sink is opened again, and only what it then says counts.
- Patience is bounded: when failures have lasted for so long without a height written in between,
  the bridge ends with the last of them. A quiet chain is no failure, and what held for a while
  before it failed is a new failure.
- A node whose word does not hold is named and passed over, and so is one that no longer holds the
  heights that are due; when none is left, the bridge ends. Before that it judges the chain once
  more from genesis up to where it stands: what was announced before (a recovery) is known then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import trio

from govchaind.backup.part import Tip
from govchaind.base.errors import (
    Busy,
    Conflict,
    Gone,
    GovchaindError,
    Invalid,
    InvalidProof,
    PeerError,
)
from govchaind.base.types import BlockTime, Height
from govchaind.bridge.feed import Judge, Verified, newest_certified, verified
from govchaind.bridge.sink import Sink
from govchaind.client.client import Client
from govchaind.client.nodes import PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.trust import TrustRoot

CLOSE_SECONDS_MAX = 5.0
CALM_SECONDS = 60.0  # longer than any one wait for a node or a sink that says nothing
MOVED = "progress-moved"
NODES_SECONDS = 1.0  # then a node's failure is ours to bear


@dataclass(slots=True)
class Reached:
    """How far a bridge has come; heights and changes are those of this run."""

    height: Height = 0
    block_hash: str = ""
    time_ms: BlockTime = 0
    heights: int = 0
    changes: int = 0


class Following:
    """One bridge.

    Args:
        trust: what has been seen of this chain elsewhere.
        patience_seconds: how long failures may last.
        tell: is given what a person should read.
        wrote: is called after each height.
    """

    def __init__(
        self,
        client: Client,
        genesis: Genesis,
        sink: Sink,
        *,
        trust: TrustRoot | None = None,
        patience_seconds: float = 60.0,
        tell: Callable[[str], None] = lambda _: None,
        wrote: Callable[[Reached], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._genesis = genesis
        self._sink = sink
        self._trust = trust
        self._patience_seconds = patience_seconds
        self._tell = tell
        self._wrote = wrote
        self._unfit = 0  # nodes in a row, whose word does not hold or that lack the heights
        self._pause = PAUSE_SECONDS_MIN
        self._failing_since: float | None = None
        self._from_genesis = False  # the next judge is to have seen every height itself
        self.reached = Reached()

    async def run(self, *, once: bool = False) -> Reached:
        """Follow until cancelled; with `once` up to the newest height that is certified now.

        Raises:
            PeerError, Busy: failures lasted longer than the patience.
            InvalidProof: no node is left whose word holds.
            Invalid, Refused: the sink, or all nodes, say no.
        """
        until = await newest_certified(self._client) if once else None
        while True:
            begun = trio.current_time()
            try:
                await self._stretch(until)
                return self.reached
            except GovchaindError as error:
                if trio.current_time() - begun > CALM_SECONDS:
                    self._failing_since = None
                await self._bear(error)
            finally:
                with trio.CancelScope(
                    shield=True, deadline=trio.current_time() + CLOSE_SECONDS_MAX
                ):
                    await self._sink.close()

    async def _stretch(self, until: Height | None) -> None:
        tip = await self._sink.open(self._genesis)
        judge = await self._judge(tip)
        reached = self.reached
        reached.height, reached.time_ms = judge.tip.height, judge.tip.time
        reached.block_hash = judge.tip.block_hash.hex()
        stream = verified(self._client, judge, until=until, patience_seconds=NODES_SECONDS)
        async with aclosing(stream) as heights:
            async for one in heights:
                reached.changes += await self._sink.write(one)
                self._moved(one)

    async def _judge(self, tip: Tip | None) -> Judge:
        """Return what judges the heights after `tip`. Raises Conflict: it is of another history."""
        if tip is None or not self._from_genesis:
            return Judge(self._genesis, tip, self._trust)
        judge = Judge(self._genesis, None, self._trust)
        stream = verified(
            self._client, judge, until=tip.height, patience_seconds=self._patience_seconds
        )
        async with aclosing(stream) as heights:
            async for _ in heights:
                pass
        if judge.tip != tip:
            raise Conflict(
                f"{self._sink.name} stands at a height {tip.height} that is not this chain's",
                code="other-history",
                remedy="Find out who changed its progress, and begin anew in another place.",
            )
        return judge

    def _moved(self, one: Verified) -> None:
        reached = self.reached
        reached.height, reached.time_ms = one.height, one.block.time
        reached.block_hash = one.block.hash.hex()
        reached.heights += 1
        self._unfit = 0
        self._from_genesis = False
        self._pause = PAUSE_SECONDS_MIN
        self._failing_since = None
        self._wrote(reached)

    async def _bear(self, error: GovchaindError) -> None:
        """Raise what ends the bridge; else see to it that the next try may go better."""
        nodes = self._client.nodes
        if isinstance(error, InvalidProof | Gone) or error.code == "invalid-encoding":
            self._unfit += 1
            if self._unfit >= len(nodes):
                if self._from_genesis or isinstance(error, Gone) or self.reached.height == 0:
                    raise error
                self._from_genesis = True
                self._unfit = 0
                self._tell(f"{error.message}; judging the whole chain once more from genesis.")
                return
            self._tell(f"{nodes.current.node}: {error.message}; asking another node.")
            nodes.pass_over()
            return
        behind = isinstance(error, Invalid) and error.code == "height-ahead"
        # What was under way when a connection broke may be written after the sink was read again:
        # then the other writer is we ourselves.
        in_doubt = error.code == MOVED and self._failing_since is not None
        if not (behind or in_doubt or isinstance(error, PeerError | Busy)):
            raise error
        self._unfit = 0
        now = trio.current_time()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since + self._pause > self._patience_seconds:
            raise error
        if self._pause == PAUSE_SECONDS_MIN:
            self._tell(f"{error.message}; trying again.")
        nodes.pass_over()
        await trio.sleep(self._pause)
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)
