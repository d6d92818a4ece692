"""One who follows the chain by the API's event stream, with the real client, come what may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.base.errors import Gone, GovchaindError
from govchaind.ledger.results import read_result
from netsim.gear2.customers import client_of
from netsim.options import source

if TYPE_CHECKING:
    from govchaind.base.keyvalue import KeyValueReader
    from netsim.gear2.world import World

FOR_EVER = 1e9


class Watcher:
    """Sees each height once, in order, and remembers what it was told of it."""

    def __init__(self, number: int, world: World) -> None:
        pick = source(world.options.seed, f"gear2/watcher/{number}")
        names = list(world.chain.announced)
        pick.shuffle(names)
        self.seen: list[tuple[int, str]] = []  # height, block hash in hex
        self._world = world
        self._certified = pick.random() < 0.5
        self._client = client_of(world, names, f"watcher/{number}", FOR_EVER)

    async def run(self) -> None:
        """Follow until cancelled: while nodes come and go there is no definite no."""
        follow = self._client.events(1, certified=self._certified, patience_seconds=FOR_EVER)
        try:
            async with follow as events:
                async for event in events:
                    self.seen.append((event["height"], event["hash"]))
        except Gone:
            return  # every node has joined by snapshot above: no definite no is due
        except GovchaindError as error:
            node = self._client.nodes.current.node
            text = f"the stream of events ends with {error.code}: {error}"
            self._world.judge.fail("I-19", node, text)

    def compare(self, reader: KeyValueReader, applied: int) -> None:
        """I-18: what was told of a height is what the chain has there."""
        for height, told in self.seen:
            if height > applied or read_result(reader, height).block_hash.hex() != told:
                self._world.judge.fail("I-18", "-", f"an event told of another block {height}")
                return
        if self.seen:
            self._world.marks.reach("events-followed")
