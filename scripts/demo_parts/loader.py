"""Signs the administrative divisions as records and submits them through different nodes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any

import trio

from demo_parts.nodes import START_SECONDS_MAX, Nodes
from demo_parts.telling import ROOT, fail
from govchaind.base.errors import Busy, PeerError
from govchaind.cli.output import Ticks
from govchaind.client.client import Client
from govchaind.client.keyfile import Author
from govchaind.ledger.operations.costs import Kind

DIVISIONS = ROOT / "examples" / "divisions"
REGISTERS = (
    ("provinces", "Provinces 省级行政区", "province_divisions.csv"),
    ("cities", "Cities 地级行政区", "city_divisions.csv"),
    ("counties", "Counties 县级行政区", "county_divisions.csv"),
)
BATCH = 20  # transactions in one request
UNDER_WAY = 6  # requests at once, each through the next node


class Loader:
    """Signs records and submits them through different nodes."""

    def __init__(self, nodes: Nodes, client: Client, author: Author) -> None:
        self._nodes = nodes
        self._client = client
        self._author = author
        self.committed: list[tuple[float, bytes]] = []  # when, transaction id
        self._more = trio.Event()

    def signed(self, operations: Sequence[tuple[int, list[Any]]]) -> bytes:
        return self._client.sign(self._author, operations)

    async def create_registers(self) -> None:
        for name, text, file in REGISTERS:
            fields = [[field, "text"] for field in next(rows(file, head=True))]
            raw = self.signed([(Kind.CREATE_REGISTER, [name, text, fields, "clear", []])])
            await self._submit([raw], 0)

    async def load(self, records: Sequence[tuple[str, list[str]]], ticks: Ticks) -> None:
        """Load records, one a transaction, keeping several requests under way."""
        batches = [records[i : i + BATCH] for i in range(0, len(records), BATCH)]
        send, receive = trio.open_memory_channel[tuple[int, Sequence[tuple[str, list[str]]]]](0)

        async def work(channel: trio.MemoryReceiveChannel[Any]) -> None:
            async for place, batch in channel:
                raws = [
                    self.signed([(Kind.PUT, [register, values[0].encode(), values, None])])
                    for register, values in batch
                ]
                await self._submit(raws, place)
                ticks.advance(len(batch))

        async with trio.open_nursery() as nursery:
            for _ in range(UNDER_WAY):
                nursery.start_soon(work, receive)
            async with send:
                for item in enumerate(batches):
                    await send.send(item)

    async def wait_for(self, count: int) -> None:
        """Wait until so many transactions are committed."""
        while len(self.committed) < count:
            more = self._more
            await more.wait()

    async def _submit(self, raws: list[bytes], place: int) -> None:
        """Submit through node `place` first; the same bytes again until all are committed."""
        deadline = trio.current_time() + START_SECONDS_MAX
        count = len(self._nodes.network.nodes)
        while True:
            try:
                fates = await self._client.submit(raws, first_node=place % count)
            except (PeerError, Busy):
                if trio.current_time() > deadline:
                    raise
                await trio.sleep(0.05)
                continue
            now = trio.current_time()
            if all(fate.applied for fate in fates):
                self.committed += [(now, fate.id) for fate in fates]
                self._more.set()
                self._more = trio.Event()
                return
            wrong = next(fate for fate in fates if not fate.applied)
            if wrong.status not in ("pending", "unknown") or now > deadline:
                fail(f"a transaction is {wrong.status}: {wrong.outcome} {wrong.text}")


def rows(file: str, *, head: bool = False) -> Iterator[list[str]]:
    """Yield the rows of one of the carried files; with `head`, its field names alone."""
    with (DIVISIONS / file).open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        names = next(reader)
        if head:
            yield ["".join(f"-{c.lower()}" if c.isupper() else c for c in n) for n in names]
        else:
            yield from reader


def all_records() -> list[tuple[str, list[str]]]:
    return [(name, row) for name, _, file in REGISTERS for row in rows(file)]
