"""The stage: real nodes over real sockets and real stores, on a clock that the story sets.

The nodes run in this process by the same call as in production; only the wall clock of all of
them, and of everybody who signs, is the story's. So a year passes in a minute, and every deadline,
end and notice is judged as it would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from demo_parts.telling import fail, say

from govchaind.api.sentences import sentences
from govchaind.client.client import Client
from govchaind.client.keyfile import Author
from govchaind.client.transport import HttpTransport
from govchaind.client.trust import trust_from_genesis
from govchaind.config import CONFIG_FILE, load_config, with_value
from govchaind.identity import load_identity
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import TrustRoot
from govchaind.node import run_node
from govchaind.production import production
from govchaind.runtime.telemetry import Telemetry
from story_parts.cast import Cast

FORTNIGHT = 13 * 24 * 3600 * 1000
ZONE = timedelta(hours=8)
Operation = tuple[int, list[Any]]


def moment(year: int, month: int, day: int, hour: int = 9) -> int:
    """Return an hour of a day in Beijing, in milliseconds since 1970."""
    local = datetime(year, month, day, hour, tzinfo=UTC) - ZONE
    return int(local.timestamp()) * 1000


class Stage:
    """The network while the story is played."""

    def __init__(self, cast: Cast, now: int) -> None:
        self.cast = cast
        self.authors = dict(cast.authors)
        self._base = now
        self._since: float | None = None
        self._round = 0
        self.client = Client(
            [HttpTransport(node.api) for node in cast.network.nodes],
            chain_id=cast.network.chain_id,
            wall_ms=self.now,
        )

    # --- time ------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the story's wall clock, in milliseconds; it runs on between the days."""
        passed = 0.0 if self._since is None else trio.current_time() - self._since
        return self._base + int(passed * 1000)

    async def day(self, year: int, month: int, day: int, hour: int = 9) -> None:
        """Go on to a day; the ledger follows with its next block."""
        wanted = moment(year, month, day, hour)
        if wanted <= self.now():
            fail(f"the story goes back in time to {year}-{month}-{day}")
        # A network at rest makes a block each minute; so no two are weeks apart here either.
        while (now := self.now()) < wanted:
            self._base, self._since = min(now + FORTNIGHT, wanted), trio.current_time()
            await self.day_goes_on()
        say(f"\n[bold]{day} {datetime(year, month, day, tzinfo=UTC):%B %Y}[/bold]")

    async def day_goes_on(self) -> None:
        """Have a block made, whose time all clocks are judged by."""
        entry = ["diary", f"{self.now()}".encode(), ["a day goes on"], None]
        await self.act("statistics", (Kind.PUT, entry), quiet=True)

    # --- acts ------------------------------------------------------------------------------------

    async def act(
        self,
        who: str,
        *operations: Operation,
        refused: str | None = None,
        quiet: bool = False,
        author: Author | None = None,
    ) -> bytes:
        """Sign operations for an institution and submit them; tell what they say.

        Args:
            refused: the outcome's name, where the ledger must refuse.

        Returns:
            The transaction's id.
        """
        signer = author or self.authors[who]
        raw = self.client.sign(signer, [(int(kind), items) for kind, items in operations])
        [fate] = await self.client.submit([raw])
        wanted = refused or "applied"
        if fate.outcome != wanted:
            fail(f"{who}: {operations} came out as {fate.outcome} ({fate.text}), not {wanted}")
        if not quiet:
            for told in sentences(read_transaction(raw), len(operations), refused=bool(refused)):
                say(f"   {told.english}\n   [dim]{told.chinese}[/dim]")
        return fate.id

    async def decide(self, kind: int, arguments: list[Any], *, of: int = 12) -> None:
        """Have more than half of those that count vote for something; the last vote carries it."""
        self._round += 1
        voters = list(self.authors)[: of // 2 + 1]
        for place, voter in enumerate(voters):
            last = place == len(voters) - 1
            vote = (int(Kind.VOTE), [self._round, int(kind), arguments])
            await self.act(voter, vote, quiet=not last)

    async def load(self, who: str, register: str, rows: Sequence[list[str]]) -> None:
        """Enter records, twenty a transaction."""
        signer = self.authors[who]
        for start in range(0, len(rows), 200):
            raws = [
                self.client.sign(
                    signer,
                    [
                        (int(Kind.PUT), [register, row[0].encode(), row, None])
                        for row in rows[place : place + 20]
                    ],
                )
                for place in range(start, min(start + 200, len(rows)), 20)
            ]
            for fate in await self.client.submit(raws):
                if not fate.applied:
                    fail(f"a record came out as {fate.outcome}")

    def trust(self) -> TrustRoot:
        return trust_from_genesis(self.cast.directory / "genesis.bin")

    # --- the network -----------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run all nodes until cancelled; started() when all are ready."""
        self._since = trio.current_time()
        async with trio.open_nursery() as nursery:
            for node in self.cast.network.nodes:
                await nursery.start(self._node, node.name)
            task_status.started()

    async def _node(
        self, name: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        folder = self.cast.directory / "nodes" / name
        # Commands that come after keep real time, and a leave of theirs would be over here.
        config = with_value(load_config(folder / CONFIG_FILE), "api.reads", "open")
        identity = load_identity(folder)
        telemetry = Telemetry(version="story", sink=lambda *_: None)
        async with production(config, identity, telemetry) as environment:
            environment = replace(environment, wall_milliseconds=self.now)
            async with trio.open_nursery() as nursery:
                await nursery.start(
                    run_node, config, self.cast.genesis, identity, environment, telemetry
                )
                task_status.started()
